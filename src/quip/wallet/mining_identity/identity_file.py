"""`identity.json`: which tree of which chain a mining identity uses, and where its directory was then."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from quip.primitives.hybrid import HybridKeys
from quip.wallet import secret_files
from quip.wallet.errors import StateMissing, WalletMissing
from quip.wallet.mining_identity.place import Place

_VERSION = 1


@dataclass(frozen=True, slots=True)
class IdentityState:
    """Everything about an identity but its secrets and its leaves."""

    chain_id: int
    fingerprint: str
    """Of the mnemonic that the keys come from."""
    index: int
    """Number i of the tree under its mnemonic."""
    keys: HybridKeys
    place: Place

    @classmethod
    def load(cls, path: Path) -> IdentityState:
        """From the file. Raises StateMissing if it is missing or not of this form, ExposedSecret."""
        try:
            document = json.loads(secret_files.read_secret(path))
            if document["version"] != _VERSION:
                raise StateMissing(f"{path} has version {document['version']}, this program knows {_VERSION}")
            keys = HybridKeys(
                int(document["suite"]), bytes.fromhex(document["ecdsa_key"]), bytes.fromhex(document["xmss_key"])
            )
            chain_id, index = int(document["chain_id"]), int(document["index"])
            return cls(chain_id, str(document["fingerprint"]), index, keys, _place(document["place"]))
        except WalletMissing as error:
            raise StateMissing(f"{path} is gone") from error
        except (ValueError, KeyError, TypeError) as error:
            raise StateMissing(f"{path} cannot be read: {error!r}") from error

    def save(self, path: Path) -> None:
        """To the file, old or new but never half. Raises WriteFailed."""
        document = {
            "version": _VERSION,
            "chain_id": self.chain_id,
            "fingerprint": self.fingerprint,
            "index": self.index,
            "suite": self.keys.suite,
            "ecdsa_key": self.keys.ecdsa.hex(),
            "xmss_key": self.keys.xmss.hex(),
            "place": asdict(self.place),
        }
        secret_files.replace(path, json.dumps(document, indent=1).encode() + b"\n")


def _place(document: dict[str, Any]) -> Place:
    return Place(**{**document, "inodes": tuple(document["inodes"])})
