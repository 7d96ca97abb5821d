"""atheris over every target: `cd tests && python -m fuzz SECONDS [TARGET ...]`; `make fuzz` runs it.

Each target runs in a process of its own (libFuzzer ends its process), begins with the corpus, keeps what it finds in
target/fuzz/TARGET. A crash prints its input in hex: a line for tests/vectors/fuzz/TARGET.txt.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAX_INPUT = 4_096  # bytes; sizes up to the limits are swept by the tests of codec and frames


def search(target: str, options: list[str]) -> None:
    """Fuzzes one target in this process; does not return."""
    import atheris

    with atheris.instrument_imports(include=["quip", "fuzz"]):
        from fuzz.targets import TARGETS

    atheris.Setup([sys.argv[0], *options], TARGETS[target])
    atheris.Fuzz()


def run(target: str, seconds: int) -> bool:
    """Fuzzes one target in another process; True if it held."""
    from fuzz.corpus import inputs

    folder = ROOT / "target" / "fuzz" / target
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs(target):
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    crashes = folder.parent / f"{target}-"
    command = [
        sys.executable, "-m", "fuzz", "--search", target, str(folder), f"-max_total_time={seconds}",
        f"-max_len={MAX_INPUT}", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
        f"-artifact_prefix={crashes}",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT / "tests", capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    shown = [line for line in lines if line.startswith(("stat::number_of", "Done"))]
    print(f"{target}: {'; '.join(shown)}", flush=True)
    if done.returncode:
        print("\n".join(lines[-60:]))
        for path in sorted(folder.parent.glob(f"{target}-*")):
            print(f"{path}: {path.read_bytes().hex()}")
    return done.returncode == 0


def main() -> int:
    """0 if every target held."""
    if sys.argv[1:2] == ["--search"]:
        search(sys.argv[2], sys.argv[3:])
    from fuzz.targets import TARGETS

    seconds, names = int(sys.argv[1]), sys.argv[2:] or list(TARGETS)
    held = [run(name, seconds) for name in names]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
