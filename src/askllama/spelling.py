"""A question in the spelling of the documents: "tiny llama", "gpt4", "relased" as TinyLlama, GPT-4, released."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from askllama.words import is_name, is_stop_word

if TYPE_CHECKING:
    from spellchecker import SpellChecker

_WORD = re.compile(r"\w+(?:[-.]\w+)*")
_JOINTS = re.compile(r"[\s._-]+")
_SHORTEST = 5  # letters of a word that is taken for a slip: of shorter ones too many differ in one letter

Spellings = Mapping[str, Counter[str]]


def respell(question: str, texts: Iterable[str], counts: Mapping[str, int]) -> str:
    """The question with names joined, parted and accented as in ``texts``, and slips of the pen mended.

    A slip is a word in lower case that no dictionary knows and no passage of the corpus holds (``counts``, by word),
    while a text has one that differs in a single letter. What is typed with a capital is never taken for one.
    """
    spellings = _collect(texts)
    respelled, done = "", 0
    for start, end in _units(question, spellings):
        typed = question[start:end]
        respelled += question[done:start] + _spell(typed, spellings, counts.get(typed, 1) == 0)
        done = end
    return respelled + question[done:]


def _collect(texts: Iterable[str]) -> Spellings:
    """How often each spelling of the same letters and digits occurs, of single words and of pairs."""
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text in texts:
        for start, end in _words_and_pairs(text):
            spellings[_key(text[start:end])][text[start:end]] += 1
    return spellings


def _words_and_pairs(text: str) -> Iterator[tuple[int, int]]:
    words = [match.span() for match in _WORD.finditer(text)]
    yield from words
    yield from ((a, d) for (a, b), (c, d) in pairwise(words) if text[b:c] == " ")


def _units(question: str, spellings: Spellings) -> Iterator[tuple[int, int]]:
    """Words of the question, or two of them where the texts know them together."""
    words = [match.span() for match in _WORD.finditer(question) if not is_stop_word(match[0])]
    place = 0
    while place < len(words):
        start, end = words[place]
        after = words[place + 1] if place + 1 < len(words) else None
        if after and question[end : after[0]] == " " and _key(question[start : after[1]]) in spellings:
            end, place = after[1], place + 1
        yield start, end
        place += 1


def _spell(typed: str, spellings: Spellings, is_unknown: bool) -> str:
    found = spellings.get(_key(typed))
    if found is None:
        return _mend(typed, spellings) if is_unknown else typed
    usual = found.most_common(1)[0][0]
    # A hyphen makes a name another (GPT-4), but no other word.
    only_hyphen = usual.replace("-", " ").lower() == typed.replace("-", " ").lower() and not is_name(usual)
    return typed if only_hyphen or any(typed.lower() == form.lower() for form in found) else usual


def _mend(typed: str, spellings: Spellings) -> str:
    if len(typed) < _SHORTEST or not (typed.isalpha() and typed.islower()) or typed in _dictionary():
        return typed
    near: Counter[str] = Counter()
    for key in _dictionary().edit_distance_1(typed):
        if key[0] == typed[0]:
            near.update({form: n for form, n in spellings.get(key, {}).items() if form.isalpha()})
    return near.most_common(1)[0][0] if near else typed


@cache
def _dictionary() -> SpellChecker:
    from spellchecker import SpellChecker

    return SpellChecker(distance=1)


def _key(text: str) -> str:
    """Letters and digits alone, in lower case and without accents."""
    plain = unicodedata.normalize("NFKD", _JOINTS.sub("", text.lower()))
    return "".join(c for c in plain if not unicodedata.combining(c))
