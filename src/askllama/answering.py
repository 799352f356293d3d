"""The heart: retrieve -> read -> (generate -> verify) -> Answer."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from askllama import citations, kinds
from askllama.budget import Plan
from askllama.citations import Verified
from askllama.claims import unmark
from askllama.evidence import BULLET, around, gather, overlaps, whole_list
from askllama.prompt import line
from askllama.retrieval import Retriever
from askllama.selection import Candidate, agreeing, confidence, rank, settle
from askllama.types import Answer, Citation, Evidence, Found, Generator, Reader, Refusal
from askllama.words import WordFit, missing_words, plainly

CLEAR = 13.0
"""The score of a candidate that further passages are not likely to better: see benchmarks.reading."""

Listener = Callable[[str], object]
"""Hears the pieces of a generated answer, before they are verified."""

Preview = Callable[[Answer], object]
"""Gets the reader's answer while the generator still works on its own."""

_NEAREST = 3
_EVIDENCE_MARGIN = 14.0  # logits below the best span at which one is no evidence: see benchmarks.generation
_SUPPORT = 3  # citations for one statement
# Sentences in an answer that wants more than a span, and the logits below the best at which one no longer belongs to
# it: of an explanation, and of a list, whose items may stand scattered.
_EXPLAINING = (3, 5.0)
_LISTING = (5, 7.0)
_FIRST_ITEM = re.compile(rf"(?<=:)\s*\n\s*{BULLET}\s+")
_ITEM = re.compile(rf"[.;,]?\s*\n\s*{BULLET}\s+")


@dataclass(frozen=True, slots=True)
class Ask:
    """What a question is answered with: as much is read and written as planned, below ``threshold`` none is given.

    ``generator`` is opened when it is its turn; ``follow_up``: it knows what was asked before.
    """

    retriever: Retriever
    reader: Reader
    generator: Callable[[], Generator] | None
    plan: Plan
    threshold: float
    follow_up: bool = False


def answer(question: str, ask: Ask, listener: Listener, preview: Preview) -> Answer:
    """Answer a question from the documents, or refuse."""
    began = time.perf_counter()
    found = ask.retriever.find(question, ask.plan.passages)
    missing = missing_words(found.question, found.counts)
    clear = CLEAR if ask.generator is None and kinds.asks_one(found.question) else math.inf
    candidates, sure = _read(found, ask.reader, missing, clear)
    if sure < ask.threshold and (plain := plainly(found.question)):
        other = Found(plain, found.hits, ask.retriever.count_words(plain))
        again = _read(other, ask.reader, missing, clear)
        if again[1] > sure:
            found, (candidates, sure) = other, again
    read_as = found.question if found.question != question else None
    if not candidates or sure < ask.threshold:
        nearest = tuple(hit.passage for hit in found.hits[:_NEAREST])
        made = Answer(question, "", (), 0.0, refusal=Refusal(missing, nearest), read_as=read_as)
    else:
        made = replace(_extract(found.question, candidates), question=question, read_as=read_as)
        if ask.generator and ask.plan.answer:
            preview(made)
            made = _generate(found.question, ask, ask.generator(), candidates, made, listener)
    return replace(made, confidence=sure, seconds=time.perf_counter() - began)


def _read(found: Found, reader: Reader, missing: Sequence[str], clear: float) -> tuple[list[Candidate], float]:
    """The candidates in the hits, best first, and the confidence that one answers.

    Passages are read in turn, and no further ones when a candidate scores ``clear``.
    """
    readings = reader.read(found.question, [hit.passage for hit in found.hits])
    candidates = rank(found.question, found.hits, readings, found.counts, clear)
    return candidates, confidence(found.question, candidates, missing)


def _extract(question: str, candidates: Sequence[Candidate]) -> Answer:
    if kinds.asks_explanation(question):
        return _quote_sentences(question, candidates, *_EXPLAINING)
    span = settle(question, candidates)
    if kinds.asks_several(question) and not (span and kinds.is_enumeration(candidates[0].span.text)):
        return _quote_sentences(question, candidates, *_LISTING, with_lists=True)
    if span is None:
        return _quote_sentences(question, candidates, 1, 0.0)
    statements = []
    cited: list[Evidence] = []
    for group in agreeing(question, [replace(candidates[0], span=span), *candidates[1:]]):
        pieces = _distinct(group, _SUPPORT, len(cited) + 1)
        cited += pieces
        statements.append(_headline(group[0].span.text) + " " + "".join(f"[{p.number}]" for p in pieces))
    return Answer(question, "; ".join(statements), cite(cited), 0.0)


