"""Whole-process times, as ratios: ``python -m benchmarks.startup [runs]``.

One question against ``import sentence_transformers``, and --help against an empty Python; the two
commands of a pair take turns, so that a machine that slows down slows both.
"""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

ASK = (sys.executable, "-m", "askllama", "when did Mixtral launch?")
HELP = (sys.executable, "-m", "askllama", "--help")
IMPORT = (sys.executable, "-c", "import sentence_transformers")
EMPTY = (sys.executable, "-c", "pass")


def measure(command: tuple[str, ...]) -> float:
    """Wall seconds of one run."""
    began = time.perf_counter()
    subprocess.run(command, check=False, capture_output=True)
    return time.perf_counter() - began


def compare(name: str, one: tuple[str, ...], other: tuple[str, ...], runs: int, most: float) -> None:
    """Print the median times and their ratio, after one run of each that is not counted."""
    measure(one), measure(other)
    pairs = [(measure(one), measure(other)) for _ in range(runs)]
    first, second = (median(column) for column in zip(*pairs, strict=True))
    ratio = median(a / b for a, b in pairs)
    print(f"{name:<32} {first:7.3f} s  {second:7.3f} s  ratio {ratio:5.2f}  (wanted: at most {most:.2f})")


def main() -> None:
    """Both comparisons."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    compare("question / import s_t", ASK, IMPORT, runs, 1 / 3)
    compare("--help / empty Python", HELP, EMPTY, runs * 5, 4.0)


if __name__ == "__main__":
    main()
