"""Readings -> candidates: the order in which spans reach the user, and how sure it is that one answers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from askllama import kinds
from askllama.evidence import around
from askllama.spans import complete, whole_words
from askllama.types import Hit, Passage, Reading, Span
from askllama.words import MONTH, WordFit, is_name, is_year, words_in_order

FEATURES = (
    "margin",  # the reader's, in logits
    "similarity",  # cosine of question and passage
    "fused",  # the passage's score in retrieval, 0 to 1
    "passage cover",  # share of the question's words, the rare ones more, that the passage or its headings hold
    "sentence cover",  # ... that the sentence around the span or the headings hold
    "echo",  # the span only repeats the question
    "kind",  # the span is what the question word asks for: 1, -1, or 0 for any
)
"""What a candidate is scored by."""

# Fitted by training/calibrate.py: what orders the candidates, in logits of the reader ...
_RANKING = (1.0, 1.97, 4.91, 2.5, 2.13, -0.65, 1.25)
# ... and the log-odds that the documents answer: weights of the best one's features, of the highest margin and
# similarity of any, of versions, names and words that occur nowhere, and of a question for a date, a number or a name.
_CONFIDENCE = (0.112, 0.442, 0.645, 0.0, 0.0, -2.324, 0.253, 0.168, 0.205, -2.144, -0.887, 0.0, -0.715)
_OFFSET = -0.178

_LEAST_READ = 5  # passages, however clearly the first of them answer

# Another candidate is heard beside the best if the reader half believes it (logits over "no answer").
_HEARD = -2.0
# What competes with the best span in its sentence (logits below it; fewer where a date, a number or a name is asked
# for, which spans seldom miss), and what is part of one answer with it (characters between them): "two sizes, 8B and
# 70B".
_RIVAL = 7.0
_TYPED_RIVAL = 4.5
_JOINT = 16
_DATE = re.compile(rf"\b(?:\d{{4}}|{MONTH})\b", re.IGNORECASE)
_VERSION = re.compile(r"[A-Z][a-z]|[A-Za-z]-?\d")  # a name is no figure: LLaMA 2, 8x7B
_NUMBER = re.compile(
    r"\d|\b(?:no|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|half|third|quarter|hundreds?"
    r"|thousands?|[mb]illions?|several|few|many|single|double|twice)\b",
    re.IGNORECASE,
)
_ARTICLES = {"a", "an", "the", "in", "on", "at", "by", "of", "around", "about", "from", "its", "their"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span with its passage, its FEATURES, and its score in logits, comparable across passages."""

    passage: Passage
    span: Span
    features: tuple[float, ...]

    @property
    def score(self) -> float:
        """What candidates are ordered by."""
        return sum(w * f for w, f in zip(_RANKING, self.features, strict=True))


def rank(
    question: str,
    hits: Sequence[Hit],
    readings: Iterable[Reading],
    counts: Mapping[str, int],
    clear: float = math.inf,
) -> list[Candidate]:
    """All spans of all readings, best first: the reader's margin, helped by how well passage and sentence fit.

    ``counts`` tells in how many passages of the corpus each content word of the question stands. After the first
    passages no further reading is asked for once a candidate scores ``clear``.
    """
    candidates: list[Candidate] = []
    for place, found in enumerate(describe(question, hits, readings, counts), start=1):
        candidates += found
        if place >= _LEAST_READ and any(candidate.score >= clear for candidate in candidates):
            break
    return sorted(candidates, key=lambda c: -c.score)


def describe(
    question: str, hits: Sequence[Hit], readings: Iterable[Reading], counts: Mapping[str, int]
) -> Iterator[list[Candidate]]:
    """For each hit its spans with their FEATURES."""
    fit = WordFit(question, [hit.passage.text for hit in hits], counts)
    for hit, reading in zip(hits, readings, strict=True):
        passage, headings = hit.passage, hit.passage.heading_path
        cover = fit.cover(f"{headings} {passage.text}")
        candidates = []
        for read in reading.spans:
            span = complete(question, passage, read)
            sentence = fit.cover(f"{headings} {around(passage, span, 1).quote}")
            own = (float(fit.echoes(span.text)), _fits_kind(question, span.text))
            features = (span.score, hit.similarity or 0.0, hit.score, cover, sentence, *own)
            candidates.append(Candidate(passage, span, features))
        yield candidates


def _fits_kind(question: str, text: str) -> float:
    """Whether the text is what was asked for: a date, a number, a name, or the words behind an abbreviation."""
    if kinds.asks_date(question):
        # "2023" answers no "when" as "September 2023" does.
        return float(not is_year(text) or kinds.asks_year(question)) if _DATE.search(text) else -1.0
    if kinds.asks_number(question):
        return 1.0 if _NUMBER.search(text) else -1.0
    if kinds.asks_name(question):
        return 1.0 if any(c.isupper() for c in text) else -1.0
    if asked := kinds.asks_letters(question):
        letters = iter("".join(word[0] for word in words_in_order(text)))
        return 1.0 if all(letter in letters for letter in asked) else -1.0
    return 0.0


