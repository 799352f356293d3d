"""A saved answer, asked again: the same, and after each thing that can change has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from scripted import write_scripted

from askllama.cli import main
from askllama.comparison import compare
from askllama.config import Settings
from askllama.record import read_record

QUESTION = "When does the ferry leave?"
TRUE = "The ferry leaves at 7.30 [1]."
Run = Callable[..., Result]


@pytest.fixture
def run(real_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line over one note, with a model that writes one true sentence."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "ferry.txt").write_text("The ferry leaves at 7.30 from pier 9.\n")
    write_scripted(tmp_path / "scripted.gguf", TRUE)
    monkeypatch.chdir(tmp_path)
    for name, value in (("DATA", tmp_path / "data"), ("CACHE", real_settings.cache), ("THREADS", 1)):
        monkeypatch.setenv(f"ASKLLAMA_{name}", str(value))
    return lambda *args, stdin="": CliRunner().invoke(main, args, input=stdin)


def test_a_replay_says_what_differs(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = run("-q", "-c", "notes", "-m", "scripted.gguf", "--threshold", "0", "-k", "3", "--json", QUESTION).stdout
    then = json.loads(saved)
    assert then["text"] == TRUE
    assert then["provenance"]["model"] == str(tmp_path / "scripted.gguf")
    assert then["provenance"]["passages"] == 3
    assert len(then["provenance"]["writing"]["sha256"]) == len(then["provenance"]["writing"]["prompt"]) == 64
    assert [piece["number"] for piece in then["evidence"]] == [1]

    monkeypatch.chdir("/")
    done = run("replay", "-q", "-", stdin=saved)
    assert (done.exit_code, done.stdout) == (0, "Nothing differs.\n"), done.output

    write_scripted(tmp_path / "scripted.gguf", "At 7.30 it leaves from pier 9 [1].")
    done = run("replay", "-q", "-", stdin=saved)
    assert done.exit_code == 1
    assert "answer\n  then  The ferry leaves at 7.30 [1].\n  now   At 7.30 it leaves from pier 9 [1].\n" in done.stdout
    assert "model file\n" in done.stdout
    assert "documents\n" not in done.stdout

    (tmp_path / "notes" / "ferry.txt").write_text("The ferry leaves at 8.15 from pier 9.\n")
    done = run("replay", "-q", "-", stdin=saved)
    assert done.exit_code == 1
    for what in ("answer\n", "citations\n", "documents\n", "prompt\n", f"file {tmp_path / 'notes' / 'ferry.txt'}\n"):
        assert what in done.stdout

    (tmp_path / "scripted.gguf").unlink()
    done = run("replay", "-q", "-", stdin=saved)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "scripted.gguf" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_extractive_answer_stays_extractive(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = run("-q", "-c", "notes", "--threshold", "0", "--json", QUESTION).stdout
    assert json.loads(saved)["provenance"]["writing"] is None
    monkeypatch.setenv("ASKLLAMA_MODEL", str(tmp_path / "scripted.gguf"))
    done = run("replay", "-q", "-", stdin=saved)
    assert (done.exit_code, done.stdout) == (0, "Nothing differs.\n"), done.output


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 99}'])
def test_what_is_no_saved_answer_is_an_error(run: Run, text: str) -> None:
    done = run("replay", "-", stdin=text)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_every_circumstance_is_compared() -> None:
    writing = {"file": "m", "sha256": "1", "llama_cpp": "2", "prompt": "3", "temperature": 0, "seed": None}
    made: dict[str, Any] = {
        "version": "1",
        "corpus": ["/d"],
        "documents": "4",
        "encoder": "e",
        "encoder_identity": "e:1",
    }
    made |= {"reader": "5", "passages": 10, "threshold": 0.5, "budget": None, "model": "m", "writing": writing}
    table = {"format": 1, "question": "?", "text": "t", "citations": [], "evidence": [], "provenance": made}
    then = read_record(json.dumps(table))
    assert compare(then, then) == []
    respelled = read_record(json.dumps(table | {"read_as": "!"}))
    assert [(d.what, d.then, d.now) for d in compare(then, respelled)] == [("question read as", "?", "!")]
    for key, what in (("version", "askllama"), ("documents",) * 2, ("encoder_identity", "encoder"), ("reader",) * 2):
        other = read_record(json.dumps(table | {"provenance": made | {key: "x"}}))
        assert [d.what for d in compare(then, other)] == [what]
    for key, what in (("sha256", "model file"), ("llama_cpp", "llama.cpp"), ("prompt", "prompt")):
        other = read_record(json.dumps(table | {"provenance": made | {"writing": writing | {key: "x"}}}))
        assert [d.what for d in compare(then, other)] == [what]
    other = read_record(json.dumps(table | {"provenance": made | {"writing": None}}))
    assert [(d.what, d.now) for d in compare(then, other)] == [("writing", "none")]
