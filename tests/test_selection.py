from __future__ import annotations

import pytest

from askllama.selection import FEATURES, Candidate, agreeing, confidence, rank, settle
from askllama.types import Hit, Passage, Reading, Span
from askllama.words import WordFit


def passage(number: int, text: str) -> Passage:
    return Passage(f"{number}.md", "T", (), text, 0, len(text), 1, 1, id=number)


def candidate(number: int, text: str, score: float, sentence: str = "") -> Candidate:
    """The text is the span; score is the reader's margin, and all that counts."""
    where = passage(number, sentence or text)
    start = where.text.index(text)
    return Candidate(where, Span(start, start + len(text), text, score), (score, *[0.0] * (len(FEATURES) - 1)))


def reading(number: int, text: str, span: str, score: float) -> tuple[Hit, Reading]:
    where = passage(number, text)
    start = text.index(span)
    found = Span(start, start + len(span), span, score)
    return Hit(where, 2, 0.0, 0.5, None), Reading(where, (found,))


@pytest.mark.parametrize(
    ("question", "text", "cover"),
    [
        ("When was LLaMA released?", "LLaMA was released", 1.0),
        ("When was LLaMA released?", "LLaMA 3 was released", 0.5),
        ("When was LLaMA 3 released?", "LLaMA 3 was released", 1.0),
        ("When was LLaMA 3 released?", "LLaMA-3 releases", 1.0),
        ("When was Llama 4 released?", "LLaMA 3 was released in 4 sizes", 0.5),
        ("gpt4 context", "The context of GPT-4", 1.0),
        ("What is MoE?", "Moebius", 0.0),
    ],
)
def test_cover(question: str, text: str, cover: float) -> None:
    assert WordFit(question).cover(text) == cover


def test_the_sentence_that_holds_the_questions_words_wins() -> None:
    pairs = [
        reading(1, "LLaMA 3 was released in April 2024.", "April 2024", 5.0),
        reading(2, "LLaMA was released in February 2023.", "February 2023", 4.5),
    ]
    best = rank("When was LLaMA released?", [h for h, _ in pairs], [r for _, r in pairs], {})[0]
    assert best.span.text == "February 2023"


@pytest.mark.parametrize(
    ("question", "best"), [("When was Yi released?", "May 2023"), ("In what year was Yi released?", "2023")]
)
def test_a_month_answers_when_rather_than_a_year(question: str, best: str) -> None:
    pairs = [
        reading(1, "Yi was released in 2023.", "2023", 5.2),
        reading(2, "Yi was released in May 2023.", "May 2023", 5.0),
    ]
    assert rank(question, [h for h, _ in pairs], [r for _, r in pairs], {})[0].span.text == best


@pytest.mark.parametrize(("clear", "count"), [(5.0, 5), (100.0, 8)])
def test_no_further_passage_is_read_once_the_answer_is_clear(clear: float, count: int) -> None:
    pairs = [reading(n, "Yi beats it.", "Yi", 6.0) for n in range(8)]
    taken = iter([r for _, r in pairs])
    found = rank("What beats it?", [h for h, _ in pairs], taken, {}, clear)
    assert len(found) == count
    assert len(list(taken)) == 8 - count


def test_an_echo_of_the_question_loses() -> None:
    pairs = [
        reading(1, "Mixtral beats Falcon on most tests.", "Mixtral", 4.05),
        reading(2, "Mixtral beats Falcon on most tests.", "most tests", 4.0),
    ]
    best = rank("Where does Mixtral beat Falcon?", [h for h, _ in pairs], [r for _, r in pairs], {})[0]
    assert best.span.text == "most tests"


def test_confidence_grows_with_the_score_and_falls_with_missing_names_and_versions() -> None:
    low, high = [candidate(1, "x", 10.0)], [candidate(1, "x", 20.0)]
    assert 0 < confidence("who?", low, ()) < confidence("who?", high, ()) < 1
    assert max(confidence("who?", high, (name,)) for name in ("GPT-5", "Finland")) < confidence("who?", high, ())
    assert confidence("who?", [], ()) == 0
    assert confidence("who?", low, ("Name",) * 20_000) == pytest.approx(0)


def groups(*candidates: Candidate, question: str = "when?") -> list[list[str]]:
    return [[c.span.text for c in group] for group in agreeing(question, candidates)]


