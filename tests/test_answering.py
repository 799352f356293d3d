"""The heart with fake models and a real index."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeGenerator, FakeReader

from askllama.budget import ANSWER
from askllama.library import Library
from askllama.types import Answer


@pytest.fixture
def library(fake_library: Library, folder: Path) -> Library:
    (folder / "one.md").write_text("# Models\n\nHistory.\n\nMixtral launched in December 2023. It was fast.\n")
    (folder / "two.md").write_text("# More\n\nMixtral launched in December 2023, says two.\n")
    (folder / "three.txt").write_text("Mixtral launched in January 2024, says three.")
    fake_library.sync()
    return fake_library


def check_citations(answer: Answer) -> None:
    assert [c.number for c in answer.citations] == list(range(1, len(answer.citations) + 1))
    for citation in answer.citations:
        data = Path(citation.path).read_bytes()
        assert citation.sha256 == hashlib.sha256(data).hexdigest()
        assert data.decode()[citation.start : citation.end] == citation.quote
        assert citation.quote in data.decode().split("\n")[citation.first_line - 1]
        assert f"[{citation.number}]" in answer.text


def test_agreeing_passages_are_cited_together_and_differing_dates_shown(library: Library) -> None:
    answer = library.ask("When was Mixtral launched?")
    assert answer.answered
    assert answer.text == "December 2023 [1][2]; January 2024 [3]"
    assert {Path(c.path).name for c in answer.citations} == {"one.md", "two.md", "three.txt"}
    check_citations(answer)


@pytest.mark.parametrize(
    "question",
    ["Why was Mixtral launched?", "Which models were launched?", "How was Mixtral launched?", "Was Mixtral launched?"],
)
def test_what_wants_more_than_a_span_gets_whole_sentences(library: Library, question: str) -> None:
    answer = library.ask(question)
    assert "Mixtral launched in December 2023. [1]" in answer.text
    check_citations(answer)


def test_what_is_joined_to_one_thing_makes_no_list_of_it(fake_library: Library, folder: Path) -> None:
    (folder / "one.md").write_text("Meta launched LLaMA 3 in sizes of 8B and 70B.\n\nMeta launched LLaMA 2 in July.\n")
    fake_library.sync()
    fake_library.__dict__["reader"] = FakeReader({"LLaMA 3": 30.0, "LLaMA 2": 29.0, "8B and 70B": 28.0})
    answer = fake_library.ask("Which models were launched by Meta?")
    assert answer.text == "Meta launched LLaMA 3 in sizes of 8B and 70B. [1] Meta launched LLaMA 2 in July. [2]"
    fake_library.__dict__["reader"] = FakeReader({"LLaMA 3": 29.0, "8B and 70B": 30.0})
    answer = fake_library.ask("Which sizes were launched by Meta?")
    assert answer.text == "LLaMA 3 in sizes of 8B and 70B [1]"


def test_in_a_sentence_the_surest_words_are_marked(fake_library: Library, folder: Path) -> None:
    (folder / "one.md").write_text("Lisa met Nora in **Oslo**, and *Nora* paid.\n")
    fake_library.sync()
    # Lisa may as well be meant, and stands too far off to be part of one answer.
    fake_library.__dict__["reader"] = FakeReader({r"(?<=\*)Nora": 30.0, "Lisa": 29.5})
    answer = fake_library.ask("Who paid in Oslo?")
    assert answer.text == "Lisa met Nora in Oslo, and Nora paid. [1]"
    assert answer.highlight == (27, 31)
    check_citations(answer)


def test_refusal_names_what_is_missing_and_what_is_near(library: Library) -> None:
    library.__dict__["reader"] = FakeReader({"Mixtral": -20.0})
    answer = library.ask("When did Gemini launch?")
    assert not answer.answered
    assert answer.text == ""
    assert answer.refusal is not None
    assert answer.refusal.missing == ("Gemini",)
    assert len(answer.refusal.nearest) == 3


def test_a_question_is_read_in_the_documents_spelling_and_says_so(library: Library) -> None:
    answer = library.ask("when was mixtrl lauched")
    assert answer.question == "when was mixtrl lauched"
    assert answer.read_as == "when was Mixtral launched"
    assert answer.text == "December 2023 [1][2]; January 2024 [3]"
    assert library.ask("When was Mixtral launched?").read_as is None


def test_a_reader_that_finds_nothing_is_a_refusal(library: Library) -> None:
    library.__dict__["reader"] = FakeReader({})
    assert library.ask("When was Mixtral launched?").confidence == 0


def test_the_threshold_decides(library: Library) -> None:
    sure = library.ask("When was Mixtral launched?").confidence
    for threshold, answered in ((sure - 0.01, True), (min(1.0, sure + 0.0001), False)):
        library.settings = replace(library.settings, threshold=threshold)
        assert library.ask("When was Mixtral launched?").answered is answered


def test_a_generated_answer_is_streamed_verified_and_cited(library: Library) -> None:
    generator = FakeGenerator("Mixtral launched in December 2023 [1].")
    library.__dict__["generator"] = generator
    heard: list[str] = []
    answer = library.ask("When was Mixtral launched?", heard.append)
    assert "".join(heard) == "Mixtral launched in December 2023 [1]."
    assert answer.model == "fake generator"
    assert answer.text == "Mixtral launched in December 2023 [1]."
    check_citations(answer)


@pytest.mark.parametrize(
    "text",
    ["Mixtral launched in May 2019 [1].", "Mixtral launched in December 2023 [9].", "Sam Altman made it [1].", ""],
)
def test_the_extractive_answer_stands_in_where_nothing_generated_survives(library: Library, text: str) -> None:
    library.__dict__["generator"] = FakeGenerator(text)
    answer = library.ask("When was Mixtral launched?")
    assert answer.model is None
    assert answer.text.startswith("December 2023 [1]")
    assert len(answer.dropped) == bool(text)
    check_citations(answer)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Mixtral launched in December 2023 [3].", False),
        ("It was made in Abu Dhabi [1].", True),
        ("Mixtral launched in December 2023 [3]. Falcon was made there [1].", True),
        ("It launched in May 2022 [2].", True),
    ],
)
def test_a_true_answer_to_another_question_is_none(library: Library, folder: Path, text: str, kept: bool) -> None:
    (folder / "four.md").write_text("Falcon was made in Abu Dhabi.\n")
    (folder / "five.md").write_text("It launched in May 2022 in the town of Falcon.\n")
    library.sync()
    library.__dict__["reader"] = FakeReader({"Abu Dhabi": 30.0, "May 2022": 29.0, "December 2023": 27.0})
    generator = library.__dict__["generator"] = FakeGenerator(text)
    answer = library.ask("Where was Falcon made?")
    names = [Path(item.passage.path).name for item in generator.evidence]
    assert names == ["four.md", "five.md", "one.md", "two.md"]
    assert answer.model == ("fake generator" if kept else None)
    if not kept:
        assert answer.text.startswith("Abu Dhabi [1]")
        assert "nothing to do with the question" in answer.dropped[-1]
    check_citations(answer)


def test_the_readers_answer_is_there_before_the_generator_writes(library: Library) -> None:
    library.__dict__["generator"] = FakeGenerator("Mixtral launched in December 2023 [1].")
    seen: list[str] = []
    library.ask("When was Mixtral launched?", seen.append, lambda answer: seen.append(answer.text))
    assert seen[:2] == ["December 2023 [1][2]; January 2024 [3]", "Mixtral "]


def test_a_follow_up_goes_on_unless_the_documents_change(library: Library, folder: Path) -> None:
    generator = library.__dict__["generator"] = FakeGenerator("Mixtral launched in December 2023 [1].")
    question = "When was Mixtral launched?"
    library.ask(question)
    first = generator.shown
    assert [item.number for item in first] == [1, 2, 3]
    answer = library.ask(question, follow_up=True)
    assert generator.shown == first
    assert generator.evidence == []
    assert answer.text == "Mixtral launched in December 2023 [1]."
    check_citations(answer)
    (folder / "two.md").unlink()
    library.sync()
    library.ask(question, follow_up=True)
    assert len(generator.shown) == 2
    library.ask(question)
    assert len(generator.shown) == 2


def test_evidence_and_answer_keep_to_the_seconds_given(library: Library) -> None:
    generator = library.__dict__["generator"] = FakeGenerator("Mixtral launched in December 2023 [1].")
    question = "When was Mixtral launched?"
    lengths = []
    for seconds in (0.5, 3.0, None):
        library.settings = replace(library.settings, budget=seconds)
        generator.longest = 0
        assert library.ask(question).answered
        lengths.append(generator.longest)
    assert lengths[0] == 0 < lengths[1] < lengths[2] == ANSWER


def test_evidence_far_below_the_best_is_left_out(library: Library) -> None:
    generator = library.__dict__["generator"] = FakeGenerator("")
    library.__dict__["reader"] = FakeReader({r"December \d{4}": 16.0, r"January \d{4}": -9.0})
    library.ask("When was Mixtral launched?")
    assert {Path(item.passage.path).name for item in generator.evidence} == {"one.md", "two.md"}


def test_a_refusal_does_not_reach_the_generator(library: Library) -> None:
    generator = FakeGenerator("Anything [1].")
    library.__dict__["generator"] = generator
    library.__dict__["reader"] = FakeReader({"Mixtral": -20.0})
    assert not library.ask("When did Gemini launch?").answered
    assert generator.evidence == ()
