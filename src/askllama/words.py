"""The words of a question: which of them carry meaning, how they are looked for, and how well texts hold them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

_SINGLE = re.compile(r"\w+(?:[-.'’]\w+)*")
# A word and the number after it are one name ("Llama 4", "Windows 11"), unless the number is a year.
_WORD = re.compile(rf"(?:(?!\d){_SINGLE.pattern} (?!(?:19|20)\d\d\b)\d+(?:\.\d+)*\b)|{_SINGLE.pattern}")
_PART = re.compile(r"[^\W\d_]+|\d+")

MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
"""A pattern for the name of a month."""

_MONTH_NAME = re.compile(MONTH, re.IGNORECASE)
_PIECE = re.compile(r"[^\W\d_]+|\d+|[^\w\s-]")
_SUFFIX = re.compile(r"(?:ies|es|s|ed|ing|ions?|ly|d|e)$")
_SHORT = 4  # letters up to which a word is looked for whole
_TOKEN = re.compile(r"\w+")
_YEAR = re.compile(r"(?:19|20)\d\d")

# Ways to ask when something came into the world; texts mostly say that it was released.
_APPEARED = re.compile(
    r"^(\W*when) (?:did|was|were) (.+?) (?:launch(?:ed)?|come out|debut(?:ed)?|unveiled|introduced|appear|published)\b",
    re.IGNORECASE,
)

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
    return [w for w in words if not is_stop_word(w)] or words


def plainly(question: str) -> str | None:
    """The question in the words that texts use for what it asks; None where no other words are known for it."""
    plain, count = _APPEARED.subn(r"\1 was \2 released", question)
    return plain if count else None


def adjacent_words(question: str) -> list[str]:
    """Pairs of content words that stand side by side: "surprise attack" says more than its two words."""
    words = _SINGLE.findall(question)
    return [f"{a} {b}" for a, b in pairwise(words) if not (is_stop_word(a) or is_stop_word(b))]


def _without_stop_word(word: str) -> list[str]:
    """``Llama 4`` is one name, ``than 4`` is not."""
    first, _, number = word.partition(" ")
    if number and is_stop_word(first):
        return [first, number]
    return [re.sub(r"['’]s$", "", word)]


def is_stop_word(word: str) -> bool:
    """Whether a word carries no meaning; May is a month, and capitals make a name: US, IT, WHO."""
    if word == "May" or (word.isupper() and len(word) > 1):
        return False
    return word.lower().removesuffix("'s").removesuffix("’s") in STOP_WORDS


def is_name(word: str) -> bool:
    """Whether a word names one particular thing: it has a capital or a digit."""
    return any(c.isupper() or c.isdigit() for c in word)


def is_year(text: str) -> bool:
    """Whether a text is a year and nothing else."""
    return _YEAR.fullmatch(text) is not None


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


class WordFit:
    """How well texts hold the words of one question.

    Names are words with a capital or a digit, in the question or mostly in ``texts``: few people type capitals.
    ``counts`` tells in how many passages each content word stands: the rarer, the more it says.
    """

    def __init__(self, question: str, texts: Sequence[str] = (), counts: Mapping[str, int] | None = None) -> None:
        words = content_words(question)
        together = "\n".join(texts)
        self._question = " ".join(words_in_order(question))
        self._patterns = [_pattern(word, question, is_exact=_is_spelled(word) and word in together) for word in words]
        self._weights = [1 / math.log2(2 + (counts or {}).get(word, 0)) for word in words]
        self._names = [
            p for word, p in zip(words, self._patterns, strict=True) if is_name(word) or _is_capitalised(p, together)
        ]

    def cover(self, text: str) -> float:
        """The share of the question's content words that the text holds, each by its weight."""
        held = sum(w for p, w in zip(self._patterns, self._weights, strict=True) if p.search(text))
        return held / (sum(self._weights) or 1)

    def cover_names(self, text: str) -> float:
        """The share of the question's names that the text holds; 1 where there are none."""
        return sum(bool(p.search(text)) for p in self._names) / len(self._names) if self._names else 1.0

    def is_named_in(self, text: str) -> bool:
        """Whether the text holds every name, and as a name: a "llama" is not LLaMA."""
        return all(any(is_name(found) for found in p.findall(text)) for p in self._names)

    def echoes(self, text: str) -> bool:
        """Whether the text only repeats words of the question, which answers nothing."""
        return f" {' '.join(words_in_order(text))} " in f" {self._question} "


def _is_capitalised(pattern: re.Pattern[str], text: str) -> bool:
    found = pattern.findall(text)
    return sum(any(c.isupper() for c in word) for word in found) > len(found) / 2


def _is_spelled(word: str) -> bool:
    """Whether a name has capitals inside, which nobody types by chance: LLaMA, TinyLlama."""
    return word.isalpha() and not word.isupper() and any(c.isupper() for c in word[1:])


def _pattern(word: str, question: str, is_exact: bool) -> re.Pattern[str]:
    """The word or its inflections; a name followed by a number is another name, unless the question says so.

    "LLaMA" is not found in "LLaMA 3" when the question asks for LLaMA, but "Mixtral" is in "Mixtral 8x7B". With
    ``is_exact`` it is not found in "Llama releases" either.
    """
    if any(c.isdigit() for c in word):
        parts = _PIECE.findall(word)
        return re.compile(r"(?<!\w)" + r"[\s-]?".join(map(re.escape, parts)) + r"(?!\w)", re.IGNORECASE)
    stem = _SUFFIX.sub("", word) if len(word) > _SHORT else word
    ending = r"\w*" if len(word) > _SHORT else r"(?:s|'s)?\b"
    numbered = re.search(rf"{re.escape(word)}[ -]?v?\d", question, re.IGNORECASE)
    other = "" if numbered or _MONTH_NAME.fullmatch(word) else r"(?![ -]?v?\d{1,2}(?:\.\d+)?\b)"
    return re.compile(rf"(?<!\w){re.escape(stem)}{ending}{other}", 0 if is_exact else re.IGNORECASE)


def words_in_order(text: str) -> list[str]:
    """The words of a text in lower case."""
    return _TOKEN.findall(text.lower())
