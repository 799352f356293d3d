"""Files -> documents: one loader per format behind one interface.

``find`` walks a corpus, ``load`` picks the loader by file name. A loader gets the path and the
file's bytes and returns a Document; what it cannot read raises DocumentError.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from askllama.errors import CorpusError, DocumentError, DocumentUnavailable
from askllama.types import Document

LARGEST = 64 * 1024 * 1024
"""Files above this many bytes are refused: they are data, not documents."""

# A loader's module is imported when the first file of its format is met.
_LOADERS = {
    "askllama.documents.plain": (".txt", ".text", ".rst", ".org", ".adoc", ".log"),
    "askllama.documents.markdown": (".md", ".markdown", ".mdown", ".mkd"),
}
_BY_SUFFIX = {suffix: module for module, suffixes in _LOADERS.items() for suffix in suffixes}


class Loader(Protocol):
    """A module that reads one family of formats."""

    def load(self, path: Path, data: bytes) -> Document:
        """The document in ``data``; raises DocumentError."""


def find(roots: Iterable[Path]) -> Iterator[Path]:
    """Readable files below the roots, sorted, each once; hidden files and folders are left out.

    A root that is a file is taken if a loader knows it. Raises CorpusError where a root is missing or a
    folder cannot be read: its documents are not gone.
    """
    seen: set[Path] = set()
    for root in roots:
        # os.path answers False where pathlib raises: a name too long, a folder above that is closed.
        if not os.path.exists(root):  # noqa: PTH110
            raise CorpusError(f"no such file or folder: {root}", "askllama index PATH  with a folder that exists")
        if root.is_file() and root.suffix.lower() not in _BY_SUFFIX:
            raise CorpusError(f"{root.name}: no loader for this format", f"readable: {' '.join(sorted(_BY_SUFFIX))}")
        for path in [root] if root.is_file() else _walk(root):
            if path not in seen:
                seen.add(path)
                yield path


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root, onerror=_refuse_folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if not name.startswith(".") and path.suffix.lower() in _BY_SUFFIX and path.is_file():
                yield path


def _refuse_folder(error: OSError) -> None:
    raise CorpusError(f"{error.filename}: {error.strerror}", "make the folder readable, or name others")


def load(path: Path) -> Document:
    """Read one file; raises DocumentError with the reason where it cannot be read."""
    if path_name(path) != str(path):
        raise DocumentError(f"{path_name(path)}: the file's name is not UTF-8")
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise DocumentError(f"{path}: {size / 1e6:.0f} MB is more than a document may have")
        data = path.read_bytes()
    except OSError as error:
        raise DocumentUnavailable(f"{path}: {error.strerror}") from error
    module = _BY_SUFFIX.get(path.suffix.lower())
    if module is None:
        raise DocumentError(f"{path}: no loader for this format")
    try:
        return cast("Loader", import_module(module)).load(path, data)
    except DocumentError:
        raise
    except Exception as error:  # other people's parsers meet hostile files: one of them must not stop the rest
        raise DocumentError(f"{path}: {type(error).__name__}: {error}") from error


def path_name(path: Path) -> str:
    """A path as text that can be stored and printed: what is not UTF-8 in it is spelt out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def hash_bytes(data: bytes) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
