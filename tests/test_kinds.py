from __future__ import annotations

import pytest

from askllama import kinds


@pytest.mark.parametrize(
    "question",
    [
        "Which open models did let businesses in?",
        "Name the two firms.",
        "which text-to-image systems of 2022 are mentioned",
        "At which universities did she work?",
        "What methods came out of it?",
        "In early 2023, what three things did people expect?",
        "all mistral releases in 2024",
        "For which sorts of application is it?",
        "What are the risks of it?",
        "Name both sources.",
        "models made by Meta",
        "open formats used in it?",
    ],
)
def test_several_things_are_asked_for(question: str) -> None:
    assert kinds.asks_several(question)


@pytest.mark.parametrize(
    "question",
    [
        "Which model beats GPT-4 in it?",
        "Which company sells phones?",
        "What kind of documents does it read?",
        "What runs in it?",
        "What is the news of today?",
        "What are the hairs called?",
        "Which campus has it?",
        "how many models did Meta release",
        "Which model uses mixed precision?",
        "what four-bit format is used",
        "Name the company that made it",
        "All-hands meeting: when?",
        "tokens of Mixtral",
        "is it based on Llama",
        "who was interested in it",
    ],
)
def test_one_thing_is_asked_for(question: str) -> None:
    assert not kinds.asks_several(question)


@pytest.mark.parametrize(
    ("question", "explained"),
    [
        ("Why did it fail?", True),
        ("and how does it work", True),
        ("how often does it run", False),
        ("Is it open?", True),
        ("When did it fail, and why?", False),
        ("Island of the year", False),
        ("May 4th: what happened?", False),
    ],
)
def test_an_explanation_is_asked_for(question: str, explained: bool) -> None:
    assert kinds.asks_explanation(question) is explained


def test_what_type_of_answer_is_asked_for() -> None:
    assert kinds.asks_date("in which year was it") and not kinds.asks_date("who was it")
    assert kinds.asks_year("what year was it") and not kinds.asks_year("when was it")
    assert kinds.asks_number("how large is it") and not kinds.asks_number("how is it")
    assert kinds.asks_name("which open model is the best") and not kinds.asks_name("which way is the best")
    assert kinds.asks_name("who was it") and not kinds.asks_name("what was it")
    assert kinds.asks_letters("what does GGUF stand for") == "gguf"
    assert kinds.asks_letters("GGUF acronym") == kinds.asks_letters("full form of the GGUF") == "gguf"
    assert kinds.asks_letters("what does the abbreviation GGUF mean") == "gguf"
    assert kinds.asks_letters("what is GGUF") is None


def test_one_thing_is_asked_for_that_texts_hardly_disagree_on() -> None:
    assert kinds.asks_one("Who made it?")
    others = ("When was it made?", "How many are there?", "Why was it made?", "Which models has it?")
    assert not any(map(kinds.asks_one, others))


@pytest.mark.parametrize(
    ("text", "several"),
    [("8B and 70B", True), ("a, b", True), ("Android", False), ("May 1st, 2023", False), ("1,000", False)],
)
def test_an_enumeration_names_several(text: str, several: bool) -> None:
    assert kinds.is_enumeration(text) is several
