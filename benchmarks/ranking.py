"""What each part of retrieval contributes: ``python -m benchmarks.ranking FOLDER``.

FOLDER is what ``benchmarks.corpora`` wrote. Ranked are files, each by its best passage: with the vectors alone,
BM25 alone, both fused, fused with feedback as ``askllama search`` shows them, and as the reader and the selection
then order those read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import click

from askllama.config import load_settings
from askllama.index.vectors import open_vectors
from askllama.library import Library
from askllama.retrieval import CANDIDATES, Retriever, fuse
from askllama.selection import rank

_POOL = 60  # passages ranked for a question; enough for ten files
_DEPTH = 10
_WAYS = ("dense", "BM25", "fused", "+ feedback", "+ reader")

Grades = Mapping[str, int]


def ndcg(ranking: Sequence[str], grades: Grades) -> float:
    """nDCG@10 with the grades as gains, as trec_eval computes it (Järvelin and Kekäläinen 2002)."""
    ideal = sorted(grades.values(), reverse=True)
    return _gain([grades.get(name, 0) for name in ranking]) / _gain(ideal)


def _gain(grades: Sequence[int]) -> float:
    return sum(grade / math.log2(place) for place, grade in enumerate(grades[:_DEPTH], start=2))


def first_relevant(ranking: Sequence[str], grades: Grades) -> float:
    """The rank of the first relevant file; infinite where none is among the first ten."""
    return next((place for place, name in enumerate(ranking[:_DEPTH], start=1) if name in grades), math.inf)


def rankings(library: Library, retriever: Retriever, typed: str) -> Iterator[list[str]]:
    """File names, best first, in each of the _WAYS."""
    spelled = retriever.find(typed, _POOL)
    question, hits = spelled.question, spelled.hits
    lexical = retriever.match(question)
    dense = dict(retriever.vectors.search(retriever.encoder.encode_question(question), CANDIDATES))
    fused = [number for number, _ in fuse(lexical, dense)[:_POOL]]
    found = [hit.passage.id for hit in hits]
    read = hits[: library.settings.passages]
    readings = library.reader.read(question, [hit.passage for hit in read])
    candidates = rank(question, read, readings, spelled.counts)
    ordered = [c.passage.id for c in candidates] + found
    ways = (list(dense)[:_POOL], list(lexical)[:_POOL], fused, found, ordered)
    passages = retriever.store.passages({number for way in ways for number in way})
    for numbers in ways:
        yield list(dict.fromkeys(Path(passages[number].path).name for number in numbers))


def measure(library: Library, rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, list[float]]]:
    """Each measure's name, and its mean over the questions for each of the _WAYS."""
    vectors = open_vectors(library.folder / "vectors.faiss", library.store.stamp, library.store.embeddings)
    retriever = Retriever(library.store, vectors, library.encoder)
    ranked = [(row["relevance"], list(rankings(library, retriever, row["question"]))) for row in rows]
    by_way = [[(ways[n], grades) for grades, ways in ranked] for n in range(len(_WAYS))]
    firsts = [[first_relevant(*pair) for pair in pairs] for pairs in by_way]
    for depth in (1, 5):
        yield f"hit@{depth}", [fmean(first <= depth for first in way) for way in firsts]
    yield f"MRR@{_DEPTH}", [fmean(1 / first for first in way) for way in firsts]
    yield f"nDCG@{_DEPTH}", [fmean(ndcg(*pair) for pair in pairs) for pairs in by_way]
    yield (
        f"nDCG@{_DEPTH}, each grade 1",
        [fmean(ndcg(ranking, dict.fromkeys(grades, 1)) for ranking, grades in pairs) for pairs in by_way],
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--limit", default=0, help="Only so many questions a collection, evenly drawn.")
def main(folder: Path, limit: int) -> None:
    """Print a table for the collections in FOLDER."""
    print(f"| collection | measure | {' | '.join(_WAYS)} |")
    print("|---|---|" + "---|" * len(_WAYS))
    for questions in sorted(folder.glob("*/questions.jsonl")):
        rows = [json.loads(line) for line in questions.read_text(encoding="utf-8").splitlines()]
        rows = [row for row in rows if row["answerable"] and row["relevance"]]
        rows = rows[:: max(1, len(rows) // limit) if limit else 1]
        with Library.open(load_settings({"corpus": [questions.parent / "documents"]})) as library:
            library.sync()
            for name, means in measure(library, rows):
                figures = " | ".join(f"{mean:.3f}" for mean in means)
                print(f"| {questions.parent.name} ({len(rows)}) | {name} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
