"""Text -> its words as claims, in the one spelling that is looked up; pure.

"11th" and "11", "70B" and "70 billion", "GPT-4" and "GPT4", "released" and "release" are each looked up alike. Names
are told by their capitals, so they are told too often in German and seldom in scripts without capitals.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from askllama.words import STOP_WORDS

MARKER = r"\[ *[0-9]{1,3}(?: *[,;] *[0-9]{1,3})* *\]"
"""A pattern for a marker: [1], [1, 2]."""

# Letters and digits, with the points of 2.5 and the commas of 1,000 inside; else what parts one clause from the next.
_ATOM = re.compile(r"(?P<word>(?:[^\W_]|(?<=\d)\.(?=\d)|(?<=\d),(?=\d{3}(?!\d)))+|%)|(?P<stop>[,;:()–—]|[.!?](?=\s|$))")
_WITH_NUMBER = re.compile(r"([^\W\d_]+)?(\d[\d.]*)(?:st|nd|rd|th|([^\W\d_]+))?")
_ISO_DATE = re.compile(r"\b(\d{4})[-.](0[1-9]|1[0-2])[-.]([0-3]\d)\b")
_YEARS = re.compile(r"\b((?:19|20)(\d\d))[-–](\d\d)\b(?![-–.]\d)")
_ACCENT = re.compile(r"[\u0300-\u036f]")
_INITIALS = re.compile(r"\b(?:[A-Z]\.){2,}")
_MONTHS = re.split(" ", "january february march april may june july august september october november december")
_COUNTS = re.split(" ", "two three four five six seven eight nine ten eleven twelve")
_MAGNITUDES = {"thousand": "k", "million": "m", "billion": "b", "trillion": "t", "percent": "%"}
_SAME = {name: month for month in _MONTHS for name in (month, month[:3], month[:4])} | _MAGNITUDES
_SAME |= {word: str(number) for number, word in enumerate(_COUNTS, 2)}
_SUFFIX = re.compile(r"(?<=\w\w)(?:ations?|ingly|edly|ments?|ions?|ings?|ers?|ies|ed|es|ly|s)$")

# Words between an answer's sentences, and words of an answer about itself: they claim nothing.
_ASIDE = re.compile(
    "according|additionally|although|answers?|based|despite|documents?|evidence|finally|first|furthermore|here|however|"
    "instead|later|moreover|next|overall|provided|second|since|sources?|text|therefore|third|thus|unlike|within|yes"
)
# A capital at the beginning of a sentence makes a name of any word but these, and words with an everyday ending.
_EVERYDAY = re.compile(
    r"another|few|models?|newer|older|one|people|several|someone|users?|versions?"
    r"|\w+(?:ing|ly|ed|tions?|ments?|ers|ies|ness|ity)"
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word, or a name with its number, as written and as ``sought``.

    ``exact``: it must be found (names, numbers, dates); ``claims``: it says anything at all; ``clause`` counts the
    stretches between punctuation marks from 0.
    """

    written: str
    sought: str
    exact: bool
    claims: bool
    clause: int

    @property
    def is_number(self) -> bool:
        """Whether it is a number, a size or a part of a date, and no name with a number."""
        return self.sought[:1].isdigit() or self.is_month

    @property
    def is_month(self) -> bool:
        """Whether it is the name of a month."""
        return self.exact and self.sought in _MONTHS

    @property
    def is_name(self) -> bool:
        """Whether it names one particular thing."""
        return self.exact and not self.is_number and self.sought != "%"

    def stands_in(self, place: str) -> bool:
        """Whether a searchable text holds the word."""
        return f" {self.sought} " in place


def unmark(text: str) -> str:
    """The text without markers: one that stands in a document is a footnote of its own and cites no evidence."""
    return re.sub(rf"\s*{MARKER}", "", text)


