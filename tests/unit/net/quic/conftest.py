"""A node, and clients that are none of ours."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.quic_endpoints import Endpoint, endpoint
from support.quic_strangers import Strange, Stranger, configuration


@pytest.fixture
async def node() -> AsyncIterator[Endpoint]:
    async with endpoint("node") as made:
        yield made


@pytest.fixture
async def strange(node: Endpoint) -> AsyncIterator[Strange]:
    """Makes clients that are none of ours."""
    made: list[Stranger] = []

    def make(**changes: Any) -> Stranger:
        made.append(Stranger(node.address, configuration(**changes)))
        return made[-1]

    yield make
    for stranger in made:
        stranger.close()
