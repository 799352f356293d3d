"""Document -> passages: sections first, then pieces of a section that fit the encoder."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from askllama.types import Document, Heading, Passage

Split = Callable[[str, str], Sequence[tuple[int, str]]]
"""Text and format -> pieces with their character offsets; the pieces are slices of the text."""


def cut(document: Document, split: Split) -> Iterator[Passage]:
    """The passages of a document in order: ``document.text[p.start:p.end] == p.text`` for each.

    No passage spans two sections, so its heading path holds for all of it.
    """
    lines = _line_starts(document.text)
    for start, end, headings in _sections(document):
        for offset, piece in split(document.text[start:end], document.format):
            low, text = _trim(start + offset, piece)
            if not text:
                continue
            yield Passage(
                path=document.path,
                title=document.title,
                headings=headings,
                text=text,
                start=low,
                end=low + len(text),
                first_line=bisect_right(lines, low),
                last_line=bisect_right(lines, low + len(text) - 1),
                page=bisect_right(document.pages, low) if document.pages else None,
                sha256=document.sha256,
            )


def _line_starts(text: str) -> list[int]:
    starts = [0]
    while (found := text.find("\n", starts[-1])) >= 0:
        starts.append(found + 1)
    return starts


def _sections(document: Document) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Start, end and heading path of the stretch under each heading, and of what precedes the first.

    The headings themselves are left out, since every passage carries them as its path; only one with
    nothing below it is a passage of its own.
    """
    path: list[Heading] = []
    marks: list[Heading | None] = [None, *document.headings, None]
    for heading, following in pairwise(marks):
        if heading:
            path = [h for h in path if h.level < heading.level] + [heading]
        start = heading.end if heading else document.body
        end = following.offset if following else len(document.text)
        childless = not (heading and following and following.level > heading.level)
        if heading and childless and not document.text[start:end].strip():
            start = heading.offset
        if start < end:
            yield start, end, tuple(h.text for h in path)


def _trim(start: int, text: str) -> tuple[int, str]:
    left = text.lstrip()
    return start + len(text) - len(left), left.rstrip()
