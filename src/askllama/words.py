"""The words of a question: which of them carry meaning, and how they are looked for."""

from __future__ import annotations

import re

# A word and the number after it are one name ("Llama 4", "Windows 11"), unless the number is a year.
_WORD = re.compile(r"(?:[^\W\d]\w*(?:[-.'’]\w+)* (?!(?:19|20)\d\d\b)\d+(?:\.\d+)*\b)|\w+(?:[-.'’]\w+)*")
_PART = re.compile(r"[^\W\d_]+|\d+")

# Words that say how something is asked, not what is asked for.
STOP_WORDS = frozenset(
    """
    a about after all also am an and any are as at be because been before being between both but by can could did do
    does doing during each else explain for from get give had has have having he her here hers him his how i if in
    into is it its itself list make many may me might more most much must my name no nor not of off on once one only
    or other our out over please same say says she should show so some such tell than that the their them then there
    these they thing things this those through to too under until up us very was we were what when where which while
    who whom whose why will with would you your
    """.split()
)


def content_words(question: str) -> list[str]:
    """The words that carry meaning, in order, each once; all words where none does."""
    words = list(dict.fromkeys(w for found in _WORD.findall(question) for w in _without_stop_word(found)))
    return [w for w in words if not _is_stop_word(w)] or words


def _without_stop_word(word: str) -> list[str]:
    """``Llama 4`` is one name, ``than 4`` is not."""
    first, _, number = word.partition(" ")
    if number and _is_stop_word(first):
        return [first, number]
    return [re.sub(r"['’]s$", "", word)]


def _is_stop_word(word: str) -> bool:
    """Whether a word carries no meaning; May is a month, and capitals make a name: US, IT, WHO."""
    if word == "May" or (word.isupper() and len(word) > 1):
        return False
    return word.lower().removesuffix("'s").removesuffix("’s") in STOP_WORDS


def is_name(word: str) -> bool:
    """Whether a word names one particular thing: it has a capital or a digit."""
    return any(c.isupper() or c.isdigit() for c in word)


def fts_query(words: list[str], whole: bool = False) -> str:
    """An FTS5 query that matches passages with any of the words; empty for no words.

    ``whole``: a name with its number must stand together; otherwise its parts count too.
    """
    variants = [variant for word in words for variant in _variants(word)]
    if not whole:
        variants += [part for word in words for part in word.split() if " " in word]
    return " OR ".join(f'"{variant}"' for variant in dict.fromkeys(variants))


def _variants(word: str) -> list[str]:
    """``GPT-4``, ``gpt4`` and ``GPT 4`` name one thing: the word in one piece, and as a phrase of its parts."""
    parts = _PART.findall(word)
    return [word, " ".join(parts), "".join(parts)] if parts else [word]


def missing_words(question: str, matches: dict[str, int]) -> tuple[str, ...]:
    """The content words that no passage holds; ``matches`` counts passages by word."""
    return tuple(word for word in content_words(question) if not matches[word])
