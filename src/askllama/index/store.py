"""SQLite store: documents, passages, their embeddings and the full-text table, for one corpus."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from askllama.errors import EncoderMismatch, StoreError
from askllama.types import Document, Passage

if TYPE_CHECKING:
    from numpy import float32, int64
    from numpy.typing import NDArray

_VERSION = 1
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, title TEXT NOT NULL, format TEXT NOT NULL,
    text TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    start INTEGER NOT NULL, end INTEGER NOT NULL, first_line INTEGER NOT NULL, last_line INTEGER NOT NULL,
    page INTEGER, headings TEXT NOT NULL, embedding BLOB NOT NULL);
CREATE INDEX passages_of_document ON passages (document);
CREATE VIRTUAL TABLE words USING fts5 (heading, body, tokenize = "porter unicode61 remove_diacritics 2");
CREATE TABLE failures (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, reason TEXT) WITHOUT ROWID;
"""
_PASSAGE = """
SELECT d.path, d.title, p.headings, substr(d.text, p.start + 1, p.end - p.start), p.start, p.end,
       p.first_line, p.last_line, p.page, d.sha256, p.id
FROM passages p JOIN documents d ON d.id = p.document
"""
_SEPARATOR = "\x1f"
_REBUILD = "askllama index --rebuild  with the same --corpus"


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells whether a file changed: its size in bytes and its modification time in nanoseconds."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the store holds; ``updated`` is seconds since the epoch, None before the first change."""

    documents: int
    passages: int
    updated: float | None


class Store:
    """One SQLite file; a document is written in one transaction, so a crash leaves whole documents."""

    def __init__(self, path: Path) -> None:
        """Open or create; raises StoreError where the file cannot be used."""
        self._path = path
        with self._guard():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=60, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                self._create()
            elif version != _VERSION:
                raise StoreError(f"{path} was made by another version of askllama", _REBUILD)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            # A full disk or a lock is no damage: making the index anew would not help.
            damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
            hint = _REBUILD if damaged else f"see that {self._path.parent} can be written and the disk is not full"
            raise StoreError(f"the index {self._path} cannot be used: {error}", hint) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._guard():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself rolls back where the disk is full
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads inside see one state of the store, whatever other processes write meanwhile."""
        with self._guard():
            self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    def clear(self) -> None:
        """Forget everything, in one transaction; other processes go on with what they have open."""
        with self._transaction() as connection:
            for table in ("words", "documents", "failures"):
                connection.execute(f"DELETE FROM {table}")
            connection.execute("DELETE FROM facts WHERE name IN ('encoder', 'updated')")
            connection.execute("UPDATE facts SET value = ? WHERE name = 'store'", (uuid.uuid4().hex,))

    def _create(self) -> None:
        with self._transaction() as connection:
            # Another process may have been first while this one waited for the lock.
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in _SCHEMA.split(";\n"):
                    connection.execute(statement)
                facts = [("store", uuid.uuid4().hex), ("generation", "0")]
                connection.executemany("INSERT INTO facts VALUES (?, ?)", facts)
                connection.execute(f"PRAGMA user_version = {_VERSION}")

    def _fact(self, name: str) -> str | None:
        with self._guard():
            row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    @property
    def stamp(self) -> str:
        """Changes with every change of the passages; what is derived from them carries it."""
        return f"{self._fact('store')}-{self._fact('generation')}"

    @property
    def encoder(self) -> str | None:
        """The identity of the encoder that made the embeddings; None before the first."""
        return self._fact("encoder")

    def require_encoder(self, identity: str) -> None:
        """Record the encoder, or raise EncoderMismatch where the embeddings come from another one."""
        known = self.encoder
        if known is None:
            with self._transaction() as connection:
                connection.execute("INSERT OR REPLACE INTO facts VALUES ('encoder', ?)", (identity,))
        elif known != identity:
            raise EncoderMismatch(f"the index was made with encoder {known}, not {identity}", _REBUILD)

    def files(self) -> dict[str, tuple[FileState, str]]:
        """State and sha256 of every indexed file, by path."""
        with self._guard():
            rows = self._connection.execute("SELECT path, size, mtime_ns, sha256 FROM documents").fetchall()
        return {path: (FileState(size, mtime), sha256) for path, size, mtime, sha256 in rows}

    def failures(self) -> dict[str, tuple[FileState, str]]:
        """State and reason of every file that could not be read, by path."""
        with self._guard():
            rows = self._connection.execute("SELECT path, size, mtime_ns, reason FROM failures").fetchall()
        return {path: (FileState(size, mtime), reason) for path, size, mtime, reason in rows}

    def put(
        self, document: Document, state: FileState, passages: Sequence[Passage], embeddings: Sequence[NDArray[float32]]
    ) -> None:
        """Add or replace a document with its passages and the embedding of each, of shape (dimensions,)."""
        with self._transaction() as connection:
            _forget(connection, document.path)
            row = (document.path, document.title, document.format, document.text, document.sha256)
            cursor = connection.execute(
                "INSERT INTO documents (path, title, format, text, sha256, size, mtime_ns)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, state.size, state.mtime_ns),
            )
            for passage, embedding in zip(passages, embeddings, strict=True):
                _insert(connection, cursor.lastrowid, passage, embedding)
            _advance(connection)

    def put_failure(self, path: str, state: FileState, reason: str) -> None:
        """Remember that a file could not be read, so that it is tried again only when it changes."""
        with self._transaction() as connection:
            _forget(connection, path)
            row = (path, state.size, state.mtime_ns, reason)
            connection.execute("INSERT INTO failures VALUES (?, ?, ?, ?)", row)

    def touch(self, path: str, state: FileState) -> None:
        """Record a file's new state where its content is the same."""
        with self._transaction() as connection:
            row = (state.size, state.mtime_ns, path)
            connection.execute("UPDATE documents SET size = ?, mtime_ns = ? WHERE path = ?", row)

    def remove(self, paths: Iterable[str]) -> None:
        """Forget documents, and failures, of these paths."""
        with self._transaction() as connection:
            for path in paths:
                _forget(connection, path)

    def passages(self, ids: Iterable[int]) -> dict[int, Passage]:
        """Passages by id."""
        wanted = list(ids)
        marks = ",".join("?" * len(wanted))
        with self._guard():
            rows = self._connection.execute(f"{_PASSAGE} WHERE p.id IN ({marks})", wanted).fetchall()
        return {row[-1]: _passage(row) for row in rows}

    def embeddings(self) -> tuple[NDArray[int64], NDArray[int64], NDArray[float32]]:
        """Passage ids and the numbers of their sections, both of shape (passages,); embeddings (passages, dimensions).

        The passages of a section stand together, in its order.
        """
        import numpy as np

        with self._guard():
            select = "SELECT id, document, headings, embedding FROM passages ORDER BY id"
            rows = self._connection.execute(select).fetchall()
        ids, documents, headings, packed = zip(*rows, strict=True) if rows else ((), (), (), ())
        numbers: dict[tuple[int, str], int] = {}
        sections = [numbers.setdefault(key, len(numbers)) for key in zip(documents, headings, strict=True)]
        matrix = np.frombuffer(b"".join(packed), dtype=np.float32).reshape(len(ids) or 1, -1)[: len(ids)]
        return np.array(ids, dtype=np.int64), np.array(sections, dtype=np.int64), matrix

    def match(self, query: str, count: int) -> list[tuple[int, float]]:
        """Passage ids and BM25 scores (higher is better) for an FTS5 query, best first."""
        # A heading stands over many passages, so a word in it says less about each of them.
        select = (
            "SELECT rowid, -bm25(words, 0.2, 1.0) AS score FROM words WHERE words MATCH ? ORDER BY score DESC LIMIT ?"
        )
        with self._guard():
            return self._connection.execute(select, (query, count)).fetchall()

    def count_matches(self, query: str) -> int:
        """How many passages match an FTS5 query."""
        with self._guard():
            row = self._connection.execute("SELECT count(*) FROM words WHERE words MATCH ?", (query,)).fetchone()
        return int(row[0])

    def counts(self) -> Counts:
        """How much is indexed, and when it changed last."""
        with self._guard():
            documents = self._connection.execute("SELECT count(*) FROM documents").fetchone()[0]
            passages = self._connection.execute("SELECT count(*) FROM passages").fetchone()[0]
        updated = self._fact("updated")
        return Counts(documents, passages, float(updated) if updated else None)


