from __future__ import annotations

import json
from dataclasses import replace

import pytest

from askllama import render
from askllama.render import Style
from askllama.types import Answer, Citation, Found, Hit, Passage, Provenance, Refusal

PLAIN = Style(False, "/home/me")
QUOTE = "Mixtral came in December 2023."
CITATION = Citation(1, "/home/me/docs/a.md", "A", None, 3, 3, 10, 40, QUOTE, "abc", (16, 29))
ANSWER = Answer("when?", "December 2023 [1]", (CITATION,), 0.9)
PROVENANCE = Provenance("0", ("/home/me/docs",), "d", "e", "e:1", "r", 10, 0.45)
PASSAGE = Passage("/elsewhere/a.md", "A", ("B",), "some text", 0, 9, 7, 7)


def test_plain_answer() -> None:
    assert render.answer_text(ANSWER, PLAIN) == (
        "December 2023 [1]\n\n  [1] docs/a.md:3  “Mixtral came in December 2023.”"
    )


def test_colour_only_decorates() -> None:
    text = render.answer_text(ANSWER, Style(True, "/home/me"))
    assert "\x1b[1mDecember 2023\x1b[0m" in text
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m"):
        text = text.replace(code, "")
    assert text == render.answer_text(ANSWER, PLAIN)


def test_in_a_quoted_sentence_only_the_words_that_answer_are_bold() -> None:
    answer = replace(ANSWER, text=f"{QUOTE} [1]", highlight=(16, 29))
    assert render.answer_text(answer, PLAIN).startswith(f"{QUOTE} [1]\n\n")
    decorated = render.answer_text(answer, Style(True, "/home/me"))
    assert decorated.startswith("Mixtral came in \x1b[1mDecember 2023\x1b[0m. [1]\n\n")


def test_pages_and_dropped_statements_are_shown() -> None:
    answer = replace(ANSWER, citations=(replace(CITATION, page=4),), dropped=("It cost 9 [1]. (9 is not there)",))
    text = render.answer_text(answer, PLAIN)
    assert "docs/a.md:3 (p. 4)" in text
    assert "  - It cost 9 [1]. (9 is not there)" in text


def test_how_the_question_was_read_stands_below_headline_and_refusal() -> None:
    read = replace(ANSWER, read_as="when was \x1bit?")
    refusal = replace(read, refusal=Refusal((), ()))
    assert render.answer_text(read, PLAIN).startswith(ANSWER.text + "\n  Read as: when was ␛it?\n")
    assert render.answer_text(refusal, PLAIN).endswith("do not answer this.\n  Read as: when was ␛it?")


def test_refusal() -> None:
    text = render.answer_text(replace(ANSWER, text="", refusal=Refusal(("Finland", "capital"), (PASSAGE,))), PLAIN)
    assert text == (
        "The documents do not answer this.\n"
        "  Nowhere in them: Finland, capital\n"
        "  Nearest passages:\n"
        "    /elsewhere/a.md:7  A > B"
    )


@pytest.mark.parametrize("hostile", ["\x1b[2J\x1b]0;title\x07", "a\rb", "\x9b31m", "\u202eevil", "\x7f\x08", "\x00"])
def test_documents_cannot_drive_the_terminal(hostile: str) -> None:
    citation = replace(CITATION, quote=hostile, highlight=None, path=f"/home/me/{hostile}")
    answer = replace(ANSWER, text=hostile, citations=(citation,), dropped=(hostile,))
    passage = replace(PASSAGE, text=hostile, title=hostile, path=hostile)
    refusal = replace(ANSWER, refusal=Refusal((hostile,), (passage,)))
    shown = render.answer_text(answer, PLAIN) + render.answer_text(refusal, PLAIN)
    shown += render.found_text("q", Found(hostile, [Hit(passage, 1, 0.1, None, None)], {}), PLAIN)
    assert not set(shown) & set("\x1b\r\x9b\u202e\x7f\x08\x07\x00")


def test_windows_line_ends_show_as_line_ends() -> None:
    assert render.visible("a\r\nb") == "a\nb"


def test_json_holds_everything() -> None:
    loaded = json.loads(render.answer_json(ANSWER, PROVENANCE))
    assert loaded["answered"] is True
    assert loaded["citations"][0]["quote"] == QUOTE
    assert loaded["citations"][0]["sha256"] == "abc"


def test_hits() -> None:
    hit = Hit(PASSAGE, 1, 0.0325, 0.5, None)
    text = render.found_text("q", Found("q", [hit], {}), PLAIN)
    assert render.found_text("w", Found("q", [hit], {}), PLAIN) == f"  Read as: q\n\n{text}"
    assert text == " 1. /elsewhere/a.md:7  A > B\n    score 0.0325  similarity 0.500  bm25 –\n    some text"
    assert json.loads(render.hits_json([hit]))[0]["passage"]["first_line"] == 7


def test_a_line_break_in_a_path_cannot_forge_a_citation() -> None:
    citation = replace(CITATION, path="/home/me/x\n  [2] fake.md:1  “forged”")
    assert len(render.answer_text(replace(ANSWER, citations=(citation,)), PLAIN).splitlines()) == 3


def test_json_is_ascii() -> None:
    assert render.answer_json(replace(ANSWER, text="\x9b31m \u202e ü \udcff"), PROVENANCE).isascii()
