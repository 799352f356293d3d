"""Fit the weights of ``askllama.selection`` on an open task: find the paragraph, then the answer.

``python -m training.calibrate ../shared/data/retrieval`` indexes the SQuAD paragraphs, asks their
questions and questions about other things (the Cranfield and MED queries), and prints the constants.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import click
import numpy as np
import torch
from numpy.typing import NDArray

from askllama.config import load_settings
from askllama.library import Library
from askllama.selection import FEATURES, describe
from askllama.words import is_name, missing_words
from training.evaluate import f1

_OFF_TOPIC = 120


@dataclass(frozen=True, slots=True)
class Asked:
    """One question's candidates: features (candidates, FEATURES), which are right, and its missing words."""

    features: NDArray[np.float32]
    right: NDArray[np.bool_]
    missing_names: int
    missing_others: int


def read_rows(path: Path) -> list[dict[str, object]]:
    """The objects of a gzipped JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write_corpus(data: Path, folder: Path) -> None:
    """One Markdown file per SQuAD paragraph, under its article's title."""
    for row in read_rows(data / "squad" / "passages.jsonl.gz"):
        (folder / f"{row['id']}.md").write_text(f"# {row['title']}\n\n{row['text']}\n", encoding="utf-8")


def questions(data: Path, count: int, random: Random) -> Iterator[tuple[str, list[str], str]]:
    """Questions with gold answers and paragraph id; both are empty where the paragraphs do not answer."""
    for row in random.sample(read_rows(data / "squad" / "questions.jsonl.gz"), count):
        yield str(row["question"]), list(row["answers"] or []), str(row.get("passage"))  # type: ignore[call-overload]
    others = read_rows(data / "cranfield" / "queries.jsonl.gz") + read_rows(data / "med" / "queries.jsonl.gz")
    for row in random.sample(others, _OFF_TOPIC):
        yield str(row["text"]), [], ""


def ask(library: Library, question: str, answers: list[str], gold: str) -> Asked | None:
    """Retrieve and read as askllama does; a candidate is right in the gold paragraph, if it overlaps an answer."""
    hits = library.search(question, library.settings.passages)
    readings = library.reader.read(question, [hit.passage for hit in hits])
    rows = list(describe(question, hits, readings))
    if not rows:
        return None
    right = [
        Path(p.path).stem == gold and any(f1(span.text, answer) >= 0.5 for answer in answers) for p, span, _ in rows
    ]
    missing = missing_words(question, library.count_words(question))
    names = sum(is_name(word) for word in missing)
    return Asked(np.array([f for _, _, f in rows], np.float32), np.array(right), names, len(missing) - names)


def fit_ranking(asked: list[Asked]) -> NDArray[np.float32]:
    """Weights that maximise the likelihood of a right candidate among all of its question, scaled to margin = 1."""
    sets = [(torch.from_numpy(a.features), torch.from_numpy(a.right)) for a in asked if a.right.any()]
    weights = torch.tensor([0.5, *[0.0] * (len(FEATURES) - 1)], requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        likelihood = torch.stack([(f @ weights).log_softmax(0)[r].logsumexp(0) for f, r in sets])
        value = -likelihood.mean() + 1e-3 * weights.square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    fitted: NDArray[np.float32] = (weights / weights[0]).detach().numpy()
    return fitted


def fit_confidence(asked: list[Asked], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Slope, offset and the two penalties of a logistic regression: is the best candidate right?"""
    best = [int((a.features @ weights).argmax()) for a in asked]
    scores = [float((a.features @ weights).max()) for a in asked]
    rows = np.array([[s, 1, a.missing_names, a.missing_others] for s, a in zip(scores, asked, strict=True)], np.float32)
    labels = torch.tensor([float(a.right[b]) for a, b in zip(asked, best, strict=True)])
    inputs, parameters = torch.from_numpy(rows), torch.zeros(4, requires_grad=True)
    optimiser = torch.optim.LBFGS([parameters], max_iter=500, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(inputs @ parameters, labels)
        value.backward()
        return value

    optimiser.step(loss)
    fitted: NDArray[np.float32] = parameters.detach().numpy()
    return fitted


@click.command()
@click.argument("data", type=click.Path(path_type=Path, exists=True))
@click.option("--count", default=900, help="So many SQuAD questions.")
def main(data: Path, count: int) -> None:
    """Print the constants for selection.py, and how often the best candidate is right with them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "squad")
        folder.mkdir()
        write_corpus(data, folder)
        settings = replace(load_settings({"corpus": [folder]}), data=Path(name, "data"))
        with Library.open(settings) as library:
            library.sync()
            drawn = questions(data, count, Random(1))
            asked = [a for q in drawn if (a := ask(library, *q))]
    weights = fit_ranking(asked)
    answerable = [a for a in asked if a.right.any()]
    for label, used in (("margin alone", np.eye(1, len(FEATURES), dtype=np.float32)[0]), ("fitted", weights)):
        right = np.mean([a.right[int((a.features @ used).argmax())] for a in answerable])
        click.echo(f"{label}: {right:.3f} of {len(answerable)} questions that some candidate answers")
    click.echo(f"weights {dict(zip(FEATURES, weights.round(2).tolist(), strict=True))}")
    names = ("slope", "offset", "missing name", "missing word")
    click.echo(f"confidence {dict(zip(names, fit_confidence(asked, weights).round(3).tolist(), strict=True))}")


if __name__ == "__main__":
    main()
