"""What all QUIC connections of one node have in common, and aioquic's settings that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from ssl import CERT_NONE

from aioquic import tls
from aioquic.quic.configuration import SMALLEST_MAX_DATAGRAM_SIZE, QuicConfiguration
from aioquic.quic.packet import QuicProtocolVersion

from quip.net.address import Address, is_loopback
from quip.net.limits import CONNECTION_WINDOW, LOOPBACK_DATAGRAM, STREAM_WINDOW
from quip.net.quic.cpu_budget import CommonCpuBudget
from quip.net.quic.datagram import CID_BYTES
from quip.net.quic.node_identity import NodeIdentity
from quip.net.quic.stateless_reset import ResetTokens

ALPN = "quip/1"
VERSIONS = [int(QuicProtocolVersion.VERSION_1)]

SIGNATURE_NAMES = "ED25519 ECDSA_SECP256R1_SHA256 ECDSA_SECP384R1_SHA384 RSA_PSS_RSAE_SHA256 RSA_PSS_RSAE_SHA384"
SIGNATURES = [tls.SignatureAlgorithm[name] for name in SIGNATURE_NAMES.split()]
CIPHERS = [tls.CipherSuite.AES_128_GCM_SHA256, tls.CipherSuite.CHACHA20_POLY1305_SHA256]


@dataclass(frozen=True, slots=True)
class QuicSetup:
    """Who we are, what we ask of others, and the budget that strangers share."""

    identity: NodeIdentity
    resets: ResetTokens
    common_cpu: CommonCpuBudget
    client_ca: bytes | None = None
    """PEM; None: peers sign their own certificates."""
    idle_timeout_s: float = 60.0


def configuration_of(setup: QuicSetup, is_client: bool, address: Address) -> QuicConfiguration:
    """aioquic's settings for one connection."""
    return QuicConfiguration(
        alpn_protocols=[ALPN],
        is_client=is_client,
        idle_timeout=setup.idle_timeout_s,
        connection_id_length=CID_BYTES,
        max_data=CONNECTION_WINDOW,
        max_stream_data=STREAM_WINDOW,
        max_datagram_size=LOOPBACK_DATAGRAM if is_loopback(address.host) else SMALLEST_MAX_DATAGRAM_SIZE,
        certificate=setup.identity.certificate,
        certificate_chain=list(setup.identity.chain),
        private_key=setup.identity.private_key,
        cipher_suites=CIPHERS,
        supported_versions=VERSIONS,
        verify_mode=CERT_NONE,  # Channel checks the certificate of either side, after the key is proved
    )
