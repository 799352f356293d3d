"""models.toml: complete, consistent, and found by the names that people use."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from askllama.config import ModelSpec, read_models
from askllama.errors import ModelError
from askllama.models.names import match, parts
from askllama.models.registry import look_up
from askllama.render import Style, model_text, models_text

MODELS = read_models(Path(__file__).parents[1] / "models.toml")
OF_THE_STORY = {
    "LLaMA 7B": "llama-7b",
    "Alpaca": "alpaca-7b",
    "Vicuna": "vicuna-7b",
    "OpenAssistant": "openassistant-13b",
    "MPT 7B": "mpt-7b-instruct",
    "MPT 30B": "mpt-30b-instruct",
    "Falcon 7B": "falcon-7b-instruct",
    "Falcon-40B": "falcon-40b-instruct",
    "BLOOM": "bloomz-560m",
    "LLaMA 2 7B": "llama-2-7b-chat",
    "LLaMA-2 13B": "llama-2-13b-chat",
    "Llama 2 70B": "llama-2-70b-chat",
    "Mistral 7B": "mistral-7b-instruct",
    "Mixtral 8x7B": "mixtral-8x7b-instruct",
    "Orca 2": "orca-2-7b",
    "TinyLlama": "tinyllama-1.1b-chat",
    "Phi-2": "phi-2",
    "Yi-34B": "yi-34b-chat",
    "miqu": "miqu-70b",
    "LLaVA 1.6 7B": "llava-1.6-7b",
    "DBRX": "dbrx-instruct",
    "LLaMA 3 8B": "llama-3-8b-instruct",
    "LLaMA-3-70B": "llama-3-70b-instruct",
    "Codestral 22B": "codestral-22b",
    "Codestral Mamba 7B": "codestral-mamba-7b",
}
SPECS = pytest.mark.parametrize("spec", MODELS.values(), ids=MODELS)


@pytest.mark.parametrize(("said", "name"), OF_THE_STORY.items())
def test_every_model_of_the_story_has_an_entry(said: str, name: str) -> None:
    assert look_up(said, MODELS).name == name


@pytest.mark.parametrize(
    "family", ["qwen 2.5", "qwen3", "llama 3.1", "llama 3.2", "gemma 2", "gemma 3", "smollm", "phi"]
)
def test_the_families_of_today_are_there(family: str) -> None:
    assert match(family, MODELS)


@SPECS
def test_sizes_agree_with_each_other(spec: ModelSpec) -> None:
    bits = spec.size * 8 / spec.parameters
    assert 4.3 < bits < 8.6, f"{bits:.1f} bits a weight"
    assert spec.size < spec.memory < spec.size * 1.5 + 1.1


@SPECS
def test_fields_are_well_formed(spec: ModelSpec) -> None:
    assert date(2022, 1, 1) < date.fromisoformat(spec.released)
    assert spec.file.endswith(".gguf")
    assert re.search(spec.quantisation, spec.file, re.IGNORECASE)
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", spec.repository) or (not spec.repository and spec.note)
    assert spec.context >= 2048
    assert spec.licence
    assert spec.good_for


def test_no_two_entries_share_a_file_or_a_spelling() -> None:
    assert len({spec.file.lower() for spec in MODELS.values()}) == len(MODELS)
    for name in MODELS:
        assert match(name, MODELS) == [name]


def test_what_may_not_be_passed_on_has_no_repository() -> None:
    assert {name for name, spec in MODELS.items() if not spec.repository} == {"llama-7b", "alpaca-7b", "miqu-70b"}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("llama 3 8b", ["llama-3-8b-instruct"]),
        ("LLaMA-3-8B", ["llama-3-8b-instruct"]),
        ("llama3.2:3b", ["llama-3.2-3b-instruct"]),
        ("llama-2", ["llama-2-7b-chat", "llama-2-13b-chat", "llama-2-70b-chat"]),
        ("qwen", [name for name in MODELS if name.startswith("qwen")]),
        ("llama-7b", ["llama-7b"]),
        ("7b llama 2", ["llama-2-7b-chat"]),
        ("", []),
        ("--", []),
        ("b", ["bloomz-560m"]),
    ],
)
def test_names_match_leniently_and_numbers_exactly(said: str, found: list[str]) -> None:
    assert match(said, MODELS) == found


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("GPT-4", "closed model: it runs on the machines of OpenAI", "askllama models pull llama-3.2-3b-instruct"),
        ("gpt4o", "OpenAI", "pull"),
        ("ChatGPT", "OpenAI", "pull"),
        ("gpt-3.5-turbo", "OpenAI", "pull"),
        ("InstructGPT", "OpenAI", "pull"),
        ("openai/gpt-4o-mini", "OpenAI", "pull"),
        ("Claude 3 Sonnet", "Anthropic", "pull"),
        ("Sonnet 3.5", "Anthropic", "pull"),
        ("Gemini-Pro 1.5", "Google", "pull"),
        ("Mistral Medium", "Mistral", "pull"),
        ("TheBloke/Mistral-7B-GPTQ", "GPTQ weights are not for llama.cpp", "models in GGUF"),
        ("mistral-awq", "AWQ weights", "GGUF"),
        ("llama-2", "may be llama-2-7b-chat, llama-2-13b-chat, llama-2-70b-chat", "full name"),
        ("mistrall", "no model is called 'mistrall'", "did you mean mistral-7b-instruct"),
        ("nothing-1b", "no model is called", "askllama models"),
        ("gpt4all", "no model is called", "askllama models"),
        ("gpt2", "no model is called", "askllama models"),
    ],
)
def test_a_name_without_a_model_gets_an_answer(name: str, message: str, hint: str) -> None:
    with pytest.raises(ModelError, match=re.escape(message)) as caught:
        look_up(name, MODELS)
    assert hint in caught.value.hint


def test_the_substitute_for_closed_models_is_one_that_can_be_pulled() -> None:
    with pytest.raises(ModelError) as caught:
        look_up("gpt-4", MODELS)
    assert MODELS[caught.value.hint.split()[3]].repository


def test_a_model_in_parts_is_named_by_its_first() -> None:
    assert parts("a-00001-of-00003.gguf") == tuple(f"a-0000{n}-of-00003.gguf" for n in (1, 2, 3))
    assert parts("a-00002-of-00003.gguf") == ("a-00002-of-00003.gguf",)
    assert parts("a.gguf") == ("a.gguf",)
    assert len(parts(MODELS["dbrx-instruct"].file)) == 10


def runs_all(architecture: str) -> bool:
    return True


def test_list_and_entry_say_what_llama_cpp_does_not_run() -> None:
    text = models_text(MODELS, {}, 8.0, lambda name: name != "mamba2", Style(False, "/"))
    assert [line.split()[0] for line in text.splitlines() if "does not run" in line] == ["codestral-mamba-7b"]
    text = model_text(MODELS["codestral-mamba-7b"], None, 8.0, lambda name: False, Style(False, "/"))
    assert "architecture  mamba2 (the llama.cpp installed here does not run it)" in text


def test_the_list_marks_what_is_here_and_what_does_not_fit() -> None:
    text = models_text(MODELS, {"phi-2": Path("/m/phi-2.gguf")}, 8.0, runs_all, Style(False, "/"))
    marks = {line[3:].split()[0]: line[:2] for line in text.splitlines()[1:-2]}
    assert len(marks) == len(MODELS)
    assert marks["phi-2"] == "* "
    assert marks["qwen3-4b"] == "  "
    assert marks["yi-34b-chat"] == " !"
    assert marks["llama-7b"] == "- "
    assert marks["miqu-70b"] == "-!"
    assert "research only, on request); not commercial" in text


def test_a_model_is_shown_with_all_that_is_known() -> None:
    text = model_text(MODELS["mixtral-8x7b-instruct"], None, 8.0, runs_all, Style(False, "/"))
    assert {line.split()[0] for line in text.splitlines()} >= {"repository", "licence", "released", "prompt", "note"}
    assert "29.2 GB (8.0 GB are free)" in text
    assert "on disk       no" in text
    text = model_text(MODELS["llama-7b"], Path("/m/x.gguf"), 8.0, runs_all, Style(False, "/"))
    assert "repository" not in text
    assert "on disk       /m/x.gguf" in text
