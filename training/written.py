"""Documents and questions written for training, in the shapes that askllama meets (``training/written/*.txt``).

A file holds documents in Markdown, divided by lines of ``=====``. Below a document, after a line ``???``, stand its
questions::

    Q: when did Ibex 2 come out?
    A: On {March 3rd, 2024} Quarry Labs released Ibex 2
    Q: who funded Ibex 2?
    A: none

An ``A:`` is a stretch of the document that occurs in it once, with the answer in braces; a fact that stands in
several places has several. ``none`` marks a question that the document does not answer.
``python -m training.written FILE...`` checks files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the (start, end) character spans of its answer in the document; none if unanswerable."""

    text: str
    answers: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class WrittenDocument:
    """A Markdown text and its questions."""

    text: str
    questions: tuple[Question, ...]


def _refuse(fault: str) -> None:
    raise ValueError(fault)


def load_documents(path: Path, complain: Callable[[str], object] = _refuse) -> Iterator[WrittenDocument]:
    """The documents of one file; ``complain`` hears of each entry that breaks the format (default: ValueError)."""
    for part in f"\n{path.read_text(encoding='utf-8')}".split("\n====="):
        if not part.strip():
            continue
        text, mark, block = part.strip().partition("\n???\n")
        if not mark:
            complain(f"{path.name}: no ??? below {text[:40]!r}")
        yield WrittenDocument(text + "\n", tuple(_questions(text, block, path.name, complain)))


def write_files(documents: Iterable[WrittenDocument], folder: Path) -> Iterator[tuple[Path, WrittenDocument]]:
    """Write each document as a Markdown file of its own; yields the file with it."""
    for number, document in enumerate(documents):
        path = folder / f"{number}.md"
        path.write_text(document.text, encoding="utf-8")
        yield path, document


def _questions(text: str, block: str, name: str, complain: Callable[[str], object]) -> Iterator[Question]:
    for entry in f"\n{block.strip()}".split("\nQ: ")[1:]:
        question, *answers = (part.strip() for part in entry.split("\nA: "))
        try:
            yield Question(question, () if answers == ["none"] else _spans(text, answers))
        except ValueError as error:
            complain(f"{name}: {question!r}: {error}")


def _spans(text: str, excerpts: list[str]) -> tuple[tuple[int, int], ...]:
    if not excerpts:
        raise ValueError("no A: line")
    return tuple(_span(text, excerpt) for excerpt in excerpts)


def _span(text: str, excerpt: str) -> tuple[int, int]:
    before, opened, rest = excerpt.partition("{")
    answer, closed, after = rest.partition("}")
    if not (opened and closed and answer.strip()):
        raise ValueError(f"no answer in braces in {excerpt!r}")
    if (times := text.count(before + answer + after)) != 1:
        raise ValueError(f"{before + answer + after!r} occurs {times} times in the document")
    start = text.index(before + answer + after) + len(before)
    return start, start + len(answer)


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
def main(paths: tuple[Path, ...]) -> None:
    """Check FILEs and count what they hold."""
    faults: list[str] = []
    documents = [document for path in paths for document in load_documents(path, faults.append)]
    for fault in faults:
        click.echo(fault, err=True)
    asked = [question for document in documents for question in document.questions]
    unanswerable = sum(not question.answers for question in asked)
    click.echo(f"{len(documents)} documents, {len(asked)} questions, {unanswerable} unanswerable, {len(faults)} faults")
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
