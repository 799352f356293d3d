"""What is known of model files, kept between runs: their hashes and how fast they are.

A file that was changed is another one: path, size and time of change must all be the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from askllama.cache import keep
from askllama.models.registry import hash_file

_FILE = "model-notes.json"


def recall(path: Path, cache: Path) -> dict[str, Any]:
    """What was noted of a model file; empty where nothing was, or where it has changed since."""
    found = _load(cache).get(os.path.abspath(path), {})
    return dict(found) if isinstance(found, dict) and found.get("stamp") == _stamp(path) else {}


def note(path: Path, cache: Path, **facts: Any) -> None:
    """Keep facts of a model file; where the cache cannot be written they are forgotten."""
    known = {**_load(cache), os.path.abspath(path): recall(path, cache) | facts | {"stamp": _stamp(path)}}
    keep(cache / _FILE, json.dumps(known, indent=1).encode())


def hash_model(path: Path, cache: Path) -> str:
    """The sha256 of a model file, computed once for each of its states: it may have many gigabytes."""
    known = recall(path, cache).get("sha256")
    if not isinstance(known, str):
        known = hash_file(path)
        note(path, cache, sha256=known)
    return known


def _load(cache: Path) -> Mapping[str, Any]:
    try:
        known = json.loads((cache / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _stamp(path: Path) -> list[int]:
    """Size and time of change; raises OSError where there is no such file."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
