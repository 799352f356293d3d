"""What a question asks for: a date, a number, a name, an explanation, several things."""

from __future__ import annotations

import re

_AUXILIARY = "(?:is|are|was|were|do|does|did|has|have|had|can|could|may|will|would)"
_LEAD = r"^\W*(?:(?:and|so|but) )?"
_MEASURE = "(?:many|much|large|big|long|old|often|far|tall|fast|small|high|good|soon)"

_DATE = re.compile(r"\bwhen\b|\b(?:what|which) (?:year|date|month|day)\b", re.IGNORECASE)
_YEAR = re.compile(r"\byear\b", re.IGNORECASE)
_NUMBER = re.compile(r"\bhow (?:many|much|large|big|long|old)\b", re.IGNORECASE)
_NAME = re.compile(
    r"\bwho(?:m|se)?\b|\b(?:what|which) (?:[\w-]+ )?(?:agency|artist|author|city|company|country|firm|institute|lab"
    r"|model|organi[sz]ation|person|publisher|start-?up|team|university)\b",
    re.IGNORECASE,
)
_LETTERS = re.compile(
    r"\b(?!(?:an?|that|the|this|what|which)\b)(\w{2,8}) (?:(?:stands?|(?:is )?short) for|abbreviation|acronym"
    r"|full form)\b|\b(?:abbreviation|acronym|full form of)(?: the)? (\w{2,8})\b",
    re.IGNORECASE,
)
_EXPLANATION = re.compile(
    rf"{_LEAD}(?!may \d)(?:why|explain|describe|tell me|summari[sz]e|compare|{_AUXILIARY}|how (?!{_MEASURE}\b))\b",
    re.IGNORECASE,
)
# "Which open models have ...", "at what places did ...": a plural, told from a verb ("which model uses mixed ...") by
# what follows it.
_WORD = rf"(?!(?:{_AUXILIARY}|of)\b)[\w-]+"
_PLURAL = rf"{_WORD}[^\W\dsui]s"
_PLURALS = re.compile(
    rf"{_LEAD}(?:(?:at|by|for|from|in|of|on|to|under|with) )?(?:what|which)"
    rf" (?:(?:kinds|sorts|types) of|{_PLURAL} (?:came|come|let|led|made|\w+ed)"
    rf"|(?:{_WORD} ){{0,3}}?{_PLURAL} (?:of [\w-]+ )?{_AUXILIARY})\b",
    re.IGNORECASE,
)
_ALL = re.compile(
    rf"{_LEAD}(?:list(?! price)|all|both|every|name (?:all|both|some|the (?:[\w-]+ )?\w+s)"
    r"|what are(?! .*\b(?:called|named|used|known)\b))\b(?!-)"
    r"|\b(?:what|which|name) (?:two|three|four|five|six|both)\b(?!-)",
    re.IGNORECASE,
)
# "models made by Meta", typed as into a search box
_THINGS = re.compile(
    rf"{_LEAD}(?:{_WORD} )?{_PLURAL} (?:built|held|made|sold|told|won|written|\w+ed) (?:by|for|from|in|on|with)\b",
    re.IGNORECASE,
)
_ENUMERATION = re.compile(r",(?! ?\d)|\band\b|\bor\b")  # but not a date, nor thousands


def asks_date(question: str) -> bool:
    """When, or in what year?"""
    return _DATE.search(question) is not None


def asks_year(question: str) -> bool:
    """In what year?"""
    return _YEAR.search(question) is not None


def asks_number(question: str) -> bool:
    """How many, how large?"""
    return _NUMBER.search(question) is not None


def asks_name(question: str) -> bool:
    """Who, or which company or model?"""
    return _NAME.search(question) is not None


def asks_type(question: str) -> bool:
    """For a date, a number or a name?"""
    return any(asks(question) for asks in (asks_date, asks_number, asks_name))


def asks_letters(question: str) -> str | None:
    """The abbreviation of which it is asked what it stands for."""
    found = _LETTERS.search(question)
    return (found[1] or found[2]).lower() if found else None


def asks_explanation(question: str) -> bool:
    """Why, in what way, or a verdict: whole sentences answer it, not a span."""
    return _EXPLANATION.match(question) is not None


def asks_several(question: str) -> bool:
    """Which models, all places, what three things?"""
    return any((_PLURALS.match(question), _THINGS.match(question), _ALL.search(question)))


def asks_one(question: str) -> bool:
    """One thing that documents seldom disagree on: no list, no explanation, no date and no number."""
    return not any(asks(question) for asks in (asks_several, asks_explanation, asks_date, asks_number))


def is_enumeration(text: str) -> bool:
    """Whether the text names several things."""
    return _ENUMERATION.search(text) is not None
