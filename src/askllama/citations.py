"""Answer text + evidence -> the statements that what they cite supports; pure.

A statement survives if it cites evidence that exists; if every number, date and name in it occurs in what it cites
(quote, title, headings) or in the question; if two thirds of all its words do; and if what it cites does not
contradict it. Measured by ``benchmarks.verification``; what the reader and the encoder think of a statement was
measured too, and added nothing to the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from askllama.claims import MARKER, Word, find_claims, make_searchable, unmark
from askllama.contradiction import find_contradiction
from askllama.evidence import sentences
from askllama.types import Evidence

_MARKERS = re.compile(rf"[ \t]*{MARKER}(?:[ \t]*{MARKER})*")
_STOP_BEFORE_MARKERS = re.compile(rf"([.!?…]+[\"”’)]*)({_MARKERS.pattern})")
# Where accuracy on people's verdicts (WiCE) is flat and precision still rises.
_COVER = 0.66
_LIST_ITEM = re.compile(r"^\s*(?:[-*•+]|\d+[.)])\s+")


@dataclass(frozen=True, slots=True)
class Dropped:
    """A statement that was taken out, and why."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What is left of an answer: its markers count from 1 and name ``evidence`` by its new numbers."""

    text: str
    evidence: tuple[Evidence, ...]
    dropped: tuple[Dropped, ...]


def verify(text: str, evidence: Sequence[Evidence], question: str) -> Verified:
    """Keep the statements of a generated answer that their citations support, and renumber these."""
    by_number = {item.number: item for item in evidence}
    kept, dropped = [], []
    for statement in _statements(text):
        if reason := _fault(statement, by_number, question):
            dropped.append(Dropped(statement, reason))
        else:
            kept.append(statement)
    joined = " ".join(kept)
    numbers = {old: new for new, old in enumerate(dict.fromkeys(find_markers(joined)), 1)}
    cited = tuple(replace(by_number[old], number=new) for old, new in numbers.items())
    return Verified(_MARKERS.sub(lambda run: _renumbered(run[0], numbers), joined), cited, tuple(dropped))


def _statements(text: str) -> Iterator[str]:
    """Sentences and lines; a marker behind a full stop goes before it, so that it stays with its sentence."""
    for line in _STOP_BEFORE_MARKERS.sub(r" \2\1", text).splitlines():
        item = _LIST_ITEM.sub("", line)
        yield from (item[start:end] for start, end in sentences(item))


def find_markers(text: str) -> list[int]:
    """The numbers that a text cites, in order."""
    return [int(number) for run in _MARKERS.findall(text) for number in re.findall(r"\d+", run)]


def _renumbered(run: str, numbers: dict[int, int]) -> str:
    new = dict.fromkeys(numbers[old] for old in find_markers(run))
    return (" " if run[0].isspace() else "") + "".join(f"[{number}]" for number in new)


def _fault(statement: str, by_number: dict[int, Evidence], question: str) -> str:
    """Why the statement cannot stay, as one phrase; empty where it can."""
    if not (numbers := find_markers(statement)):
        return "cites nothing"
    if unknown := [number for number in numbers if number not in by_number]:
        return f"cites [{unknown[0]}], which does not exist"
    evidence = [by_number[number] for number in dict.fromkeys(numbers)]
    sources = [text for item in evidence for text in (item.passage.heading_path, item.quote)]
    return find_fault(unmark(statement), sources, question)


def find_fault(statement: str, sources: Sequence[str], question: str = "") -> str:
    """Why the sources do not support a statement, as one phrase; empty where they do."""
    cited, asked = make_searchable(sources), make_searchable([question])
    claims = find_claims(statement)
    if missing := [claim for claim in claims if claim.exact and not claim.stands_in(cited + asked)]:
        return f"{missing[0].written} is not in what it cites"
    return _thinness(claims, cited, asked) or find_contradiction(statement, sources)


def measure_cover(statement: str, sources: Sequence[str]) -> float:
    """The share of a statement's words that the sources hold, 0 to 1."""
    return _cover(find_claims(statement), make_searchable(sources))


def _cover(claims: Sequence[Word], place: str) -> float:
    return sum(claim.stands_in(place) for claim in claims) / max(1, len(claims))


def _thinness(claims: list[Word], cited: str, asked: str) -> str:
    """Whether too few words are found for the names and numbers to mean much."""
    if not claims:
        return "says nothing"
    if _cover(claims, cited + asked) < _COVER:
        return "too few of its words are in what it cites"
    # "Did X happen in 2022?" must not support "X happened in 2022": a mere echo needs more than the question.
    absent = [claim for claim in claims if not claim.stands_in(cited)]
    thin = 2 * len(absent) >= len(claims) or any(claim.exact for claim in absent)
    return "only repeats the question" if thin and all(claim.stands_in(asked) for claim in claims) else ""
