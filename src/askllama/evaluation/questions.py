"""Question sets: JSONL, gzipped or not, one question a line."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from askllama.errors import UsageError
from askllama.evaluation.metrics import contains

_HINT = "askllama eval --help  for what a question set holds"


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a set, and what counts as right.

    ``answers`` are the accepted wordings. ``passage`` is the gold passage, as its text or, where it has no
    blanks, as the name of its file; ``source`` names the files that hold the answer.
    """

    text: str
    answers: tuple[str, ...]
    answerable: bool
    passage: str | None = None
    source: tuple[str, ...] = ()

    @property
    def is_located(self) -> bool:
        """Whether it can be told where the answer lies: by passage, by file, or by the answers themselves."""
        return bool(self.passage or self.source or self.answers)

    def is_gold(self, path: str, text: str) -> bool:
        """Whether text of a file is the gold place: the passage, else a source, else text with an answer in it."""
        if self.passage:
            return _is_passage(self.passage, path, text)
        if self.source:
            return any(f"/{PurePath(path).as_posix()}".endswith(f"/{name}") for name in self.source)
        return self.is_answered_in(text)

    def is_answered_in(self, text: str) -> bool:
        """Whether the text holds one of the answers."""
        return any(contains(text, answer) for answer in self.answers)


def _is_passage(passage: str, path: str, text: str) -> bool:
    if len(passage.split()) == 1:
        return passage in (PurePath(path).stem, PurePath(path).name)
    # An index cuts passages of its own: they may be smaller or larger than the set's.
    return contains(passage, text) or contains(text, passage)


def read_questions(path: Path) -> list[Question]:
    """The questions of a set. Raises UsageError, with the line where there is one."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}", _HINT) from error
    questions = [
        _read_line(line, f"{path}:{number}") for number, line in enumerate(text.split("\n"), start=1) if line.strip()
    ]
    if not questions:
        raise UsageError(f"{path}: no questions", _HINT)
    return questions


def _read_line(line: str, where: str) -> Question:
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError("a JSON object is needed")
        answers = tuple(_answer(item) for item in _list(row, "answers"))
        answerable = row.get("answerable", bool(answers))
        if not isinstance(answerable, bool):
            raise ValueError('"answerable" is neither true nor false')
        passage = row.get("passage")
        return Question(
            text=_text(row.get("question"), "question"),
            answers=answers,
            answerable=answerable,
            passage=None if passage is None else _text(passage, "passage"),
            source=tuple(_text(item, "source") for item in _list(row, "source")),
        )
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: {error}", _HINT) from error


def _list(row: dict[str, Any], key: str) -> list[Any]:
    value = row.get(key)
    if value is None:
        return []
    if isinstance(value, str) and key == "source":
        return [value]
    if not isinstance(value, list):
        raise ValueError(f'"{key}" is not a list')
    return value


def _answer(item: Any) -> str:
    return _text(item.get("text") if isinstance(item, dict) else item, "answers")


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f'"{key}" is not a text' if value else f'"{key}" is missing or empty')
    value.encode()  # half a surrogate pair, which JSON allows and no index takes, is a ValueError too
    return value.strip()
