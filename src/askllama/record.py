"""A saved answer: what ``--json`` prints, and what reads it again; pure.

A saved answer may come from anywhere, so every field that is used is checked before it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from askllama.errors import UsageError
from askllama.types import Answer, Citation, Provenance, Writing

FORMAT = 1
"""Counts up whenever a field changes its meaning or goes."""

_HINT = "askllama --json QUESTION > answer.json  saves one"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Record:
    """A saved answer, as far as it can be checked or asked again; ``evidence`` has path, start and end each."""

    question: str
    text: str
    citations: tuple[Citation, ...]
    evidence: tuple[tuple[str, int, int], ...]
    provenance: Provenance
    read_as: str | None = None


def make_table(answer: Answer, provenance: Provenance) -> dict[str, Any]:
    """The answer as JSON has it; evidence is told by its place, since its words stand in the documents."""
    table = {"format": FORMAT, "answered": answer.answered, **asdict(answer), "provenance": asdict(provenance)}
    table["evidence"] = [
        {"number": e.number, "path": e.passage.path, "start": e.start, "end": e.end} for e in answer.evidence
    ]
    return table


def make_record(answer: Answer, provenance: Provenance) -> Record:
    """The record that the answer's JSON would be read as."""
    evidence = tuple((e.passage.path, e.start, e.end) for e in answer.evidence)
    return Record(answer.question, answer.text, answer.citations, evidence, provenance, answer.read_as)


def read_record(text: str | bytes) -> Record:
    """The record in a JSON text; raises UsageError where it is none, or one of another format."""
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"this is no JSON: {error}", _HINT) from error
    if not isinstance(table, dict) or not {"format", "question", "citations", "provenance"} <= set(table):
        raise UsageError("this JSON is no answer of askllama", _HINT)
    if table["format"] != FORMAT:
        raise UsageError(f"an answer of format {table['format']!r} is not known here, only {FORMAT}", _HINT)
    return Record(
        _take(table, "question", str),
        _take(table, "text", str),
        tuple(_read_citation(item) for item in _take(table, "citations", list)),
        tuple(_read_place(item) for item in _take(table, "evidence", list)),
        _read_provenance(_take(table, "provenance", dict)),
        _take(table, "read_as", str, None),
    )


def _read_citation(table: Any) -> Citation:
    marked = _take(table, "highlight", list, None)
    if marked is not None and (len(marked) != 2 or any(type(offset) is not int for offset in marked)):
        raise UsageError("highlight is not valid in this answer", _HINT)
    citation = Citation(
        number=_take(table, "number", int),
        path=_take(table, "path", str),
        title=_take(table, "title", str),
        page=_take(table, "page", int, None),
        first_line=_take(table, "first_line", int),
        last_line=_take(table, "last_line", int),
        start=_take(table, "start", int),
        end=_take(table, "end", int),
        quote=_take(table, "quote", str),
        sha256=_take(table, "sha256", str),
        highlight=(marked[0], marked[1]) if marked else None,
    )
    if not citation.quote.strip() or not 0 <= citation.start < citation.end:
        raise UsageError(f"citation [{citation.number}] quotes nothing", _HINT)
    return citation


def _read_place(table: Any) -> tuple[str, int, int]:
    return _take(table, "path", str), _take(table, "start", int), _take(table, "end", int)


def _read_provenance(table: Mapping[str, Any]) -> Provenance:
    corpus = _take(table, "corpus", list)
    if not corpus or not all(isinstance(root, str) and root for root in corpus):
        raise UsageError("corpus is not valid in this answer", _HINT)
    writing = _take(table, "writing", dict, None)
    return Provenance(
        corpus=tuple(corpus),
        writing=_read_writing(writing) if writing is not None else None,
        model=_take(table, "model", str, None),
        passages=_take(table, "passages", int),
        threshold=_take(table, "threshold", float),
        budget=_take(table, "budget", float, None),
        **{name: _take(table, name, str) for name in ("version", "documents", "encoder", "encoder_identity", "reader")},
    )


def _read_writing(table: Mapping[str, Any]) -> Writing:
    return Writing(
        temperature=_take(table, "temperature", float),
        seed=_take(table, "seed", int, None),
        **{name: _take(table, name, str) for name in ("file", "sha256", "llama_cpp", "prompt")},
    )


def _take(table: Any, key: str, kind: type[_T], *default: None) -> Any:
    """The value of a key, of exactly that kind; a default of None allows null."""
    value = table.get(key) if isinstance(table, Mapping) else None
    if value is None and default:
        return None
    if kind is float and type(value) is int and abs(value) < 2**53:
        value = float(value)
    # Neither the file system nor a terminal takes half a surrogate pair.
    if type(value) is not kind or (isinstance(value, str) and not _is_text(value)):
        raise UsageError(f"{key} is not valid in this answer", _HINT)
    return value


def _is_text(value: str) -> bool:
    return "\0" not in value and not any(0xD800 <= ord(character) < 0xE000 for character in value)
