"""Spans -> evidence: the whole sentences around them, as slices of the passage."""

from __future__ import annotations

import re
from collections.abc import Iterator

from askllama.types import Evidence, Passage, Span

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
_MARK = re.compile(r"(?:[-*+•>]|\d{1,2}[.)])[ \t]+")


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
