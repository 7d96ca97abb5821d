"""`identity.json`, `account.json`: which tree of which chain a key directory uses, and where the directory was then."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from quip.primitives.hybrid import HybridKeys, miner_id
from quip.wallet import secret_files
from quip.wallet.errors import StateMissing, WalletMissing
from quip.wallet.stateful_signer.place import Place

_VERSION = 1


@dataclass(frozen=True, slots=True)
class TreeState:
    """Everything about a hybrid key but its secrets and its leaves."""

    chain_id: int
    fingerprint: str
    """Of the mnemonic that the keys come from."""
    index: int
    """Number i of the tree under its mnemonic."""
    keys: HybridKeys
    place: Place

    @classmethod
    def load(cls, path: Path) -> TreeState:
        """From the file. Raises StateMissing if it is missing or not of this form, ExposedSecret."""
        try:
            return cls.of(json.loads(secret_files.read_secret(path)))
        except WalletMissing as error:
            raise StateMissing(f"{path} is gone") from error
        except (ValueError, StateMissing) as error:
            reason = error.message if isinstance(error, StateMissing) else repr(error)
            raise StateMissing(f"{path} cannot be read: {reason}") from error

    @classmethod
    def of(cls, document: Any) -> TreeState:
        """From what `document` gave. Raises StateMissing."""
        try:
            if document["version"] != _VERSION:
                raise StateMissing(f"it has version {document['version']}, this program knows {_VERSION}")
            keys = HybridKeys(
                int(document["suite"]), bytes.fromhex(document["ecdsa_key"]), bytes.fromhex(document["xmss_key"])
            )
            miner_id(keys)  # which no other lengths have
            chain_id, index = int(document["chain_id"]), int(document["index"])
            return cls(chain_id, str(document["fingerprint"]), index, keys, _place(document["place"]))
        except (ValueError, KeyError, TypeError) as error:
            raise StateMissing(repr(error)) from error

    def save(self, path: Path) -> None:
        """To the file, old or new but never half. Raises WriteFailed."""
        secret_files.replace(path, json.dumps(self.document(), indent=1).encode() + b"\n")

    def document(self) -> dict[str, Any]:
        """What is in the file."""
        return {
            "version": _VERSION,
            "chain_id": self.chain_id,
            "fingerprint": self.fingerprint,
            "index": self.index,
            "suite": self.keys.suite,
            "ecdsa_key": self.keys.ecdsa.hex(),
            "xmss_key": self.keys.xmss.hex(),
            "place": asdict(self.place),
        }


def _place(document: dict[str, Any]) -> Place:
    return Place(**{**document, "inodes": tuple(document["inodes"])})
