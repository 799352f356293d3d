"""Question -> ranked hits: BM25 and vectors, fused by the mean of their scores.

Fusion: Bruch, Gai and Ingber (2023), "An analysis of fusion functions for hybrid retrieval": where reciprocal ranks
throw away by how much a passage leads, a convex combination of normalised scores keeps it.
Feedback: the vectors are asked twice, the second time with the question moved towards the best passage of the first
(Rocchio 1971; Li et al. 2022, "Pseudo relevance feedback with deep language models and dense retrievers").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from askllama.index.store import Store
from askllama.spelling import respell
from askllama.types import Encoder, Found, Hit
from askllama.words import adjacent_words, content_words, fts_query

if TYPE_CHECKING:
    from askllama.index.vectors import Vectors

CANDIDATES = 300
"""Passages of each kind, by words and by vectors, that are fused."""

_SPELLING = 10  # passages from which the documents' spelling is learnt, however many are asked for


@dataclass(frozen=True, slots=True)
class Retriever:
    """Finds passages of one index."""

    store: Store
    vectors: Vectors
    encoder: Encoder

    def find(self, question: str, count: int) -> Found:
        """The best ``count`` passages for a question, in whatever way it is spelled."""
        hits = self.retrieve(question, max(count, _SPELLING))
        counts = self.count_words(question)
        passages = (hit.passage for hit in hits[:_SPELLING])
        spelled = respell(question, (f"{p.heading_path}\n{p.text}" for p in passages), counts)
        if spelled == question:
            return Found(question, hits[:count], counts)
        return Found(spelled, self.retrieve(spelled, count), self.count_words(spelled))

    def retrieve(self, question: str, count: int) -> list[Hit]:
        """The best ``count`` passages for a question as it is typed, best first."""
        pool = max(CANDIDATES, count)
        vector = self.encoder.encode_question(question)
        lexical, dense = self.match(question, pool), dict(self.vectors.search(vector, pool))
        best = fuse(lexical, dense)[:1]
        again = dict(self.vectors.search(self.vectors.approach(vector, best[0][0]), pool)) if best else {}
        fused = fuse(lexical, again)[:count]
        passages = self.store.passages(number for number, _ in fused)
        return [
            Hit(passages[number], rank, score, dense.get(number), lexical.get(number))
            for rank, (number, score) in enumerate(fused, start=1)
        ]

    def match(self, question: str, count: int = CANDIDATES) -> dict[int, float]:
        """BM25 scores of the passages that hold any of the question's words or pairs of words, best first."""
        query = fts_query([*content_words(question), *adjacent_words(question)])
        return dict(self.store.match(query, count)) if query else {}

    def count_words(self, question: str) -> dict[str, int]:
        """In how many passages each content word of the question occurs."""
        return {word: self.store.count_matches(fts_query([word], whole=True)) for word in content_words(question)}


def fuse(lexical: Mapping[int, float], dense: Mapping[int, float]) -> list[tuple[int, float]]:
    """Ids with the mean of their two scores, each brought to 0 .. 1, best first; ties go to the smaller id.

    A passage that no word of the question is in has the BM25 score 0; one that is not among the nearest vectors counts
    as the farthest of them.
    """
    top = max(lexical.values(), default=0.0) or 1.0
    nearest, farthest = max(dense.values(), default=0.0), min(dense.values(), default=0.0)
    width = nearest - farthest or 1.0
    scores = {
        number: (lexical.get(number, 0.0) / top + (dense.get(number, farthest) - farthest) / width) / 2
        for number in {*lexical, *dense}
    }
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
