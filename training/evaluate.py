"""The reader as it ships, on gold paragraphs: ``python -m training.evaluate QUESTIONS.jsonl.gz``.

Exact match and F1 after SQuAD's normalisation (Rajpurkar et al. 2016) over the answerable questions,
and AUROC of the margin over "no answer" between answerable and unanswerable ones.
"""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from pathlib import Path

import click

from askllama.models.reader import GgufReader
from askllama.models.registry import READER
from askllama.types import Passage
from training.examples import load_set
from training.train import auroc


def normalise(text: str) -> str:
    """SQuAD's normalisation: lower case, no punctuation, no articles, single blanks."""
    bare = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(?:a|an|the)\b", " ", bare).split())


def f1(given: str, gold: str) -> float:
    """Overlap of the words of two normalised texts, as the harmonic mean of precision and recall."""
    one, other = normalise(given).split(), normalise(gold).split()
    shared = sum((Counter(one) & Counter(other)).values())
    return 2 * shared / (len(one) + len(other)) if shared else 0.0


@click.command()
@click.argument("questions", type=click.Path(path_type=Path, exists=True))
@click.option("--reader", type=click.Path(path_type=Path, exists=True), default=READER)
@click.option("--limit", default=0, help="Only so many questions, evenly drawn.")
def main(questions: Path, reader: Path, limit: int) -> None:
    """Print EM, F1 and AUROC over QUESTIONS as JSON."""
    examples = load_set(questions)
    model = GgufReader(reader)
    exact, overlap, scores = [], [], []
    for example in examples[:: max(1, len(examples) // limit) if limit else 1]:
        passage = Passage("", example.heading, (), example.context, 0, len(example.context), 1, 1)
        reading = model.read(example.question, [passage])[0]
        scores.append((reading.score, bool(example.answers)))
        if example.answers:
            given, golds = reading.spans[0].text, {example.context[a:b] for a, b in example.answers}
            exact.append(max(normalise(given) == normalise(gold) for gold in golds))
            overlap.append(max(f1(given, gold) for gold in golds))
    figures = {"em": sum(exact) / len(exact), "f1": sum(overlap) / len(overlap), "auroc": auroc(scores)}
    click.echo(json.dumps({name: round(value, 4) for name, value in figures.items()} | {"questions": len(scores)}))


if __name__ == "__main__":
    main()
