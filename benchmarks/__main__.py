"""All benchmarks in one run: `make bench`. Prints every section and writes docs/benchmarks.md.

PROTOTYPE=DIRECTORY adds an outside kernel (and miner, see `benchmark_miner`) to the comparison. ONLY="sync hostile"
measures these anew and leaves the other sections as they are: each says when, where and of which commit it was made.
`python -m benchmarks economics` is no measurement of this machine and has files of its own, docs/economics.
`python -m benchmarks forks` lets two real nodes mine with forced forks, and writes docs/forks.md.
"""

import argparse
import datetime
import sys
from types import ModuleType

from benchmarks import (
    benchmark_cancel,
    benchmark_chain,
    benchmark_developer,
    benchmark_evm,
    benchmark_hostile,
    benchmark_kernel,
    benchmark_mempool,
    benchmark_miner,
    benchmark_ommers,
    benchmark_propagation,
    benchmark_rpc,
    benchmark_sampler,
    benchmark_seal,
    benchmark_signatures,
    benchmark_state,
    benchmark_sync,
    benchmark_transactions,
    report,
)
from benchmarks.economics import command as economics
from benchmarks.forks import command as forks

BENCHMARKS: dict[str, ModuleType] = {
    "kernel": benchmark_kernel,
    "seal": benchmark_seal,
    "miner": benchmark_miner,
    "cancel": benchmark_cancel,
    "sampler": benchmark_sampler,
    "signatures": benchmark_signatures,
    "state": benchmark_state,
    "evm": benchmark_evm,
    "mempool": benchmark_mempool,
    "transactions": benchmark_transactions,
    "chain": benchmark_chain,
    "ommers": benchmark_ommers,
    "sync": benchmark_sync,
    "propagation": benchmark_propagation,
    "hostile": benchmark_hostile,
    "rpc": benchmark_rpc,
    "developer": benchmark_developer,
}

HEAD = """# Benchmarks

Made by `make bench` (with `PROTOTYPE=DIRECTORY` for the outside kernel, `ONLY="sync hostile"` for some sections); do
not edit. Absolute times are those of each section's machine; what holds elsewhere are ratios measured side by side.
"""
FILE = report.ROOT / "docs" / "benchmarks.md"
MARK = "## "


def stamped(section: str) -> str:
    """A section with a line under its title that says when, where and of what it was made."""
    title, rest = section.split("\n", 1)
    now = datetime.datetime.now(tz=datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{title}\n\n{now}, commit {report.commit()}; {report.machine()}; {report.versions()}\n{rest}"


def kept() -> dict[str, str]:
    """The sections of the file as it is, by title."""
    text = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    sections = (MARK + part.rstrip("\n") + "\n" for part in ("\n" + text).split("\n" + MARK)[1:])
    return {section.split("\n", 1)[0]: section for section in sections}


def main() -> None:
    """Runs what was asked for, everything by default."""
    if sys.argv[1:2] == ["economics"]:
        economics.main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["forks"]:
        forks.main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("only", nargs="*", metavar="BENCHMARK", help=", ".join(BENCHMARKS))
    wanted = parser.parse_args().only
    if unknown := set(wanted) - set(BENCHMARKS):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}: there are {', '.join(BENCHMARKS)}")
    sections = kept() if wanted else {}
    for name in wanted or BENCHMARKS:
        section = stamped(BENCHMARKS[name].section())
        print(section, flush=True)
        sections[section.split("\n", 1)[0]] = section
        if wanted:  # a whole run writes once, at its end
            FILE.write_text("\n".join([HEAD, *sections.values()]), encoding="utf-8")
    FILE.write_text("\n".join([HEAD, *sections.values()]), encoding="utf-8")


if __name__ == "__main__":
    main()
