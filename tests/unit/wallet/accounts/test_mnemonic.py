from hashlib import sha256
from hmac import digest as hmac
from pathlib import Path

import pytest

from quip.primitives import ecdsa
from quip.primitives.address import checksum_address
from quip.wallet.accounts.mnemonic import Mnemonic
from quip.wallet.errors import BadMnemonic, ExposedSecret, WalletExists, WalletMissing

ABANDON = "abandon " * 11 + "about"
# From the test vectors of BIP-39's authors, here with the empty passphrase as ethers and MetaMask derive them.
ACCOUNTS = [
    (ABANDON, 0, "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"),
    (ABANDON, 1, "0x6Fac4D18c912343BF86fa7049364Dd4E424Ab9C0"),
    ("test " * 11 + "junk", 0, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
    ("test " * 11 + "junk", 1, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
]


@pytest.mark.parametrize(("phrase", "index", "address"), ACCOUNTS)
def test_accounts_are_those_of_other_wallets(phrase: str, index: int, address: str) -> None:
    secret = Mnemonic.parse(phrase).ecdsa_secret(index)
    assert checksum_address(ecdsa.address(ecdsa.public_key(secret))) == address


def test_the_seed_is_that_of_bip_39() -> None:
    assert Mnemonic.parse(ABANDON).seed.hex() == (
        "5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc1"
        "9a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4"
    )


def test_xmss_seeds_are_hkdf_of_chain_purpose_and_index() -> None:
    mnemonic = Mnemonic.parse(ABANDON)
    key = hmac(bytes(32), mnemonic.seed, sha256)
    expected, block = b"", b""
    for counter in range(1, 4):
        block = hmac(key, block + b"quip/xmss/20050/mining/7" + bytes([counter]), sha256)
        expected += block
    assert mnemonic.xmss_seeds(20050, "mining", 7) == expected
    others = {
        mnemonic.xmss_seeds(*where) for where in [(20049, "mining", 7), (20050, "account", 7), (20050, "mining", 8)]
    }
    assert len(others | {expected}) == 4


def test_case_and_spacing_of_typed_words_do_not_matter() -> None:
    assert Mnemonic.parse("  ABANDON\tabandon\n" + "abandon " * 9 + " About ") == Mnemonic.parse(ABANDON)


@pytest.mark.parametrize(
    "text", ["", "abandon", "abandon " * 12, ABANDON + " about", ABANDON.replace("about", "abuot")]
)
def test_bad_words(text: str) -> None:
    with pytest.raises(BadMnemonic, match="spelling"):
        Mnemonic.parse(text)


@pytest.mark.parametrize(("text", "place"), [("zzz " + ABANDON[8:], 1), (ABANDON.replace("about", "abuot"), 12)])
def test_the_wrong_word_is_counted_from_one(text: str, place: int) -> None:
    with pytest.raises(BadMnemonic, match=rf"\(word {place}\)"):
        Mnemonic.parse(text)


def test_a_byte_order_mark_is_no_part_of_a_word(tmp_path: Path) -> None:
    assert Mnemonic.parse("\ufeff" + ABANDON) == Mnemonic.parse(ABANDON)
    path = tmp_path / "mnemonic"
    path.write_bytes(b"\xef\xbb\xbf" + ABANDON.encode())
    path.chmod(0o600)
    assert Mnemonic.load(path) == Mnemonic.parse(ABANDON)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"abandon abandon", b""])
def test_an_error_names_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mnemonic"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadMnemonic, match="spelling") as caught:
        Mnemonic.load(path)
    assert str(path) in caught.value.message


@pytest.mark.parametrize("words", [12, 15, 18, 21, 24])
def test_new_mnemonics_are_random(words: int) -> None:
    first, second = Mnemonic.generate(words), Mnemonic.generate(words)
    assert len(first.phrase.split()) == words
    assert first != second
    assert first.fingerprint != second.fingerprint
    assert first.phrase not in repr(first)


def test_other_word_counts_and_indices() -> None:
    with pytest.raises(BadMnemonic):
        Mnemonic.generate(13)
    for index in (-1, 2**31):
        with pytest.raises(ValueError):
            Mnemonic.parse(ABANDON).ecdsa_secret(index)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "mnemonic"
    with pytest.raises(WalletMissing):
        Mnemonic.load(path)
    mnemonic = Mnemonic.generate()
    mnemonic.save(path)
    assert Mnemonic.load(path) == mnemonic
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(WalletExists):
        mnemonic.save(path)
    path.chmod(0o640)
    with pytest.raises(ExposedSecret):
        Mnemonic.load(path)
    path.chmod(0o600)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadMnemonic):
        Mnemonic.load(path)