def test_spans_that_agree_are_one_answer_with_the_fullest_date_first() -> None:
    one, two = candidate(1, "December 2023", 9), candidate(2, "December 11th, 2023", 8)
    assert groups(one, two) == [["December 11th, 2023", "December 2023"]]
    assert groups(candidate(1, "65 billion", 9), candidate(2, "65B", 8)) == [["65 billion", "65B"]]


def test_a_part_of_an_answer_is_no_support() -> None:
    assert groups(candidate(1, "large language model", 9), candidate(2, "model", 8)) == [["large language model"]]
    assert groups(candidate(1, "Samuel Smith", 9), candidate(2, "Smith", 8)) == [["Samuel Smith", "Smith"]]


def test_dates_and_figures_that_differ_are_both_shown() -> None:
    assert groups(candidate(1, "7B", 9), candidate(2, "65 billion", 8)) == [["7B"], ["65 billion"]]
    february, march = candidate(1, "February 2023", 9), candidate(2, "March 2023", 8)
    assert groups(february, march) == [["February 2023"], ["March 2023"]]


def test_differing_dates_of_one_passage_names_and_weak_spans_are_not() -> None:
    assert groups(candidate(1, "February 2023", 9), candidate(1, "March 2023", 8)) == [["February 2023"]]
    assert groups(candidate(1, "Meta", 9), candidate(2, "Google", 8.9)) == [["Meta"]]
    assert groups(candidate(1, "GPT-3", 9), candidate(2, "Mixtral 8x7B", 8.9)) == [["GPT-3"]]
    assert groups(candidate(1, "February 2023", 9), candidate(2, "March 2023", -3)) == [["February 2023"]]
    assert groups(candidate(1, "February 2023", 9), candidate(2, "8x7B", 8)) == [["February 2023"]]


@pytest.mark.parametrize("other", ["LLaMA 3 came out in April 2024.", "A llama was born in April 2024."])
def test_dates_of_something_else_are_not_shown(other: str) -> None:
    one = candidate(1, "March 2023", 9, "LLaMA came out in March 2023.")
    two = candidate(2, "April 2024", 9, other)
    assert groups(one, two, question="When did LLaMA come out?") == [["March 2023"]]


def test_rare_words_weigh_more() -> None:
    fit = WordFit("ferry timetable", counts={"ferry": 2, "timetable": 14})
    assert fit.cover("the ferry") == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("question", "good", "bad"),
    [
        ("When did it open?", "in May", "in Rome"),
        ("How many were there?", "seven", "some"),
        ("Who made it?", "Meta", "the company"),
        ("What does MoE stand for?", "mixture of experts", "a model"),
    ],
)
def test_the_kind_of_answer_counts(question: str, good: str, bad: str) -> None:
    pairs = [reading(1, f"It is {bad}.", bad, 5.0), reading(2, f"It is {good}.", good, 4.0)]
    assert rank(question, [h for h, _ in pairs], [r for _, r in pairs], {})[0].span.text == good


@pytest.mark.parametrize(
    ("rivals", "text"),
    [
        ([("Holm", -2.1)], "Tarn"),
        ([("Holm", 4.0)], "Tarn and Holm"),
        ([("Holm", 4.0), ("Beck", 3.5)], "Tarn and Holm, with Beck"),
        ([("Orla", 4.0)], None),
        ([("Elsewhere", 4.9)], "Tarn"),
    ],
)
def test_spans_that_compete_in_one_sentence_are_joined_or_doubted(
    rivals: list[tuple[str, float]], text: str | None
) -> None:
    told = "Tarn and Holm, with Beck, were named in the spring by a woman called Orla. Elsewhere it rained."
    spans = [candidate(1, span, score, told) for span, score in [("Tarn", 5.0), *rivals]]
    span = settle("What was named?", spans)
    assert (span and span.text) == text
    assert span is None or told[span.start : span.end] == text


def test_joined_spans_end_with_a_whole_word() -> None:
    told = "It runs 7B models in 4-bit."
    span = settle("What does it run?", [candidate(1, "4", 5.0, told), candidate(1, "7B", 4.0, told)])
    assert span and span.text == "7B models in 4-bit"


def test_a_name_where_one_is_asked_for_has_fewer_rivals() -> None:
    told = "Tarn was named in the spring, after long debates, by a woman called Orla."
    spans = [candidate(1, "Orla", 5.0, told), candidate(1, "Tarn", 0.0, told)]
    assert settle("What was it about?", spans) is None
    assert settle("Who named Tarn?", spans) == spans[0].span
