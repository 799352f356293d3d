"""Measures of answers, rankings and confidences, as functions of plain values."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

Scores = Sequence[tuple[float, bool]]
"""Confidences, each with whether the outcome was the good one."""

_PUNCTUATION = frozenset(string.punctuation)
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
# Thai, Lao, Burmese, Khmer, kana and Han: no blanks between words, so each character counts as one (as in MLQA).
_UNSPACED = re.compile(r"([฀-໿က-႟ក-៿぀-ヿ㐀-䶿一-鿿豈-﫿])")
_MARKERS = re.compile(r"(?:\[\d+\])+")


def normalise(text: str) -> str:
    """SQuAD's normalisation (Rajpurkar et al. 2016): lower case, no punctuation, no articles, single blanks."""
    composed = unicodedata.normalize("NFC", text).lower()
    bare = "".join(c for c in composed if c not in _PUNCTUATION)
    return " ".join(_ARTICLE.sub(" ", bare).split())


def _words(text: str) -> list[str]:
    return _UNSPACED.sub(r" \1 ", normalise(text)).split()


def exact_match(given: str, gold: str) -> bool:
    """Whether two texts are the same after normalisation."""
    return normalise(given) == normalise(gold)


def f1(given: str, gold: str) -> float:
    """Overlap of the words of two texts, as the harmonic mean of precision and recall (Rajpurkar et al. 2016).

    In scripts without blanks every character is a word (Lewis et al. 2020, MLQA).
    """
    one, other = _words(given), _words(gold)
    if not one or not other:
        return float(one == other)
    shared = sum((Counter(one) & Counter(other)).values())
    return 2 * shared / (len(one) + len(other))


def contains(text: str, part: str) -> bool:
    """Whether the words of ``part`` stand in ``text``, in one piece."""
    words, wanted = _words(text), _words(part)
    return f" {' '.join(wanted)} " in f" {' '.join(words)} " if wanted else not words


def headline(answer: str) -> str:
    """What an answer says first: its text up to the first citation markers."""
    statements = (piece.strip() for piece in _MARKERS.split(answer))
    return next((s for s in statements if s), "")


def auroc(scores: Scores) -> float | None:
    """The chance that a positive scores above a negative, ties counting half; None where one of them is missing.

    The Mann-Whitney statistic over ranks (Fawcett 2006).
    """
    positives = sum(positive for _, positive in scores)
    negatives = len(scores) - positives
    if not positives or not negatives:
        return None
    wins, below = 0.0, 0
    for _, tied in groupby(sorted(scores), key=lambda pair: pair[0]):
        group = [positive for _, positive in tied]
        good = sum(group)
        bad = len(group) - good
        wins += good * (below + bad / 2)
        below += bad
    return wins / (positives * negatives)


def risk_coverage(scores: Scores) -> list[tuple[float, float]]:
    """Share of questions answered and share of these answered wrong, at each threshold from the highest down.

    Scores are confidences with whether the answer is right (El-Yaniv and Wiener 2010).
    """
    curve: list[tuple[float, float]] = []
    answered = wrong = 0
    for _, tied in groupby(sorted(scores, key=lambda pair: -pair[0]), key=lambda pair: pair[0]):
        group = [right for _, right in tied]
        answered += len(group)
        wrong += len(group) - sum(group)
        curve.append((answered / len(scores), wrong / answered))
    return curve


def area_under(curve: Iterable[tuple[float, float]]) -> float:
    """AURC, the mean risk over all coverages (Geifman and El-Yaniv 2017); tied questions share their threshold's."""
    area = low = 0.0
    for coverage, risk in curve:
        area += (coverage - low) * risk
        low = coverage
    return area


def coverage_at(accuracy: float, curve: Iterable[tuple[float, float]]) -> float:
    """The greatest share of questions that can be answered with this accuracy; 0 where no threshold reaches it."""
    return max((coverage for coverage, risk in curve if 1 - risk >= accuracy), default=0.0)


def calibration_error(scores: Scores, bins: int = 10) -> float:
    """ECE: distance of confidence and accuracy, averaged over bins of equal width (Guo et al. 2017)."""
    distances = [0.0] * bins
    for confidence, right in scores:
        distances[min(int(confidence * bins), bins - 1)] += confidence - right
    return sum(map(abs, distances)) / len(scores)
