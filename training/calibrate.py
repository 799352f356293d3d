"""Fit the weights of ``askllama.selection``: what orders the candidates, and when to keep silent.

``python -m training.calibrate ../shared/data/retrieval`` asks two corpora as askllama does, and prints
the constants: the SQuAD paragraphs (find the paragraph, then the answer; the Cranfield and MED queries
are off topic there), and the built-in corpus with tests/questions.jsonl. tests/held_out.jsonl is not used.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import click
import numpy as np
import torch
from numpy.typing import NDArray

from askllama.config import load_settings
from askllama.evaluation.metrics import f1, normalise
from askllama.library import Library
from askllama.selection import FEATURES, Candidate, count_missing, describe
from askllama.words import missing_words

_OFF_TOPIC = 120
_SQUAD_WEIGHT, _CORPUS_WEIGHT = 0.2, 2.0  # SQuAD's unanswerable questions are made to deceive; users' are not
_OWN = Path(__file__).parents[1] / "tests" / "questions.jsonl"

IsRight = Callable[[Candidate], bool]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question's candidates: features (candidates, FEATURES), which are right, its missing words, its weight."""

    features: NDArray[np.float32]
    right: NDArray[np.bool_]
    missing: tuple[int, int, int]
    weight: float


def read_rows(path: Path) -> list[dict[str, object]]:
    """The objects of a gzipped JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write_corpus(data: Path, folder: Path) -> None:
    """One Markdown file per SQuAD paragraph, under its article's title."""
    for row in read_rows(data / "squad" / "passages.jsonl.gz"):
        (folder / f"{row['id']}.md").write_text(f"# {row['title']}\n\n{row['text']}\n", encoding="utf-8")


def squad_questions(data: Path, count: int, random: Random) -> Iterator[tuple[str, IsRight]]:
    """Questions, and when a candidate is right: in the gold paragraph, with half of an answer's words."""
    for row in random.sample(read_rows(data / "squad" / "questions.jsonl.gz"), count):
        yield str(row["question"]), _overlaps(str(row["passage"]), row["answers"])  # type: ignore[arg-type]
    others = read_rows(data / "cranfield" / "queries.jsonl.gz") + read_rows(data / "med" / "queries.jsonl.gz")
    for row in random.sample(others, _OFF_TOPIC):
        yield str(row["text"]), lambda _: False


def _overlaps(gold: str, answers: list[str]) -> IsRight:
    return lambda c: Path(c.passage.path).stem == gold and any(f1(c.span.text, a) >= 0.5 for a in answers)


def own_questions() -> Iterator[tuple[str, IsRight]]:
    """The built-in corpus's questions; right is a span with the answer in it, in a file that holds it."""
    for line in _OWN.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield row["question"], _contains(row["source"], [normalise(a) for a in row["answers"]])


def _contains(sources: list[str], answers: list[str]) -> IsRight:
    return lambda c: Path(c.passage.path).name in sources and any(a in normalise(c.span.text) for a in answers)


def ask(library: Library, questions: Iterator[tuple[str, IsRight]], weight: float) -> Iterator[Asked]:
    """Retrieve and read as askllama does."""
    for question, is_right in questions:
        hits = library.search(question, library.settings.passages)
        candidates = list(describe(question, hits, library.reader.read(question, [hit.passage for hit in hits])))
        features = np.array([c.features for c in candidates], np.float32)
        missing = count_missing(missing_words(question, library.count_words(question)))
        yield Asked(features, np.array([is_right(c) for c in candidates]), missing, weight)


def fit_ranking(asked: list[Asked]) -> NDArray[np.float32]:
    """Weights that maximise the likelihood of a right candidate among all of its question, scaled to margin = 1."""
    sets = [(torch.from_numpy(a.features), torch.from_numpy(a.right)) for a in asked if a.right.any()]
    weights = torch.tensor([0.5, *[0.0] * (len(FEATURES) - 1)], requires_grad=True)

    def loss() -> torch.Tensor:
        likelihood = torch.stack([(f @ weights).log_softmax(0)[r].logsumexp(0) for f, r in sets])
        return -likelihood.mean() + 1e-3 * weights.square().sum()

    _minimise(weights, loss)
    fitted: NDArray[np.float32] = (weights / weights[0]).detach().numpy()
    return fitted


def fit_confidence(asked: list[Asked], ranking: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-odds that the best candidate is right: weights of FEATURES, of the missing words, and the offset."""
    best = [int((a.features @ ranking).argmax()) for a in asked]
    rows = [[*a.features[b], *a.missing, 1.0] for a, b in zip(asked, best, strict=True)]
    inputs = torch.tensor(np.array(rows, np.float32))
    labels = torch.tensor([float(a.right[b]) for a, b in zip(asked, best, strict=True)])
    importance = torch.tensor([a.weight for a in asked])
    mean, deviation = inputs.mean(0), inputs.std(0) + 1e-6
    mean[-1], deviation[-1] = 0.0, 1.0
    weights = torch.zeros(inputs.shape[1], requires_grad=True)

    def loss() -> torch.Tensor:
        logits = ((inputs - mean) / deviation) @ weights
        losses = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        return (losses * importance).sum() / importance.sum() + 2e-3 * weights[:-1].square().sum()

    _minimise(weights, loss)
    raw = (weights / deviation).detach()
    raw[-1] -= float((raw[:-1] * mean[:-1]).sum())
    fitted: NDArray[np.float32] = raw.numpy()
    return fitted


def _minimise(weights: torch.Tensor, loss: Callable[[], torch.Tensor]) -> None:
    optimiser = torch.optim.LBFGS([weights], max_iter=500, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value

    optimiser.step(closure)


@click.command()
@click.argument("data", type=click.Path(path_type=Path, exists=True))
@click.option("--count", default=700, help="So many SQuAD questions.")
def main(data: Path, count: int) -> None:
    """Print the constants for selection.py, and how often the best candidate is right with them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "squad")
        folder.mkdir()
        write_corpus(data, folder)
        settings = replace(load_settings(), data=Path(name, "data"))
        with Library.open(replace(settings, corpus=(folder,))) as library:
            library.sync()
            squad = list(ask(library, squad_questions(data, count, Random(1)), _SQUAD_WEIGHT))
        with Library.open(settings) as library:
            library.sync()
            own = list(ask(library, own_questions(), _CORPUS_WEIGHT))
    ranking = fit_ranking(squad + own)
    for label, used in (("margin alone", np.eye(1, len(FEATURES), dtype=np.float32)[0]), ("fitted", ranking)):
        for corpus, asked in (("SQuAD", squad), ("built-in corpus", own)):
            answerable = [a for a in asked if a.right.any()]
            share = np.mean([a.right[int((a.features @ used).argmax())] for a in answerable])
            click.echo(f"{label}, {corpus}: {share:.3f} of {len(answerable)} questions that some candidate answers")
    click.echo(f"ranking {dict(zip(FEATURES, ranking.round(2).tolist(), strict=True))}")
    click.echo(f"confidence, missing, offset {fit_confidence(squad + own, ranking).round(3).tolist()}")


if __name__ == "__main__":
    main()
