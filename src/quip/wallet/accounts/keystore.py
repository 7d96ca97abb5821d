"""Web3 Secret Storage, version 3: one secp256k1 secret in a JSON file that a password opens, as geth writes it.

The ciphers are eth-keyfile's. What is done here: files from elsewhere are bounded before anything is computed, and what
comes out is checked against the address that the file states.
"""

from __future__ import annotations

import json
from typing import Any

from quip.primitives import ecdsa
from quip.primitives.recursion import recursion_limit_kept
from quip.primitives.signature_errors import MalformedKey
from quip.wallet.errors import BadKeystore, WrongPassword

with recursion_limit_kept():
    from eth_keyfile import keyfile
    from eth_keyfile.exceptions import EthKeyfileException

VERSION = 3
MAX_BYTES = 64 << 10
"""A keystore has half a kilobyte."""
SCRYPT_N = 1 << 18
"""Of those that are written, with r = 8 and p = 1, as geth's: 256 MiB and a second."""
MAX_SCRYPT = {"n": 1 << 20, "r": 32, "p": 16}
MAX_SCRYPT_MEMORY = 1 << 30
"""Bytes: 128 n r."""
MAX_SCRYPT_WORK = 1 << 24
"""n r p: eight times geth's."""
MAX_ITERATIONS = 10_000_000
_SECRET_BYTES = 32


def encrypt(secret: bytes, password: str, scrypt_n: int = SCRYPT_N) -> bytes:
    """The file of a secret of 32 bytes. Raises BadKeystore if that is no secret key."""
    try:
        address = ecdsa.address(ecdsa.public_key(secret))
    except MalformedKey as error:
        raise BadKeystore(str(error)) from None
    document = keyfile.create_keyfile_json(secret, password.encode(), VERSION, "scrypt", scrypt_n)
    document["address"] = address.hex()  # in lower case, as geth has it
    return json.dumps(document).encode() + b"\n"


def decrypt(file: bytes, password: str) -> bytes:
    """The secret (32 bytes) in a file. Raises BadKeystore, or WrongPassword."""
    document = _checked(file)
    try:
        secret = keyfile.decode_keyfile_json(document, password.encode())
    except (EthKeyfileException, ValueError) as error:
        if "MAC mismatch" in str(error):
            raise WrongPassword("the keystore") from None
        raise BadKeystore(str(error)) from None
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise BadKeystore(f"{error!r}"[:200]) from None
    if address_in(document) not in (None, _address_of(bytes(secret))):
        raise BadKeystore("it holds the key of another address than it states")
    return bytes(secret)


def address_in(document: dict[str, Any]) -> bytes | None:
    """The address (20 bytes) that a keystore states; None where it states none, as it may. Raises BadKeystore."""
    stated = document.get("address")
    if stated in (None, ""):
        return None
    try:
        address = bytes.fromhex(str(stated).removeprefix("0x"))
    except ValueError:
        address = b""
    if len(address) != 20:
        raise BadKeystore("its address is none")
    return address


def parse(file: bytes) -> dict[str, Any]:
    """The document in a file, which may be encrypted in ways that are not looked at. Raises BadKeystore."""
    if len(file) > MAX_BYTES:
        raise BadKeystore(f"{len(file)} bytes")
    try:
        document = json.loads(file)
    except (ValueError, RecursionError):
        raise BadKeystore("no JSON") from None
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise BadKeystore("its version is not 3")
    return document


def _address_of(secret: bytes) -> bytes:
    try:
        return ecdsa.address(ecdsa.public_key(secret))
    except MalformedKey as error:
        raise BadKeystore(f"it holds no secret key of {_SECRET_BYTES} bytes: {error}") from None


def _checked(file: bytes) -> dict[str, Any]:
    """The document, if opening it costs no more than it may."""
    document = parse(file)
    crypto = document.get("crypto", document.get("Crypto"))
    if not isinstance(crypto, dict) or not isinstance(crypto.get("kdfparams"), dict):
        raise BadKeystore("it has no crypto")
    if crypto.get("cipher") != "aes-128-ctr":
        raise BadKeystore(f"its cipher is {str(crypto.get('cipher'))[:40]}")
    if len(str(crypto.get("ciphertext"))) not in (2 * _SECRET_BYTES, 2 * _SECRET_BYTES + 2):
        raise BadKeystore(f"it holds no secret of {_SECRET_BYTES} bytes")
    kdf, parameters = crypto.get("kdf"), crypto["kdfparams"]
    if parameters.get("dklen") != 32:
        raise BadKeystore("its derived key has not 32 bytes")
    if kdf == "pbkdf2":
        _bounded("c", parameters.get("c"), MAX_ITERATIONS)
    elif kdf == "scrypt":
        n, r, p = (_bounded(name, parameters.get(name), most) for name, most in MAX_SCRYPT.items())
        if n & (n - 1) or n < 2 or 128 * n * r > MAX_SCRYPT_MEMORY or n * r * p > MAX_SCRYPT_WORK:
            raise BadKeystore(f"scrypt with n = {n}, r = {r}, p = {p} is out of bounds")
    else:
        raise BadKeystore(f"its key derivation is {str(kdf)[:40]}")
    return document


def _bounded(name: str, value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise BadKeystore(f"{name} is {str(value)[:40]}, want 1 to {most}")
    return value
