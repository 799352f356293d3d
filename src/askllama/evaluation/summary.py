"""Outcomes -> figures, each with its bootstrap interval.

An answerable question that was refused counts as a miss, except in "unrefused" figures, which take the answer that
was held back. "Overall" ones count as SQuAD 2.0 does: 1 for refusing what cannot be answered (Rajpurkar et al. 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from askllama.evaluation.metrics import (
    area_under,
    auroc,
    calibration_error,
    coverage_at,
    risk_coverage,
)
from askllama.evaluation.outcomes import DEPTH, Outcome

_T = TypeVar("_T")
_RESAMPLES = 1_000
_SEED = 1
_TAILS = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure over ``count`` questions, with its 95 % interval; None where it is not defined."""

    group: str
    name: str
    value: float | None
    interval: tuple[float, float] | None
    count: int


def summarise(outcomes: Sequence[Outcome]) -> list[Figure]:
    """All figures, in the order in which they are shown."""
    answerable = [o for o in outcomes if o.question.answerable]
    answers = _answers([o for o in outcomes if o.right is not None])
    retrieval = _retrieval([o for o in answerable if o.question.is_located])
    return [*answers, *retrieval, *_citations(answerable), *_abstention(outcomes), *_latency(outcomes)]


def confidences(outcomes: Iterable[Outcome]) -> list[tuple[float, bool]]:
    """Each confidence, with whether the answer is right; questions without answers to compare with are left out."""
    return [(o.confidence, o.right) for o in outcomes if o.right is not None]


def _answers(outcomes: Sequence[Outcome]) -> Iterator[Figure]:
    answerable = [o for o in outcomes if o.question.answerable]
    measures: dict[str, Callable[[Outcome], float]] = {
        "exact match": lambda o: o.exact or 0.0,
        "F1": lambda o: o.f1 or 0.0,
        "right": lambda o: o.right or 0.0,
    }
    for name, measure in measures.items():
        yield _mean("answers", name, (0.0 if o.refused else measure(o) for o in answerable))
    for name, measure in measures.items():
        yield _mean("answers", f"{name}, unrefused", map(measure, answerable))
    for name, measure in measures.items():
        yield _mean("answers", f"{name}, overall", (_overall(o, measure(o)) for o in outcomes))


def _overall(outcome: Outcome, value: float) -> float:
    if outcome.refused:
        return float(not outcome.question.answerable)
    return value if outcome.question.answerable else 0.0


def _retrieval(outcomes: Sequence[Outcome]) -> Iterator[Figure]:
    for depth in (1, 5, DEPTH):
        yield _mean("retrieval", f"hit@{depth}", (_within(o.gold_rank, depth) for o in outcomes))
    yield _mean("retrieval", f"MRR@{DEPTH}", (1 / o.gold_rank if o.gold_rank else 0.0 for o in outcomes))
    answered = [o for o in outcomes if o.question.answers]
    for depth in (1, 5, DEPTH):
        yield _mean("retrieval", f"answer@{depth}", (_within(o.answer_rank, depth) for o in answered))


def _within(rank: int | None, depth: int) -> bool:
    return rank is not None and rank <= depth


def _citations(answerable: Sequence[Outcome]) -> Iterator[Figure]:
    located = [o for o in answerable if o.question.is_located]
    shown = [o for o in located if not o.refused and o.citations]
    yield _mean("citations", "first gold", (not o.refused and _is_first_gold(o) for o in located))
    yield _mean("citations", "first gold, if answered", map(_is_first_gold, shown))
    yield _mean("citations", "first gold, unrefused", map(_is_first_gold, located))
    yield _mean("citations", "precision", (fmean(c.gold for c in o.citations) for o in shown))
    yield _mean("citations", "recall", (not o.refused and any(c.gold for c in o.citations) for o in located))
    quoted = [o for o in shown if o.question.answers]
    holding = (not o.refused and any(c.answers for c in o.citations) for o in located if o.question.answers)
    yield _mean("citations", "quote precision", (fmean(c.answers for c in o.citations) for o in quoted))
    yield _mean("citations", "quote recall", holding)


def _is_first_gold(outcome: Outcome) -> bool:
    return bool(outcome.citations) and outcome.citations[0].gold


def _abstention(outcomes: Sequence[Outcome]) -> Iterator[Figure]:
    answerable = [(o.confidence, o.question.answerable) for o in outcomes]
    refused = [(o.refused, not o.question.answerable) for o in outcomes]
    scores = confidences(outcomes)
    yield _figure("abstention", "AUROC", answerable, auroc)
    yield _mean("abstention", "answerable answered", (not o.refused for o in outcomes if o.question.answerable))
    yield _mean("abstention", "refusal precision", (rightly for given, rightly in refused if given))
    yield _mean("abstention", "refusal recall", (given for given, rightly in refused if rightly))
    yield _figure("abstention", "refusal F1", refused, _refusal_f1)
    yield _figure("abstention", "AURC", scores, lambda s: area_under(risk_coverage(s)))
    # Without intervals: resampling pushes a greatest share and a sum of distances to one side.
    curve = risk_coverage(scores)
    for accuracy in (0.90, 0.95):
        share = coverage_at(accuracy, curve) if scores else None
        yield Figure("abstention", f"coverage at {accuracy:.0%} right", share, None, len(scores))
    error = calibration_error(scores) if scores else None
    yield Figure("abstention", "calibration error", error, None, len(scores))


def _refusal_f1(refused: Sequence[tuple[bool, bool]]) -> float | None:
    both = sum(given and rightly for given, rightly in refused)
    either = sum(given + rightly for given, rightly in refused)
    return 2 * both / either if either else None


def _latency(outcomes: Sequence[Outcome]) -> Iterator[Figure]:
    seconds = [o.seconds for o in outcomes]
    yield Figure("seconds", "mean", fmean(seconds), None, len(seconds))
    for percent in (50, 90, 99):
        yield Figure("seconds", f"p{percent}", float(np.percentile(seconds, percent)), None, len(seconds))


def _mean(group: str, name: str, values: Iterable[float]) -> Figure:
    known = np.array([float(value) for value in values])
    if not len(known):
        return Figure(group, name, None, None, 0)
    means = [float(known[draw].mean()) for draw in _draws(len(known))]
    return Figure(group, name, float(known.mean()), _interval(means), len(known))


def _figure(group: str, name: str, items: Sequence[_T], measure: Callable[[Sequence[_T]], float | None]) -> Figure:
    value = measure(items) if items else None
    if value is None:
        return Figure(group, name, None, None, len(items))
    measured = [measure([items[i] for i in draw.tolist()]) for draw in _draws(len(items))]
    # A draw may miss all of one kind of question, and then has no AUROC.
    return Figure(group, name, value, _interval([m for m in measured if m is not None]), len(items))


def _draws(count: int) -> Iterator[NDArray[np.int64]]:
    """Resamples of ``count`` questions with replacement, as their places; always the same ones."""
    random = np.random.default_rng(_SEED)
    return (random.integers(count, size=count) for _ in range(_RESAMPLES))


def _interval(measured: Sequence[float]) -> tuple[float, float]:
    """The percentile bootstrap interval (Efron and Tibshirani 1993)."""
    low, high = np.quantile(measured, _TAILS)
    return float(low), float(high)
