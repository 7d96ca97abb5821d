"""From words to keys: BIP-39 mnemonic, BIP-32/44 for ECDSA, HKDF-SHA256 for XMSS.

* ECDSA secret i: BIP-32 at m/44'/60'/0'/0/i, as Ethereum wallets do.
* XMSS seeds: HKDF-SHA256 (empty salt) of the 64-byte BIP-39 seed, info "quip/xmss/<chain id>/<purpose>/<i>" in
  ASCII with decimal numbers, 96 bytes: sk_seed || sk_prf || pub_seed. No leaf belongs to two networks or purposes.

The words restore keys. They never restore which leaves were used.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from quip._native import keys
from quip.primitives.hashes import keccak256
from quip.wallet import secret_files
from quip.wallet.errors import BadMnemonic

WORDS = (12, 15, 18, 21, 24)
MAX_INDEX = 2**31 - 1
PURPOSE_MINING = "mining"
PURPOSE_ACCOUNT = "account"
_SEEDS_BYTES = 96
_BYTE_ORDER_MARK = "\ufeff"  # editors of other systems put one before the first word
_WORD_FROM_ZERO = re.compile(r"word (\d+)(?=\))")  # people count from one


@dataclass(frozen=True, slots=True)
class Mnemonic:
    """A checked BIP-39 phrase."""

    phrase: str = field(repr=False)
    """English words, lower case, one space between."""
    seed: bytes = field(repr=False)
    """The 64-byte BIP-39 seed, with an empty passphrase."""

    @classmethod
    def parse(cls, text: str) -> Mnemonic:
        """From words typed by a person: case and spacing don't matter. Raises BadMnemonic."""
        phrase = " ".join(text.removeprefix(_BYTE_ORDER_MARK).lower().split())
        try:
            return cls(phrase, keys.bip39_seed(phrase, ""))
        except ValueError as error:
            reason = _WORD_FROM_ZERO.sub(lambda found: f"word {int(found[1]) + 1}", str(error))
            raise BadMnemonic(reason) from error

    @classmethod
    def generate(cls, words: int = 24) -> Mnemonic:
        """A new one from the system's randomness. Raises BadMnemonic if `words` is not 12, 15, 18, 21 or 24."""
        if words not in WORDS:
            raise BadMnemonic(f"{words} words, want one of {', '.join(map(str, WORDS))}")
        return cls.parse(keys.bip39_phrase(secrets.token_bytes(words * 4 // 3)))

    @classmethod
    def load(cls, path: Path) -> Mnemonic:
        """From a file. Raises WalletMissing, ExposedSecret or BadMnemonic."""
        try:
            return cls.parse(secret_files.read_secret(path).decode())
        except UnicodeDecodeError as error:
            raise BadMnemonic("it is not text in UTF-8", path) from error
        except BadMnemonic as error:
            raise BadMnemonic(error.reason, path) from error

    def save(self, path: Path) -> None:
        """To a new file of mode 0600. Raises WalletExists or WriteFailed."""
        secret_files.create(path, self.phrase.encode() + b"\n")

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that tell mnemonics apart and give nothing away."""
        return keccak256(b"quip/mnemonic" + self.seed)[:8].hex()

    def ecdsa_secret(self, index: int) -> bytes:
        """The secp256k1 secret (32 bytes) at m/44'/60'/0'/0/index, index 0..2^31-1. Raises ValueError outside."""
        if not 0 <= index <= MAX_INDEX:
            raise ValueError(f"index {index} is not in 0..{MAX_INDEX}")
        return keys.bip32_secret(self.seed, f"m/44'/60'/0'/0/{index}")

    def xmss_seeds(self, chain_id: int, purpose: str, index: int) -> bytes:
        """sk_seed || sk_prf || pub_seed (96 bytes) of tree `index` for one chain and one purpose."""
        return keys.hkdf_sha256(self.seed, f"quip/xmss/{chain_id}/{purpose}/{index}".encode(), _SEEDS_BYTES)
