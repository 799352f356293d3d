"""Through the command line: a model that makes things up is caught, statement by statement, and an honest one heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from scripted import write_scripted

from askllama.cli import main
from askllama.config import Settings
from askllama.library import Library

FACTS = (
    "On December 11th, 2023 Mistral released Mixtral 8x7B, which needs at least 90 GB of memory "
    "and beats LLaMA 2 in most tests [3]."
)
QUESTION = "When did Mistral release Mixtral 8x7B?"
LEFT_OUT = "Written by the model, and left out:"
Ask = Callable[[Sequence[str]], tuple[str, str]]

WRONG_NUMBERS = [
    "Mistral released Mixtral 8x7B on December 12th, 2023 [1].",
    "Mistral released Mixtral 8x7B in 2024 [1].",
    "In November 2023 Mistral released Mixtral 8x7B [1].",
    "Mistral released Mixtral 8x22B on December 11th [1].",
    "Mixtral 8x7B needs at least 80 GB of memory [1].",
    "Mixtral 8x7B needs 90 TB of memory [1].",
    "Mixtral 8x7B beats LLaMA 3 in most tests [1].",
    "It beats LLaMA 2 in three tests [1].",
    "It beats LLaMA 2 in 90% of the tests [1].",
]
MADE_UP_NAMES = [
    "Google released Mixtral 8x7B in December 2023 [1].",
    "Mistral released Falcon on December 11th, 2023 [1].",
    "Mixtral 8x7B beats Gemini in most tests [1].",
    "Arthur Mensch of Mistral released Mixtral 8x7B [1].",
    "In Paris Mistral released Mixtral 8x7B [1].",
    "Mixtral 8x7B beats LLaMA 2 in most MMLU tests [1].",
    "Mistral released Mixtral 8x7B on Hugging Face [1].",
    "OpenAI beats LLaMA 2 in most tests [1].",
]
TWISTED = [
    "Mistral never released Mixtral 8x7B [1].",
    "On December 11th, 2023 Mistral did not release Mixtral 8x7B [1].",
    "Mixtral 8x7B does not beat LLaMA 2 in most tests [1].",
    "LLaMA 2 beats Mixtral 8x7B in most tests [1].",
    "Mixtral 8x7B was released by LLaMA 2 [1].",
    "Mixtral 8x7B needs at most 90 GB of memory [1].",
    "Mixtral 8x7B needs less than 90 GB of memory [1].",
    "Mixtral 8x7B needs more than 90 GB of memory [1].",
    "On December 11th, 2023 Mixtral 8x7B released Mistral [1].",
]
UNFOUNDED = [
    "Mixtral 8x7B became wildly popular among hobby programmers [1].",
    "Critics found its answers dull and often quite useless [1].",
    "It is so [1].",
    "Mistral released Mixtral 8x7B in December 2023.",
    "Everybody knows that.",
]
FOREIGN_MARKERS = [
    "Mistral released Mixtral 8x7B [7].",
    "Mixtral 8x7B needs at least 90 GB [3].",
    "It beats LLaMA 2 in most tests [1, 4].",
    "Mistral released it in December [0].",
]
TRUE = [
    "Mistral released Mixtral 8x7B on December 11th, 2023 [1].",
    "Mixtral 8x7B was released by Mistral on 11 December 2023 [1].",
    "It was on 2023-12-11 that Mistral released it [1].",
    "At least 90 GB of memory are needed [1].",
    "LLaMA 2 is beaten in most tests by Mixtral [1].",
]


@pytest.fixture
def ask(real_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask a model that writes the statements; gives the printed answer, and what was left out of it."""
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "mixtral.txt").write_text(f"{FACTS}\n")
    monkeypatch.setenv("ASKLLAMA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ASKLLAMA_CACHE", str(real_settings.cache))
    monkeypatch.setenv("ASKLLAMA_THREADS", "1")

    def run(statements: Sequence[str]) -> tuple[str, str]:
        model = tmp_path / "scripted.gguf"
        write_scripted(model, " ".join([*statements, "That is all."]))
        args = ["-q", "-c", str(notes), "--threshold", "0", "-m", str(model), QUESTION]
        done = CliRunner().invoke(main, args)
        assert done.exit_code == 0, done.output
        shown, _, dropped = done.stdout.partition(LEFT_OUT)
        return shown, dropped

    return run


@pytest.mark.parametrize("lies", [WRONG_NUMBERS, MADE_UP_NAMES, TWISTED, UNFOUNDED])
def test_every_lie_is_left_out_and_said_to_be(ask: Ask, lies: list[str]) -> None:
    shown, dropped = ask(lies)
    assert [lie for lie in lies if lie in shown] == []
    assert [lie for lie in lies if lie not in dropped] == []
    assert shown.startswith("December 11th, 2023 [1]\n")  # the reader's answer stands in


@pytest.mark.parametrize("lie", FOREIGN_MARKERS)
def test_a_foreign_marker_is_never_printed(ask: Ask, lie: str) -> None:
    shown, dropped = ask([lie])
    assert lie not in shown + dropped
    for marker in ("[7", "[4", "[0", "[1,"):
        assert marker not in shown + dropped
    # The document's own [3] stands in the quote, and nowhere else.
    assert shown.count("[3") == 1


@pytest.mark.parametrize("truth", TRUE)
def test_a_true_statement_survives_among_lies(ask: Ask, truth: str) -> None:
    shown, dropped = ask([WRONG_NUMBERS[0], truth, MADE_UP_NAMES[0]])
    assert shown.startswith(truth)
    assert WRONG_NUMBERS[0] in dropped
    assert MADE_UP_NAMES[0] in dropped
    assert truth not in dropped


def test_a_documents_own_marker_is_left_out_of_the_answer_and_stays_in_the_quote(
    fake_library: Library, folder: Path
) -> None:
    (folder / "a.md").write_text("Mixtral by Mistral was released in December 2023 [3], as promised [4][5].\n")
    fake_library.sync()
    answer = fake_library.ask("Why was Mixtral by Mistral released?")
    assert answer.text == "Mixtral by Mistral was released in December 2023, as promised. [1]"
    assert answer.citations[0].quote.endswith("December 2023 [3], as promised [4][5].")
