"""What each family's models are given to read, text and control tokens, fixed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from architectures import FAMILIES, write_random
from click.testing import CliRunner

from askllama.cli import main
from askllama.config import Settings, read_models
from askllama.errors import ModelError
from askllama.models import chat
from askllama.models.chat import ChatModel
from askllama.models.templates import FORMATS, Format, choose

MODELS = read_models(Path(__file__).parents[1] / "models.toml")
QUESTION = "Who made Mixtral"
TASK = "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
CHAT = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, "
    "and polite answers to the user's questions. "
)
# Format, family of the vocabulary, the first prompt and what a follow-up question adds to it behind the answer. Blanks
# behind control tokens are SentencePiece's; where a control token is plain text in a vocabulary, so it is here.
GOLDEN = [
    (
        "chatml",
        "qwen2.5",
        "⟨<|im_start|>⟩user\nWho made Mixtral⟨<|im_end|>⟩\n⟨<|im_start|>⟩assistant\n",
        "⟨<|im_end|>⟩\n⟨<|im_start|>⟩user\nWhy⟨<|im_end|>⟩\n⟨<|im_start|>⟩assistant\n",
    ),
    (
        "chatml",
        "smollm",
        "⟨<|im_start|>⟩user\nWho made Mixtral⟨<|im_end|>⟩\n⟨<|im_start|>⟩assistant\n",
        "⟨<|im_end|>⟩\n⟨<|im_start|>⟩user\nWhy⟨<|im_end|>⟩\n⟨<|im_start|>⟩assistant\n",
    ),
    (
        "chatml",
        "yi",
        "⟨<|startoftext|>⟩⟨<|im_start|>⟩ user\nWho made Mixtral⟨<|im_end|>⟩ \n⟨<|im_start|>⟩ assistant\n",
        "⟨<|im_end|>⟩ \n⟨<|im_start|>⟩ user\nWhy⟨<|im_end|>⟩ \n⟨<|im_start|>⟩ assistant\n",
    ),
    (
        "chatml",
        "dbrx",
        "⟨<|im_start|>⟩user\nWho made Mixtral⟨<|im_end|>⟩\n⟨<|im_start|>⟩assistant\n",
        "⟨<|im_end|>⟩\n⟨<|im_start|>⟩user\nWhy⟨<|im_end|>⟩\n⟨<|im_start|>⟩assistant\n",
    ),
    ("llama-2", "llama-2", "⟨<s>⟩ [INST] Who made Mixtral [/INST]", " ⟨</s>⟩⟨<s>⟩ [INST] Why [/INST]"),
    (
        "llama-3",
        "llama-3",
        "⟨<|begin_of_text|>⟩⟨<|start_header_id|>⟩user⟨<|end_header_id|>⟩\n\nWho made Mixtral⟨<|eot_id|>⟩"
        "⟨<|start_header_id|>⟩assistant⟨<|end_header_id|>⟩\n\n",
        "⟨<|eot_id|>⟩⟨<|start_header_id|>⟩user⟨<|end_header_id|>⟩\n\nWhy⟨<|eot_id|>⟩"
        "⟨<|start_header_id|>⟩assistant⟨<|end_header_id|>⟩\n\n",
    ),
    ("mistral", "mistral", "⟨<s>⟩⟨[INST]⟩ Who made Mixtral ⟨[/INST]⟩", "⟨</s>⟩⟨[INST]⟩ Why ⟨[/INST]⟩"),
    ("mistral", "mixtral", "⟨<s>⟩ [INST] Who made Mixtral [/INST]", "⟨</s>⟩ [INST] Why [/INST]"),
    ("mistral", "codestral-mamba", "⟨<s>⟩⟨[INST]⟩ Who made Mixtral ⟨[/INST]⟩", "⟨</s>⟩⟨[INST]⟩ Why ⟨[/INST]⟩"),
    (
        "zephyr",
        "llama-2",
        "⟨<s>⟩ <|user|>\nWho made Mixtral⟨</s>⟩ \n<|assistant|>\n",
        "⟨</s>⟩ \n<|user|>\nWhy⟨</s>⟩ \n<|assistant|>\n",
    ),
    ("vicuna", "llama-2", f"⟨<s>⟩ {CHAT}USER: Who made Mixtral ASSISTANT:", "⟨</s>⟩ USER: Why ASSISTANT:"),
    (
        "alpaca",
        "llama-2",
        f"⟨<s>⟩ {TASK}### Instruction:\nWho made Mixtral\n\n### Response:\n",
        "⟨</s>⟩ \n\n### Instruction:\nWhy\n\n### Response:\n",
    ),
    (
        "alpaca",
        "mpt",
        f"{TASK}### Instruction:\nWho made Mixtral\n\n### Response:\n",
        "⟨<|endoftext|>⟩\n\n### Instruction:\nWhy\n\n### Response:\n",
    ),
    ("falcon", "falcon", "User: Who made Mixtral\n\nAssistant:", "\n\nUser: Why\n\nAssistant:"),
    ("phi-2", "phi-2", "Instruct: Who made Mixtral\nOutput:", "\nInstruct: Why\nOutput:"),
    (
        "phi-3",
        "phi-3",
        "⟨<s>⟩⟨<|user|>⟩ \nWho made Mixtral⟨<|end|>⟩ \n⟨<|assistant|>⟩ \n",
        "⟨<|end|>⟩ \n⟨<|user|>⟩ \nWhy⟨<|end|>⟩ \n⟨<|assistant|>⟩ \n",
    ),
    (
        "phi-4",
        "phi-4",
        "⟨<|im_start|>⟩user⟨<|im_sep|>⟩Who made Mixtral⟨<|im_end|>⟩⟨<|im_start|>⟩assistant⟨<|im_sep|>⟩",
        "⟨<|im_end|>⟩⟨<|im_start|>⟩user⟨<|im_sep|>⟩Why⟨<|im_end|>⟩⟨<|im_start|>⟩assistant⟨<|im_sep|>⟩",
    ),
    (
        "phi-4-mini",
        "phi-4-mini",
        "⟨<|user|>⟩Who made Mixtral⟨<|end|>⟩⟨<|assistant|>⟩",
        "⟨<|end|>⟩⟨<|user|>⟩Why⟨<|end|>⟩⟨<|assistant|>⟩",
    ),
    (
        "gemma",
        "gemma-2",
        "⟨<bos>⟩⟨<start_of_turn>⟩user\nWho made Mixtral⟨<end_of_turn>⟩\n⟨<start_of_turn>⟩model\n",
        "⟨<end_of_turn>⟩\n⟨<start_of_turn>⟩user\nWhy⟨<end_of_turn>⟩\n⟨<start_of_turn>⟩model\n",
    ),
    (
        "openassistant",
        "openassistant",
        "⟨<s>⟩⟨<|prompter|>⟩Who made Mixtral⟨</s>⟩⟨<|assistant|>⟩",
        "⟨</s>⟩⟨<|prompter|>⟩Why⟨</s>⟩⟨<|assistant|>⟩",
    ),
    ("plain", "bloom", "Who made Mixtral\nAnswer:", "\n\nWhy\nAnswer:"),
]
# Habits of the templates that files carry: they refuse a system role, write one themselves, think aloud, tell the day.
CARRIED = {
    "gemma-2": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('turns') }}"
        "{% endif %}<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n"
        "{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}"
        "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
        "⟨<bos>⟩⟨<start_of_turn>⟩user\nWho made Mixtral⟨<end_of_turn>⟩\n⟨<start_of_turn>⟩model\n",
    ),
    "qwen2.5": (
        "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou are Qwen.<|im_end|>\n{% endif %}"
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
        "⟨<|im_start|>⟩system\nYou are Qwen.⟨<|im_end|>⟩\n"
        "⟨<|im_start|>⟩user\nWho made Mixtral⟨<|im_end|>⟩\n⟨<|im_start|>⟩assistant\n",
    ),
    "qwen3": (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "<|im_start|>assistant\n"
        "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}",
        "⟨<|im_start|>⟩user\nWho made Mixtral⟨<|im_end|>⟩\n⟨<|im_start|>⟩assistant\n⟨<think>⟩\n\n⟨</think>⟩\n\n",
    ),
    "llama-3": (
        "{{ bos_token }}<|start_header_id|>system<|end_header_id|>\n\nToday: {{ strftime_now('%d %b %Y') }}<|eot_id|>"
        "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content }}<|eot_id|>"
        "{% endfor %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}",
        "⟨<|begin_of_text|>⟩⟨<|start_header_id|>⟩system⟨<|end_header_id|>⟩\n\nToday: 26 Jul 2024⟨<|eot_id|>⟩"
        "⟨<|start_header_id|>⟩user⟨<|end_header_id|>⟩\n\nWho made Mixtral⟨<|eot_id|>⟩"
        "⟨<|start_header_id|>⟩assistant⟨<|end_header_id|>⟩\n\n",
    ),
    "command-r": (
        "{{ bos_token }}{% for m in messages %}<|START_OF_TURN_TOKEN|>{{ '<|USER_TOKEN|>' if m.role == 'user' "
        "else '<|CHATBOT_TOKEN|>' }}{{ m.content }}<|END_OF_TURN_TOKEN|>{% endfor %}"
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
        "⟨<BOS_TOKEN>⟩⟨<|START_OF_TURN_TOKEN|>⟩⟨<|USER_TOKEN|>⟩Who made Mixtral⟨<|END_OF_TURN_TOKEN|>⟩"
        "⟨<|START_OF_TURN_TOKEN|>⟩⟨<|CHATBOT_TOKEN|>⟩",
    ),
}
Load = Callable[..., ChatModel]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Writes a model of a family and loads it; closes it after the test."""
    loaded: list[ChatModel] = []

    def write_and_load(family: str, prompt: str = "", template: str = "") -> ChatModel:
        path = tmp_path / f"{family}.gguf"
        write_random(path, FAMILIES[family], template)
        loaded.append(ChatModel(path, 1, prompt))
        return loaded[-1]

    yield write_and_load
    for model in loaded:
        model.close()


