"""Certificates of every kind that a peer may come with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from quip.net.quic.node_identity import NodeIdentity, PrivateKey, node_id_of

DAY = timedelta(days=1)
CURVES = {"P256": ec.SECP256R1(), "P384": ec.SECP384R1(), "P521": ec.SECP521R1()}


def key_of(kind: str) -> PrivateKey:
    """A fresh key: ed25519, P256, RSA2048, ..."""
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("P"):
        return ec.generate_private_key(CURVES[kind])
    return rsa.generate_private_key(65_537, int(kind.removeprefix("RSA")))


def signed(
    subject: str, key: PrivateKey, issuer: NodeIdentity | None = None, ca: bool = False, until: datetime | None = None
) -> NodeIdentity:
    """A certificate of `issuer` (None: its own)."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).public_key(key.public_key())
    builder = builder.issuer_name(issuer.certificate.subject if issuer else name).serial_number(
        x509.random_serial_number()
    )
    builder = builder.not_valid_before(now - 30 * DAY).not_valid_after(until or now + DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    signer = issuer.private_key if issuer else key
    made = builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return NodeIdentity(key, made, (), node_id_of(made))


def pem(*identities: NodeIdentity) -> bytes:
    """Their certificates in one file."""
    return b"".join(one.certificate.public_bytes(serialization.Encoding.PEM) for one in identities)
