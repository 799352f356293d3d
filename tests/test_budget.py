"""The plan that a number of seconds allows."""

from __future__ import annotations

from itertools import pairwise

import pytest

from askllama.budget import ANSWER, Plan, Rates, make_plan

TINYLLAMA = Rates(prefill=109, decode=40)
SECONDS = [0.1, 0.5, 1, 1.5, 2, 3, 5, 8, 13, 21, 60, 600]


def test_a_plan_fits_into_its_time() -> None:
    for seconds in SECONDS:
        plan = make_plan(seconds, TINYLLAMA, 10)
        if plan.answer:
            assert 0.03 * plan.passages + plan.evidence / 109 + plan.answer / 40 <= seconds


def test_more_time_is_never_less() -> None:
    plans = [make_plan(seconds, TINYLLAMA, 10) for seconds in SECONDS]
    for one, other in pairwise(plans):
        assert (one.passages, one.answer) <= (other.passages, other.answer)
    assert plans[-1] == Plan(passages=10, evidence=1000, answer=ANSWER)


def test_a_model_too_slow_for_a_sentence_is_not_asked() -> None:
    assert make_plan(5, Rates(prefill=2, decode=0.5), 10).answer == 0
    assert make_plan(0.5, TINYLLAMA, 10).answer == 0


def test_a_slow_reader_of_prompts_still_gets_a_sentence_of_evidence() -> None:
    plan = make_plan(10, Rates(prefill=10, decode=20), 10)
    assert plan.evidence >= 60
    assert plan.answer >= 24


@pytest.mark.parametrize("passages", [1, 3, 10, 50])
def test_no_more_passages_are_read_than_wanted(passages: int) -> None:
    assert make_plan(600, TINYLLAMA, passages).passages == passages
    assert make_plan(0.1, TINYLLAMA, passages).passages == min(3, passages)
