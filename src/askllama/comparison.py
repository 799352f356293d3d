"""Two records of one question -> what differs between them; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from askllama.record import Record
from askllama.types import Citation, Provenance

_HASH = 16  # characters of a hash that are shown


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that was otherwise then."""

    what: str
    then: str
    now: str


def compare(then: Record, now: Record) -> list[Difference]:
    """What differs: the answer first, then what it was made from and with."""
    pairs = (*_results(then, now), *_sources(then, now), *_tools(then.provenance, now.provenance))
    return [Difference(what, old or "none", new or "none") for what, old, new in pairs if old != new]


def _results(then: Record, now: Record) -> Iterator[tuple[str, str, str]]:
    yield "question read as", then.read_as or then.question, now.read_as or now.question
    yield "answer", then.text, now.text
    yield "citations", _list(then.citations), _list(now.citations)


def _sources(then: Record, now: Record) -> Iterator[tuple[str, str, str]]:
    files = {c.path: c.sha256 for c in now.citations}
    for path, sha256 in {c.path: c.sha256 for c in then.citations}.items():
        yield f"file {path}", sha256[:_HASH], files.get(path, sha256)[:_HASH]
    yield "documents", then.provenance.documents[:_HASH], now.provenance.documents[:_HASH]
    old, new = (", ".join(f"{path}:{start}-{end}" for path, start, end in made.evidence) for made in (then, now))
    yield "evidence", old, new


def _tools(then: Provenance, now: Provenance) -> Iterator[tuple[str, str, str]]:
    yield "askllama", then.version, now.version
    yield "encoder", then.encoder_identity, now.encoder_identity
    yield "reader", then.reader[:_HASH], now.reader[:_HASH]
    old, new = then.writing, now.writing
    if old and new:
        yield "model file", f"{old.file} {old.sha256[:_HASH]}", f"{new.file} {new.sha256[:_HASH]}"
        yield "llama.cpp", old.llama_cpp, new.llama_cpp
        yield "prompt", old.prompt[:_HASH], new.prompt[:_HASH]
    else:
        yield "writing", old.file if old else "", new.file if new else ""


def _list(citations: tuple[Citation, ...]) -> str:
    return "\n        ".join(f"[{c.number}] {c.location} “{c.quote}”" for c in citations)
