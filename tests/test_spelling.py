from __future__ import annotations

import pytest

from askllama.spelling import respell

TEXT = (
    "TinyLlama came after GPT-4. Samuel Rönnqvist met LLaMA 2 and DALL-E 2 in the rainforest. It was released late. "
    "The open source world plays roles. They often come, nine of ten and of ten. Mistral 7B has a cost of water. "
    "Google has Gemini Pro 1.5 with Gemini 1.0 before it, and after LLaMA a War led to War 2. "
    "The smallest LLaMA ran. _Ferret_ is a part of it. Falcon 35 ran. It was 1.5 metres, schon immer. "
    "Released in setup py. Two models S. Sonnet 3.5 won."
)


def spell(question: str, unknown: str = "") -> str:
    return respell(question, [TEXT], dict.fromkeys(unknown.split(), 0))


@pytest.mark.parametrize(
    ("typed", "spelled"),
    [
        ("tiny llama size", "TinyLlama size"),
        ("when was GPT4 out?", "when was GPT-4 out?"),
        ("gpt 4 launch", "GPT-4 launch"),
        ("what is llama2?", "what is LLaMA 2?"),
        ("dalle2 maker", "DALL-E 2 maker"),
        ("mistral7b", "Mistral 7B"),
        ("who is ronnqvist?", "who is Rönnqvist?"),
        ("when was gemini 1.5 pro out", "when was Gemini Pro 1.5 out"),
        ("claude 3.5 sonnet", "claude Sonnet 3.5"),
        ("7b Mistral", "Mistral 7B"),
        ("smallest llama 1 size", "smallest LLaMA size"),
        ("size of LLaMA-1", "size of LLaMA"),
        ("llama 1 or llama 13 or llama 1.5", "LLaMA or llama 13 or llama 1.5"),
        ("a rain forest walk", "a rainforest walk"),
    ],
)
def test_names_are_joined_parted_and_accented_as_in_the_texts(typed: str, spelled: str) -> None:
    assert spell(typed) == spelled


@pytest.mark.parametrize(
    "asked",
    [
        "When was GPT-4 RELEASED?",
        "open-source tools",
        "is tinyllama small?",
        "when was ferret out",
        "when did Falcon 3.5 launch",
        "15 metres",
        "what sets them apart",
        "how of ten",
        "what is model S",
        "what is Gemini 1.0?",
        "gemini 1.5, pro or not",
        "in 2023 gemini pro",
        "war 1",
        "LLaMA 11",
        "wie schön ist es",
        "what is in setup.py",
        "",
        "??",
    ],
)
def test_what_is_spelled_as_in_the_texts_or_only_hyphenated_stays(asked: str) -> None:
    assert spell(asked) == asked


def test_a_slip_is_mended() -> None:
    assert spell("when was it relased?", unknown="relased") == "when was it released?"
    assert spell("mistrall sizes", unknown="mistrall sizes") == "mistral sizes"
    assert spell("how offen is it?", unknown="offen") == "how often is it?"


@pytest.mark.parametrize(
    ("question", "unknown"),
    [
        ("when was it relased?", ""),  # another passage holds it
        ("what is mixtral?", "mixtral"),  # another name
        ("who won the wager?", "wager"),  # a word, although the texts only have "water"
        ("Mistrall sizes", "Mistrall"),  # typed as a name
        ("the csst", "csst"),  # too short
        ("when was it relaesdx?", "relaesdx"),  # two letters astray
    ],
)
def test_no_slip(question: str, unknown: str) -> None:
    assert spell(question, unknown) == question
