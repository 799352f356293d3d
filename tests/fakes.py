"""Deterministic stand-ins that implement the real interfaces."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from askllama.budget import ANSWER, Rates
from askllama.types import Evidence, Passage, Reading, Span, Writing

DIMENSIONS = 256


class FakeEncoder:
    """Bags of words: texts that share words are near each other. Counts what it encodes."""

    identity = "fake:1"

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode_passages(self, texts: Sequence[str]) -> NDArray[float32]:
        self.encoded += texts
        return np.stack([self.encode_question(text) for text in texts])

    def encode_question(self, text: str) -> NDArray[float32]:
        vector = np.full(DIMENSIONS, 1e-3, dtype=np.float32)
        for word in re.findall(r"\w+", text.lower()):
            vector[zlib.crc32(word.encode()) % DIMENSIONS] += 1
        unit: NDArray[float32] = vector / np.float32(np.linalg.norm(vector))
        return unit


class FakeReader:
    """Finds fixed patterns in passages, each with its score."""

    def __init__(self, scores: Mapping[str, float]) -> None:
        self._scores = scores

    def read(self, question: str, passages: Sequence[Passage]) -> Iterator[Reading]:
        return (Reading(p, tuple(sorted(self._spans(p), key=lambda s: -s.score))) for p in passages)

    def _spans(self, passage: Passage) -> Iterator[Span]:
        for pattern, score in self._scores.items():
            for match in re.finditer(pattern, passage.text):
                yield Span(passage.start + match.start(), passage.start + match.end(), match.group(), score)


class FakeGenerator:
    """Writes a fixed text, word by word, and keeps the evidence it was given."""

    name = "fake generator"

    room = 10_000
    rates = Rates(100.0, 40.0)
    writing = Writing("fake.gguf", "a" * 64, "1", "b" * 64)

    def __init__(self, text: str) -> None:
        self._text = text
        self.evidence: Sequence[Evidence] = ()
        self.shown: tuple[Evidence, ...] = ()
        self.longest = 0

    def count(self, text: str) -> int:
        return len(text.split())

    def begin(self, follow_up: bool) -> None:
        self.shown = self.shown if follow_up else ()

    def generate(self, question: str, evidence: Sequence[Evidence], longest: int = ANSWER) -> Iterator[str]:
        self.evidence, self.longest = evidence, longest
        self.shown += tuple(evidence)
        yield from re.findall(r"\S+\s*", self._text)

    def rewrite(self, question: str) -> Iterator[str]:
        yield from re.findall(r"\S+\s*", self._text)

    def close(self) -> None:
        self.evidence = ()
