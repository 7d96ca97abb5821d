"""All benchmarks in one run: `make bench`. Prints every section and writes docs/benchmarks.md.

PROTOTYPE=DIRECTORY adds an outside kernel to the comparison.
"""

import datetime

import benchmark_chain
import benchmark_hostile
import benchmark_kernel
import benchmark_propagation
import benchmark_seal
import benchmark_signatures
import benchmark_state
import benchmark_sync
import report

BENCHMARKS = (
    benchmark_kernel,
    benchmark_seal,
    benchmark_signatures,
    benchmark_state,
    benchmark_chain,
    benchmark_sync,
    benchmark_propagation,
    benchmark_hostile,
)

HEAD = """# Benchmarks

Made by `make bench` (with `PROTOTYPE=DIRECTORY` for the outside kernel); do not edit. Absolute times are this
machine's; what holds elsewhere are ratios measured side by side.
"""


def main() -> None:
    """Runs everything."""
    now = datetime.datetime.now(tz=datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    sections = [HEAD, f"* {now}, commit {report.commit()}\n* {report.machine()}\n* {report.versions()}\n"]
    for benchmark in BENCHMARKS:
        section = benchmark.section()
        print(section, flush=True)
        sections.append(section)
    (report.ROOT / "docs" / "benchmarks.md").write_text("\n".join(sections), encoding="utf-8")


if __name__ == "__main__":
    main()
