"""What reading costs, as ratios: ``python -m benchmarks.reading [GGUF ...]``.

Every way reads the same ten passages for the same question as the shipped one does just before it, so that a machine
that slows down slows both. A GGUF is a reader of another quantisation: ``python -m training.export RUN q4.gguf
--quantisation Q4_0``.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median
from typing import Any
from unittest.mock import patch

from askllama import kinds
from askllama.answering import CLEAR
from askllama.config import load_settings
from askllama.library import Library
from askllama.models import llama
from askllama.models.reader import GgufReader
from askllama.models.registry import READER
from askllama.selection import Candidate, rank
from askllama.types import Found, Reading

QUESTIONS = ("questions", "held_out", "unseen", "fresh")
EVERY = 6

Way = Callable[[Found], Iterable[Reading]]


def retrieve() -> list[Found]:
    """The passages for each sixth question of the tests that askllama may stop early at."""
    rows = [row for name in QUESTIONS for row in Path(f"tests/{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    questions = [question for row in rows if kinds.asks_one(question := json.loads(row)["question"])]
    with tempfile.TemporaryDirectory() as data, Library.open(replace(load_settings(), data=Path(data))) as library:
        library.sync()
        return [library.find(question, library.settings.passages) for question in questions[::EVERY]]


def measure(way: Way, found: Found, clear: float = math.inf) -> tuple[float, list[Candidate]]:
    """Wall seconds for one question, and its candidates."""
    began = time.perf_counter()
    candidates = rank(found.question, found.hits, way(found), found.counts, clear)
    return time.perf_counter() - began, candidates


def compare(name: str, way: Way, shipped: Way, questions: Sequence[Found], clear: float = math.inf) -> None:
    """Print the median time, how it compares, the passages read, and for how many questions the best is the same."""
    measure(way, questions[0])
    pairs = [(measure(way, found, clear), measure(shipped, found)) for found in questions]
    time_, ratio = median(one for (one, _), _ in pairs), median(one / other for (one, _), (other, _) in pairs)
    read = fmean(len({candidate.passage.id for candidate in found}) for (_, found), _ in pairs)
    same = fmean(found[0].span.text == other[0].span.text for (_, found), (_, other) in pairs)
    print(f"{name:<32} {time_ * 1000:6.0f} ms  ratio {ratio:4.2f}  passages {read:4.1f}  same best {same:5.3f}")


@contextmanager
def parameters(**values: int) -> Iterator[None]:
    """Contexts made meanwhile have these llama.cpp parameters."""
    make = llama._context_parameters

    def changed(threads: int, longest: int) -> Any:
        made = make(threads, longest)
        for name, value in values.items():
            setattr(made, name, value)
        return made

    with patch.object(llama, "_context_parameters", changed):
        yield


def alone(reader: GgufReader) -> Way:
    """One passage after the other, each when it is asked for."""
    return lambda found: reader.read(found.question, [hit.passage for hit in found.hits])


def together(readers: Sequence[GgufReader]) -> Way:
    """The passages dealt out to several readers that read at the same time."""
    pool = ThreadPoolExecutor(len(readers))

    def read(found: Found) -> list[Reading]:
        turns = [readers[n % len(readers)] for n in range(len(found.hits))]
        parts = [[hit.passage for hit, turn in zip(found.hits, turns, strict=True) if turn is r] for r in readers]
        made = list(pool.map(lambda reader, part: iter(list(reader.read(found.question, part))), readers, parts))
        return [next(made[n % len(readers)]) for n in range(len(found.hits))]

    return read


def main() -> None:
    """All ways."""
    threads = load_settings().threads
    questions = retrieve()
    shipped = alone(GgufReader(READER, threads))
    compare(f"{threads} threads, all passages", shipped, shipped, questions)
    compare("until an answer is clear", shipped, shipped, questions, CLEAR)
    compare("one thread", alone(GgufReader(READER, 1)), shipped, questions)
    compare(f"{threads} at once", together([GgufReader(READER, 1) for _ in range(threads)]), shipped, questions)
    with parameters(flash_attn_type=0):
        plain = GgufReader(READER, threads)
    compare("without flash attention", alone(plain), shipped, questions)
    for path in map(Path, sys.argv[1:]):
        compare(path.name, alone(GgufReader(path, threads)), shipped, questions)


if __name__ == "__main__":
    main()
