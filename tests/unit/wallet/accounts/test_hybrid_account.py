"""A hybrid account's life: signing, restart, copy, backup, a used-up tree. Real keys and real files."""

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quip.primitives import hybrid
from quip.wallet.accounts.hybrid_account import HybridAccount, hybrid_accounts, show_account
from quip.wallet.accounts.mnemonic import Mnemonic
from quip.wallet.accounts.transaction_request import TransactionRequest
from quip.wallet.errors import AccountRefused, DirectoryInUse, LeavesPending, RotationDue, WrongProcess
from quip.wallet.stateful_signer.journal import Part

CHAIN_ID = 20_050
WORDS = Mnemonic.parse("test " * 11 + "junk")
REQUEST = TransactionRequest(CHAIN_ID, 0, 10**9, 10**10, 21_000, bytes(range(20)), 10**18, b"", ())


class Home:
    """A wallet's directory and the records beside it."""

    def __init__(self, parent: Path) -> None:
        self.wallet, self.records = parent / "wallet", parent / "records"

    def create(self, chain_id: int = CHAIN_ID) -> HybridAccount:
        return HybridAccount.create(self.wallet, WORDS, chain_id, self.records)

    def open(self, directory: Path, words: Mnemonic = WORDS) -> HybridAccount:
        return HybridAccount.open(directory, words, self.records)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def account(home: Home) -> Iterator[HybridAccount]:
    """An account that signed once, and is closed."""
    with home.create() as made:
        made.sign(REQUEST)
    yield made


def test_it_signs_and_the_chain_can_tell_whose_it_is(home: Home) -> None:
    with home.create() as account:
        signed = account.sign(REQUEST)
        assert signed.verify()
        assert signed.payload.sender == account.address == hybrid.account_address(account.keys)
        assert (account.keys.suite, signed.payload.leaf, account.remaining) == (1, 0, 1007)
        assert account.sign(REQUEST) == signed
        dearer = account.sign(dataclasses.replace(REQUEST, max_fee_per_gas=10**11))
        assert dearer.payload.leaf == 1
        assert dearer.verify()
    modes = {path.name: path.stat().st_mode & 0o777 for path in account.directory.iterdir()}
    assert set(modes.values()) == {0o600}
    assert show_account(account.directory, home.records).remaining == 1006


def test_a_restart_goes_on_and_gives_the_same_bytes(home: Home, account: HybridAccount) -> None:
    with home.open(account.directory) as again:
        assert again.address == account.address
        assert again.sign(REQUEST).payload.leaf == 0
        assert again.sign(dataclasses.replace(REQUEST, nonce=1)).payload.leaf == 1


def test_another_chain_is_refused(home: Home, account: HybridAccount) -> None:
    with home.open(account.directory) as again, pytest.raises(ValueError, match="chain id 1"):
        again.sign(dataclasses.replace(REQUEST, chain_id=1))


def test_accounts_of_the_same_words_share_nothing(home: Home) -> None:
    with home.create() as first, home.create() as second, home.create(CHAIN_ID + 1) as elsewhere:
        three = (first, second, elsewhere)
        assert len({one.keys.ecdsa for one in three}) == len({one.keys.xmss for one in three}) == 3
        assert hybrid_accounts(home.wallet) == sorted(one.directory for one in three)


def copied(account: HybridAccount, home: Home) -> None:
    account.directory.rename(account.directory.with_name("original"))
    shutil.copytree(account.directory.with_name("original"), account.directory)


def journal_lost(account: HybridAccount, home: Home) -> None:
    next(account.directory.glob("journal-*")).unlink()


def journal_damaged(account: HybridAccount, home: Home) -> None:
    path = next(account.directory.glob("journal-*"))
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)


def records_lost(account: HybridAccount, home: Home) -> None:
    shutil.rmtree(home.records)


@pytest.mark.parametrize("harm", [copied, journal_lost, journal_damaged, records_lost])
def test_in_doubt_it_signs_nothing_ever(
    home: Home, account: HybridAccount, harm: Callable[[HybridAccount, Home], None]
) -> None:
    harm(account, home)
    for _ in range(2):
        with pytest.raises(AccountRefused, match="signs nothing here") as caught:
            home.open(account.directory)
        assert "recovery key" in caught.value.hint
    shown = show_account(account.directory, home.records)
    assert shown.address == account.address
    assert harm is journal_damaged or shown.doubt


def test_one_signature_less_is_found_out_by_the_record(home: Home, account: HybridAccount) -> None:
    journal = next(account.directory.glob("journal-*"))
    backup = journal.read_bytes()
    with home.open(account.directory) as again:
        again.sign(dataclasses.replace(REQUEST, nonce=1))
    journal.write_bytes(backup)
    with pytest.raises(AccountRefused, match="came back from a backup"):
        home.open(account.directory)


def test_other_words_are_refused(home: Home, account: HybridAccount) -> None:
    with pytest.raises(AccountRefused):
        home.open(account.directory, Mnemonic.generate(12))


def test_one_process_at_a_time(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with home.create() as account:
        with pytest.raises(DirectoryInUse):
            home.open(account.directory)
        with monkeypatch.context() as patched:
            patched.setattr("os.getpid", lambda: 1)
            with pytest.raises(WrongProcess):
                account.sign(REQUEST)


def use_up(account: HybridAccount, leaves: int) -> None:
    """As if so many had been signed, and all were buried."""
    signer = account._tree.signer
    signer._journal.reserve(leaves)
    signer._record.reserve(leaves)
    signer._next[Part.BODY] = leaves
    account.settle(leaves)


def test_the_last_sixteen_leaves_sign_no_transaction(home: Home, account: HybridAccount) -> None:
    with home.open(account.directory) as again:
        use_up(again, 1007)
        assert again.sign(dataclasses.replace(REQUEST, nonce=1)).payload.leaf == 1007
        with pytest.raises(RotationDue, match="last 16"):
            again.sign(dataclasses.replace(REQUEST, nonce=2))
        assert again.sign(REQUEST).payload.leaf == 0, "what is signed is handed out again"
    with pytest.raises(RotationDue):
        home.open(account.directory)


def test_too_many_that_may_still_be_undone(home: Home, account: HybridAccount) -> None:
    with home.open(account.directory) as again:
        use_up(again, 300)
        again._tree.signer._journal.reserve(555)
        again._tree.signer._next[Part.BODY] = 555
        assert again.sign(dataclasses.replace(REQUEST, nonce=1)).payload.leaf == 555
        with pytest.raises(LeavesPending, match="quip wallet settle"):
            again.sign(dataclasses.replace(REQUEST, nonce=2))
        again.settle(301)
        assert again.sign(dataclasses.replace(REQUEST, nonce=2)).payload.leaf == 556


def test_without_its_state_there_is_no_account(home: Home, tmp_path: Path) -> None:
    assert hybrid_accounts(home.wallet) == []
    with pytest.raises(AccountRefused, match="is gone"):
        show_account(tmp_path, home.records)
    (tmp_path / "account.json").write_text('{"version": 1, "suite": 9}')
    (tmp_path / "account.json").chmod(0o600)
    for attempt in (show_account, lambda place, records: home.open(place)):
        with pytest.raises(AccountRefused, match="cannot be read"):
            attempt(tmp_path, home.records)
