"""States on disk, and notes on model files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from askllama.models.notes import hash_model, note, recall
from askllama.models.prefix import PrefixStore, make_key


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    store = PrefixStore(tmp_path / "prefixes")
    assert store.load("a") is None
    store.save("a", b"state")
    assert store.load("a") == b"state"
    assert [file.name for file in (tmp_path / "prefixes").iterdir()] == ["a.state"]


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: b"", lambda d: d[:40] + b"x" + d[41:], lambda d: d[:9]])
def test_a_damaged_file_is_not_there_and_is_written_anew(tmp_path: Path, damage: object) -> None:
    store = PrefixStore(tmp_path)
    store.save("a", b"a state that is long enough")
    file = tmp_path / "a.state"
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    assert store.load("a") is None
    store.save("a", b"another")
    assert store.load("a") == b"another"


def test_the_least_recently_used_give_way(tmp_path: Path) -> None:
    store = PrefixStore(tmp_path, most=300)
    for age, key in enumerate("ab"):
        store.save(key, bytes(100))
        os.utime(tmp_path / f"{key}.state", (age, age))
    assert store.load("a")
    store.save("c", bytes(100))
    assert [store.load(key) is not None for key in "abc"] == [True, False, True]
    store.save("d", bytes(400))
    assert [store.load(key) is not None for key in "acd"] == [True, True, False]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    PrefixStore(tmp_path / "file").save("a", b"state")
    assert PrefixStore(tmp_path / "file").load("a") is None


def test_a_key_names_model_build_and_tokens() -> None:
    assert len({make_key("m", "b", [1, 2]), make_key("n", "b", [1, 2]), make_key("m", "c", [1, 2])}) == 3
    assert make_key("m", "b", [1, 2]) != make_key("m", "b", [12])
    assert make_key("m", "b", [1, 2]) == make_key("m", "b", (1, 2))


def test_notes_hold_until_the_file_changes(tmp_path: Path) -> None:
    model, cache = tmp_path / "m.gguf", tmp_path / "cache"
    model.write_bytes(b"weights")
    note(model, cache, prefill=1.5)
    assert hash_model(model, cache) == hashlib.sha256(b"weights").hexdigest()
    assert {"prefill", "sha256"} <= set(recall(model, cache))
    model.write_bytes(b"other weights")
    assert recall(model, cache) == {}
    assert hash_model(model, cache) == hashlib.sha256(b"other weights").hexdigest()


def test_a_hash_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"weights")
    first = hash_model(model, tmp_path)
    monkeypatch.setattr("askllama.models.notes.hash_file", None)
    assert hash_model(model, tmp_path) == first


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 1}', "\xff"])
def test_damaged_notes_are_forgotten(tmp_path: Path, text: str) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"weights")
    (tmp_path / "model-notes.json").write_text(text, encoding="latin-1")
    assert recall(model, tmp_path) == {}
    note(model, tmp_path, decode=2.0)
    assert recall(model, tmp_path)["decode"] == 2.0
