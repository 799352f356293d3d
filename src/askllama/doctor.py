"""Is this installation sound? Each check says what it found and, where it is broken, what to do."""

from __future__ import annotations

import platform
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from askllama.errors import AskllamaError, ModelError
from askllama.library import Library

_PACKAGES = ("sentence-transformers", "torch", "faiss-cpu", "llama-cpp-python", "tokenizers", "click")


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; ``hint`` is the next command where it is not sound."""

    name: str
    sound: bool
    detail: str
    hint: str = ""


def examine(library: Library) -> Iterator[Check]:
    """All checks, in the order in which a question meets what they look at."""
    yield Check("python", True, f"{platform.python_version()} on {platform.machine()} {sys.platform}")
    yield from (_package(name) for name in _PACKAGES)
    yield _attempt("sqlite", _full_text)
    yield _attempt("encoder weights", _weights)
    yield _attempt("encoder", lambda: _encode(library))
    yield _attempt("reader", lambda: _read(library))
    yield _attempt("index", lambda: _index(library))


def _package(name: str) -> Check:
    try:
        return Check(name, True, version(name))
    except PackageNotFoundError:
        return Check(name, False, "not installed", f"pip install {name}")


def _attempt(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except AskllamaError as error:
        return Check(name, False, str(error), error.hint)
    except sqlite3.Error as error:
        return Check(name, False, str(error), "a Python whose SQLite has FTS5")


def _full_text() -> str:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5 (body, tokenize = 'porter unicode61')")
    return f"{sqlite3.sqlite_version} with FTS5"


def _weights() -> str:
    from askllama.models import registry

    for name in registry.MINILM_HASHES:
        registry.verified(name)
    return "the official files, by their hashes"


def _encode(library: Library) -> str:
    vector = library.encoder.encode_question("does it work?")
    return f"{library.encoder.identity}, {len(vector)} dimensions"


def _read(library: Library) -> str:
    from askllama.types import Passage

    text = "Helsinki is the capital of Finland."
    passage = Passage("probe", "", (), text, 0, len(text), 1, 1)
    (reading,) = library.reader.read("What is the capital of Finland?", [passage])
    found = reading.spans[0].text
    if "Helsinki" not in found:
        raise ModelError(
            f"the reader misreads a plain sentence: {found!r}", "pip install --force-reinstall --no-deps askllama"
        )
    return f"finds {found!r} in a plain sentence"


def _index(library: Library) -> str:
    status = library.status()
    return f"{status.counts.documents} documents, {status.counts.passages} passages in {status.folder}"
