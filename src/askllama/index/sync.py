"""What changed on disk since the store was written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from askllama.documents import path_name
from askllama.index.store import FileState, Store

NO_STATE = FileState(-1, -1)
"""The state that no file has: what was recorded with it is stale."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Files to read again with their present state, and paths whose files are gone."""

    stale: tuple[tuple[Path, FileState], ...]
    gone: tuple[str, ...]


def find_changes(store: Store, files: Iterable[Path]) -> Changes:
    """Compare the files' size and modification time with the store's; nothing is read."""
    known = {path: state for path, (state, _) in [*store.files().items(), *store.failures().items()]}
    present = {path_name(path): (path, read_state(path)) for path in files}
    stale = tuple((path, state) for name, (path, state) in present.items() if known.get(name) != state)
    return Changes(stale, tuple(sorted(known.keys() - present.keys())))


def read_state(path: Path) -> FileState:
    """A file's size and modification time; of a file that just vanished, a state that no file has."""
    try:
        stat = path.stat()
    except OSError:
        return NO_STATE
    return FileState(stat.st_size, stat.st_mtime_ns)
