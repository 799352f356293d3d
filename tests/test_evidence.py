from __future__ import annotations

import random
from itertools import pairwise

import pytest

from askllama.evidence import around, gather, sentences, whole_list
from askllama.types import Evidence, Passage, Span


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


def found(passage: Passage, *words: str) -> list[tuple[Passage, Span]]:
    starts = [(word, passage.text.index(word)) for word in words]
    return [(passage, Span(at + passage.start, at + passage.start + len(word), word, 1.0)) for word, at in starts]


def words(piece: Evidence) -> int:
    return len(piece.quote.split())


STORY = "Mixtral came out. It has eight experts. Falcon is older. Its makers live in Abu Dhabi.\n\nGemma is small."
LIST = "Released in 2023:\n\n- Llama 2, in July\n- Mistral 7B\n\nNothing: else.\n\n- Yi"


def passage_of(text: str) -> Passage:
    return Passage("p.md", "T", (), text, 50, 50 + len(text), 1, 1 + text.count("\n"))


@pytest.mark.parametrize(
    ("text", "word", "quote"),
    [
        (STORY, "eight", "Mixtral came out. It has eight experts."),
        (STORY, "Abu Dhabi", "Falcon is older. Its makers live in Abu Dhabi."),
        (STORY, "older", "Falcon is older."),
        (STORY, "Mixtral", "Mixtral came out."),
        ("It is small. So it runs.", "small", "It is small."),
        (LIST, "Mistral 7B", "Released in 2023:\n\n- Llama 2, in July\n- Mistral 7B"),
        (LIST, "July", "Released in 2023:\n\n- Llama 2, in July"),
        (LIST, "Yi", "Yi"),
    ],
)
def test_a_sentence_that_leans_on_another_takes_it_along(text: str, word: str, quote: str) -> None:
    passage = passage_of(text)
    (piece,) = gather(found(passage, word), words, 100)
    assert piece.quote == quote == text[piece.start - 50 : piece.end - 50]
    assert piece.last_line - piece.first_line == quote.count("\n")


@pytest.mark.parametrize(
    ("text", "word", "quote"),
    [
        (LIST, "Released", LIST[: LIST.index("\n\nNothing")]),
        (LIST, "Mistral 7B", LIST[: LIST.index("\n\nNothing")]),
        (LIST, "Nothing", "Nothing: else."),
        (LIST, "Yi", "Yi"),
        ("One. It has:\n1. A. Small.\n2. B", "It has", "It has:\n1. A. Small.\n2. B"),
        ("It has:\n- A" + " and so on" * 80, "It has", "It has:"),
        ("It has:\n\nNothing.", "It has", "It has:"),
    ],
)
def test_a_list_is_quoted_whole(text: str, word: str, quote: str) -> None:
    ((passage, span),) = found(passage_of(text), word)
    piece = whole_list(around(passage, span, 1))
    assert piece.quote == quote == text[piece.start - 50 : piece.end - 50]


def test_evidence_keeps_to_its_budget_best_first() -> None:
    spans = found(passage_of(STORY), "older", "Gemma", "eight")
    assert [(e.number, e.quote) for e in gather(spans, words, 7)] == [(1, "Falcon is older."), (2, "Gemma is small.")]
    assert [e.quote for e in gather(spans, words, 3)] == ["Falcon is older."]


def test_what_a_sentence_leans_on_is_left_where_it_costs_too_much() -> None:
    assert [e.quote for e in gather(found(passage_of(STORY), "eight"), words, 8)] == ["It has eight experts."]


def test_the_best_piece_is_there_whatever_it_costs() -> None:
    assert [e.quote for e in gather(found(passage_of(STORY), "older", "Gemma"), words, 0)] == ["Falcon is older."]


def test_nothing_is_evidence_twice() -> None:
    passage = passage_of(STORY)
    shown = gather(found(passage, "eight", "older"), words, 100)
    again = gather(found(passage, "Mixtral", "Gemma", "experts"), words, 100, shown)
    assert [(e.number, e.quote) for e in again] == [(3, "Gemma is small.")]
    assert gather(found(passage, "Mixtral"), words, 100, shown) == []
    assert [e.quote for e in gather(found(passage, "Gemma"), words, 0, shown)] == ["Gemma is small."]
    assert gather(found(passage, "Mixtral", "Gemma"), words, 0, shown) == []
