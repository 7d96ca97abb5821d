from pathlib import Path

import pytest

from quip.wallet.accounts.payout import PayoutWallet
from quip.wallet.errors import BadMnemonic, WalletExists, WalletMissing

JUNK = "test " * 11 + "junk"


def test_a_wallet_is_made_once_and_then_opened(tmp_path: Path) -> None:
    made = PayoutWallet.create_or_open(tmp_path / "payout")
    opened = PayoutWallet.create_or_open(tmp_path / "payout")
    assert made.created and not opened.created
    assert (made.address, made.phrase) == (opened.address, opened.phrase)
    assert made.mnemonic_path.read_text().split() == made.phrase.split()
    assert made.mnemonic_path.stat().st_mode & 0o777 == 0o600
    assert made.phrase not in repr(made)
    with pytest.raises(WalletExists):
        PayoutWallet.create(tmp_path / "payout")


@pytest.mark.parametrize("words", [12, 24])
def test_words_restore_the_address(tmp_path: Path, words: int) -> None:
    made = PayoutWallet.create(tmp_path / "first", words)
    restored = PayoutWallet.restore(tmp_path / "second", made.phrase.upper())
    assert restored.address == made.address == PayoutWallet.show(tmp_path / "second").address


def test_the_account_is_the_one_that_other_programs_show(tmp_path: Path) -> None:
    wallet = PayoutWallet.restore(tmp_path, JUNK)
    assert wallet.checksum_address == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WalletMissing, match="quip wallet create"):
        PayoutWallet.show(tmp_path)
    with pytest.raises(BadMnemonic):
        PayoutWallet.restore(tmp_path, "test " * 12)
    with pytest.raises(BadMnemonic):
        PayoutWallet.create(tmp_path, 11)
    assert list(tmp_path.iterdir()) == []
    PayoutWallet.check_free(tmp_path)
    PayoutWallet.create(tmp_path)
    with pytest.raises(WalletExists, match="move it away"):
        PayoutWallet.restore(tmp_path, "words that nobody has to type first")
