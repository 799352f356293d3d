"""``askllama eval`` as a user meets it, with the real models over a small corpus."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from scripted import write_scripted

from askllama.cli import main
from askllama.config import Settings
from askllama.library import Library
from askllama.types import Answer

Eval = Callable[..., Result]

DOCUMENTS = {
    "trip.txt": "The ferry to Tallinn leaves from pier 9 at 7.30.\n",
    "cat.md": "# Miso\n\nOur cat Miso was born in May 2019 in a barn near Turku.\n",
    "rent.md": "# Rent\n\nThe rent of the flat is due on the third of each month.\n",
}
ROWS: tuple[dict[str, Any], ...] = (
    {"question": "Where does the ferry to Tallinn leave from?", "answers": ["pier 9"], "source": ["trip.txt"]},
    {"question": "When was the cat Miso born?", "answers": [{"text": "May 2019"}], "passage": "cat", "id": 2},
    {"question": "Who is the CEO of Anthropic?", "answers": []},
)


@pytest.fixture
def evaluate(real_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Eval:
    """Run the command over the small corpus and the three questions."""
    documents = tmp_path / "docs"
    documents.mkdir()
    for name, text in DOCUMENTS.items():
        (documents / name).write_text(text, encoding="utf-8")
    (tmp_path / "set.jsonl").write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    monkeypatch.setenv("ASKLLAMA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ASKLLAMA_CACHE", str(real_settings.cache))
    monkeypatch.setenv("ASKLLAMA_THREADS", "1")  # more of them wait for each other where others run beside
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(main, ["eval", "set.jsonl", "-c", "docs", *args])


def test_the_table_shows_figures_intervals_and_counts(evaluate: Eval) -> None:
    done = evaluate()
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "3 questions · 2 answerable · docs · extractive · threshold 0.58"
    assert lines[2].split() == ["figure", "95", "%", "interval", "questions"]
    rows = {line[:28].strip(): line[28:].split() for line in lines if line.startswith("  ")}
    assert rows["hit@1"] == ["1.000", "1.000", "–", "1.000", "2"]
    assert rows["right, unrefused"] == ["1.000", "1.000", "–", "1.000", "2"]
    assert rows["refusal recall"] == ["1.000", "1.000", "–", "1.000", "1"]
    assert len(rows["p99"]) == 2
    assert [line for line in lines if line and not line.startswith(" ")][1:] == [
        "answers",
        "retrieval",
        "citations",
        "abstention",
        "seconds",
    ]


def test_json_holds_the_figures_and_a_row_for_each_question(evaluate: Eval, tmp_path: Path) -> None:
    done = evaluate("--json", "--threshold", "0")
    report = json.loads(done.stdout)
    assert done.exit_code == 0
    assert report["corpus"] == [str(tmp_path / "docs")]
    assert (report["questions"], report["asked"], report["model"], report["threshold"]) == (3, 3, None, 0)
    recall = report["figures"]["abstention"]["refusal recall"]
    assert recall == {"value": 0, "low": 0, "high": 0, "count": 1}
    assert report["figures"]["abstention"]["refusal precision"]["value"] is None
    ferry, cat, off_topic = report["rows"]
    assert (ferry["question"], ferry["answers"], ferry["source"]) == tuple(ROWS[0].values())
    assert (ferry["right"], ferry["refused"], ferry["gold_rank"]) == (True, False, 1)
    assert ferry["citations"][0] == {
        "number": 1,
        "location": str(tmp_path / "docs" / "trip.txt") + ":1",
        "quote": DOCUMENTS["trip.txt"].strip(),
        "gold": True,
        "answers": True,
    }
    assert (cat["answers"], cat["passage"], cat["gold_rank"]) == (["May 2019"], "cat", 1)
    assert (off_topic["answerable"], off_topic["f1"], off_topic["right"]) == (False, None, False)
    assert all(0 <= row["confidence"] <= 1 and row["seconds"] > 0 for row in report["rows"])


def test_a_generator_is_scored_by_the_same_command(evaluate: Eval, tmp_path: Path) -> None:
    write_scripted(tmp_path / "scripted.gguf", "The ferry to Tallinn leaves from pier 9 [1].")
    report = json.loads(evaluate("--json", "-m", "scripted.gguf", "--threshold", "0").stdout)
    assert report["model"] == "scripted.gguf"
    assert report["rows"][0]["headline"] == "The ferry to Tallinn leaves from pier 9"
    assert (report["rows"][0]["exact"], report["rows"][0]["right"]) == (False, True)


def test_the_curves_are_drawn_as_svg(evaluate: Eval, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert evaluate("--plot", "curves.svg").exit_code == 0
    drawing = ElementTree.parse(tmp_path / "curves.svg").getroot()
    words = {"".join(element.itertext()).strip() for element in drawing.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Risk and coverage", "Latency", "share of questions answered", "seconds"} <= words


def test_without_matplotlib_nothing_is_asked(evaluate: Eval, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "askllama.evaluation.plot", raising=False)
    done = evaluate("--plot", "curves.svg")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "matplotlib, which is not installed\n  try: pip install " in done.stderr


def test_curves_that_cannot_be_written_do_not_lose_the_figures(evaluate: Eval) -> None:
    pytest.importorskip("matplotlib")
    done = evaluate("--plot", "no/such/folder.svg")
    assert done.exit_code == 2
    assert "hit@1" in done.stdout
    assert "No such file" in done.stderr


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Ctrl-C at the third question; the list holds the questions asked."""
    asked: list[str] = []
    ask = Library.ask

    def ask_twice(self: Library, question: str) -> Answer:
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(question)
        return ask(self, question)

    monkeypatch.setattr(Library, "ask", ask_twice)
    yield asked


def test_what_was_measured_before_an_interrupt_is_shown(evaluate: Eval, stopped: list[str]) -> None:
    done = evaluate("--threshold", "0")
    assert done.exit_code == 130
    assert "interrupted after 2 of 3 questions" in done.stderr
    assert done.stdout.startswith("2 of 3 questions · 2 answerable")
    assert len(stopped) == 2


def test_an_interrupt_at_the_first_question_leaves_nothing_to_show(evaluate: Eval, stopped: list[str]) -> None:
    stopped += ["one", "two"]
    done = evaluate()
    assert (done.exit_code, done.stdout) == (130, "")


def test_a_line_that_is_no_question_is_status_2(evaluate: Eval, tmp_path: Path) -> None:
    (tmp_path / "set.jsonl").write_text('{"question": "who?"}\n{"answers": []}\n', encoding="utf-8")
    done = evaluate()
    assert (done.exit_code, done.stdout) == (2, "")
    assert 'set.jsonl:2: "question" is missing or empty\n  try: askllama eval --help' in done.stderr