def _forget(connection: sqlite3.Connection, path: str) -> None:
    """Remove what is known of a path; the generation advances where passages went."""
    passages = "SELECT p.id FROM passages p JOIN documents d ON d.id = p.document WHERE d.path = ?"
    connection.execute(f"DELETE FROM words WHERE rowid IN ({passages})", (path,))
    if connection.execute("DELETE FROM documents WHERE path = ?", (path,)).rowcount:
        _advance(connection)
    connection.execute("DELETE FROM failures WHERE path = ?", (path,))


def _insert(
    connection: sqlite3.Connection, document: int | None, passage: Passage, embedding: NDArray[float32]
) -> None:
    span = (passage.start, passage.end, passage.first_line, passage.last_line, passage.page)
    cursor = connection.execute(
        "INSERT INTO passages (document, start, end, first_line, last_line, page, headings, embedding)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (document, *span, _SEPARATOR.join(passage.headings), embedding.tobytes()),
    )
    row = (cursor.lastrowid, passage.heading_path, passage.text)
    connection.execute("INSERT INTO words (rowid, heading, body) VALUES (?, ?, ?)", row)


def _advance(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE facts SET value = value + 1 WHERE name = 'generation'")
    connection.execute("INSERT OR REPLACE INTO facts VALUES ('updated', ?)", (str(time.time()),))


def _passage(row: tuple[str, str, str, str, int, int, int, int, int | None, str, int]) -> Passage:
    path, title, headings, text, start, end, first, last, page, sha256, number = row
    split = tuple(headings.split(_SEPARATOR)) if headings else ()
    return Passage(path, title, split, text, start, end, first, last, page, sha256, number)