def shown(model: ChatModel, ids: list[int]) -> str:
    """What the ids stand for, control and user-defined tokens in brackets."""
    weights = model._weights
    pieces = (weights.piece(token, special=True) for token in ids)
    return b"".join(
        "⟨".encode() + piece + "⟩".encode() if weights.is_marker(token) else piece
        for token, piece in zip(ids, pieces, strict=True)
    ).decode()


@pytest.mark.parametrize(("prompt", "family", "first", "following"), GOLDEN, ids=[f"{g[0]}-{g[1]}" for g in GOLDEN])
def test_the_prompt_of_a_format_is_fixed(load: Load, prompt: str, family: str, first: str, following: str) -> None:
    model = load(family, prompt)
    assert shown(model, model.encode([{"role": "user", "content": QUESTION}])) == first
    assert shown(model, model.encode_next({"role": "user", "content": "Why"})) == following
    assert model.converses


@pytest.mark.parametrize("family", CARRIED)
def test_a_template_in_the_file_is_what_counts(load: Load, family: str) -> None:
    template, first = CARRIED[family]
    model = load(family, "alpaca", template)
    assert shown(model, model.encode([{"role": "user", "content": QUESTION}])) == first
    assert model.converses


def test_a_template_that_is_no_text_is_read_all_the_same(load: Load, tmp_path: Path) -> None:
    load("llama-2", "", "QQQQ {{ messages[0]['content'] }}")
    path = tmp_path / "llama-2.gguf"
    path.write_bytes(path.read_bytes().replace(b"QQQQ", b"\xff\xfe\xff\xfe"))
    with closing(ChatModel(path, 1)) as model:
        assert shown(model, model.encode([{"role": "user", "content": QUESTION}])) == f"⟨<s>⟩ ���� {QUESTION}"


