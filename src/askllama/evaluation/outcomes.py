"""Questions -> outcomes: what a library found, said and cited, beside what is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from askllama.evaluation.metrics import exact_match, f1, headline
from askllama.evaluation.questions import Question
from askllama.library import Library
from askllama.types import Answer, Hit

DEPTH = 10
"""Passages looked at before reading."""


@dataclass(frozen=True, slots=True)
class Cited:
    """One citation: whether it points to the gold place, and whether its quote holds an answer."""

    number: int
    location: str
    quote: str
    gold: bool
    answers: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question; where it was refused, the answer is the one that was held back.

    ``exact`` and ``f1`` compare the headline, or the words emphasised in it, with the nearest answer; ``right`` tells
    whether the headline holds one: None where the set gives no answers, False for what cannot be answered.
    ``gold_rank`` and ``answer_rank`` are the ranks of the first gold passage and of the first that also holds an
    answer, None beyond DEPTH.
    """

    question: Question
    answer: str
    headline: str
    refused: bool
    confidence: float
    seconds: float
    exact: bool | None
    f1: float | None
    right: bool | None
    gold_rank: int | None
    answer_rank: int | None
    citations: tuple[Cited, ...]
    read_as: str | None = None


def ask_all(library: Library, questions: Sequence[Question]) -> Iterator[Outcome]:
    """Ask each question as a user would, with the library's threshold and generator.

    What is refused is asked again without a threshold and a generator: a risk-coverage curve needs the
    answer that was held back.
    """
    library.encoder, library.reader, library.generator  # noqa: B018  (loaded once, before the clock runs, and shared)
    with library.reopen(threshold=0.0, model=None) as unafraid:
        for question in questions:
            hits = library.search(question.text, DEPTH)
            answer = library.ask(question.text)
            said = answer if answer.answered else unafraid.ask(question.text)
            yield judge(question, hits, said, not answer.answered, answer.seconds)


def judge(question: Question, hits: Sequence[Hit], said: Answer, refused: bool, seconds: float) -> Outcome:
    """Compare what was found and said with what is right."""
    first = headline(said.text)
    words = headline(said.words)
    known = question.answers if question.answerable else ()
    gold = [hit for hit in hits if question.is_gold(hit.passage.path, hit.passage.text)]
    return Outcome(
        question=question,
        answer=said.text,
        headline=first,
        refused=refused,
        confidence=said.confidence,
        seconds=seconds,
        exact=any(exact_match(words, answer) for answer in known) if known else None,
        f1=max(f1(words, answer) for answer in known) if known else None,
        right=question.is_answered_in(first) if known else None if question.answerable else False,
        gold_rank=next((hit.rank for hit in gold), None),
        answer_rank=next((hit.rank for hit in gold if question.is_answered_in(hit.passage.text)), None),
        citations=tuple(
            Cited(c.number, c.location, c.quote, question.is_gold(c.path, c.quote), question.is_answered_in(c.quote))
            for c in said.citations
        ),
        read_as=said.read_as,
    )
