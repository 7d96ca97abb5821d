"""eth_config: which rules run transactions (EIP-7910). One fork from genesis on, so nothing is next or last."""

import zlib
from typing import Any

from quip.rpc.encoding import data, quantity
from quip.rpc.view import RpcView

_CANCUN = (
    "ECREC", "SHA256", "RIPEMD160", "ID", "MODEXP", "BN254_ADD", "BN254_MUL", "BN254_PAIRING", "BLAKE2F",
    "KZG_POINT_EVALUATION",
)  # fmt: skip
_PRAGUE = (
    "BLS12_G1ADD", "BLS12_G1MSM", "BLS12_G2ADD", "BLS12_G2MSM", "BLS12_PAIRING_CHECK", "BLS12_MAP_FP_TO_G1",
    "BLS12_MAP_FP2_TO_G2",
)  # fmt: skip
_OSAKA = {"P256VERIFY": 0x100}
_OURS = {"XMSS_VERIFY": 0x5101, "ISING_ENERGY": 0x5104, "LAST_PROOF": 0x5105}
_HISTORY = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")
"""EIP-2935's contract."""
_ADDRESS = 20
_SHANGHAI_CONTRACTS = len(_CANCUN) - 1


def config(view: RpcView) -> dict[str, Any]:
    """The fork, its precompiled and system contracts, and the chain's id and fork id (EIP-2124)."""
    spec = view.spec
    systems = {"HISTORY_STORAGE_ADDRESS": _HISTORY} if any(one.address == _HISTORY for one in spec.alloc) else {}
    current = {
        "activationTime": 0,
        "blobSchedule": {"baseFeeUpdateFraction": 1, "max": 0, "target": 0},
        "chainId": quantity(spec.chain_id),
        "forkId": data(zlib.crc32(view.store.canonical(0) or b"").to_bytes(4, "big")),
        "precompiles": {name: data(number.to_bytes(_ADDRESS, "big")) for name, number in _contracts(spec.evm_fork)},
        "systemContracts": {name: data(address) for name, address in systems.items()},
    }
    return {"current": current, "next": None, "last": None}


def _contracts(fork: str) -> list[tuple[str, int]]:
    """(name, address) of every precompiled contract."""
    names = {
        "shanghai": _CANCUN[:_SHANGHAI_CONTRACTS],
        "cancun": _CANCUN,
        "prague": (*_CANCUN, *_PRAGUE),
        "osaka": (*_CANCUN, *_PRAGUE),
    }[fork]
    later = _OSAKA if fork == "osaka" else {}
    return [*((name, number) for number, name in enumerate(names, 1)), *later.items(), *_OURS.items()]
