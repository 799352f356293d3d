from __future__ import annotations

import sqlite3

import pytest

from askllama.words import WordFit, adjacent_words, content_words, fts_query, is_name, missing_words, plainly


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("When was Llama 4 released?", ["Llama 4", "released"]),
        ("Who made Mixtral, and why?", ["made", "Mixtral"]),
        ("What happened in March 2023?", ["happened", "March", "2023"]),
        ("more than 4 models", ["4", "models"]),
        ("GPT-4's context", ["GPT-4", "context"]),
        ("Was it in May in the US?", ["May", "US"]),
        ("Claude 3.5 or o1?", ["Claude 3.5", "o1"]),
        ("who is it?", ["who", "is", "it"]),
        ("", []),
    ],
)
def test_content_words(question: str, words: list[str]) -> None:
    assert content_words(question) == words


def matches(question: str, text: str, whole: bool = False) -> bool:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE words USING fts5 (body, tokenize = 'porter unicode61')")
    connection.execute("INSERT INTO words VALUES (?)", (text,))
    query = fts_query(content_words(question), whole)
    return bool(query) and bool(connection.execute("SELECT 1 FROM words WHERE words MATCH ?", (query,)).fetchall())


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("gpt4?", "GPT-4 came"),
        ("GPT-4?", "gpt4 came"),
        ("llama2?", "LLaMA 2"),
        ("Llama 2?", "the llama2 model"),
        ("Llama 4", "Llama"),
    ],
)
def test_spellings_of_a_name_match(question: str, text: str) -> None:
    assert matches(question, text)


def test_a_whole_name_needs_its_number() -> None:
    assert not matches("Llama 4", "LLaMA 3 and Llama", whole=True)
    assert matches("Llama 3", "LLaMA 3", whole=True)


@pytest.mark.parametrize(
    "text", ['"', "'); DROP TABLE", "a AND OR NOT (", "NEAR(x y)", "col: x*", "^a", "☃ 日本", "-", "a\0b"]
)
def test_no_question_breaks_the_query(text: str) -> None:
    matches(text, "something")


def test_missing_words_and_names() -> None:
    assert missing_words("When was Llama 4 released?", {"Llama 4": 0, "released": 3}) == ("Llama 4",)
    assert [w for w in ("Mixtral", "gpt4", "released") if is_name(w)] == ["Mixtral", "gpt4"]


def test_adjacent_words_are_pairs_that_mean_something() -> None:
    assert adjacent_words("When did Egypt launch a surprise attack on GPT-4?") == ["Egypt launch", "surprise attack"]
    assert adjacent_words("who is it?") == []


@pytest.mark.parametrize(
    ("question", "plain"),
    [
        ("when did Mixtral launch?", "when was Mixtral released?"),
        ("When did Falcon come out in the UAE?", "When was Falcon released in the UAE?"),
        ("When was Falcon released?", None),
        ("Who launched Falcon?", None),
    ],
)
def test_a_question_in_plainer_words(question: str, plain: str | None) -> None:
    assert plainly(question) == plain


def test_a_name_with_capitals_inside_is_no_common_word() -> None:
    texts = ["Meta released LLaMA.", "Llama releases of 2024."]
    fit = WordFit("Which company released LLaMA?", texts)
    assert fit.cover(texts[0]) > fit.cover(texts[1])
    assert WordFit("Which company released LLaMA?").cover(texts[1]) == fit.cover(texts[0])
    assert WordFit("who released llama", texts).cover(texts[1]) == 1.0
