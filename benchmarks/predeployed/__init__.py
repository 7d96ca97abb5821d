"""Contracts that every network's genesis has, and the accounts that are paid on networks whose coins are worth nothing.

Their code is what runs at the same addresses elsewhere; tests/unit/networks/test_predeployed.py holds the hashes.
"""

from __future__ import annotations

from pathlib import Path

from eth_account import Account

from quip.consensus.spec.document import Json
from quip.networks.developer_accounts import DEVELOPER_ACCOUNTS, DEVELOPER_WORDS

WEI = 10**18
HISTORY = "0x0000f90827f1c53a10cb7a02335b175320002935"
"""Hashes of the last 8,191 blocks (EIP-2935)."""
CREATE2_DEPLOYER = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
"""Deploys by salt and code; forge's scripts and others send to it (Arachnid's deterministic deployment proxy)."""
MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11"
"""Many calls in one; viem and wallets read through it."""
OWN_PRECOMPILES = tuple(f"0x{address:040x}" for address in (0x5101, 0x5104, 0x5105))
"""xmssVerify, isingEnergy, lastProof: one byte of code each, which never runs, so that Solidity's check that there is
some lets calls through."""
NEVER_RUN = "0xfe"
CODES = {
    HISTORY: "0x3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f356001430381"
    "11604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500",
    CREATE2_DEPLOYER: "0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0360160008160208237803582823"
    "4f58015156039578182fd5b8082525050506014600cf3",
    MULTICALL3: "0x" + (Path(__file__).parent / "multicall3.hex").read_text(encoding="ascii").strip(),
    **dict.fromkeys(OWN_PRECOMPILES, NEVER_RUN),
}
SYSTEM: dict[str, Json] = {"create2_deployer": CREATE2_DEPLOYER, "history": HISTORY, "multicall3": MULTICALL3}

DEVELOPER_BALANCE = 10_000 * WEI


def developer_addresses() -> list[str]:
    """m/44'/60'/0'/0/0 to 19 of DEVELOPER_WORDS (BIP-44)."""
    Account.enable_unaudited_hdwallet_features()
    paths = [f"m/44'/60'/0'/0/{index}" for index in range(DEVELOPER_ACCOUNTS)]
    return [Account.from_mnemonic(DEVELOPER_WORDS, account_path=path).address.lower() for path in paths]


def alloc(*, developers: bool) -> dict[str, Json]:
    """The genesis accounts of a network."""
    accounts: dict[str, Json] = {
        address: {"balance": "0", "nonce": 1, "code": code} for address, code in sorted(CODES.items())
    }
    if developers:
        accounts.update((address, {"balance": str(DEVELOPER_BALANCE), "nonce": 0}) for address in developer_addresses())
    return accounts