def make_searchable(texts: Iterable[str]) -> str:
    """The texts as normal words between blanks; words are no neighbours across a bar."""
    atoms = (_ATOM.finditer(_plain(unmark(text))) for text in texts)
    words = (" ".join(w for atom in found if atom["word"] for w in _normal(atom[0])) for found in atoms)
    return f" {' | '.join(words)} "


def find_claims(sentence: str) -> list[Word]:
    """What a sentence says, word by word."""
    return [word for word in find_words(sentence) if word.claims]


def find_words(sentence: str) -> list[Word]:
    """All words of a sentence, in order; a number stays with the name before it ("GPT-4", "Llama 2")."""
    text = _plain(unmark(sentence))
    words: list[Word] = []
    end = clause = 0
    for match in _ATOM.finditer(text):
        if match["stop"]:
            clause += 1
            continue
        word = replace(_word(match[0], opens=not words), clause=clause)
        gap, end = text[end : match.start()], match.end()
        if words and _belongs(word, gap, words[-1]):
            before = words.pop()
            word = Word(before.written + gap + word.written, f"{before.sought} {word.sought}", True, True, clause)
        words.append(word)
    return words


def _belongs(word: Word, gap: str, before: Word) -> bool:
    """Whether the word goes on with the one before: 7 billion, GPT-4, Llama 2, Llama-3.2-1B; not December 11."""
    if gap not in ("", " ", "-") or not before.exact:
        return False
    if before.sought[-1].isdigit():
        magnitude = word.sought in _MAGNITUDES.values()
        return magnitude or (gap == "-" and before.written[0].isalpha() and word.sought[:1].isdigit())
    return word.sought[:1].isdigit() and before.written[0].isupper() and not before.is_month


def _word(written: str, opens: bool) -> Word:
    sought, lower = " ".join(_normal(written)), written.lower()
    if any(char.isdigit() for char in sought) or (written[0].isupper() and sought in _MONTHS):
        return Word(written, sought, True, True, 0)
    if lower in STOP_WORDS or _ASIDE.fullmatch(lower) or (len(written) == 1 and written != "%"):
        return Word(written, sought, False, False, 0)
    name = written[0].isupper() and not (opens and _EVERYDAY.fullmatch(lower))
    return Word(written, sought, name or written[1:] != written[1:].lower(), True, 0)


def _plain(text: str) -> str:
    """Straight quotes, ISO dates in words, no accents, no possessives and no contracted "not"."""
    text = unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFKD", text))).replace("’", "'")
    text = _ISO_DATE.sub(lambda date: f"{date[1]} {_MONTHS[int(date[2]) - 1].title()} {date[3]}", text)
    text = _YEARS.sub(_spell_years, text)
    text = _INITIALS.sub(lambda letters: letters[0].replace(".", ""), text)
    return re.sub(r"\bcannot\b", "can not", re.sub(r"n't\b", " not", re.sub(r"'s\b", "", text)))


def _spell_years(years: re.Match[str]) -> str:
    """2018-19 is 2018-2019; 2023-12 is a month."""
    following = int(years[3]) == (int(years[2]) + 1) % 100
    return f"{years[1]}-{years[1][:2]}{years[3]}" if following else years[0]


def _normal(atom: str) -> Iterator[str]:
    """The spelling that is looked up: 11th -> 11, 1,000 -> 1000, GPT4 -> gpt 4, 70B -> 70 b, released -> releas."""
    word = atom.casefold().replace(",", "")
    if match := _WITH_NUMBER.fullmatch(word):
        before, number, after = match.groups("")
        yield from filter(None, (stem(before), re.sub(r"^0+(?=\d)", "", number), stem(after)))
    else:
        yield stem(word)


def stem(word: str) -> str:
    """A word in lower case without its ending; months, magnitudes and small counts in one spelling."""
    if word in _SAME:
        return _SAME[word]
    word = _SUFFIX.sub("", word)
    if len(word) > 3 and word[-1] == word[-2]:
        return word[:-1]
    return re.sub(r"(?<=\w\w)[eiy]+$", "", word)
