from __future__ import annotations

from pathlib import Path

import pytest

from askllama.cache import keep


def test_a_file_replaces_the_one_before_it_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "cache.bin"
    for data in (b"one", b"two"):
        keep(path, data)
        assert path.read_bytes() == data
    assert list(path.parent.iterdir()) == [path]


def test_where_the_disk_refuses_nothing_is_kept_and_nothing_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    keep(tmp_path / "file" / "cache.bin", b"data")
    keep(tmp_path / "cache.bin", b"before")

    def refuse(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    keep(tmp_path / "cache.bin", b"data")
    assert (tmp_path / "cache.bin").read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache.bin", "file"]
