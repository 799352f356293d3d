"""Spans -> the whole words, dates and names that they are parts of."""

from __future__ import annotations

import re

from askllama import kinds
from askllama.types import Passage, Span
from askllama.words import MONTH, is_year

_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_PART_OF = r"(?:the )?(?:end|beginning|start|middle|spring|summer|autumn|fall|winter) of "
_WHOLE_DATE = re.compile(
    rf"(?:\b(?:early|late|mid)[- ])?(?:\b{_PART_OF})?"
    rf"(?:\b(?:{_DAY} )?{MONTH}\b\.?(?: {_DAY}\b)?(?:,? (?:of )?\d{{4}}\b)?|\b(?:19|20)\d\d\b)",
    re.IGNORECASE,
)
# What belongs to the word at a span's edge: letters and digits, also behind a hyphen or a dot between them.
_JOINT = r"(?:-|\.(?=[a-z0-9]))"
_WORD_BEFORE = re.compile(rf"\w+(?:{_JOINT}\w+)*[-.]?$")
_WORD_AFTER = re.compile(rf"\w*(?:{_JOINT}\w+)*%?")
_REST_OF_WORD = re.compile(r"\w*%?")
_LONGEST_WORD = 40
_ASKS_NUMBER = re.compile(r"\bhow many\b", re.IGNORECASE)
# The rest of a name around a span, and the words that say what kind of name is asked for.
_NAME_BEFORE = re.compile(r"(?:[A-Z0-9][\w.-]* )+$")
_NAME_AFTER = re.compile(r"(?: [A-Z0-9][\w-]*)+(?!['’\w])")
_LONGEST_NAME = 60
_KIND = re.compile(r"\b(?:what|which) ((?!(?:is|are|was|were|did|does|do|has|had)\b)\w+(?: \w+)?)", re.IGNORECASE)


def complete(question: str, passage: Passage, span: Span) -> Span:
    """The span, or the whole words, the whole date or the whole name that it is a part of.

    A reader works on pieces of words, and may stop inside "llama.cpp" or "4-bit", before the year, or at the "Sonnet"
    of "Claude 3 Sonnet" where the question is which Claude.
    """
    text = passage.text
    low, high = whole_words(text, span.start - passage.start, span.end - passage.start, question)
    if kind := _KIND.search(question):
        low, high = _whole_name(text, low, high, set(kind[1].lower().split()))
    if not (kinds.asks_year(question) and is_year(text[low:high])):
        low, high = _whole_date(text, low, high)
    return Span(passage.start + low, passage.start + high, text[low:high], span.score)


def whole_words(text: str, low: int, high: int, question: str = "") -> tuple[int, int]:
    """Where the words begin and end of which ``text[low:high]`` holds parts; a bracket is closed behind them."""
    if before := _WORD_BEFORE.search(text, max(0, low - _LONGEST_WORD), low):
        low = before.start()
    # How many cylinders has a 5-cylinder engine? 5.
    after = (_REST_OF_WORD if _ASKS_NUMBER.search(question) else _WORD_AFTER).match(text, high)
    high = after.end() if after else high
    is_open = text.rfind("(", low, high) > text.rfind(")", low, high)
    return low, high + (is_open and text[high : high + 1] == ")")


def _whole_date(text: str, low: int, high: int) -> tuple[int, int]:
    whole = (d.span() for d in _WHOLE_DATE.finditer(text) if d.start() <= low and high <= d.end())
    return next(whole, (low, high))


def _whole_name(text: str, low: int, high: int, asked: set[str]) -> tuple[int, int]:
    """A name as far as the question's own words: "which Claude" is "Claude 3 Sonnet", "what API" "ChatGPT API"."""
    if not text[low : low + 1].isupper():
        return low, high
    start, end = low, high
    if (after := _NAME_AFTER.match(text, high, high + _LONGEST_NAME)) and (named := _place(after[0], asked)):
        end = high + named[-1].end()
    # Before a name of several words stand titles ("President") that are no part of it.
    single = " " not in text[low:high]
    before = _NAME_BEFORE.search(text, max(0, low - _LONGEST_NAME), low) if single else None
    if before and (named := _place(before[0], asked)):
        start = before.start() + named[0].start()
    return start, end


def _place(text: str, asked: set[str]) -> list[re.Match[str]]:
    return [word for word in re.finditer(r"\S+", text) if word[0].lower() in asked]
