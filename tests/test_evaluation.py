"""The measures against figures worked out by hand, and what is made of a library's answers."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from askllama.errors import UsageError
from askllama.evaluation.metrics import (
    area_under,
    auroc,
    calibration_error,
    contains,
    coverage_at,
    exact_match,
    f1,
    headline,
    normalise,
    risk_coverage,
)
from askllama.evaluation.outcomes import Outcome, ask_all, judge
from askllama.evaluation.questions import Question, read_questions
from askllama.evaluation.summary import Figure, summarise
from askllama.library import Library
from askllama.types import Answer, Citation, Hit, Passage


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Cat's hat!", "cats hat"),
        ("an apple a day", "apple day"),
        ("Activation-aware", "activationaware"),
        ("theatre", "theatre"),
        ("$1,234.50", "123450"),
        ("the", ""),
        ("Cafe\u0301", "café"),
    ],
)
def test_normalisation_is_squads(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("given", "gold", "exact", "overlap"),
    [
        ("Denver Broncos", "the Denver Broncos.", True, 1.0),
        ("The Denver Broncos won", "Denver Broncos", False, 0.8),  # 2 of 3 words, 2 of 2
        ("Carolina", "Denver", False, 0.0),
        ("the the", "a", True, 1.0),  # nothing is left of either
        ("the", "Denver", False, 0.0),
        ("to be or not to be", "to be", False, 0.5),  # each word counts once for each time
        ("10月", "10月", True, 1.0),
        ("东京塔", "东京", False, 0.8),  # Han has no blanks: 2 of 3 characters, 2 of 2
        ("в декабре 2023", "декабре 2023", False, 0.8),
    ],
)
def test_exact_match_and_f1(given: str, gold: str, exact: bool, overlap: float) -> None:
    assert exact_match(given, gold) is exact
    assert f1(given, gold) == pytest.approx(overlap)


@pytest.mark.parametrize(
    ("text", "part", "expected"),
    [
        ("It was released on December 11th, 2023.", "december 11th 2023", True),
        ("132B parameters", "32B", False),
        ("Meta and the Allen Institute", "the Institute", True),
        ("Allen Mountain Institute", "Allen Institute", False),
        ("発売は2023年12月です", "2023年12月", True),
        ("anything", "the", False),
    ],
)
def test_containment_is_of_whole_words(text: str, part: str, expected: bool) -> None:
    assert contains(text, part) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("February 2023 [1]; March 2023 [2][3]", "February 2023"),
        ("Meta released it [1].", "Meta released it"),
        ("[2] Meta released it.", "Meta released it."),
        ("no marker", "no marker"),
        ("", ""),
    ],
)
def test_the_headline_is_the_first_statement(text: str, expected: str) -> None:
    assert headline(text) == expected


@pytest.mark.parametrize("levels", [3, 1000])
def test_auroc_is_the_share_of_pairs_in_order(levels: int) -> None:
    random = Random(levels)
    scores = [(random.randrange(levels) / levels, random.random() < 0.3) for _ in range(200)]
    pairs = [(a, b) for a, good in scores if good for b, bad in scores if not bad]
    expected = sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)
    assert auroc(scores) == pytest.approx(expected)


@pytest.mark.parametrize("positive", [True, False])
def test_auroc_needs_both_kinds(positive: bool) -> None:
    assert auroc([(0.1, positive), (0.9, positive)]) is None


def test_risk_and_coverage_by_hand() -> None:
    curve = risk_coverage([(0.9, True), (0.2, False), (0.8, False), (0.7, True)])
    assert curve == [(0.25, 0.0), (0.5, 0.5), (0.75, pytest.approx(1 / 3)), (1.0, 0.5)]
    assert area_under(curve) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert coverage_at(0.6, curve) == 0.75
    assert coverage_at(1.0, curve) == 0.25
    assert coverage_at(1.0, curve[1:]) == 0.0


def test_questions_of_one_confidence_are_answered_together() -> None:
    curve = risk_coverage([(0.5, True), (0.5, False), (0.5, True), (0.5, True)])
    assert curve == [(1.0, 0.25)]
    assert area_under(curve) == 0.25


def test_calibration_error_by_hand() -> None:
    # Two bins: 0.95 and 1.0 with one of two right, 0.05 with none right.
    scores = [(0.95, True), (1.0, False), (0.05, False)]
    assert calibration_error(scores) == pytest.approx((2 * (0.975 - 0.5) + 1 * 0.05) / 3)


def write_set(path: Path, *rows: object) -> Path:
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["set.jsonl", "set.jsonl.gz"])
def test_question_sets_of_all_kinds_are_read(tmp_path: Path, name: str) -> None:
    path = write_set(
        tmp_path / name,
        {"question": "who?", "answers": ["Ann", "Ann Lee"], "source": ["a.md"], "id": 7},
        "",
        {"question": "when?", "answers": [{"text": "May", "start": 3}], "passage": "p1", "source": "b.md"},
        {"question": "why?", "answers": []},
        {"question": "what?"},
        {"question": "where?", "answers": ["here"], "answerable": False},
    )
    assert read_questions(path) == [
        Question("who?", ("Ann", "Ann Lee"), True, source=("a.md",)),
        Question("when?", ("May",), True, "p1", ("b.md",)),
        Question("why?", (), False),
        Question("what?", (), False),
        Question("where?", ("here",), False),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", ":2: "),
        ("[" * 100_000, ":2: "),
        ("[]", ":2: a JSON object is needed"),
        ({"answers": []}, ':2: "question" is missing or empty'),
        ({"question": " "}, ':2: "question" is not a text'),
        ({"question": 3}, ':2: "question" is not a text'),
        ({"question": "\ud800"}, ":2: "),
        ({"question": "who?", "answers": "Ann"}, ':2: "answers" is not a list'),
        ({"question": "who?", "answers": [3]}, ':2: "answers" is not a text'),
        ({"question": "who?", "answers": [{}]}, ':2: "answers" is missing'),
        ({"question": "who?", "answerable": "no"}, ':2: "answerable" is neither'),
        ({"question": "who?", "passage": 3}, ':2: "passage" is not a text'),
        ({"question": "who?", "source": [3]}, ':2: "source" is not a text'),
    ],
)
def test_a_line_that_is_no_question_is_named(tmp_path: Path, row: object, reason: str) -> None:
    path = write_set(tmp_path / "set.jsonl", {"question": "who?"}, row)
    with pytest.raises(UsageError) as caught:
        read_questions(path)
    assert f"{path}{reason}" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "data"), [("a.jsonl", b"\n"), ("b.jsonl", b"\xff\xfe"), ("c.jsonl.gz", b"\x1f\x8b\0")]
)
def test_files_that_hold_no_questions_are_refused(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=name):
        read_questions(tmp_path / name)
    with pytest.raises(UsageError, match="No such file"):
        read_questions(tmp_path / "gone.jsonl")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (Question("?", ("pier 9",), True), True),
        (Question("?", ("pier 8",), True), False),
        (Question("?", ("pier 8",), True, source=("trip.md",)), True),
        (Question("?", ("pier 9",), True, source=("rip.md", "docs/trips.md")), False),
        (Question("?", ("pier 9",), True, source=("docs/trip.md",)), True),
        (Question("?", (), True, passage="trip"), True),
        (Question("?", (), True, passage="trip.md", source=("else.md",)), True),
        (Question("?", (), True, passage="ferry"), False),
        (Question("?", (), True, passage="By sea. *The ferry* leaves from pier 9. Be early."), True),
        (Question("?", (), True, passage="leaves from pier 9"), True),
        (Question("?", (), True, passage="The ferry leaves from pier 8"), False),
    ],
)
def test_what_counts_as_the_gold_place(question: Question, expected: bool) -> None:
    assert question.is_gold("/home/me/docs/trip.md", "The ferry leaves from pier 9.") is expected


def hit(rank: int, path: str, text: str) -> Hit:
    return Hit(Passage(path, "", (), text, 0, len(text), 1, 1), rank, 1 / rank, None, None)


def said(text: str, confidence: float, *quotes: tuple[str, str]) -> Answer:
    citations = (Citation(n, path, "", None, 1, 1, 0, 0, quote, "") for n, (path, quote) in enumerate(quotes, 1))
    return Answer("", text, tuple(citations), confidence)


@pytest.fixture
def outcomes() -> list[Outcome]:
    """Right, half right with one gold citation of two, wrongly refused, rightly refused, and a false answer."""
    one, two = ("/docs/one.md", "Mixtral launched in December 2023."), ("/docs/two.md", "Phi launched in January 2024.")
    hits = [hit(1, *one), hit(2, *two)]
    mixtral = Question("When was Mixtral launched?", ("December 2023", "2023"), True, source=("one.md",))
    phi = Question("When was Phi launched?", ("in January 2024",), True, source=("two.md",))
    qwen = Question("When was Qwen launched?", ("May 2023",), True, source=("three.md",))
    gemini, claude = (Question(f"When was {name} launched?", (), False) for name in ("Gemini", "Claude"))
    return [
        judge(mixtral, hits, said("December 2023 [1]", 0.9, one), False, 0.1),
        judge(phi, hits, said("January 2024 [1][2]; 2023 [1]", 0.8, one, (two[0], "Phi was early.")), False, 0.2),
        judge(qwen, hits, said("December 2023 [1]", 0.4, one), True, 0.3),
        judge(gemini, hits, said("December 2023 [1]", 0.2, one), True, 0.4),
        judge(claude, hits, said("January 2024 [1]", 0.7, two), False, 0.5),
    ]


def figure(figures: list[Figure], name: str) -> Figure:
    return next(f for f in figures if f.name == name)


def test_outcomes_compare_with_what_is_right(outcomes: list[Outcome]) -> None:
    right, half, held_back, silent, false = outcomes
    assert (right.headline, right.exact, right.f1, right.right) == ("December 2023", True, 1, True)
    assert (right.gold_rank, right.answer_rank) == (1, 1)
    assert (half.headline, half.exact, half.right) == ("January 2024", False, False)
    assert half.f1 == pytest.approx(0.8)
    assert (half.gold_rank, half.answer_rank) == (2, 2)
    assert [(c.number, c.gold) for c in half.citations] == [(1, False), (2, True)]
    assert (held_back.refused, held_back.headline, held_back.gold_rank) == (True, "December 2023", None)
    assert [(o.exact, o.f1, o.right) for o in (silent, false)] == [(None, None, False)] * 2


def test_words_are_compared_and_the_sentence_around_them_holds_the_answer() -> None:
    question = Question("When was Phi launched?", ("in January 2024",), True, source=("two.md",))
    sentence = "Phi came in January 2024, in May the next."
    marked = replace(said(f"{sentence} [1]", 0.9, ("/docs/two.md", sentence)), highlight=(9, 24))
    other = replace(marked, highlight=(29, 32))
    assert [
        (o.headline, o.exact, o.f1, o.right) for o in (judge(question, [], m, False, 0.1) for m in (marked, other))
    ] == [
        (sentence, True, 1, True),
        (sentence, False, 0, True),
    ]


def test_figures_by_hand(outcomes: list[Outcome]) -> None:
    expected = {
        "exact match": (1 / 3, 3),
        "F1": (1.8 / 3, 3),
        "right": (1 / 3, 3),
        "F1, unrefused": ((1 + 0.8 + 0.5) / 3, 3),
        "exact match, overall": (2 / 5, 5),
        "F1, overall": (2.8 / 5, 5),
        "hit@1": (1 / 3, 3),
        "hit@5": (2 / 3, 3),
        "MRR@10": (1.5 / 3, 3),
        "answer@5": (2 / 3, 3),
        "first gold": (1 / 3, 3),
        "first gold, if answered": (1 / 2, 2),
        "precision": (1.5 / 2, 2),
        "recall": (2 / 3, 3),
        "quote precision": (1 / 2, 2),
        "quote recall": (1 / 3, 3),
        "AUROC": (5 / 6, 5),  # of six pairs, only the refused answerable one stands below the false answer
        "answerable answered": (2 / 3, 3),
        "refusal precision": (1 / 2, 2),
        "refusal recall": (1 / 2, 2),
        "refusal F1": (1 / 2, 5),
        "AURC": ((0 + 1 / 2 + 2 / 3 + 3 / 4 + 4 / 5) / 5, 5),
        "coverage at 90% right": (1 / 5, 5),
        "calibration error": ((0.1 + 0.8 + 0.7 + 0.4 + 0.2) / 5, 5),
        "mean": (0.3, 5),
        "p50": (0.3, 5),
        "p90": (0.46, 5),
    }
    found = {f.name: f for f in summarise(outcomes)}
    for name, (value, count) in expected.items():
        figure = found[name]
        assert figure.value == pytest.approx(value), name
        assert figure.count == count, name
        if figure.interval:
            assert figure.interval[0] - 1e-9 <= value <= figure.interval[1] + 1e-9


def test_intervals_are_those_of_a_share_and_always_the_same(outcomes: list[Outcome]) -> None:
    many = [replace(outcomes[0], refused=Random(i).random() < 0.3) for i in range(400)]
    found = figure(summarise(many), "exact match")
    assert found.value and found.interval
    reach = 1.96 * (found.value * (1 - found.value) / 400) ** 0.5  # of a binomial share
    assert found.interval == pytest.approx((found.value - reach, found.value + reach), abs=0.01)
    assert figure(summarise(many), "exact match") == found


def test_rare_kinds_do_not_break_the_interval_of_auroc(outcomes: list[Outcome]) -> None:
    found = figure(summarise([outcomes[0], outcomes[3]]), "AUROC")  # every other resample has only one kind
    assert (found.value, found.interval) == (1, (1, 1))


def test_what_is_not_defined_has_no_value(outcomes: list[Outcome]) -> None:
    all_refused = summarise([replace(o, refused=True) for o in outcomes])
    assert figure(all_refused, "precision").value is None
    assert figure(all_refused, "first gold, if answered").value is None
    assert figure(all_refused, "exact match").value == 0
    assert figure(all_refused, "exact match, overall").value == pytest.approx(2 / 5)
    none_unanswerable = summarise(outcomes[:2])
    assert figure(none_unanswerable, "AUROC").value is None
    assert figure(none_unanswerable, "refusal recall").value is None
    assert figure(none_unanswerable, "refusal F1").value is None
    none_answerable = summarise(outcomes[3:])
    assert figure(none_answerable, "hit@1").value is None
    assert figure(none_answerable, "exact match, overall").value == 0.5


def test_without_answers_only_the_place_is_measured(outcomes: list[Outcome]) -> None:
    placed = replace(outcomes[0], question=replace(outcomes[0].question, answers=()), exact=None, f1=None, right=None)
    figures = summarise([placed])
    assert figure(figures, "hit@1").value == 1
    for name in ("exact match", "answer@1", "quote recall", "AURC", "calibration error"):
        assert figure(figures, name).value is None


def test_a_refused_answer_is_kept_and_the_threshold_decides(fake_library: Library, folder: Path) -> None:
    (folder / "one.md").write_text("# Models\n\nMixtral launched in December 2023. It was fast.\n")
    fake_library.sync()
    question = Question("When was Mixtral launched?", ("December 2023",), True, source=("one.md",))
    for threshold, refused in ((1.0, True), (0.0, False)):
        with fake_library.reopen(threshold=threshold) as library:
            (outcome,) = ask_all(library, [question])
        assert outcome.refused is refused
        assert (outcome.headline, outcome.right, outcome.gold_rank) == ("December 2023", True, 1)
        assert 0 < outcome.confidence < 1
        assert outcome.seconds > 0


def test_an_empty_document_is_refused_not_a_crash(fake_library: Library, folder: Path) -> None:
    (folder / "empty.txt").write_text("")
    fake_library.sync()
    (outcome,) = ask_all(fake_library, [Question("why is it empty?", ("who knows",), True)])
    assert (outcome.refused, outcome.headline, outcome.right, outcome.gold_rank) == (True, "", False, None)
