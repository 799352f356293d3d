from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeEncoder, FakeReader

from askllama.config import Settings, load_settings
from askllama.library import Library


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees or touches the user's own settings, indexes or environment."""
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))
    for name in ("ASKLLAMA_CORPUS", "ASKLLAMA_MODEL", "ASKLLAMA_CONFIG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ASKLLAMA_THREADS", "1")  # llama.cpp's threads wait for each other where others compute too


@pytest.fixture(scope="session")
def real_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The built-in corpus, with one index and one encoder's twin for the whole run."""
    folder = tmp_path_factory.mktemp("real")
    return replace(load_settings(environ={}), data=folder / "data", cache=folder / "cache")


@pytest.fixture(scope="session")
def real_library(real_settings: Settings) -> Iterator[Library]:
    """The whole tool as it ships: real encoder, reader, SQLite and FAISS."""
    with Library.open(real_settings) as library:
        library.sync()
        yield library


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty corpus."""
    path = tmp_path / "docs"
    path.mkdir()
    return path


@pytest.fixture
def fake_library(folder: Path, tmp_path: Path) -> Iterator[Library]:
    """A library over ``folder`` with fake models and a real index."""
    settings = replace(
        load_settings({"corpus": [folder], "threads": 1}, environ={}), data=tmp_path / "data", cache=tmp_path / "cache"
    )
    with Library.open(settings) as library:
        library.__dict__["encoder"] = FakeEncoder()
        library.__dict__["reader"] = FakeReader({r"December \d{4}": 16.0, r"January \d{4}": 8.0})
        yield library
