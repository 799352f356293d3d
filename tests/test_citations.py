"""The verifier: which statements of a generated answer survive, and why the others do not."""

from __future__ import annotations

import random

import pytest

from askllama.citations import Verified, find_markers, verify
from askllama.prompt import line
from askllama.types import Evidence, Passage

QUESTION = "When did Mistral launch Mixtral?"


def evidence(number: int, quote: str, title: str = "Timeline", headings: tuple[str, ...] = ()) -> Evidence:
    passage = Passage("timeline.md", title, headings, quote, 0, len(quote), 1, 1)
    return Evidence(number, passage, 0, len(quote), 1, 1, quote)


EVIDENCE = (
    evidence(1, "On December 11th, 2023 Mistral released Mixtral 8x7B, a mixture of experts with open weights."),
    evidence(2, "LLaMA 2 comes in sizes of 7B, 13B and 70B parameters, and 40% of its users run it at home.", "Meta"),
    evidence(3, "Qwen2.5 was trained on 18 trillion tokens (2024-09-19).", "Qwen", ("Alibaba's models",)),
)


def check(text: str, question: str = QUESTION) -> Verified:
    return verify(text, EVIDENCE, question)


def reason(text: str, question: str = QUESTION) -> str:
    result = check(text, question)
    assert result.text == "" and result.evidence == ()
    (dropped,) = result.dropped
    return dropped.reason


@pytest.mark.parametrize(
    "text",
    [
        "Mistral released Mixtral on December 11th, 2023 [1].",
        "Mixtral was released by Mistral on 11 December 2023 [1].",
        "Mixtral 8x7B is a mixture of experts [1].",
        "It has open weights [1].",
        "The release of Mixtral was in Dec 2023 [1].",
        "Releasing open weights, Mistral launched Mixtral in December [1].",
        "LLaMA 2 has 70 billion parameters [2].",
        "Llama-2 has sizes of 7B, 13B and 70B [2].",
        "Meta's LLaMA 2 is run at home by 40 percent of its users [2].",
        "Users run LLaMA 2 at home [2].",
        "Alibaba trained Qwen2.5 on 18T tokens [3].",
        "Qwen 2.5 was trained on September 19th, 2024 [3].",
        "On 2023-12-11 Mistral released Mixtral [1].",
        "According to the evidence, Mixtral was released in 2023 [1].",
        "Yes, Mixtral has open weights [1].",
    ],
)
def test_supported_statements_survive(text: str) -> None:
    result = check(text)
    assert result.dropped == ()
    assert result.text == text.replace("[2]", "[1]").replace("[3]", "[1]")


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("Mistral released Mixtral on December 12th, 2023 [1].", "12th"),
        ("Mistral released Mixtral on December 11th, 2024 [1].", "2024"),
        ("Mistral released Mixtral on November 11th, 2023 [1].", "November"),
        ("Mistral released Mixtral on May 11th, 2023 [1].", "May"),
        ("May 2023 is when Mistral released Mixtral [1].", "May"),
        ("Mistral released Mixtral 8x22B [1].", "Mixtral 8x22B"),
        ("Mixtral has 7B parameters with open weights [1].", "7B"),
        ("LLaMA 2 has 70 million parameters [2].", "70 million"),
        ("LLaMA 3 comes in sizes of 7B [2].", "LLaMA 3"),
        ("LLaMA-13B comes with 70B parameters [2].", "LLaMA-13B"),
        ("50% of its users run LLaMA 2 at home [2].", "50%"),
        ("LLaMA 2 comes in five sizes [2].", "five"),
        ("Qwen2.5 was trained on 1,800 trillion tokens [3].", "1,800 trillion"),
        ("Qwen2 was trained on 18 trillion tokens [3].", "Qwen2"),
    ],
)
def test_wrong_numbers_and_dates_are_dropped(text: str, missing: str) -> None:
    assert reason(text) == f"{missing} is not in what it cites"


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("In December 2023 Google released Mixtral [1].", "Google"),
        ("Google released Mixtral in December 2023 [1].", "Google"),
        ("Mistral released Mixtral with Arthur Mensch in 2023 [1].", "Arthur"),
        ("Mixtral with open weights beats GPT-4 [1].", "GPT-4"),
        ("Mixtral of Mistral is an LLM with open weights [1].", "LLM"),
        ("Mistral released Mixtral on the iPhone [1].", "iPhone"),
        ("Mistral released Mixtral in Saint-Malo [1].", "Saint"),
    ],
)
def test_made_up_names_are_dropped(text: str, missing: str) -> None:
    assert reason(text) == f"{missing} is not in what it cites"


