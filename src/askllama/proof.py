"""A saved answer -> whether its quotes still stand in the files that it cites."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from askllama import documents
from askllama.citations import find_markers
from askllama.config import built_in
from askllama.errors import DocumentError
from askllama.record import Record
from askllama.types import Citation, Document

State = Literal["holds", "changed", "moved", "vanished", "missing", "unknown"]
"""``changed``: the file has, but the quote stands where it stood; ``unknown``: a marker without a citation."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of one marker of an answer: ``location`` is where the quote stands now, or stood."""

    number: int
    state: State
    location: str
    detail: str

    @property
    def sound(self) -> bool:
        """Whether the quote stands at the very place that the citation names."""
        return self.state in ("holds", "changed")


def check_record(record: Record) -> list[Proof]:
    """One proof per citation, and one for each marker that has none."""
    load = cache(_load)
    proofs = [_check(citation, load(citation.path)) for citation in record.citations]
    known = {citation.number for citation in record.citations}
    unknown = sorted({*find_markers(record.text)} - known)
    return proofs + [Proof(number, "unknown", "-", "the answer cites it and does not carry it") for number in unknown]


def _load(path: str) -> Document | str:
    """The document, or why there is none."""
    for place in _places(path):
        # A device or a pipe could be read for ever; os.path answers False where pathlib raises, for a name too long.
        if os.path.isfile(place):  # noqa: PTH113
            try:
                return documents.load(place)
            except DocumentError as error:
                return str(error)
    return "there is no such file"


def _places(path: str) -> Iterator[Path]:
    """Where a path may lie: as it is, else beside or below the built-in corpus."""
    corpus = built_in("corpus")
    yield from (Path(os.path.abspath(path)), corpus.parent / path, corpus / path)


def _check(citation: Citation, document: Document | str) -> Proof:
    if isinstance(document, str):
        return Proof(citation.number, "missing", citation.location, document)
    found = _find(document.text, citation)
    if found is None:
        return Proof(citation.number, "vanished", citation.location, "the quote is not in the file")
    line = document.text.count("\n", 0, found) + 1
    where = f"{document.path}:{line}"
    if found != citation.start or line != citation.first_line:
        return Proof(citation.number, "moved", where, f"the answer names line {citation.first_line}")
    if document.sha256 != citation.sha256:
        return Proof(citation.number, "changed", where, "the file has changed, and the quote still stands there")
    return Proof(citation.number, "holds", where, "")


def _find(text: str, citation: Citation) -> int | None:
    """The offset at which the quote stands, the nearest to where it stood."""
    quote, start = citation.quote, citation.start
    if text[start : citation.end] == quote:
        return start
    ends = (text.rfind(quote, 0, start + len(quote)), text.find(quote, start))
    return min((place for place in ends if place >= 0), key=lambda place: abs(place - start), default=None)
