"""Fit the weights of ``askllama.selection``: what orders the candidates, and when to keep silent.

``python -m training.calibrate runs/collections`` asks corpora as askllama does, and prints the constants: the invented
folders of training/calibration, which the reader was not trained on, and what ``benchmarks.corpora`` wrote of the SQuAD
paragraphs, with queries that are off topic there. The built-in corpus and its questions are not used.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import click
import numpy as np
import torch
from numpy.typing import NDArray

from askllama.config import load_settings
from askllama.evaluation.metrics import f1
from askllama.evaluation.questions import Question, read_questions
from askllama.library import Library
from askllama.selection import FEATURES, Candidate, describe, signs
from askllama.words import missing_words
from training.written import load_documents, write_files

_EVERY = 4  # each fourth question on the SQuAD paragraphs
_OFF_TOPIC = 120
# Some unanswerable questions are made to deceive, as users' are not: SQuAD's, and those of the folders that put them in
# the documents' words and the answerable ones in others.
_SQUAD_WEIGHT = 0.2
_REWORDED = ("firms", "histories", "journals")
_REWORDED_WEIGHT = 0.3
# Which way each of selection.signs may count. What is missing never speaks for an answer, nor that a date, a number or
# a name is asked for, which readers take too easily; the rest never against one.
_DIRECTIONS = (1.0, 1.0, 1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0)
_FOLDERS = Path(__file__).parent / "calibration"


@dataclass(frozen=True, slots=True)
class Asked:
    """One question's candidates, their features (candidates, FEATURES), which are right, and its missing words."""

    question: str
    candidates: list[Candidate]
    features: NDArray[np.float32]
    right: NDArray[np.bool_]
    missing: tuple[str, ...]
    is_answerable: bool
    weight: float

    def best(self, ranking: NDArray[np.float32]) -> int:
        """The index of the candidate that these weights prefer."""
        return int((self.features @ ranking).argmax())


def write_folder(path: Path, folder: Path) -> Iterator[Question]:
    """The documents of one file of training/calibration as files; their questions."""
    for _, document in write_files(load_documents(path), folder):
        for question in document.questions:
            answers = tuple(document.text[a:b] for a, b in question.answers)
            yield Question(question.text, answers, bool(answers))


def ask(library: Library, questions: Iterable[Question], weight: float) -> Iterator[Asked]:
    """Retrieve and read as askllama does; right is a span that has most of its words in common with an answer."""
    for question in questions:
        found = library.find(question.text, library.settings.passages)
        readings = library.reader.read(found.question, [hit.passage for hit in found.hits])
        described = describe(found.question, found.hits, readings, found.counts)
        candidates = [candidate for of_passage in described for candidate in of_passage]
        right = [any(f1(c.span.text, answer) >= 0.6 for answer in question.answers) for c in candidates]
        features = np.array([c.features for c in candidates], np.float32)
        missing = missing_words(found.question, found.counts)
        yield Asked(found.question, candidates, features, np.array(right), missing, question.answerable, weight)


def fit_ranking(asked: list[Asked]) -> NDArray[np.float32]:
    """Weights that maximise the likelihood of a right candidate among all of its question, scaled to margin = 1."""
    sets = [(torch.from_numpy(a.features), torch.from_numpy(a.right)) for a in asked if a.right.any()]
    weights = torch.tensor([0.5, *[0.0] * (len(FEATURES) - 1)], requires_grad=True)

    def loss() -> torch.Tensor:
        likelihood = torch.stack([(f @ weights).log_softmax(0)[r].logsumexp(0) for f, r in sets])
        return -likelihood.mean() + 2e-3 * weights.square().sum()

    _minimise(weights, loss)
    fitted: NDArray[np.float32] = (weights / weights[0]).detach().numpy()
    return fitted


def fit_confidence(asked: list[Asked], ranking: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-odds that the question can be answered: weights of ``selection.signs``, and the offset."""
    rows = []
    for a in asked:
        best = a.candidates[a.best(ranking)]
        ordered = [best, *(c for c in a.candidates if c is not best)]
        rows.append([*signs(a.question, ordered, a.missing), 1.0])
    inputs = torch.tensor(np.array(rows, np.float32))
    labels = torch.tensor([float(a.is_answerable) for a in asked])
    importance = torch.tensor([a.weight for a in asked])
    mean, deviation = inputs.mean(0), inputs.std(0) + 1e-6
    mean[-1], deviation[-1] = 0.0, 1.0
    free = torch.full((inputs.shape[1],), -2.0, requires_grad=True)

    def weights() -> torch.Tensor:
        return torch.cat([torch.tensor(_DIRECTIONS) * torch.nn.functional.softplus(free[:-1]), free[-1:]])

    def loss() -> torch.Tensor:
        logits = ((inputs - mean) / deviation) @ weights()
        losses = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        return (losses * importance).sum() / importance.sum() + 2e-3 * weights()[:-1].square().sum()

    _minimise(free, loss)
    raw = (weights() / deviation).detach()
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


def ask_all(collections: Path, scratch: Path) -> Iterator[Asked]:
    """All questions that the weights are fitted on."""
    settings = replace(load_settings(), data=scratch / "data")
    for path in sorted(_FOLDERS.glob("*.txt")):
        folder = scratch / path.stem
        folder.mkdir()
        questions = list(write_folder(path, folder))
        with Library.open(replace(settings, corpus=(folder,))) as library:
            library.sync()
            yield from ask(library, questions, _REWORDED_WEIGHT if path.stem.startswith(_REWORDED) else 1.0)
    squad = collections / "squad"
    with Library.open(replace(settings, corpus=(squad / "documents",))) as library:
        library.sync()
        yield from ask(library, read_questions(squad / "questions.jsonl")[::_EVERY], _SQUAD_WEIGHT)
        off_topic = read_questions(squad / "off_topic.jsonl")
        yield from ask(library, Random(1).sample(off_topic, _OFF_TOPIC), _SQUAD_WEIGHT)


@click.command()
@click.argument("collections", type=click.Path(path_type=Path, exists=True))
def main(collections: Path) -> None:
    """Print the constants for selection.py, and how often the best candidate is right with them."""
    with tempfile.TemporaryDirectory() as name:
        asked = [a for a in ask_all(collections, Path(name)) if a.candidates]
    ranking = fit_ranking(asked)
    for label, used in (("margin alone", np.eye(1, len(FEATURES), dtype=np.float32)[0]), ("fitted", ranking)):
        reachable = [a for a in asked if a.right.any()]
        share = np.mean([a.right[a.best(used)] for a in reachable])
        click.echo(f"{label}: the best is right for {share:.3f} of {len(reachable)} questions that some span answers")
    click.echo(f"ranking {dict(zip(FEATURES, ranking.round(2).tolist(), strict=True))}")
    *weights, offset = fit_confidence(asked, ranking).round(3).tolist()
    click.echo(f"confidence {weights}\noffset {offset}")


if __name__ == "__main__":
    main()