def test_the_day_does_not_change_a_prompt(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load("llama-3", "", CARRIED["llama-3"][0])
    today = model.encode([{"role": "user", "content": QUESTION}])
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert model.encode([{"role": "user", "content": QUESTION}]) == today


def test_every_format_is_fixed_here() -> None:
    assert {prompt for prompt, *_ in GOLDEN} == set(FORMATS)


@pytest.mark.parametrize("name", MODELS)
def test_every_entry_of_models_toml_names_a_format(name: str) -> None:
    assert MODELS[name].prompt in FORMATS


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("qwen2.5", "chatml"),
        ("yi", "chatml"),
        ("dbrx", "chatml"),
        ("phi-4", "phi-4"),
        ("phi-3", "phi-3"),
        ("llama-3", "llama-3"),
        ("gemma-2", "gemma"),
        ("openassistant", "openassistant"),
        ("mistral", "mistral"),
        ("codestral-mamba", "mistral"),
        ("llama-2", "llama-2"),
        ("mixtral", "llama-2"),
        ("falcon", "falcon"),
        ("mpt", "alpaca"),
        ("phi-2", "phi-2"),
        ("bloom", "plain"),
        ("starcoder2", "plain"),
    ],
)
def test_a_file_without_a_template_shows_its_format(load: Load, family: str, expected: str) -> None:
    message = [{"role": "user", "content": QUESTION}]
    model = load(family)
    found, named = model.encode(message), load(family, expected).encode(message)  # type: ignore[arg-type]
    assert found == named


def test_a_format_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ModelError, match="no prompt format is called 'chatmel'") as raised:
        choose("chatmel", "llama", lambda _: False)
    assert "chatml" in raised.value.hint


def test_a_file_of_models_toml_is_asked_in_its_own_format(
    real_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name, or by the path of the same file: Vicuna's vocabulary alone would be taken for LLaMA 2's."""
    asked: list[str] = []

    def choose_noted(name: str, architecture: str, is_token: Callable[[str], bool]) -> Format:
        asked.append(name)
        return choose(name, architecture, is_token)

    monkeypatch.setattr(chat, "choose", choose_noted)
    monkeypatch.setenv("ASKLLAMA_DATA", str(tmp_path))
    monkeypatch.setenv("ASKLLAMA_CACHE", str(real_settings.cache))
    monkeypatch.setenv("ASKLLAMA_THREADS", "1")
    path = tmp_path / "models" / MODELS["vicuna-7b"].file
    path.parent.mkdir()
    write_random(path, FAMILIES["llama-2"])
    other = tmp_path / "mine.gguf"
    write_random(other, FAMILIES["llama-2"])
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("Vicuna was made at Berkeley.\n")
    for name in ("vicuna-7b", path, other):
        args = ["-q", "-c", str(tmp_path / "notes"), "--threshold", "0", "-m", str(name), "Where was Vicuna made?"]
        assert CliRunner().invoke(main, args).exit_code == 0
    assert asked == ["vicuna", "vicuna", ""]
