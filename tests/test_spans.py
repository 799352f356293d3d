from __future__ import annotations

import pytest

from askllama.spans import complete
from askllama.types import Passage, Span


@pytest.mark.parametrize(
    ("question", "text", "span", "whole"),
    [
        ("What?", "It runs on llama.cpp now.", "llama", "llama.cpp"),
        ("What?", "It runs on llama.cpp now.", "cpp", "llama.cpp"),
        ("What?", "The usual 4-bit format.", "4", "4-bit"),
        ("What?", "Only Meta's lab knew. It was Meta.", "Meta", "Meta"),
        ("What?", "The share is 12.5% now. Then more.", "12", "12.5%"),
        ("How many cylinders has it?", "It is a 5-cylinder engine.", "5", "5"),
        ("When?", "It came on December 11th, 2023, they say.", "December 11th", "December 11th, 2023"),
        ("When?", "It came on December 11th, 2023, they say.", "2023", "December 11th, 2023"),
        ("In what year?", "It came on December 11th, 2023, they say.", "2023", "2023"),
        ("When?", "It came in late November 2022.", "November 2022", "late November 2022"),
        ("When?", "It came before the end of 2023.", "2023", "the end of 2023"),
        ("Which Claude model is as good?", "It is level with Claude 3 Sonnet.", "Sonnet", "Claude 3 Sonnet"),
        ("What API do they use?", "They sit on the ChatGPT API from OpenAI.", "ChatGPT", "ChatGPT API"),
        ("What is behind it?", "They sit on the ChatGPT API from OpenAI.", "ChatGPT", "ChatGPT"),
        ("Which president came?", "There stood President Ada Holm.", "Ada Holm", "Ada Holm"),
        ("How big?", "It has 65 billion (65B) of them.", "65 billion (65B", "65 billion (65B)"),
        ("How big?", "It is 6 (or so) wide).", "6 (or so) wide", "6 (or so) wide"),
        ("Which wall is it?", "They saw Hadrian's Wall's end.", "Hadrian", "Hadrian"),
    ],
)
def test_a_part_becomes_the_whole(question: str, text: str, span: str, whole: str) -> None:
    before = "Title\n\n"
    start = len(before) + text.index(span)
    passage = Passage("a.md", "T", (), text, len(before), len(before + text), 3, 3)
    found = complete(question, passage, Span(start, start + len(span), span, 1.0))
    assert found.text == whole
    assert (before + text)[found.start : found.end] == whole
    assert found.score == 1.0
