"""Key files: made once, kept, and refused with a way out where they cannot be used."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from quip.net.local_errors import ExposedKey, KeyFileError
from quip.net.quic.node_identity import MAX_PEM_BYTES, NodeIdentity, PrivateKey, node_id_of, read_certificates
from quip.primitives.hashes import blake3
from support.node_certificates import key_of, pem, signed


def key_pem(key: PrivateKey, password: bytes | None = None) -> bytes:
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)


def write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_the_identity_survives_a_restart(tmp_path: Path) -> None:
    first = NodeIdentity.open(tmp_path / "data")
    again = NodeIdentity.open(tmp_path / "data")
    assert (again.node_id, again.certificate) == (first.node_id, first.certificate)
    assert stat.S_IMODE((tmp_path / "data" / "node.key").stat().st_mode) == 0o600
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["node.crt", "node.key"]


def test_two_nodes_are_two(tmp_path: Path) -> None:
    assert NodeIdentity.open(tmp_path / "a").node_id != NodeIdentity.open(tmp_path / "b").node_id


def test_the_node_id_is_the_hash_of_the_public_key(tmp_path: Path) -> None:
    made = NodeIdentity.open(tmp_path)
    spki = made.private_key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert made.node_id == blake3(spki) == node_id_of(made.certificate)


def test_a_lost_certificate_is_made_again_of_the_same_key(tmp_path: Path) -> None:
    first = NodeIdentity.open(tmp_path)
    (tmp_path / "node.crt").unlink()
    assert NodeIdentity.open(tmp_path).node_id == first.node_id


def test_a_lost_key_makes_a_new_identity(tmp_path: Path) -> None:
    first = NodeIdentity.open(tmp_path)
    (tmp_path / "node.key").unlink()
    assert NodeIdentity.open(tmp_path).node_id != first.node_id


@pytest.mark.parametrize("kind", ["ed25519", "P256", "P384", "RSA2048"])
def test_given_files_are_used(tmp_path: Path, kind: str) -> None:
    authority = signed("authority", key_of("ed25519"), ca=True)
    mine = signed("mine", key_of(kind), authority)
    cert = write(tmp_path / "a.crt", pem(mine, authority), 0o644)
    key = write(tmp_path / "a.key", key_pem(mine.private_key), 0o640)
    found = NodeIdentity.open(tmp_path / "data", cert, key)
    assert found.node_id == mine.node_id
    assert found.chain == (authority.certificate,)
    assert not (tmp_path / "data").exists()


MINE, OTHER = signed("mine", key_of("ed25519")), signed("other", key_of("ed25519"))
BAD_KEYS = {
    "is not the key of": key_pem(OTHER.private_key),
    "is encrypted": key_pem(MINE.private_key, b"secret"),
    "holds no usable key": b"-----BEGIN NOTHING-----",
    "of a kind that nodes do not use": key_pem(key_of("P521")),
    "is too large": b"x" * (MAX_PEM_BYTES + 1),
}


@pytest.mark.parametrize("message", BAD_KEYS)
def test_a_key_that_cannot_be_used(tmp_path: Path, message: str) -> None:
    cert, key = write(tmp_path / "a.crt", pem(MINE)), write(tmp_path / "a.key", BAD_KEYS[message])
    with pytest.raises(KeyFileError, match=message) as caught:
        NodeIdentity.open(tmp_path, cert, key)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no usable certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no usable certificate"),
        (pem(*[MINE] * 6), "holds 6 certificates"),
    ],
)
def test_a_certificate_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    cert, key = write(tmp_path / "a.crt", content), write(tmp_path / "a.key", key_pem(MINE.private_key))
    with pytest.raises(KeyFileError, match=message):
        NodeIdentity.open(tmp_path, cert, key)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot read"):
        NodeIdentity.open(tmp_path, tmp_path / "a.crt", tmp_path / "a.key")
    with pytest.raises(KeyFileError, match="come together"):
        NodeIdentity.open(tmp_path, tmp_path / "a.crt")
    with pytest.raises(KeyFileError, match="cannot read"):
        read_certificates(tmp_path / "ca.pem")


def test_a_key_that_others_can_read(tmp_path: Path) -> None:
    NodeIdentity.open(tmp_path)
    (tmp_path / "node.key").chmod(0o640)
    with pytest.raises(ExposedKey, match="mode 0640") as caught:
        NodeIdentity.open(tmp_path)
    assert "chmod" in caught.value.hint
    cert, key = write(tmp_path / "a.crt", pem(MINE)), write(tmp_path / "a.key", key_pem(MINE.private_key), 0o644)
    with pytest.raises(ExposedKey):
        NodeIdentity.open(tmp_path, cert, key)


def test_the_own_certificate_of_another_key(tmp_path: Path) -> None:
    NodeIdentity.open(tmp_path)
    write(tmp_path / "node.crt", pem(OTHER))
    with pytest.raises(KeyFileError, match="is not the key of") as caught:
        NodeIdentity.open(tmp_path)
    assert "node.crt can be deleted" in caught.value.hint


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeyFileError, match="cannot write"):
        NodeIdentity.open(tmp_path / "file" / "below")


def test_nothing_half_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyFileError, match="No space left"):
        NodeIdentity.open(tmp_path)
    assert list(tmp_path.iterdir()) == []
