"""The shipped lists of bootnodes."""

import pytest

from quip.networks.bootnodes import shipped_bootnodes
from quip.networks.shipped import NETWORKS
from quip.node.config.values import all_dialled


@pytest.mark.parametrize("network", NETWORKS)
def test_every_shipped_network_has_a_list_of_addresses(network: str) -> None:
    listed = shipped_bootnodes(network)
    assert all_dialled(listed) == listed


def test_a_network_that_is_not_shipped_has_none() -> None:
    assert shipped_bootnodes("mine") == ()
