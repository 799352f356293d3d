"""The command line as a user meets it: output, streams and exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted import write_scripted

from askllama import __version__
from askllama.cli import main
from askllama.config import Settings
from askllama.library import Library

Run = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parents[1]


@pytest.fixture
def askllama(real_library: Library, real_settings: Settings, tmp_path: Path) -> Run:
    """Run the command in a folder of its own, over the run's shared index."""

    def run(*args: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "ASKLLAMA_DATA": str(real_settings.data), "ASKLLAMA_CACHE": str(real_settings.cache)}
        return subprocess.run(
            [sys.executable, "-m", "askllama", *args],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=environ | variables,
        )

    return run


def test_a_question_is_answered_with_its_citation(askllama: Run) -> None:
    done = askllama("when did Mixtral launch?")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2023 [1]" in done.stdout.splitlines()[0]
    assert "December" in done.stdout.splitlines()[0]
    assert f"  [1] {ROOT}/corpus/" in done.stdout
    assert "\x1b" not in done.stdout


def test_json_and_options_before_the_question(askllama: Run) -> None:
    done = askllama("--json", "-k", "3", "What", "does", "AWQ", "stand", "for?")
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert answer["question"] == "What does AWQ stand for?"
    assert "Activation-aware Weight Quantization" in answer["text"]
    citation = answer["citations"][0]
    source = Path(citation["path"]).read_text(encoding="utf-8")
    assert source[citation["start"] : citation["end"]] == citation["quote"]


def test_what_the_documents_do_not_say_is_refused_with_status_1(askllama: Run) -> None:
    done = askllama("What is the capital of Finland?")
    assert done.returncode == 1
    assert done.stdout.startswith("The documents do not answer this.\n  Nowhere in them: capital\n")


@pytest.mark.parametrize("args", [(), ("-",), ("ask",), ("-q",)])
def test_the_question_may_come_from_stdin(askllama: Run, args: tuple[str, ...]) -> None:
    done = askllama(*args, stdin="What does AWQ stand for?\n")
    assert "Activation-aware Weight Quantization" in done.stdout


def test_a_question_that_looks_like_a_command_or_an_option(askllama: Run) -> None:
    assert askllama("ask", "--", "--status").returncode in (0, 1)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("ask", ""), "askllama: no question was given\n  try: askllama "),
        (("--corpus", "nowhere", "who?"), "no such file or folder"),
        (("-m", "nothing-1b", "who?"), "no model is called 'nothing-1b'\n  try: askllama models"),
        (("-m", "gone.gguf", "who?"), "gone.gguf: No such file"),
        (("status", "--corpus", "nowhere"), "no such file or folder"),
        (("--corpus", "x" * 300, "who?"), "no such file or folder"),
        (("--corpus", "", "who?"), "a path is empty"),
        (("-m", "~nosuchuser/" + "x" * 300, "who?"), "no model is called"),
        (("--corpus", "no\x1b[31mpe", "who?"), "no such file or folder: "),
        (("-k", "0", "who?"), "passages = 0 is not valid"),
        (("--threshold", "7", "who?"), "threshold = 7.0 is not valid"),
        (("--nonsense", "who?"), "No such option"),
        (("-m", "GPT-4o", "who?"), "GPT-4o is a closed model: it runs on the machines of OpenAI only"),
        (("-m", "llama-2", "who?"), "'llama-2' may be llama-2-7b-chat, llama-2-13b-chat, llama-2-70b-chat"),
        (("-m", "Mistral-7B-AWQ", "who?"), "AWQ weights are not for llama.cpp"),
        (("models", "show", "nothing"), "no model is called"),
        (("models", "default", "phi-2"), "phi-2 is not on this machine\n  try: askllama models pull phi-2"),
        (("models", "pull", "llama-7b"), "llama-7b cannot be pulled: Meta"),
        (("models", "rm", "phi-2"), "delete phi-2.Q4_K_M.gguf?\n  try: askllama models rm --yes phi-2"),
        (("models", "rm", "--yes", "phi-2"), "askllama did not pull phi-2"),
        (("index", "nowhere"), "no such file or folder"),
    ],
)
def test_mistakes_end_with_status_2_and_a_reason(askllama: Run, args: tuple[str, ...], message: str) -> None:
    done = askllama(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr


def test_output_that_cannot_be_written_is_status_2(askllama: Run, real_settings: Settings) -> None:
    environ = {**os.environ, "ASKLLAMA_DATA": str(real_settings.data), "ASKLLAMA_CACHE": str(real_settings.cache)}
    command = f"{sys.executable} -m askllama status > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("args", "command"),
    [
        (["-qk", "3", "search", "Mixtral"], "search"),
        (["-qk3", "search", "Mixtral"], "search"),
        (["--passages=3", "search", "Mixtral"], "search"),
        (["-c", "search", "Mixtral?"], "ask"),
        (["-qc", "index", "who?"], "ask"),
        (["who?", "-q"], "ask"),
        (["status"], "status"),
        (["--", "status"], "ask"),
    ],
)
def test_the_command_is_found_among_the_options(args: list[str], command: str) -> None:
    with main.make_context("askllama", args) as context:
        assert context._protected_args == [command]