def confidence(question: str, candidates: Sequence[Candidate], missing: Sequence[str]) -> float:
    """The probability that the documents answer the question.

    ``missing`` are the question's content words that occur nowhere: of a thing that the documents never
    name they can say nothing, whereas another word may only have a synonym there.
    """
    if not candidates:
        return 0.0
    logit = sum(w * s for w, s in zip(_CONFIDENCE, signs(question, candidates, missing), strict=True)) + _OFFSET
    return 1 / (1 + math.exp(min(-logit, 700)))  # beyond that exp overflows


def signs(question: str, candidates: Sequence[Candidate], missing: Sequence[str]) -> tuple[float, ...]:
    """What the confidence is reckoned from, best candidate first: see _CONFIDENCE."""
    highest = (max(c.features[feature] for c in candidates) for feature in (0, 1))
    # A reader takes any date for the date that is asked for more easily than it makes up a clause.
    return (*candidates[0].features, *highest, *count_missing(missing), float(kinds.asks_type(question)))


def count_missing(words: Sequence[str]) -> tuple[int, int, int]:
    """How many of the words are versions (Llama 4, GPT-5), other names, and plain words."""
    versions = sum(any(c.isdigit() for c in word) and any(c.isalpha() for c in word) for word in words)
    names = sum(is_name(word) for word in words) - versions
    return versions, names, len(words) - names - versions


def agreeing(question: str, candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """Candidates grouped by what they say: the answer, then dates or figures that contradict it.

    Two spans agree where one's words are among the other's; of dates that agree the fullest stands first.
    Heard are only candidates whose sentence names what the question names. Names and clauses that differ are
    not shown beside the best: unlike two dates they seldom answer the same question.
    """
    fit = WordFit(question, [c.passage.text for c in candidates])
    groups: list[list[Candidate]] = []
    for candidate in candidates:
        heard = candidate.span.score >= _HEARD and fit.is_named_in(around(candidate.passage, candidate.span, 1).quote)
        home = next((g for g in groups if _agree(g[0].span.text, candidate.span.text)), None)
        if home is not None and heard:
            home.append(candidate)
        elif not groups or (home is None and heard and _contradicts(candidate, groups)):
            groups.append([candidate])
    return [sorted(g, key=_specificity) if _kind(g[0].span.text) == "date" else g for g in groups]


def settle(question: str, candidates: Sequence[Candidate]) -> Span | None:
    """The span of the best candidate, joined with those beside it that might as well be meant.

    None where one stands elsewhere in the same sentence: then that sentence is a surer answer than either.
    """
    best = candidates[0]
    span = best.span
    rival = _TYPED_RIVAL if kinds.asks_type(question) else _RIVAL
    sentence = around(best.passage, span, 1)
    for other in candidates[1:]:
        inside = other.passage == best.passage and sentence.start < other.span.end and other.span.start < sentence.end
        if not inside or other.score < best.score - rival:
            continue
        if max(other.span.start - span.end, span.start - other.span.end) > _JOINT:
            return None
        start, end = min(span.start, other.span.start), max(span.end, other.span.end)
        text, low = best.passage.text, best.passage.start
        start, end = whole_words(text, start - low, end - low)
        span = replace(span, start=start + low, end=end + low, text=text[start:end])
    return span


def _specificity(candidate: Candidate) -> int:
    return -len(_words(candidate.span.text))


def _agree(one: str, other: str) -> bool:
    few, many = sorted((_words(one), _words(other)), key=len)
    # "2023" agrees with every date in it, but "quantization" is not the answer that "weight quantization" is.
    least = 1 if _kind(one) == "date" else len(many) / 2
    return few <= many and len(few) >= max(1, least)


def _contradicts(candidate: Candidate, groups: Sequence[Sequence[Candidate]]) -> bool:
    """A date or a figure in another passage than those of the answers so far."""
    elsewhere = all(candidate.passage.id != c.passage.id for group in groups for c in group)
    kinds = {_kind(candidate.span.text), *(_kind(group[0].span.text) for group in groups)}
    return elsewhere and len(kinds) == 1 and "words" not in kinds


def _kind(text: str) -> str:
    if _DATE.search(text):
        return "date"
    return "figure" if any(c.isdigit() for c in text) and not _VERSION.search(text) else "words"


def _words(text: str) -> frozenset[str]:
    text = re.sub(r"(?<=\d) ?billion", "b", text, flags=re.IGNORECASE)  # as model sizes are written
    return frozenset(words_in_order(text)) - _ARTICLES