def test_names_and_numbers_of_the_question_may_be_said_again() -> None:
    question = "Which model did Mistral AI of Paris release in 2023?"
    assert check("Mistral AI of Paris released Mixtral 8x7B in 2023 [1].", question).dropped == ()


def test_what_another_piece_of_evidence_says_supports_nothing() -> None:
    assert reason("Mistral released Mixtral with 70B weights [1].") == "70B is not in what it cites"


def test_all_cited_evidence_counts_together() -> None:
    text = "Mistral released Mixtral in December 2023, and LLaMA 2 has 70B parameters [1][2]."
    assert check(text).text == text


def test_an_everyday_word_that_opens_a_sentence_is_no_name() -> None:
    assert check("Interestingly, Mistral released Mixtral in 2023 [1].").dropped == ()


def test_most_words_must_be_supported() -> None:
    text = "Mixtral quickly became wildly popular among hobby programmers [1]."
    assert reason(text) == "too few of its words are in what it cites"


def test_repeating_the_question_is_no_answer() -> None:
    question = "Does Mixtral beat GPT-4 at writing poems?"
    assert reason("Mixtral does beat GPT-4 at writing poems [1].", question) == "only repeats the question"


def test_a_false_premise_is_not_affirmed() -> None:
    assert reason("Mistral released Mixtral in 2022 [1].", "Did Mistral release Mixtral in 2022?") == (
        "only repeats the question"
    )


def test_names_are_found_in_every_spelling() -> None:
    spellings = ("Claude 3", "Claude-3", "Claude3", "CLAUDE 3")
    for written in spellings:
        for quoted in spellings:
            assert verify(f"{written} won [1].", [evidence(1, f"It was {quoted} that won.")], QUESTION).dropped == ()


def test_a_question_that_the_evidence_affirms_may_be_repeated() -> None:
    assert check("Mixtral has open weights [1].", "Has Mixtral open weights?").dropped == ()


@pytest.mark.parametrize("text", ["Mistral released Mixtral in 2023.", "The documents do not answer this.", "Sure!"])
def test_statements_without_a_marker_are_dropped(text: str) -> None:
    assert reason(text) == "cites nothing"


@pytest.mark.parametrize(
    ("text", "marker"), [("Mixtral [7].", 7), ("Mixtral [1, 9].", 9), ("Mixtral [1][4].", 4), ("Mixtral [0].", 0)]
)
def test_foreign_markers_are_dropped(text: str, marker: int) -> None:
    assert reason(text) == f"cites [{marker}], which does not exist"


@pytest.mark.parametrize("text", ["[1]", "[1].", "It is so [1]."])
def test_a_marker_alone_says_nothing(text: str) -> None:
    assert reason(text) == "says nothing"


def test_brackets_that_are_no_marker_cite_nothing() -> None:
    assert reason("Mixtral has open weights [sic] [12345].") == "cites nothing"


@pytest.mark.parametrize(
    "text",
    [
        "Mixtral has open weights. [1] LLaMA 2 has 70B parameters. [2]",
        "Mixtral has open weights.[1] LLaMA 2 has 70B parameters.[2]",
        "Mixtral has open weights [1]. LLaMA 2 has 70B parameters [2].",
        "Mixtral has open weights [1]\nLLaMA 2 has 70B parameters [2]",
        "- Mixtral has open weights [1].\n- LLaMA 2 has 70B parameters [2].",
        "1. Mixtral has open weights [1].\n\n2. LLaMA 2 has 70B parameters [2].",
    ],
)
def test_each_statement_has_its_own_marker(text: str) -> None:
    result = verify(text, EVIDENCE[:1], QUESTION)
    assert result.text.rstrip(".") == "Mixtral has open weights [1]"
    assert [item.reason for item in result.dropped] == ["cites [2], which does not exist"]


@pytest.mark.parametrize("text", ["Mistral Inc. released Mixtral [1].", "Version v0.1 of Mixtral by A. Mensch [1]."])
def test_points_inside_a_sentence_do_not_end_it(text: str) -> None:
    result = verify(text, [evidence(1, "Mistral Inc. (A. Mensch) released version v0.1 of Mixtral.")], QUESTION)
    assert result.text == text


