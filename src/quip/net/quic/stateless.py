"""Answers to datagrams that no connection owns: version negotiation, Retry, refusals. No state is kept.

What this file does not do: it limits no rate, and lets nobody in; `endpoint` does.
"""

from __future__ import annotations

import os

from aioquic._buffer import Buffer
from aioquic.quic import packet as wire
from aioquic.quic.configuration import SMALLEST_MAX_DATAGRAM_SIZE
from aioquic.quic.connection import TRANSPORT_CLOSE_FRAME_CAPACITY
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet_builder import QuicPacketBuilder

from quip.net.address import Address
from quip.net.quic.configuration import VERSIONS
from quip.net.quic.datagram import CID_BYTES, ValidatedInitial, may_begin
from quip.net.quic.retry import RetryTokens


class StatelessResponder:
    """Answers what belongs to no connection. Every answer is shorter than what it answers."""

    def __init__(self, tokens: RetryTokens) -> None:
        self._tokens = tokens

    def respond(self, datagram: bytes, address: Address, now_s: float) -> bytes | ValidatedInitial | None:
        """A datagram to send back, a client to let in, or None: nothing worth a word."""
        if not may_begin(datagram):
            return None
        try:
            header = wire.pull_quic_header(Buffer(data=datagram), host_cid_length=CID_BYTES)
        except ValueError:  # BufferReadError is one
            return None
        if header.version not in VERSIONS and header.packet_type is not wire.QuicPacketType.VERSION_NEGOTIATION:
            return wire.encode_quic_version_negotiation(
                source_cid=header.destination_cid, destination_cid=header.source_cid, supported_versions=VERSIONS
            )
        if header.packet_type is not wire.QuicPacketType.INITIAL or len(header.destination_cid) < CID_BYTES:
            return None
        if not header.token:
            retry_cid = os.urandom(CID_BYTES)
            return wire.encode_quic_retry(
                version=VERSIONS[0], source_cid=retry_cid, destination_cid=header.source_cid,
                original_destination_cid=header.destination_cid,
                retry_token=self._tokens.issue(address, header.destination_cid, retry_cid, now_s),
            )  # fmt: skip
        first_cid = self._tokens.check(header.token, address, header.destination_cid, now_s)
        initial = ValidatedInitial(datagram, address, first_cid or b"", header.destination_cid, header.source_cid)
        return initial if first_cid is not None else self.refuse(initial, wire.QuicErrorCode.INVALID_TOKEN)

    def refuse(self, initial: ValidatedInitial, code: int = wire.QuicErrorCode.CONNECTION_REFUSED) -> bytes:
        """A close for a client that is not let in; no state is kept."""
        crypto = CryptoPair()
        crypto.setup_initial(cid=initial.retry_cid, is_client=False, version=VERSIONS[0])
        builder = QuicPacketBuilder(
            host_cid=initial.retry_cid, is_client=False, max_datagram_size=SMALLEST_MAX_DATAGRAM_SIZE,
            peer_cid=initial.source_cid, version=VERSIONS[0],
        )  # fmt: skip
        builder.start_packet(wire.QuicPacketType.INITIAL, crypto)
        buffer = builder.start_frame(wire.QuicFrameType.TRANSPORT_CLOSE, capacity=TRANSPORT_CLOSE_FRAME_CAPACITY)
        for value in (code, wire.QuicFrameType.PADDING, 0):
            buffer.push_uint_var(value)
        datagrams, _ = builder.flush()
        return bytes(datagrams[0])
