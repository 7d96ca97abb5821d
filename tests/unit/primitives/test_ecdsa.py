import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.primitives import ecdsa
from quip.primitives.hashes import keccak256
from quip.primitives.signature_errors import HighS, MalformedKey, MalformedSignature, WrongEcdsaSignature
from support.examples import examples

ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
SECRET = bytes.fromhex("4646464646464646464646464646464646464646464646464646464646464646")
DIGEST = bytes.fromhex("daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53")


def test_the_worked_example_of_eip_155() -> None:
    signature = ecdsa.sign(SECRET, DIGEST)
    assert signature[:32].hex() == "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
    assert signature[32:64].hex() == "67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
    assert signature[64] == 0
    key = ecdsa.public_key(SECRET)
    assert ecdsa.recover(signature, DIGEST) == key
    assert ecdsa.address(key).hex() == "9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"


@examples(50)
@given(st.integers(1, ORDER - 1), st.binary(min_size=32, max_size=32))
def test_signatures_recover_their_key_and_have_low_s(number: int, digest: bytes) -> None:
    secret = number.to_bytes(32, "big")
    signature = ecdsa.sign(secret, digest)
    assert signature == ecdsa.sign(secret, digest)
    assert int.from_bytes(signature[32:64], "big") <= ecdsa.HALF_ORDER == ORDER // 2
    assert ecdsa.recover(signature, digest) == ecdsa.public_key(secret)
    assert ecdsa.recover(signature, keccak256(digest)) != ecdsa.public_key(secret)


def other_half(signature: bytes) -> bytes:
    """The malleable twin: n - s and the other v."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([1 - signature[64]])


GOOD = ecdsa.sign(SECRET, DIGEST)


@pytest.mark.parametrize(
    ("signature", "error"),
    [
        (GOOD[:64], MalformedSignature),
        (GOOD + b"\0", MalformedSignature),
        (GOOD[:64] + b"\x02", MalformedSignature),
        (GOOD[:64] + b"\x1b", MalformedSignature),
        (other_half(GOOD), HighS),
        (bytes(32) + GOOD[32:], WrongEcdsaSignature),
        (GOOD[:32] + bytes(32) + GOOD[64:], WrongEcdsaSignature),
        (ORDER.to_bytes(32, "big") + GOOD[32:], WrongEcdsaSignature),
        (b"\xff" * 32 + GOOD[32:], WrongEcdsaSignature),
    ],
)
def test_bad_signatures(signature: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        ecdsa.recover(signature, DIGEST)


@pytest.mark.parametrize("secret", [bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32, b"\1" * 31, b""])
def test_bad_secrets(secret: bytes) -> None:
    with pytest.raises(MalformedKey):
        ecdsa.public_key(secret)
    with pytest.raises(MalformedKey):
        ecdsa.sign(secret, DIGEST)


def test_digests_have_32_bytes() -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        ecdsa.sign(SECRET, DIGEST[1:])
    with pytest.raises(WrongEcdsaSignature):
        ecdsa.recover(GOOD, DIGEST[1:])


@pytest.mark.parametrize("key", [b"", bytes(33), b"\x02" + b"\xff" * 32, b"\x04" + bytes(64)])
def test_addresses_need_a_point(key: bytes) -> None:
    with pytest.raises(MalformedKey):
        ecdsa.address(key)
