"""docs/forks.md: what a run was, and what it showed."""

from __future__ import annotations

import datetime
import os
import statistics
from collections import Counter

from benchmarks import report
from benchmarks.forks.run import NAMES, Run

WEI = 10**18
HEAD = """# Two real nodes and a link that is cut

Made by `make forks MINUTES={minutes:.0f} SEED={seed} WRITE=1`; do not edit. Two nodes mine the {genesis} network with
one thread each, as processes with their own data directories. Every datagram between them goes through a relay, which
now and then loses all of them for a while, so that both mine on. At the end both are stopped and started again without
mining, must name one head, and are stopped; `quip chain verify` and `quip db check` run on both; and all that the chain
paid is computed a second time, from its headers and the ommers' headers alone (`benchmarks/forks/ledger.py`).
"""


def text_of(found: Run) -> str:
    """The page."""
    head = HEAD.format(minutes=found.asked.seconds / 60, seed=found.asked.seed, genesis=found.asked.genesis)
    now = datetime.datetime.now(tz=datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    stamp = f"{now}, commit {report.commit()}; {report.machine()}; niceness {os.nice(0)}"
    parts = [head, stamp, "", "## Found", "", *_found(found), "", "## Paid", "", *_paid(found)]
    return "\n".join([*parts, "", "## Cuts", "", _cuts(found), ""])


def _found(found: Run) -> list[str]:
    network, check = found.network.figures, found.checks[NAMES[0]]
    forks, minutes = network["forks"], network["seconds"] / 60
    forked = [cut for cut in found.cuts if cut.forked]
    agreed = [cut.agreed_s for cut in found.cuts if cut.agreed_s is not None] or [0.0]
    made = [count for cut in forked for count in cut.made] or [0]
    unshown = [f"{name} {len(one.lost - one.ommers)} of {len(one.lost)}" for name, one in found.checks.items()]
    return [
        f"* {len(check.blocks) - 1} blocks in {minutes:.1f} minutes, one every {network['blockTime']} s; won by "
        + " and ".join(f"{node['name']} ({node['wins']})" for node in network["nodes"]),
        f"* {len(found.cuts)} cuts, {len(forked)} of them made a fork, with branches of {min(made)} to {max(made)} "
        f"blocks, median {statistics.median(made):.0f}; {found.lost_datagrams} datagrams were lost",
        f"* one head again after {statistics.median(agreed):.1f} s (median), {max(agreed):.1f} s at most",
        f"* reorganisations, both nodes together: {forks['reorganisations']}, the deepest of {forks['deepest']} blocks",
        f"* {len(check.ommers)} ommers shown, {len(check.ledger.contested)} heights contested",
        f"* stored blocks that lost and are not shown: {', '.join(unshown)}",
        f"* at the end one head on both: {'yes' if network['oneTip'] else 'NO'}",
        *(f"* {line}: {_said(answer)}" for line, answer in found.commands.items()),
        *([f"* PROBLEM: {problem}" for problem in found.problems] or ["* problems: none"]),
    ]


def _said(answer: dict[str, object]) -> str:
    if "sound" in answer:
        return f"sound, {answer['blocks']} blocks, {answer['stateNodes']} nodes of the state"
    return f"valid, {answer['blocks']} blocks in {answer['seconds']} s"


def _paid(found: Run) -> list[str]:
    check = found.checks[NAMES[0]]
    ledger = check.ledger
    settled = sum(ledger.streaks.values())
    bonuses = Counter(bonus.counted for bonus in ledger.bonuses)
    sums = Counter[int]()
    for bonus in ledger.bonuses:
        sums[bonus.counted] += bonus.amount
    rows = [
        [str(place), str(ledger.streaks[place]), str(bonuses[place]), f"{sums[place] / WEI:.4f}"]
        for place in sorted(ledger.streaks)
    ]
    coins = {
        "genesis": check.genesis_supply, "blocks": ledger.own, "ommers": ledger.to_ommers,
        "held back and returned": ledger.returned, "bonuses": ledger.in_bonuses,
    }  # fmt: skip
    return [
        f"{settled} heights were settled. Per place in a counted streak (0: contested), the bonuses that were paid;",
        "each was compared with what the account at the miner's id gained in the block that settled the height:",
        "",
        report.table(["place", "heights", "bonuses", "coins"], rows),
        "",
        "* paid, in coins: " + ", ".join(f"{what} {amount / WEI:.4f}" for what, amount in coins.items()),
        f"* together {sum(coins.values()) / WEI:.4f}, to the wei what the state's {len(ledger.balances)} accounts hold",
        f"* burnt {ledger.burnt / WEI:.4f}, held back and not settled yet {ledger.pending / WEI:.4f}",
        "* genesis and the recomputed balances have the head's state root: "
        + ("NO, see the problems" if check.problems else "yes"),
    ]


def _cuts(found: Run) -> str:
    rows = [
        [
            f"{cut.at_s:.0f}", f"{cut.apart_s:.0f}", " / ".join(map(str, cut.made)), "yes" if cut.forked else "no",
            "-" if cut.agreed_s is None else f"{cut.agreed_s:.1f}",
        ]
        for cut in found.cuts
    ]  # fmt: skip
    return report.table(["at, s", "lasted, s", "blocks, one / other", "fork", "one head after, s"], rows)
