"""Who is let in: only who proves the key of a certificate, and where a CA is required, one that it signed."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aioquic import tls
from aioquic.quic.packet import QuicErrorCode

from quip.net.events import Closed, DialFailed, Opened, Rejected
from quip.net.quic.endpoint import EndpointConfig
from quip.net.quic.node_identity import NodeIdentity
from support.node_certificates import DAY, key_of, pem, signed
from support.quic_endpoints import Endpoint, endpoint, identity
from support.quic_strangers import Stranger, configuration


async def expect_refusal(node: Endpoint, stranger: Stranger) -> None:
    """The stranger's connection ends; the node tells that it turned him away, and nothing else."""
    try:
        stranger.connect()
        assert await stranger.until(lambda: stranger.ended)
        refused = await node.first(Rejected)
        assert node.events == [refused]
        assert refused.handshake
        assert refused.address == stranger.address
        assert refused.reason
    finally:
        stranger.close()


def alert_of(stranger: Stranger) -> int:
    """The TLS alert that the node closed with."""
    assert stranger.quic._close_event is not None
    return stranger.quic._close_event.error_code - QuicErrorCode.CRYPTO_ERROR


async def test_a_client_without_a_certificate_is_refused(node: Endpoint) -> None:
    """It answers the request with an empty Certificate message, which TLS itself lets pass."""
    stranger = Stranger(node.address, configuration(None))
    await expect_refusal(node, stranger)
    assert "certificate refused: there is none" in stranger.reason()


async def test_a_client_that_does_not_hold_the_key_is_refused(node: Endpoint) -> None:
    stranger = Stranger(node.address, configuration("mallory"))
    stranger.quic._configuration.private_key = identity("eve").private_key
    await expect_refusal(node, stranger)
    assert alert_of(stranger) == tls.AlertDescription.decrypt_error


async def test_a_client_that_skips_the_proof_is_refused(node: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate, no CertificateVerify, and Finished at once."""
    push, proofs = tls.push_certificate_verify, []

    def only_the_servers(buffer: Any, verify: tls.CertificateVerify) -> None:
        proofs.append(verify)
        if len(proofs) == 1:
            push(buffer, verify)

    monkeypatch.setattr(tls, "push_certificate_verify", only_the_servers)
    stranger = Stranger(node.address)
    await expect_refusal(node, stranger)
    assert len(proofs) == 2
    assert alert_of(stranger) == tls.AlertDescription.unexpected_message


async def test_a_client_of_another_protocol_is_refused(node: Endpoint) -> None:
    await expect_refusal(node, Stranger(node.address, configuration(alpn_protocols=["h3"])))


async def test_a_client_without_any_protocol_is_refused(node: Endpoint) -> None:
    await expect_refusal(node, Stranger(node.address, configuration(alpn_protocols=None)))


@pytest.mark.parametrize("kind", ["ed25519", "P256", "P384", "RSA2048"])
async def test_keys_of_every_kind_are_proved_both_ways(kind: str) -> None:
    mine = signed("other", key_of(kind))
    config = EndpointConfig("127.0.0.1", 0, mine)
    async with endpoint("alice") as alice, endpoint("bob", config) as bob:
        there = await alice.dial(bob)
        back = await bob.dial(alice)
        assert isinstance(there, Opened)
        assert isinstance(back, Opened)
        assert there.link.node_id == mine.node_id
        assert {opened.link.node_id for opened in alice.of(Opened)} == {mine.node_id}


async def test_a_key_of_another_kind_is_refused(node: Endpoint) -> None:
    odd = signed("odd", key_of("RSA1024"))
    await expect_refusal(
        node, Stranger(node.address, configuration(None, certificate=odd.certificate, private_key=odd.private_key))
    )


def config_with_ca(authority: NodeIdentity, own: NodeIdentity) -> EndpointConfig:
    return EndpointConfig("127.0.0.1", 0, own, pem(authority))


async def test_a_required_ca_admits_its_own_and_nobody_else() -> None:
    authority = signed("the authority", key_of("ed25519"), ca=True)
    between = signed("between", key_of("P256"), authority, ca=True)
    member, deep = signed("member", key_of("ed25519"), authority), signed("deep", key_of("ed25519"), between)
    deep = replace(deep, chain=(between.certificate,))
    impostor_ca = signed("the authority", key_of("ed25519"), ca=True)
    config = config_with_ca(authority, signed("node", key_of("ed25519"), authority))
    outsiders = {
        "self-signed": identity("mallory"),
        "of another authority": signed("member", key_of("ed25519"), impostor_ca),
        "expired": signed("member", key_of("ed25519"), authority, until=datetime.now(UTC) - DAY),
        "signed by a member": replace(signed("sub", key_of("ed25519"), member), chain=(member.certificate,)),
        "its link is missing": replace(deep, chain=()),
    }
    async with endpoint("node", config) as node:
        for good in (member, deep):
            async with endpoint("good", EndpointConfig("127.0.0.1", 0, good)) as guest:
                assert isinstance(await guest.dial(node), Opened)
                assert isinstance(await node.dial(guest), Opened)
        for what, bad in outsiders.items():
            before, refusals = len(node.of(Opened)), len(node.of(Rejected))
            async with endpoint("bad", EndpointConfig("127.0.0.1", 0, bad)) as guest:
                opened = await guest.dial(
                    node
                )  # TLS 1.3: the client is done before the server has seen its certificate
                assert isinstance(opened, Opened), what
                assert "certificate refused" in (await guest.first(Closed)).reason, what
                told = await node.first(Rejected, refusals + 1)
                assert told.reason.startswith("certificate refused: "), what
                assert told.address == guest.address, what
                answer = await node.dial(guest)
                assert isinstance(answer, DialFailed), what
                assert "certificate refused" in answer.reason, what
            assert len(node.of(Opened)) == before, what