def _quote_sentences(
    question: str, candidates: Sequence[Candidate], count: int, margin: float, with_lists: bool = False
) -> Answer:
    near = [c for c in candidates if c.score >= candidates[0].score - margin]
    pieces = _distinct(near, count, 1, with_lists)
    text = " ".join(f"{_headline(p.quote)} [{p.number}]" for p in pieces)
    return Answer(question, text, cite(pieces), 0.0, highlight=None if with_lists else _highlight(pieces[0]))


def _distinct(candidates: Iterable[Candidate], count: int, first: int, with_lists: bool = False) -> list[Evidence]:
    """Evidence of the candidates, best first, no sentence twice, numbered from ``first``.

    A lead-in comes with its list, and an item too if ``with_lists``.
    """
    pieces: list[Evidence] = []
    for candidate in candidates:
        piece = around(candidate.passage, candidate.span, first + len(pieces))
        if with_lists or piece.quote.endswith(":"):
            piece = whole_list(piece)
        if not overlaps(piece, pieces):
            pieces.append(piece)
        if len(pieces) == count:
            break
    return pieces


def _highlight(piece: Evidence) -> tuple[int, int] | None:
    """Where the span stands in the headline of the piece's quote."""
    if piece.span is None:
        return None
    words, before = _headline(piece.span.text), _headline(piece.quote[: piece.span.start - piece.start])
    head, *rest = _headline(piece.quote).split(words) if words else [""]
    start = len(words.join([head, *rest[: before.count(words)]]))
    return (start, start + len(words)) if rest else None


def _headline(text: str) -> str:
    """A span as a headline: on one line, without Markdown's emphasis and the document's own markers."""
    text = _ITEM.sub("; ", _FIRST_ITEM.sub(" ", text))
    return " ".join(re.sub(r"[*_`]{2,}|(?<!\w)[*_`]|[*_`](?!\w)", "", unmark(text)).split())


def _generate(
    question: str,
    ask: Ask,
    generator: Generator,
    candidates: Sequence[Candidate],
    read: Answer,
    listener: Listener,
) -> Answer:
    """What the generator writes; the reader's answer ``read`` where nothing of it can stay."""
    generator.begin(ask.follow_up)
    shown = generator.shown
    near = ((c.passage, c.span) for c in candidates if c.score >= candidates[0].score - _EVIDENCE_MARGIN)
    room = min(ask.plan.evidence, generator.room - generator.count(question))
    new = gather(near, lambda piece: generator.count(line(piece)), room, shown)
    pieces = []
    for piece in generator.generate(question, new, ask.plan.answer):
        listener(piece)
        pieces.append(piece)
    evidence = (*shown, *new)
    verified = citations.verify("".join(pieces), evidence, question)
    dropped = [f"{d.text} ({d.reason})" for d in verified.dropped]
    about = WordFit(question, [candidate.passage.text for candidate in candidates])
    if verified.text and _is_answer(verified, about, read):
        return replace(
            read,
            text=verified.text,
            citations=cite(verified.evidence),
            model=generator.name,
            highlight=None,
            evidence=evidence,
            dropped=tuple(dropped),
        )
    if verified.text:
        dropped.append(f"{unmark(verified.text)} (has nothing to do with the question)")
    return replace(read, evidence=evidence, dropped=tuple(dropped))


def _is_answer(verified: Verified, about: WordFit, read: Answer) -> bool:
    """Whether what is true is an answer to the question: it cites what the reader does, or speaks of the same."""
    if any(overlaps(piece, read.citations) for piece in verified.evidence):
        return True
    said = "\n".join([verified.text, *(f"{e.passage.heading_path}\n{e.quote}" for e in verified.evidence)])
    return about.cover(said) > 0 and about.cover_names(said) > 0


def cite(evidence: Iterable[Evidence]) -> tuple[Citation, ...]:
    """Citations of the evidence: the quote is a slice of the document, never a text that a model wrote."""
    return tuple(
        Citation(
            number=e.number,
            path=e.passage.path,
            title=e.passage.title,
            page=e.passage.page,
            first_line=e.first_line,
            last_line=e.last_line,
            start=e.start,
            end=e.end,
            quote=e.quote,
            sha256=e.passage.sha256,
            highlight=(e.span.start - e.start, e.span.end - e.start) if e.span else None,
        )
        for e in evidence
    )
