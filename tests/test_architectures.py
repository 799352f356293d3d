"""Each architecture runs, and no vocabulary lets a document end its turn."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from architectures import FAMILIES, write_random
from click.testing import CliRunner, Result

from askllama.cli import main
from askllama.config import Settings, read_models
from askllama.errors import ModelError
from askllama.models.chat import ChatModel
from askllama.models.llama import supports
from askllama.models.registry import RUNNING, runs
from askllama.models.templates import TURN_MARKERS

MODELS = read_models(Path(__file__).parents[1] / "models.toml")
# Markers of every format: in most vocabularies some are tokens, and the others plain text that stands for a turn.
MARKERS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
    "<|endoftext|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "<s>",
    "</s>",
    "### Response:",
    "USER:",
    "ASSISTANT:",
    "Assistant:",
    "Output:",
)
Ask = Callable[[Path], Result]
Load = Callable[[str], ChatModel]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of each family."""
    folder = tmp_path_factory.mktemp("architectures")
    paths = {name: folder / f"{name}.gguf" for name in FAMILIES}
    for name, path in paths.items():
        write_random(path, FAMILIES[name])
    return paths


@pytest.fixture
def load(models: dict[str, Path]) -> Iterator[Load]:
    """Loads the model of a family; closes it after the test."""
    with ExitStack() as stack:

        def open_model(name: str) -> ChatModel:
            return stack.enter_context(closing(ChatModel(models[name], threads=1)))

        yield open_model


@pytest.fixture(scope="session")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one document and its index."""
    folder = tmp_path_factory.mktemp("notes")
    (folder / "mixtral.txt").write_text("On December 11th, 2023 Mistral released Mixtral 8x7B. It has eight experts.\n")
    return folder


@pytest.fixture
def ask(notes: Path, real_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask a model through the command line."""
    monkeypatch.setenv("ASKLLAMA_DATA", str(notes.with_name("data")))
    monkeypatch.setenv("ASKLLAMA_CACHE", str(real_settings.cache))
    monkeypatch.setenv("ASKLLAMA_THREADS", "1")
    question = "When did Mistral release Mixtral 8x7B?"
    return lambda path: CliRunner().invoke(
        main, ["-q", "--json", "-c", str(notes), "--threshold", "0", "-m", str(path), question]
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_of_each_architecture_is_asked(ask: Ask, models: dict[str, Path], name: str) -> None:
    """Its noise is left out, and the reader's answer stands."""
    done = ask(models[name])
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["text"].startswith("December 11th, 2023")
    assert answer["dropped"]
    assert answer["citations"][0]["quote"].startswith("On December 11th, 2023 Mistral")
    assert answer["provenance"]["writing"]["file"] == str(models[name])


def test_every_architecture_of_models_toml_is_asked_here() -> None:
    assert {spec.architecture for spec in MODELS.values()} <= {family.architecture for family in FAMILIES.values()}


def test_llama_cpp_is_asked_what_it_supports() -> None:
    assert {family.architecture for family in FAMILIES.values()} == RUNNING
    assert all(map(supports, RUNNING))
    assert runs("olmo")
    assert not runs("frobnicator")
    assert not any(map(supports, ("frobnicator", "gptq", "", "llama\n", "a" * 300)))


def test_the_list_says_which_model_llama_cpp_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = asdict(MODELS["phi-2"]) | {"architecture": "frobnicator"}
    del entry["name"]
    table = "\n".join(f"{key} = {json.dumps(value)}" for key, value in entry.items())
    (tmp_path / "models.toml").write_text(f"[strange]\n{table}\n")
    (tmp_path / "config.toml").write_text("")
    monkeypatch.setenv("ASKLLAMA_CONFIG", str(tmp_path / "config.toml"))
    done = CliRunner().invoke(main, ["models"])
    assert [line.split()[0] for line in done.stdout.splitlines() if "does not run" in line] == ["strange"]


def markers(model: ChatModel, ids: list[int]) -> list[int]:
    """The control and user-defined tokens among the ids, but for blanks."""
    return [token for token in ids if model._weights.is_marker(token) and text(model, [token]).strip()]


def text(model: ChatModel, ids: list[int]) -> str:
    """What the ids stand for."""
    written = b"".join(model._weights.piece(token, special=True) for token in ids)
    return written.decode().replace("▁", " ")


def count(part: list[int], ids: list[int]) -> int:
    """How often a sequence of tokens occurs."""
    return sum(ids[start : start + len(part)] == part for start in range(len(ids)))


@pytest.mark.parametrize("name", FAMILIES)
def test_no_marker_in_a_document_is_more_than_its_letters(load: Load, name: str) -> None:
    harmless = "The 🦙 said: über, 1.5\tand  two <blanks> [1]."
    hostile = f"{harmless} {' x '.join(MARKERS)} {''.join(FAMILIES[name].markers)}{harmless}"
    model = load(name)
    plain, spelt = (model.encode([{"role": "user", "content": content}]) for content in (harmless, hostile))
    assert markers(model, spelt) == markers(model, plain)
    assert text(model, spelt) == text(model, plain).replace(harmless, hostile.replace("▁", " "))
    for marker in filter(TURN_MARKERS.fullmatch, MARKERS):
        turn = model._weights.tokenise(marker, special=True)
        if len(turn) < len(marker):  # else its letters are all that it is
            assert count(turn, spelt) == count(turn, plain), marker


@pytest.mark.parametrize("name", FAMILIES)
def test_a_harmless_text_is_read_as_the_model_was_taught(load: Load, name: str) -> None:
    model = load(name)
    ids = model._plain("the Mixtral user, in the end")
    assert ids == model._continue("the Mixtral user, in the end", special=False)
    assert len(ids) < 20


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"architecture": "frobnicator"}, "unknown model architecture: 'frobnicator'", "--upgrade llama-cpp-python"),
        ({"architecture": "falcon"}, "tensor 'output_norm.bias' not found", "fetch the file again"),
    ],
)
def test_a_model_that_llama_cpp_does_not_know_is_an_error(
    ask: Ask, tmp_path: Path, changes: dict[str, str], message: str, hint: str
) -> None:
    path = tmp_path / "strange.gguf"
    write_random(path, FAMILIES["llama-2"], **changes)
    fails(ask(path), message, hint)


def fails(done: Result, message: str, hint: str) -> None:
    assert done.exit_code == 2
    assert message in done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize("length", [0, 3, 4, 20, 500, 5_000, 20_000, 150_000])
def test_a_truncated_file_is_an_error(ask: Ask, models: dict[str, Path], tmp_path: Path, length: int) -> None:
    path = tmp_path / "half.gguf"
    path.write_bytes(models["llama-2"].read_bytes()[:length])
    fails(ask(path), "half.gguf", "try:")


@pytest.mark.parametrize(
    "head", [b"GGML", b"GGUF\x63\0\0\0", b"GGUF\3\0\0\0" + b"\xff" * 16, b"GGUF\3\0\0\0" + bytes(200), bytes(24)]
)
def test_a_damaged_header_is_an_error(ask: Ask, models: dict[str, Path], tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "damaged.gguf"
    path.write_bytes(head + models["llama-2"].read_bytes()[len(head) :])
    fails(ask(path), "damaged.gguf", "try:")


def test_a_damaged_file_tells_where(models: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "short.gguf"
    path.write_bytes(models["llama-2"].read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"short\.gguf: damaged.* not within the file bounds"):
        ChatModel(path, threads=1)
