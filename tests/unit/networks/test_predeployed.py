"""What the networks' genesis blocks have: the code that runs at the same addresses elsewhere, and known accounts."""

import pytest

from benchmarks.predeployed import CREATE2_DEPLOYER, HISTORY, MULTICALL3, OWN_PRECOMPILES, SYSTEM, developer_addresses
from quip.consensus.spec.chain_spec import ChainSpec
from quip.networks.shipped import NETWORKS, load_spec
from quip.primitives.hashes import keccak256

CODE_HASHES = {
    HISTORY: "6e49e66782037c0555897870e29fa5e552daf4719552131a0abce779daec0a5d",
    CREATE2_DEPLOYER: "2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989",
    MULTICALL3: "d5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891",
}
"""keccak256 of the code on Ethereum's main network."""


def codes_of(spec: ChainSpec) -> dict[str, bytes]:
    return {f"0x{entry.address.hex()}": entry.account.code for entry in spec.alloc if entry.account.code}


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_has_the_contracts(network: str) -> None:
    codes = codes_of(load_spec(network))
    assert {address: keccak256(codes[address]).hex() for address in CODE_HASHES} == CODE_HASHES
    assert codes.keys() == {*CODE_HASHES, *OWN_PRECOMPILES}
    assert all(len(codes[address]) == 1 for address in OWN_PRECOMPILES)
    assert {name: f"0x{address.hex()}" for name, address in load_spec(network).system} == SYSTEM


def test_coins_are_given_away_only_where_they_are_worth_nothing() -> None:
    paid = {
        network: {f"0x{entry.address.hex()}": entry.account.balance for entry in load_spec(network).alloc}
        for network in NETWORKS
    }
    assert sum(paid["public"].values()) == 0
    assert developer_addresses()[0] == "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    assert len(set(developer_addresses())) == 20
    for network in ("dev", "test", "local"):
        assert {address: paid[network][address] for address in developer_addresses()} == dict.fromkeys(
            developer_addresses(), 10_000 * 10**18
        )
