"""Spans -> evidence: the whole sentences around them, as slices of the passage, as many as a token budget holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from askllama.types import Citation, Evidence, Passage, Span

# A sentence ends at . ! or ? (with closing quotes or brackets) before a blank and a new beginning,
# at a blank line, and before a list item or a table row.
_END = re.compile(
    r"""(?P<stop>[.!?…]["'”’)\]]*(?:\[\d+\])*)(?=\s+["'“‘(\[*_]*[A-Z0-9À-Þ])"""
    r"""|\s*\n\s*\n|\s*\n(?=[ \t]*(?:[-*+•|>]|\d{1,2}[.)])\s)"""
)
_ABBREVIATION = re.compile(
    r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|etc|e\.g|i\.e|cf|al|approx|ca|Fig|Eq|No|Vol|pp|Inc|Ltd|Co|Corp"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|U\.S|U\.K)\.$"
)
_NUMBER = re.compile(r"\s*\d{1,2}\.")
BULLET = r"(?:[-*+•]|\d{1,2}[.)])"
"""A pattern for what stands before an item of a list."""

_MARK = re.compile(rf"(?:{BULLET}|>)[ \t]+")
_ITEM = re.compile(rf"[ \t]*{_MARK.pattern}")

_LONGEST_LIST = 400  # characters: a longer one is no answer any more

# A sentence that begins so says of what the one before it was about.
_LEANS = re.compile(
    r"""["'“‘(]*(?:It|Its|He|His|She|Her|They|Their|This|That|These|Those|Such|Both|Neither|Here
    |The\ (?:former|latter|same|first|second|other)
    |However|But|Instead|Then|Later|Afterwards|Also|Thus|Therefore)\b""",
    re.VERBOSE,
)


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence, list item or line of a table, without surrounding blanks."""
    start = 0
    for match in _END.finditer(text):
        end = match.end("stop") if match["stop"] else match.start()
        if match["stop"] and (_ABBREVIATION.search(text, start, end) or _NUMBER.fullmatch(text, start, end)):
            continue
        yield from _trimmed(text, start, end)
        start = match.end()
    yield from _trimmed(text, start, len(text))


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    if mark := _MARK.match(text, start, end):
        start = mark.end()
    while start < end and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end


def around(passage: Passage, span: Span, number: int) -> Evidence:
    """The sentences of the passage that the span touches, as evidence ``number``."""
    low, high = span.start - passage.start, span.end - passage.start
    touched = [(a, b) for a, b in sentences(passage.text) if a < high and b > low]
    start = min([low, *(a for a, _ in touched)])
    end = max([high, *(b for _, b in touched)])
    return cut(passage, start, end, number, span)


def gather(
    found: Iterable[tuple[Passage, Span]],
    cost: Callable[[Evidence], int],
    budget: int,
    shown: Sequence[Evidence] = (),
) -> list[Evidence]:
    """Evidence for the spans, best first, as far as ``budget`` tokens go; that for the best in any case.

    Nothing twice, also not what was ``shown``, from whose numbers on it counts. A sentence that leans on the one
    before comes with it where there is room.
    """
    pieces: list[Evidence] = []
    for place, (passage, span) in enumerate(found):
        piece = around(passage, span, len(shown) + len(pieces) + 1)
        others = (*shown, *pieces)
        if overlaps(piece, others):
            continue
        wide = in_context(piece)
        if not overlaps(wide, others) and 2 * cost(wide) <= budget:
            piece = wide
        if (spent := cost(piece)) <= budget or place == 0:
            pieces.append(piece)
            budget -= spent
    return pieces


def overlaps(piece: Evidence, others: Iterable[Evidence | Citation]) -> bool:
    """Whether one of the others holds a character of the piece's quote, in the same document."""
    return any(o.path == piece.path and o.start < piece.end and piece.start < o.end for o in others)


def in_context(piece: Evidence) -> Evidence:
    """The piece with the sentence that it leans on: one that a pronoun refers to, or the lead-in of its list."""
    text, start = piece.passage.text, piece.start - piece.passage.start
    before = [(a, b) for a, b in sentences(text) if b <= start]
    if _is_item(text, start):
        before = [(a, b) for a, b in before if not _is_item(text, a)]
        leans = bool(before) and text[before[-1][1] - 1] == ":"
    else:
        leans = bool(before) and _LEANS.match(piece.quote) is not None
    if not leans:
        return piece
    return cut(piece.passage, before[-1][0], piece.end - piece.passage.start, piece.number, piece.span)


def whole_list(piece: Evidence) -> Evidence:
    """The list that the piece leads in or is an item of, with its lead-in; the piece itself where that is long."""
    text, low = piece.passage.text, piece.passage.start
    wide = in_context(piece) if _is_item(text, piece.start - low) else piece
    start = wide.start - low
    lead = next((b for a, b in sentences(text) if a >= start and text[b - 1] == ":"), wide.end - low + 1)
    end = _list_end(text, lead)
    if lead > wide.end - low or end == lead or end - start > _LONGEST_LIST:
        return piece
    return cut(piece.passage, start, end, piece.number, piece.span)


def _list_end(text: str, lead: int) -> int:
    """Where the list ends that begins at ``lead``; ``lead`` where none does."""
    end = lead
    for start, stop in sentences(text):
        if start < lead:
            continue
        goes_on = end > lead and "\n" not in text[end:start]
        if not (goes_on or _is_item(text, start)):
            break
        end = stop
    return end


def _is_item(text: str, start: int) -> bool:
    """Whether a list item begins here, behind its mark."""
    return _ITEM.fullmatch(text, text.rfind("\n", 0, start) + 1, start) is not None


def cut(passage: Passage, start: int, end: int, number: int, span: Span | None = None) -> Evidence:
    """Characters ``start:end`` of the passage's text as evidence ``number``."""
    return Evidence(
        number=number,
        passage=passage,
        start=passage.start + start,
        end=passage.start + end,
        first_line=passage.first_line + passage.text.count("\n", 0, start),
        last_line=passage.first_line + passage.text.count("\n", 0, end),
        quote=passage.text[start:end],
        span=span,
    )
