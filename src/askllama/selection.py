"""Readings -> candidates: the order in which spans reach the user, and how sure it is that one answers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from askllama.evidence import around
from askllama.types import Hit, Passage, Reading, Span
from askllama.words import content_words, is_name

FEATURES = ("margin", "similarity", "reciprocal rank", "passage cover", "sentence cover", "echo", "kind")
"""What a candidate is scored by: the reader's margin in logits, the cosine of question and passage, 1 / rank of the
passage, the share of the question's words that the passage and the sentence hold, whether the span only repeats the
question, and whether it is the kind of thing that the question asks for (1, 0 unknown, -1)."""

# Fitted by training/calibrate.py, in logits of the reader.
_WEIGHTS = (1.0, 8.0, 2.0, 6.0, 6.0, -4.0, 1.0)
_SLOPE = 0.4
_OFFSET = -7.0
_MISSING_NAME = -2.0
_MISSING_WORD = -0.5

_ALTERNATIVE = 2.5  # logits below the best at which a differing date or figure is still shown beside it
_DATE = re.compile(
    r"\b(?:\d{4}|jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|\b(?:no|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|half|third|quarter|hundreds?"
    r"|thousands?|[mb]illions?|several|few|many|single|double|twice)\b",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\w+")
_PART = re.compile(r"[^\W\d_]+|\d+|[^\w\s-]")
_SUFFIX = re.compile(r"(?:ies|es|s|ed|ing|ions?|ly|d|e)$")
_SHORT = 4  # letters up to which a word is looked for whole
_ARTICLES = {"a", "an", "the", "in", "on", "at", "by", "of", "around", "about", "from", "its", "their"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span with its passage and its score in logits, comparable across passages."""

    passage: Passage
    span: Span
    score: float


def rank(question: str, hits: Sequence[Hit], readings: Iterable[Reading]) -> list[Candidate]:
    """All spans of all readings, best first: the reader's margin, helped by how well passage and sentence fit."""
    found = [
        Candidate(passage, span, sum(w * f for w, f in zip(_WEIGHTS, features, strict=True)))
        for passage, span, features in describe(question, hits, readings)
    ]
    return sorted(found, key=lambda c: -c.score)


def describe(
    question: str, hits: Sequence[Hit], readings: Iterable[Reading]
) -> Iterator[tuple[Passage, Span, tuple[float, ...]]]:
    """Every span with its FEATURES."""
    fit = WordFit(question)
    for hit, reading in zip(hits, readings, strict=True):
        passage = hit.passage
        cover = fit.cover(f"{passage.heading_path} {passage.text}")
        for span in reading.spans:
            sentence = fit.cover(around(passage, span, 1).quote)
            fits = (float(fit.echoes(span.text)), _fits_kind(question, span.text))
            yield passage, span, (span.score, hit.similarity or 0.0, 1 / hit.rank, cover, sentence, *fits)


def _fits_kind(question: str, text: str) -> float:
    """Whether a date was asked for and the text holds one, or a number."""
    if re.search(r"\bwhen\b|\b(?:what|which) (?:year|date|month|day)\b", question, re.IGNORECASE):
        return 1.0 if _DATE.search(text) else -1.0
    if re.search(r"\bhow (?:many|much|large|big|long|old)\b", question, re.IGNORECASE):
        return 1.0 if _NUMBER.search(text) else -1.0
    return 0.0


class WordFit:
    """How well texts hold the words of one question."""

    def __init__(self, question: str) -> None:
        self._question = " ".join(_words_in_order(question))
        self._patterns = [_pattern(word, question) for word in content_words(question)]

    def cover(self, text: str) -> float:
        """The share of the question's content words that the text holds."""
        return sum(bool(p.search(text)) for p in self._patterns) / max(1, len(self._patterns))

    def echoes(self, text: str) -> bool:
        """Whether the text only repeats words of the question, which answers nothing."""
        return f" {' '.join(_words_in_order(text))} " in f" {self._question} "


def _pattern(word: str, question: str) -> re.Pattern[str]:
    """The word or its inflections; a name followed by a number is another name, unless the question says so.

    "LLaMA" is not found in "LLaMA 3" when the question asks for LLaMA.
    """
    if any(c.isdigit() for c in word):
        parts = _PART.findall(word)
        return re.compile(r"(?<!\w)" + r"[\s-]?".join(map(re.escape, parts)) + r"(?!\d)", re.IGNORECASE)
    stem = _SUFFIX.sub("", word) if len(word) > _SHORT else word
    ending = r"\w*" if len(word) > _SHORT else r"(?:s|'s)?\b"
    versioned = re.search(rf"{re.escape(word)}[ -]?v?\d", question, re.IGNORECASE)
    other = r"(?![ -]?v?\d)" if is_name(word) and not versioned else ""
    return re.compile(rf"(?<!\w){re.escape(stem)}{ending}{other}", re.IGNORECASE)


def _words_in_order(text: str) -> list[str]:
    return _TOKEN.findall(text.lower())


def confidence(candidates: Sequence[Candidate], missing: Sequence[str]) -> float:
    """The probability that the best candidate answers the question.

    ``missing`` are the question's content words that occur nowhere: of a thing that the documents never
    name they can say nothing, whereas another word may only have a synonym there.
    """
    if not candidates:
        return 0.0
    names = sum(is_name(word) for word in missing)
    logit = _SLOPE * candidates[0].score + _OFFSET + _MISSING_NAME * names + _MISSING_WORD * (len(missing) - names)
    return 1 / (1 + math.exp(min(-logit, 700)))  # beyond that exp overflows


def agreeing(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """Candidates grouped by what they say, best first: the answer, then dates or figures that contradict it.

    Two spans agree where one's words are among the other's. Names and clauses that differ are not shown
    beside the best: unlike two dates they seldom answer the same question.
    """
    groups: list[list[Candidate]] = []
    for candidate in candidates:
        if candidate.score < candidates[0].score - _ALTERNATIVE:
            break
        home = next((g for g in groups if _agree(g[0].span.text, candidate.span.text)), None)
        if home is not None:
            home.append(candidate)
        elif not groups or _contradicts(candidate, groups):
            groups.append([candidate])
    return groups


def _agree(one: str, other: str) -> bool:
    first, second = _words(one), _words(other)
    return bool(first and second) and (first <= second or second <= first)


def _contradicts(candidate: Candidate, groups: Sequence[Sequence[Candidate]]) -> bool:
    """A date or a figure in another passage than those of the answers so far."""
    elsewhere = all(candidate.passage.id != c.passage.id for group in groups for c in group)
    kinds = {_kind(candidate.span.text), *(_kind(group[0].span.text) for group in groups)}
    return elsewhere and len(kinds) == 1 and "words" not in kinds


def _kind(text: str) -> str:
    if _DATE.search(text):
        return "date"
    return "figure" if any(c.isdigit() for c in text) else "words"


def _words(text: str) -> frozenset[str]:
    return frozenset(_words_in_order(text)) - _ARTICLES
