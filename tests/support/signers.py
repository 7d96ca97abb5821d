"""A mining key in memory: signs blocks with real signatures, one leaf after the other, and forgets on exit."""

from copy import copy
from functools import cache

from quip._native import hashsig
from quip.primitives import ecdsa, hybrid


class MemorySigner:
    """A `quip.chain.ports.BlockSigner` made from a number."""

    def __init__(self, number: int, chain_id: int) -> None:
        secret = number.to_bytes(32, "big")
        self._chain_id = chain_id
        self._secret = secret
        self._key = hashsig.XmssKey.generate(hybrid.SUITE_MINING, secret * 3)
        self._leaf = 0
        self._signed: dict[bytes, tuple[bytes, bytes]] = {}
        self.keys = hybrid.HybridKeys(hybrid.SUITE_MINING, ecdsa.public_key(secret), self._key.public_key)

    @property
    def miner_id(self) -> bytes:
        return hybrid.miner_id(self.keys)

    def sign_block(self, block_hash: bytes) -> tuple[bytes, bytes]:
        if block_hash not in self._signed:
            leaf = self._leaf
            self._leaf += 1
            digest = hybrid.block_digest(self._chain_id, self.keys, leaf, block_hash)
            self._signed[block_hash] = (ecdsa.sign(self._secret, digest), self._key.sign(leaf, digest))
        return self._signed[block_hash]


def cousin(number: int, secret: int) -> MemorySigner:
    """The same XMSS tree with another ECDSA key: another miner, for nothing."""
    other = copy(signer(number))
    other._secret, other._signed = secret.to_bytes(32, "big"), {}
    other.keys = hybrid.HybridKeys(other.keys.suite, ecdsa.public_key(other._secret), other.keys.xmss)
    return other


@cache
def signer(number: int, chain_id: int = 20_051) -> MemorySigner:
    """The signer of a number, made once per process (a key takes a second)."""
    return MemorySigner(number, chain_id)
