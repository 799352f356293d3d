"""Question -> ranked hits: BM25 and vectors, fused by reciprocal rank.

Fusion: Cormack, Clarke and Buettcher (2009), reciprocal rank fusion with k = 60.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from askllama.index.store import Store
from askllama.types import Encoder, Hit
from askllama.words import content_words, fts_query

if TYPE_CHECKING:
    from askllama.index.vectors import Vectors

_POOL = 60  # least number of candidates of each kind
_K = 60  # Cormack et al.'s constant


@dataclass(frozen=True, slots=True)
class Retriever:
    """Finds passages of one index."""

    store: Store
    vectors: Vectors
    encoder: Encoder

    def search(self, question: str, count: int) -> list[Hit]:
        """The best ``count`` passages for a question, best first."""
        pool = max(_POOL, count)
        lexical = dict(self.store.match(query, pool)) if (query := fts_query(content_words(question))) else {}
        dense = dict(self.vectors.search(self.encoder.encode_question(question), pool))
        fused = fuse([list(lexical), list(dense)])[:count]
        passages = self.store.passages(number for number, _ in fused)
        return [
            Hit(passages[number], rank, score, dense.get(number), lexical.get(number))
            for rank, (number, score) in enumerate(fused, start=1)
        ]

    def count_words(self, question: str) -> dict[str, int]:
        """In how many passages each content word of the question occurs."""
        return {word: self.store.count_matches(fts_query([word], whole=True)) for word in content_words(question)}


def fuse(rankings: list[list[int]]) -> list[tuple[int, float]]:
    """Ids with their reciprocal-rank score, best first; ties go to the smaller id."""
    scores: defaultdict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, number in enumerate(ranking, start=1):
            scores[number] += 1 / (_K + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
