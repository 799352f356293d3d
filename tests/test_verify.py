"""A saved answer against files that stayed, changed, moved and vanished, and against JSON from anywhere."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from askllama import render
from askllama.answering import cite
from askllama.cli import main
from askllama.config import built_in
from askllama.documents import load
from askllama.evidence import cut
from askllama.passages import cut as cut_passages
from askllama.record import FORMAT, make_record, read_record
from askllama.types import Answer, Citation, Document, Evidence, Provenance, Refusal, Writing

TEXT = "# Notes\n\nThe ferry leaves at 7.30 [3].\n\nIt costs 20 euros.\n"
QUOTES = ("The ferry leaves at 7.30 [3].", "It costs 20 euros.")
WRITING = Writing("m.gguf", "c" * 64, "0.3", "d" * 64)
PROVENANCE = Provenance("0.1.0", ("/docs",), "a" * 64, "e", "e:1", "b" * 64, 10, 0.45, None, "m.gguf", WRITING)
Verify = Callable[..., Result]


def quote_document(document: Document, *quotes: str) -> tuple[Citation, ...]:
    """Real citations: slices of the document, with the offsets and lines that askllama gives them."""
    pieces: list[Evidence] = []
    for passage in cut_passages(document, lambda text, _: [(0, text)]):
        for quote in quotes:
            if (start := passage.text.find(quote)) >= 0:
                pieces.append(cut(passage, start, start + len(quote), len(pieces) + 1))
    return cite(pieces)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.md"
    path.write_text(TEXT)
    return path


@pytest.fixture
def saved(notes: Path) -> str:
    """An answer that cites both sentences of the notes, as ``--json`` prints it."""
    answer = Answer("When?", "At 7.30 [1]. It costs 20 euros [2].", quote_document(load(notes), *QUOTES), 0.9)
    return render.answer_json(answer, PROVENANCE)


@pytest.fixture
def verify() -> Verify:
    def run(saved: str | bytes, *args: str) -> Result:
        return CliRunner().invoke(main, ["verify", *(args or ("-",))], input=saved)

    return run


def states(result: Result) -> list[str]:
    return [line.split()[1] for line in result.stdout.splitlines()]


def test_unchanged_files_hold(verify: Verify, saved: str, notes: Path) -> None:
    done = verify(saved)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"[1] holds     {notes}:3\n[2] holds     {notes}:5\n"


def test_a_saved_file_is_read_too(verify: Verify, saved: str, tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text(saved)
    assert verify("", str(tmp_path / "answer.json")).exit_code == 0


@pytest.mark.parametrize(
    ("text", "expected", "code"),
    [
        (TEXT + "More.\n", ["changed", "changed"], 0),
        (TEXT.replace("20", "25"), ["changed", "vanished"], 1),
        ("New\n" + TEXT, ["moved", "moved"], 1),
        (TEXT.replace("[3]", "[4]"), ["vanished", "changed"], 1),
        (TEXT.replace("# Notes\n", "Notes\n\n"), ["moved", "moved"], 1),
        ("", ["vanished", "vanished"], 1),
        (TEXT.replace("\n", "\r\n"), ["moved", "moved"], 1),
    ],
)
def test_changes_are_told_apart(
    verify: Verify, saved: str, notes: Path, text: str, expected: list[str], code: int
) -> None:
    notes.write_bytes(text.encode())
    done = verify(saved)
    assert states(done) == expected
    assert done.exit_code == code


def test_a_moved_quote_is_found_again(verify: Verify, saved: str, notes: Path) -> None:
    notes.write_text("\n" * 10 + TEXT)
    assert f"[1] moved     {notes}:13  the answer names line 3\n" in verify(saved).stdout


def test_the_nearest_of_several_is_found(verify: Verify, saved: str, notes: Path) -> None:
    notes.write_text(f"{QUOTES[1]}\n{TEXT}\n\n{QUOTES[1]}\n")
    assert f"[2] moved     {notes}:6 " in verify(saved).stdout


def test_a_file_that_is_gone_is_missing(verify: Verify, saved: str, notes: Path) -> None:
    notes.unlink()
    done = verify(saved)
    assert states(done) == ["missing", "missing"]
    assert "there is no such file" in done.stdout
    assert done.exit_code == 1


def test_pipes_folders_and_binaries_are_missing(verify: Verify, saved: str, notes: Path) -> None:
    for make in (os.mkfifo, os.mkdir):
        notes.unlink(missing_ok=True)
        make(notes)
        assert states(verify(saved)) == ["missing", "missing"]
    notes.rmdir()
    notes.write_bytes(b"\0" * 100)
    assert states(verify(saved)) == ["missing", "missing"]


def test_the_built_in_corpus_is_found_by_relative_paths(verify: Verify) -> None:
    path = sorted(built_in("corpus").glob("*.md"))[0]
    passage = next(iter(cut_passages(load(path), lambda text, _: [(0, text)])))
    citations = cite([cut(passage, 0, 20, 1)])
    for name in (str(path), f"corpus/{path.name}", path.name):
        answer = Answer("?", "So [1].", (replace(citations[0], path=name),), 0.9)
        done = verify(render.answer_json(answer, PROVENANCE))
        assert states(done) == ["holds"], name


def test_relative_paths_count_from_here(
    verify: Verify, saved: str, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(notes.parent)
    assert (
        verify(saved.replace(str(notes), "notes.md")).stdout == "[1] holds     notes.md:3\n[2] holds     notes.md:5\n"
    )


def test_a_marker_without_a_citation_is_unknown(verify: Verify, saved: str) -> None:
    done = verify(saved.replace("20 euros [2]", "20 euros [2][7]"))
    assert states(done) == ["holds", "holds", "unknown"]
    assert done.exit_code == 1


def test_a_forged_quote_or_place_does_not_hold(verify: Verify, saved: str) -> None:
    assert states(verify(saved.replace("It costs 20 euros.", "It costs 10 euros."))) == ["holds", "vanished"]
    table = json.loads(saved)
    table["citations"][0]["first_line"] = 1
    table["citations"][1]["start"] -= 1
    assert states(verify(json.dumps(table))) == ["moved", "moved"]


def test_a_refusal_cites_nothing(verify: Verify) -> None:
    refused = Answer("?", "", (), 0.1, refusal=Refusal(("x",), ()))
    done = verify(render.answer_json(refused, PROVENANCE))
    assert (done.exit_code, done.stdout) == (0, "This answer cites nothing.\n")


def change(saved: str, key: str, value: Any) -> str:
    """The saved answer with one field set; ``.`` goes into the first citation or the provenance."""
    table = json.loads(saved)
    place, _, field = key.rpartition(".")
    target = table["citations"][0] if place == "citations" else table[place] if place else table
    target[field] = value
    return json.dumps(table)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "null", '"x"', "{}", '{"a": 1}', "[" * 100_000, "\xff", '{"format": 1}', "9" * 5000]
)
def test_what_is_no_saved_answer_is_an_error(verify: Verify, text: str) -> None:
    done = verify(text.encode("latin-1"))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "try: askllama --json" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", FORMAT + 1),
        ("format", "\x1b[2J"),
        ("question", None),
        ("citations", {}),
        ("citations", [7]),
        ("citations", [{}]),
        ("citations.path", 7),
        ("citations.path", "a\0b"),
        ("citations.path", "\ud800"),
        ("citations.start", -1),
        ("citations.start", 10**30),
        ("citations.start", True),
        ("citations.start", 1.5),
        ("citations.end", 0),
        ("citations.quote", ""),
        ("citations.quote", " \n"),
        ("citations.quote", ["a"]),
        ("citations.highlight", [1]),
        ("citations.highlight", ["a", "b"]),
        ("citations.number", "1"),
        ("evidence", 7),
        ("evidence", [[]]),
        ("provenance", []),
        ("provenance.corpus", []),
        ("provenance.corpus", [""]),
        ("provenance.threshold", "0.5"),
        ("provenance.writing", 7),
        ("provenance.writing", {"file": 7}),
    ],
)
def test_hostile_values_are_an_error(verify: Verify, saved: str, key: str, value: Any) -> None:
    done = verify(change(saved, key, value))
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    "path", ["x" * 5000, "/dev/zero", "\x1b[2J.md", "~nosuchuser/a.md", "a\n[2] holds b.md", "", "/"]
)
def test_hostile_paths_are_missing_and_harmless(verify: Verify, saved: str, path: str) -> None:
    done = verify(change(saved, "citations.path", path))
    assert done.exit_code == 1
    assert states(done) == ["missing", "holds"]
    assert "\x1b" not in done.stdout


def test_a_missing_file_of_json_is_an_error(verify: Verify) -> None:
    assert verify("", "nowhere.json").exit_code == 2


def test_what_is_written_is_read_again(saved: str, notes: Path) -> None:
    passage = next(iter(cut_passages(load(notes), lambda text, _: [(0, text)])))
    answer = Answer("?", "x [1]", cite([cut(passage, 0, 9, 1)]), 0.5, evidence=(cut(passage, 0, 9, 1),))
    for provenance in (PROVENANCE, replace(PROVENANCE, writing=None, model=None, budget=2.5)):
        assert read_record(render.answer_json(answer, provenance)) == make_record(answer, provenance)


def test_the_fields_of_the_json_are_those_that_are_documented(saved: str) -> None:
    table = json.loads(saved)
    documented = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    page = documented.split("## A saved answer")[1].split("\n## ")[0]
    for key in (*table, *table["citations"][0], *table["provenance"], *table["provenance"]["writing"]):
        assert f"`{key}`" in page, key