def test_a_wrong_settings_file_is_named(askllama: Run, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("passages = [")
    done = askllama("who?", ASKLLAMA_CONFIG=str(tmp_path / "c.toml"))
    assert done.returncode == 2
    assert "c.toml" in done.stderr


def test_own_documents_are_indexed_asked_and_followed(askllama: Run, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "trip.txt").write_text("The ferry to Tallinn leaves at 7.30 from pier 9.\n")
    data = {"ASKLLAMA_DATA": str(tmp_path / "data")}
    done = askllama("index", "notes", **data)
    assert done.stderr.startswith("1 indexed, 0 removed, 0 skipped; 1 documents, 1 passages in all\n")
    assert (
        "notes/trip.txt:1"
        in askllama("--corpus", "notes", "Where does the ferry to Tallinn leave from?", **data).stdout
    )
    (notes / "trip.txt").write_text("The ferry to Tallinn leaves at 7.30 from pier 4.\n")
    assert "pier 4" in askllama("--corpus", "notes", "Where does the ferry to Tallinn leave from?", **data).stdout
    status = json.loads(askllama("status", "--corpus", "notes", "--json", **data).stdout)
    assert status["counts"]["documents"] == 1
    assert sorted(p.name for p in notes.iterdir()) == ["trip.txt"]


def test_a_model_writes_and_what_it_makes_up_is_left_out(askllama: Run, tmp_path: Path) -> None:
    model = tmp_path / "scripted.gguf"
    made_up = "It was made by Sam Altman in 1987 [1]."
    write_scripted(model, f"AWQ stands for Activation-aware Weight Quantization [1]. {made_up}")
    done = askllama("-m", str(model), "What does AWQ stand for?")
    assert done.returncode == 0
    assert done.stdout.startswith("AWQ stands for Activation-aware Weight Quantization [1].\n\n  [1] ")
    assert made_up in done.stdout.split("left out:")[1]
    done = askllama("-m", str(model), "--extract", "What does AWQ stand for?")
    assert done.stdout.startswith("Activation-aware Weight Quantization [1]")


def test_search_shows_locations_and_scores(askllama: Run) -> None:
    done = askllama("search", "-k", "2", "Ferret from Apple")
    assert done.returncode == 0
    assert "corpus/local-llamas-late-2023.md:20" in done.stdout
    assert done.stdout.count("similarity") == 2
    assert len(json.loads(askllama("search", "--json", "Ferret").stdout)) == 10


def test_status_models_and_doctor(askllama: Run) -> None:
    assert "encoder    all-MiniLM-L6-v2:53aa51172d142c89" in askllama("status").stdout
    assert "mixtral-8x7b-instruct" in askllama("models").stdout
    assert "Apache" in askllama("models", "show", "mixtral-8x7b-instruct").stdout
    done = askllama("doctor")
    assert done.returncode == 0, done.stdout
    assert "BROKEN" not in done.stdout


def test_version_and_help(askllama: Run) -> None:
    assert askllama("--version").stdout == f"askllama, version {__version__}\n"
    for command in ("ask", "index", "status", "search", "models", "doctor"):
        assert command in askllama("--help").stdout
        assert askllama(command, "--help").stdout.startswith("Usage:")


def test_a_closed_pipe_is_no_traceback(askllama: Run, real_settings: Settings, tmp_path: Path) -> None:
    environ = {**os.environ, "ASKLLAMA_DATA": str(real_settings.data), "ASKLLAMA_CACHE": str(real_settings.cache)}
    command = f"{sys.executable} -m askllama search --json Mixtral | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=environ)
    assert done.stdout == "["
    assert "Traceback" not in done.stderr
