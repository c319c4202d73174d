"""What `import pyconv` costs over NumPy's: the median over fresh processes, and with --modules what takes the longest.

python benchmarks/import_time.py --rounds 20
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

# Stated in milliseconds; the test of what is imported, which needs no quiet machine, is tests/test_import.py.
MOST = 30.0
TIMED = "import numpy, time; begin = time.perf_counter(); import pyconv; print((time.perf_counter() - begin) * 1e3)"


def milliseconds(rounds: int) -> list[float]:
    """The time of one import after another, each in a process of its own where NumPy has been imported."""
    runs = [subprocess.run([sys.executable, "-c", TIMED], capture_output=True, text=True, check=True)]  # makes bytecode
    runs = [subprocess.run(runs[0].args, capture_output=True, text=True, check=True) for _ in range(rounds)]
    return [float(run.stdout) for run in runs]


def slowest(count: int) -> list[str]:
    """The modules that themselves take the longest, as `python -X importtime` tells."""
    command = [sys.executable, "-X", "importtime", "-c", "import pyconv"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    rows = [line.removeprefix("import time:").split("|") for line in told.splitlines()[1:]]
    own = sorted(((int(row[0]), row[2].strip()) for row in rows), reverse=True)
    return [f"{time / 1e3:7.2f} ms  {name}" for time, name in own if not name.startswith("numpy")][:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, metavar="N")
    parser.add_argument("--modules", type=int, default=0, metavar="N", help="list so many of the slowest")
    options = parser.parse_args()
    times = milliseconds(options.rounds)
    print(f"import pyconv: {statistics.median(times):.1f} ms over NumPy's ({min(times):.1f} to {max(times):.1f})")
    for line in slowest(options.modules):
        print(line)
    if statistics.median(times) > MOST:
        raise SystemExit(f"It should be {MOST:.0f} ms at most.")


if __name__ == "__main__":
    main()
