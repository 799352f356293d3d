from __future__ import annotations

import random
from itertools import pairwise

import pytest

from askllama.evidence import around, sentences
from askllama.types import Passage, Span


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        (
            "Dr. Smith met J. R. Tolkien, e.g. At noon. Then left.",
            ["Dr. Smith met J. R. Tolkien, e.g. At noon.", "Then left."],
        ),
        ("Version 3.5 beats 3.0. Next one.", ["Version 3.5 beats 3.0.", "Next one."]),
        ('He said "Stop." Then he went.', ['He said "Stop."', "Then he went."]),
        ("- March 2023: A comes.\n- April 2023: B comes.", ["March 2023: A comes.", "April 2023: B comes."]),
        ("1. First\n2. Second", ["First", "Second"]),
        ("A line that\ngoes on. Next.\n\nNew paragraph", ["A line that\ngoes on.", "Next.", "New paragraph"]),
        ("It came out in December\n2023. It was open.", ["It came out in December\n2023.", "It was open."]),
        ("| a | b |\n| c | d |", ["| a | b |", "| c | d |"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert [text[a:b] for a, b in sentences(text)] == parts


def test_sentences_are_ordered_slices_that_lose_no_word() -> None:
    draw = random.Random(2)
    for _ in range(200):
        text = "".join(draw.choice('ab AB.!?"\n-)1é ') for _ in range(draw.randint(0, 120)))
        spans = list(sentences(text))
        assert all(0 <= a < b <= len(text) for a, b in spans)
        assert all(x[1] <= y[0] for x, y in pairwise(spans))
        kept = "".join(text[a:b] for a, b in spans)
        assert sum(c.isalpha() for c in kept) == sum(c.isalpha() for c in text)


def test_evidence_is_the_sentence_with_its_lines() -> None:
    text = "Intro here.\nMixtral came out\nin December. Then more."
    passage = Passage("p", "T", (), text, 100, 100 + len(text), 7, 9)
    start = 100 + text.index("December")
    evidence = around(passage, Span(start, start + 8, "December", 1.0), 4)
    assert evidence.quote == "Mixtral came out\nin December."
    assert (evidence.number, evidence.first_line, evidence.last_line) == (4, 8, 9)
    assert text[evidence.start - 100 : evidence.end - 100] == evidence.quote


def test_a_span_over_two_sentences_gets_both() -> None:
    text = "One two. Three four. Five."
    passage = Passage("p", "T", (), text, 0, len(text), 1, 1)
    assert around(passage, Span(4, 14, text[4:14], 1.0), 1).quote == "One two. Three four."
