"""Who this node is: its TLS key and certificate, and the node id that follows from them.

The key is made at the first start and kept (node.key, node.crt in the data directory), so that a restart keeps the
identity; or the operator gives both files. Nobody signs these certificates: a peer is who it was at the first contact
(trust on first use, `trust_db`), unless a CA is required (`quic`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509.oid import NameOID

from quip.files import durable_files
from quip.net.local_errors import ExposedKey, KeyFileError
from quip.primitives.hashes import blake3

KEY_FILE = "node.key"
CERTIFICATE_FILE = "node.crt"
MAX_PEM_BYTES = 64 * 1024  # a chain of ten certificates is a quarter of this
MAX_CHAIN = 4  # certificates after the node's own: nobody needs more, and every peer must carry them
RSA_BITS = range(2048, 4097)  # below: weak; above: a verification costs too much
_NAME = "quip node"
_FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)  # self-signed certificates have no meaningful dates: RFC 5280's "forever"
_LAST_DAY = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_OWN_MODE = durable_files.OTHERS  # nobody else may reach the key that the node made
_GIVEN_MODE = 0o037  # a service's key may be readable for its group

PrivateKey: TypeAlias = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey


def node_id_of(certificate: x509.Certificate) -> bytes:
    """BLAKE3 of the public key (SubjectPublicKeyInfo, DER), 32 bytes. Raises ValueError, UnsupportedAlgorithm."""
    return blake3(
        certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def is_accepted_key(key: object) -> bool:
    """True for the kinds of public or private key that nodes use: Ed25519, P-256, P-384, RSA of 2048 to 4096 bits."""
    if isinstance(key, EllipticCurvePrivateKey | EllipticCurvePublicKey):
        return isinstance(key.curve, SECP256R1 | SECP384R1)
    if isinstance(key, RSAPrivateKey | RSAPublicKey):
        return key.key_size in RSA_BITS
    return isinstance(key, Ed25519PrivateKey | Ed25519PublicKey)


def check_chain(certificate: x509.Certificate, chain: Sequence[x509.Certificate]) -> None:
    """Raises ValueError for a peer's certificate, or more of them, such as no node has."""
    if not is_accepted_key(certificate.public_key()):
        raise ValueError("a key of a kind that nodes do not use")
    if len(chain) > MAX_CHAIN:
        raise ValueError("too long a chain")


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """A key, the certificate that names it, and the certificates between it and a CA."""

    private_key: PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    node_id: bytes
    """32 bytes."""

    @property
    def reset_key(self) -> bytes:
        """A secret that follows from the private key: for stateless resets, which have to outlive a restart."""
        secret = self.private_key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return hmac.new(secret, b"quip reset key 1", hashlib.sha256).digest()

    @staticmethod
    def open(directory: Path, cert_file: Path | None = None, key_file: Path | None = None) -> NodeIdentity:
        """The identity of the given files, or the one in `directory`, made where absent. Raises KeyFileError."""
        if (cert_file is None) != (key_file is None):
            raise KeyFileError(
                "a certificate and its key come together", "give both tls_cert_file and tls_key_file, or neither"
            )
        if cert_file is not None and key_file is not None:
            return _load(cert_file, key_file, _GIVEN_MODE)
        own_key, own_certificate = directory / KEY_FILE, directory / CERTIFICATE_FILE
        if not own_key.exists():
            _make_key(own_key)
            own_certificate.unlink(missing_ok=True)  # of a key that is gone
        if not own_certificate.exists():
            key = _read_key(own_key, _OWN_MODE)
            _write(own_certificate, _self_signed(key).public_bytes(serialization.Encoding.PEM), 0o644)
        return _load(own_certificate, own_key, _OWN_MODE)


def read_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file, in order, at least one. Raises KeyFileError."""
    try:
        found = x509.load_pem_x509_certificates(_read(path))
        for certificate in found:
            certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError(
            f"{path} holds no usable certificate", "it must be PEM: -----BEGIN CERTIFICATE-----"
        ) from None
    return found


def read_chain(path: Path) -> list[x509.Certificate]:
    """A node's certificate and those between it and an authority. Raises KeyFileError, for too many of them too."""
    found = read_certificates(path)
    if len(found) > MAX_CHAIN + 1:
        raise KeyFileError(f"{path} holds {len(found)} certificates", f"at most {MAX_CHAIN + 1} are sent")
    return found


def _load(cert_file: Path, key_file: Path, forbidden_mode: int) -> NodeIdentity:
    key = _read_key(key_file, forbidden_mode)
    certificate, *chain = read_chain(cert_file)
    if certificate.public_key() != key.public_key():
        raise KeyFileError(
            f"the key in {key_file} is not the key of the first certificate in {cert_file}",
            f"give the two that belong together; {CERTIFICATE_FILE} can be deleted: it is made again from {KEY_FILE}"
            if cert_file.name == CERTIFICATE_FILE
            else "give the two that belong together; the node's own certificate comes first in the file",
        )
    return NodeIdentity(key, certificate, tuple(chain), node_id_of(certificate))


def _read_key(path: Path, forbidden_mode: int) -> PrivateKey:
    content = _read(path, forbidden_mode)
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except TypeError:
        raise KeyFileError(
            f"{path} is encrypted", "the node starts unattended: give a key without a password"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError(f"{path} holds no usable key", "it must be PEM: -----BEGIN PRIVATE KEY-----") from None
    if not isinstance(key, PrivateKey) or not is_accepted_key(key):
        raise KeyFileError(
            f"{path} holds a key of a kind that nodes do not use",
            "use Ed25519, P-256, P-384 or RSA of 2048 to 4096 bits",
        )
    return key


def _read(path: Path, forbidden_mode: int = 0) -> bytes:
    try:
        content = durable_files.read_secret(path, forbidden_mode, MAX_PEM_BYTES + 1)
    except durable_files.Exposed as error:
        raise ExposedKey(path, error.mode, forbidden_mode) from None
    except OSError as error:
        raise KeyFileError(f"cannot read {path}: {error.strerror or error}", "check the path and who owns it") from None
    if len(content) > MAX_PEM_BYTES:
        raise KeyFileError(f"{path} is too large for a key or certificate", "check the path")
    return content


def _make_key(path: Path) -> None:
    content = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(path, content, 0o600)


def _self_signed(key: PrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(_FIRST_DAY).not_valid_after(_LAST_DAY)
    return builder.sign(key, None)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Complete or not at all, durable. Raises KeyFileError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        durable_files.replace(path, content, mode)
    except OSError as error:
        raise KeyFileError(f"cannot write {path}: {error.strerror or error}", durable_files.advice(error)) from None
