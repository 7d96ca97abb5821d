"""One simulation from the first start to the last stop.

It mines until the time, the height or Ctrl-C says so. Then every node is stopped and started again without mining, and
they have to agree: a head that all of them name is the one tip. Only if two tips weigh the same, which nothing but
another block can decide, the bootstrap mines on.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from quip.localnet.network import LocalNetwork
from quip.localnet.plan import NodePlan
from quip.localnet.random_kills import RandomKills
from quip.localnet.report import NetworkReport, collect

LOOK_S = 0.5
AGREE_S = 90.0  # the longest wait for one tip; a partition would need 60 s (dials back off)
QUIET_S = 10.0  # nobody is killed so shortly before the end

Show = Callable[[LocalNetwork, float, str], None]
"""Shows the network, seconds from the beginning, and what goes on."""
Disturb = Callable[[LocalNetwork, float], None]
"""Called while it mines, with seconds from the beginning: does something to the network, such as cutting a link."""


@dataclass(frozen=True, slots=True)
class Ending:
    """When a simulation ends, whichever comes first; None: not by this."""

    duration_s: float | None
    blocks: int | None
    kill_seed: int | None
    """Seed of --kill-random; None: nobody is killed."""


class Interruption:
    """Ctrl-C, SIGTERM and SIGHUP: the first ends the mining, the second everything."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While inside, the signals come here."""
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()

    def wait(self) -> bool:
        """Wait a moment; False once asked to end."""
        return not self._asked.wait(LOOK_S)

    def pause(self) -> bool:
        """Wait a moment, asked to end or not."""
        threading.Event().wait(LOOK_S)
        return True


class LocalnetRun:
    """Runs the nodes of some plans."""

    def __init__(self, plans: Sequence[NodePlan], ending: Ending, show: Show, disturb: Disturb | None = None) -> None:
        self._network = LocalNetwork(plans)
        self._ending = ending
        self._show = show
        self._disturb = disturb
        self._interruption = Interruption()
        self._problems: dict[str, None] = {}
        until_s = None if ending.duration_s is None else ending.duration_s - QUIET_S
        seed = ending.kill_seed
        self._kills = None if seed is None else RandomKills(seed, self._network.children, until_s)

    def run(self) -> NetworkReport:
        """Run to the end. Raises NodeDidNotStart; a second Ctrl-C raises KeyboardInterrupt. No process survives."""
        started = time.time()
        with self._interruption.listening():
            try:
                self._network.start_all(mining=True, wait=self._interruption.wait)
                mined_s = self._mine()
                self._settle(mined_s)
                kills = [] if self._kills is None else self._kills.done
                outcome = collect(self._network, kills, started, mined_s)
            except KeyboardInterrupt:
                self._network.kill_all()
                raise
            finally:
                self._network.close()
        outcome.problems[:0] = list(self._problems)
        return outcome

    def _mine(self) -> float:
        begin = time.monotonic()
        while self._interruption.wait():
            now_s = time.monotonic() - begin
            self._look(now_s, "mining")
            if self._kills is not None:
                self._kills.act(self._network, now_s)
            if self._disturb is not None:
                self._disturb(self._network, now_s)
            best = max((answer.number for answer in self._network.answers.values() if answer is not None), default=0)
            if self._ending.duration_s is not None and now_s >= self._ending.duration_s:
                break
            if self._ending.blocks is not None and best >= self._ending.blocks:
                break
        return time.monotonic() - begin

    def _look(self, now_s: float, stage: str) -> None:
        network = self._network
        network.look()
        down = None if self._kills is None else self._kills.down
        for child in network.children:
            if child.status is not None and child.plan.name != down:
                network.gone(child.plan.name)
                self._problems[f"{child.plan.name} ended by itself with status {child.status}"] = None
        self._show(network, now_s, stage)

    def _settle(self, mined_s: float) -> None:
        """Stop the mining and wait until the nodes agree."""
        network, since = self._network, time.monotonic()
        for name in network.stop():
            self._problems[f"{name} did not stop when told to, and was killed"] = None
        network.start_all(mining=False, wait=self._interruption.pause)
        undecided = False
        while not network.one_tip and time.monotonic() - since < AGREE_S:
            self._interruption.pause()
            self._look(mined_s + time.monotonic() - since, "waiting for one tip")
            weights = {answer.total_difficulty for answer in network.answers.values() if answer is not None}
            if not undecided and len(weights) == 1 and not network.one_tip:
                undecided = True
                first = network.children[0]
                first.ask_to_stop()
                first.wait()
                first.start(mining=True)
        self._look(mined_s + time.monotonic() - since, "one tip" if network.one_tip else "not converged")
