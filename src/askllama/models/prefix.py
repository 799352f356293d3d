"""The states of prompt prefixes on disk, so that the next run need not read them again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from askllama.cache import keep

_DIGEST = hashlib.sha256().digest_size
_MOST = 1 << 30  # bytes of all files together


class PrefixStore:
    """Files below one folder, the least recently used of which give way; what cannot be read is not there."""

    def __init__(self, folder: Path, most: int = _MOST) -> None:
        self._folder, self._most = folder, most

    def load(self, key: str) -> bytes | None:
        """The state that was kept under the key; None where there is none or where the file is damaged."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        state = data[_DIGEST:]
        return state if hashlib.sha256(state).digest() == data[:_DIGEST] else None

    def save(self, key: str, state: bytes) -> None:
        """Keep a state; where there is no room for it, it is not kept."""
        if len(state) + _DIGEST <= self._most:
            keep(self._path(key), hashlib.sha256(state).digest() + state)
            with suppress(OSError):
                self._shrink()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.state"

    def _shrink(self) -> None:
        files = sorted(self._folder.glob("*.state"), key=lambda file: -file.stat().st_mtime_ns)
        total = 0
        for file in files:
            total += file.stat().st_size
            if total > self._most:
                file.unlink()


def make_key(model: str, build: str, tokens: Sequence[int]) -> str:
    """The key of a prefix: the model's sha256, llama.cpp's build and the prefix's tokens."""
    return hashlib.sha256(f"{model} {build} {list(tokens)}".encode()).hexdigest()