@pytest.mark.parametrize(
    ("markers", "normalised"),
    [
        ("[1][2]", "[1][2]"),
        ("[1, 2]", "[1][2]"),
        ("[1,2]", "[1][2]"),
        ("[1; 2]", "[1][2]"),
        ("[ 1 ] [2]", "[1][2]"),
        ("[1] [1, 2]", "[1][2]"),
        ("[2][1]", "[1][2]"),
        ("[2]", "[1]"),
    ],
)
def test_markers_are_normalised(markers: str, normalised: str) -> None:
    assert check(f"LLaMA 2 has 70B parameters {markers}.").text == f"LLaMA 2 has 70B parameters {normalised}."


def test_markers_are_renumbered_in_order_of_first_use() -> None:
    result = check(
        "Qwen2.5 was trained on 18 trillion tokens [3]. Google made Mixtral [2]. "
        "Mixtral has open weights [1]. Alibaba trained Qwen2.5 [3]."
    )
    assert result.text == (
        "Qwen2.5 was trained on 18 trillion tokens [1]. Mixtral has open weights [2]. Alibaba trained Qwen2.5 [1]."
    )
    assert [(item.number, item.quote) for item in result.evidence] == [(1, EVIDENCE[2].quote), (2, EVIDENCE[0].quote)]
    assert [(item.text, item.reason) for item in result.dropped] == [
        ("Google made Mixtral [2].", "Google is not in what it cites")
    ]


def test_evidence_is_known_by_its_number_not_its_place() -> None:
    result = verify("Mixtral has open weights [8].", [evidence(8, "Mixtral has open weights.")], QUESTION)
    assert result.text == "Mixtral has open weights [1]."
    assert [item.number for item in result.evidence] == [1]


def test_an_empty_answer_has_nothing() -> None:
    assert check(" \n") == Verified("", (), ())


def test_evidence_is_left_as_it_was() -> None:
    assert check("Qwen2.5 was trained on 18T tokens [3].").evidence[0].number == 1
    assert EVIDENCE[2].number == 3


def test_a_documents_own_markers_are_no_numbers_and_no_markers() -> None:
    footnoted = [evidence(1, "Mixtral has open weights [3]. It was fast [12][7]."), evidence(2, "[1] says nothing.")]
    assert verify("Mixtral has 3 open weights [1].", footnoted, QUESTION).dropped[0].reason == (
        "3 is not in what it cites"
    )
    assert verify("Mixtral has open weights [3].", footnoted, QUESTION).text == ""
    assert verify("Mixtral has open weights [1].", footnoted, QUESTION).evidence[0].quote == footnoted[0].quote


HOSTILE = (
    "\x1b[2J", "\u202e", "[1]", "[2]", "[3]", "[99]", "[1, 2]", "\n[1] Official: ", "【1】",
    "［1］", "Mixtral", "Google", "not", "more than", "7", "2023", "%", "70B", "is", ".", "!", "\n\n- ", "<|im_end|>",
    "\ud7ff", "2023-13-99", "٣", "ﬁ", "e\u0301", "\u200b", "[", "]", "[[1]]", "(1)", "U.S.", "A", "²", "½", "一二三",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_whatever_model_and_documents_write_the_answer_cites_what_is_there(seed: int) -> None:
    chance = random.Random(seed)
    quotes = [" ".join(chance.choices(HOSTILE, k=12)) for _ in range(3)]
    given = [evidence(number, quote, quote[:9]) for number, quote in enumerate(quotes, 1)]
    text = " ".join(chance.choices([*HOSTILE, *quotes], k=40))
    result = verify(text, given, " ".join(chance.choices(HOSTILE, k=5)))
    assert {*find_markers(result.text)} == {item.number for item in result.evidence}
    assert [item.number for item in result.evidence] == list(range(1, len(result.evidence) + 1))
    assert {item.quote for item in result.evidence} <= set(quotes)
    assert all(dropped.reason for dropped in result.dropped)


@pytest.mark.parametrize("seed", range(20))
def test_a_quote_cited_whole_survives_whatever_it_holds(seed: int) -> None:
    chance = random.Random(seed)
    words = [word for word in HOSTILE if not {*word} & {*"[].!\n"}]
    quote = "Mixtral " + " ".join(chance.choices(words, k=10))
    assert verify(f"{quote} [1]", [evidence(1, quote)], QUESTION).dropped == ()


@pytest.mark.parametrize("marker", ["[1]", "[2]", "[1, 2]", "\n[2] Official: "])
def test_no_document_can_number_evidence_in_a_prompt(marker: str) -> None:
    shown = line(evidence(1, f"Open.{marker} Closed.", f"Title {marker}"))
    assert find_markers(shown) == [1]
    assert shown.startswith("[1] Title")
