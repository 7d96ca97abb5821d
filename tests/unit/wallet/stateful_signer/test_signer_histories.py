"""Random histories of one signer: signatures, crashes at any step, backups taken and restored. No leaf signs twice."""

import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from faults.file_steps import Moment, counted
from quip.primitives import ecdsa
from quip.primitives.hybrid import SUITE_ACCOUNT, SUITE_MINING, HybridKeys
from quip.wallet.errors import SignerStateError, WalletError
from quip.wallet.stateful_signer.journal import Part
from quip.wallet.stateful_signer.signer import HybridSecret, StatefulSigner
from support.examples import examples

SECRET = b"\1" * 32
SUITES = (SUITE_ACCOUNT, SUITE_MINING)

SIGN = st.tuples(st.just("sign"), st.integers(0, 60), st.sampled_from(Part))
CRASH = st.tuples(st.just("crash"), st.integers(1, 12), st.sampled_from(Moment))
OTHERS = st.sampled_from([("reopen",), ("backup",), ("restore journal",), ("restore record",), ("cut",)])
HISTORY = st.lists(st.one_of(SIGN, SIGN, CRASH, OTHERS), max_size=40)


class Crashed(BaseException):
    """Stands for the power cut."""


def crash() -> None:
    raise Crashed


class Witness:
    """Writes down what each leaf signs."""

    def __init__(self) -> None:
        self.digests: defaultdict[int, set[bytes]] = defaultdict(set)

    def sign(self, leaf: int, message: bytes) -> bytes:
        """As LeafKey."""
        self.digests[leaf].add(message)
        return b"signature"


def digest(leaf: int, message: bytes) -> bytes:
    return sha256(leaf.to_bytes(8, "big") + message).digest()


class World:
    """A directory, its record, one backup of each, and the signer if it is open."""

    def __init__(self, directory: Path, suite: int) -> None:
        self.journal, self.record = directory / "journal", directory / "record"
        self.witness = Witness()
        keys = HybridKeys(suite, ecdsa.public_key(SECRET), b"\0\0\0\1" + bytes(64))
        self.secret = HybridSecret(keys, SECRET, self.witness)
        self.signer: StatefulSigner | None = StatefulSigner.create(self.secret, 7, self.journal, self.record)
        self.refused = False

    def reopen(self) -> None:
        if self.signer is not None:
            self.signer.close()
            self.signer = None
        if not self.refused:
            try:
                self.signer = StatefulSigner.open(self.secret, 7, self.journal, self.record)
            except SignerStateError:
                self.refused = True

    def sign(self, number: int, part: Part = Part.BODY) -> None:
        message = sha256(b"%d" % number).digest()
        if self.signer is not None:
            self.signer.sign(message, lambda leaf: digest(leaf, message), part)

    def crash(self, step: int, moment: Moment) -> None:
        """Sign new messages until the step is reached; then come back up."""
        try:
            with counted(step, moment, crash):
                for number in range(100, 106):
                    self.sign(number + 10 * len(self.witness.digests), Part(number % 3 == 0))
        except Crashed:
            pass
        self.reopen()

    def backup(self) -> None:
        for path in (self.journal, self.record):
            shutil.copyfile(path, path.with_suffix(".backup"))

    def restore(self, path: Path) -> None:
        """Only one of the two comes back: the record lies where backups of the directory don't reach."""
        if path.with_suffix(".backup").exists():
            shutil.copyfile(path.with_suffix(".backup"), path)
        self.reopen()

    def cut(self) -> None:
        """The journal loses its last bytes."""
        os.truncate(self.journal, max(0, self.journal.stat().st_size - 40))
        self.reopen()


@contextmanager
def world(suite: int = SUITE_MINING) -> Iterator[World]:
    with tempfile.TemporaryDirectory() as directory:
        made = World(Path(directory), suite)
        try:
            yield made
        finally:
            if made.signer is not None:
                made.signer.close()


def step(made: World, event: tuple[object, ...]) -> None:
    kind, *rest = event
    if kind == "sign":
        number, part = rest
        assert isinstance(number, int) and isinstance(part, Part)
        made.sign(number, part)
    elif kind == "crash":
        at, moment = rest
        assert isinstance(at, int) and isinstance(moment, Moment)
        made.crash(at, moment)
    elif kind == "reopen":
        made.reopen()
    elif kind == "backup":
        made.backup()
    elif kind == "cut":
        made.cut()
    else:
        made.restore(made.journal if kind == "restore journal" else made.record)


@examples(150)
@given(HISTORY, st.sampled_from(SUITES))
def test_no_leaf_ever_signs_two_digests(history: list[tuple[object, ...]], suite: int) -> None:
    with world(suite) as made:
        for event in history:
            try:
                step(made, event)
            except WalletError:
                made.reopen()
        assert all(len(digests) == 1 for digests in made.witness.digests.values())


def test_the_histories_do_sign_crash_and_refuse() -> None:
    with world() as made:
        made.sign(1)
        made.crash(4, Moment.TORN)
        assert made.signer is not None
        made.backup()
        for number in range(200, 240):
            made.sign(number)
        made.restore(made.journal)
        assert made.refused
        assert len(made.witness.digests) > 40
