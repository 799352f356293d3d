"""The reader as it ships, on gold paragraphs: ``python -m training.evaluate QUESTIONS.jsonl.gz``.

Exact match and F1 after SQuAD's normalisation (Rajpurkar et al. 2016) over the answerable questions,
and AUROC of the margin over "no answer" between answerable and unanswerable ones.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from askllama.evaluation.metrics import auroc, exact_match, f1
from askllama.models.reader import GgufReader
from askllama.models.registry import READER
from askllama.types import Passage
from training.examples import load_set


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
        (reading,) = model.read(example.question, [passage])
        scores.append((reading.score, bool(example.answers)))
        if example.answers:
            given, golds = reading.spans[0].text, {example.context[a:b] for a, b in example.answers}
            exact.append(any(exact_match(given, gold) for gold in golds))
            overlap.append(max(f1(given, gold) for gold in golds))
    figures = {"em": sum(exact) / len(exact), "f1": sum(overlap) / len(overlap), "auroc": auroc(scores)}
    rounded = {name: value and round(value, 4) for name, value in figures.items()}
    click.echo(json.dumps(rounded | {"questions": len(scores)}))


if __name__ == "__main__":
    main()
