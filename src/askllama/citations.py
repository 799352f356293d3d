"""Answer text + evidence -> the statements that what they cite supports; pure.

A statement survives if it cites evidence that exists; if every number, date and name in it occurs in what it cites
(quote, title, headings) or in the question; and if at least half of its other words do.

Limits: this looks words up and does not understand them. Words that are all there can still be put together wrongly
(who did what to whom, "not", "more than"), a number can be that of something else, and a synonym counts as missing.
Names are told by their capitals, so the check is strict in German and weak in scripts without capitals.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from askllama.evidence import sentences
from askllama.types import Evidence
from askllama.words import STOP_WORDS

_MARKER = r"\[ *[0-9]{1,3}(?: *[,;] *[0-9]{1,3})* *\]"
_MARKERS = re.compile(rf"[ \t]*{_MARKER}(?:[ \t]*{_MARKER})*")
_STOP_BEFORE_MARKERS = re.compile(rf"([.!?…]+[\"”’)]*)({_MARKERS.pattern})")
_LIST_ITEM = re.compile(r"^\s*(?:[-*•+]|\d+[.)])\s+")
# Letters and digits, with the points of 2.5 and the commas of 1,000 inside.
_ATOM = re.compile(r"(?:[^\W_]|(?<=\d)\.(?=\d)|(?<=\d),(?=\d{3}(?!\d)))+|%")
_WITH_NUMBER = re.compile(r"([^\W\d_]+)?(\d[\d.]*)(?:st|nd|rd|th|([^\W\d_]+))?")
_ISO_DATE = re.compile(r"\b(\d{4})-(0[1-9]|1[0-2])-(\d\d)\b")
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
    r"another|few|models?|newer|older|one|people|someone|users?|versions?|\w+(?:ing|ly|ed|tions?|ments?|ers|ies|ness|ity)"
)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A statement that was taken out, and why."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What is left of an answer: its markers count from 1 and name ``evidence`` by its new numbers."""

    text: str
    evidence: tuple[Evidence, ...]
    dropped: tuple[Dropped, ...]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A word, or a name with its number, as written and as looked up; ``exact`` where it must be found."""

    written: str
    sought: str
    exact: bool

    def stands_in(self, place: str) -> bool:
        return f" {self.sought} " in place


def verify(text: str, evidence: Sequence[Evidence], question: str) -> Verified:
    """Keep the statements of a generated answer that their citations support, and renumber these."""
    by_number = {item.number: item for item in evidence}
    kept, dropped = [], []
    for statement in _statements(text):
        if reason := _fault(statement, by_number, question):
            dropped.append(Dropped(statement, reason))
        else:
            kept.append(statement)
    joined = " ".join(kept)
    numbers = {old: new for new, old in enumerate(dict.fromkeys(_cited(joined)), 1)}
    cited = tuple(replace(by_number[old], number=new) for old, new in numbers.items())
    return Verified(_MARKERS.sub(lambda run: _renumbered(run[0], numbers), joined), cited, tuple(dropped))


def _statements(text: str) -> Iterator[str]:
    """Sentences and lines; a marker behind a full stop goes before it, so that it stays with its sentence."""
    for line in _STOP_BEFORE_MARKERS.sub(r" \2\1", text).splitlines():
        item = _LIST_ITEM.sub("", line)
        yield from (item[start:end] for start, end in sentences(item))


def _cited(text: str) -> list[int]:
    return [int(number) for run in _MARKERS.findall(text) for number in re.findall(r"\d+", run)]


def _renumbered(run: str, numbers: dict[int, int]) -> str:
    new = dict.fromkeys(numbers[old] for old in _cited(run))
    return (" " if run[0].isspace() else "") + "".join(f"[{number}]" for number in new)


def _fault(statement: str, by_number: dict[int, Evidence], question: str) -> str:
    """Why the statement cannot stay, as one phrase; empty where it can."""
    if not (numbers := _cited(statement)):
        return "cites nothing"
    if unknown := [number for number in numbers if number not in by_number]:
        return f"cites [{unknown[0]}], which does not exist"
    cited = _searchable(text for n in numbers for text in (by_number[n].quote, by_number[n].passage.heading_path))
    asked = _searchable([question])
    claims = _claims(_MARKERS.sub(" ", statement))
    if missing := [claim for claim in claims if claim.exact and not claim.stands_in(cited + asked)]:
        return f"{missing[0].written} is not in what it cites"
    return _thinness(claims, cited, asked)


def _thinness(claims: list[_Claim], cited: str, asked: str) -> str:
    """Whether too few words are found for the names and numbers to mean much."""
    if not claims:
        return "says nothing"
    others = [claim for claim in claims if not claim.exact]
    if 2 * sum(claim.stands_in(cited + asked) for claim in others) < len(others):
        return "most of its words are not in what it cites"
    # "Did X happen in 2022?" must not support "X happened in 2022": a mere echo needs more than the question.
    absent = [claim for claim in claims if not claim.stands_in(cited)]
    thin = 2 * len(absent) >= len(claims) or any(claim.exact for claim in absent)
    return "only repeats the question" if thin and all(claim.stands_in(asked) for claim in claims) else ""


def _searchable(texts: Iterable[str]) -> str:
    """The texts as normal words between blanks; words are no neighbours across a bar."""
    words = (" ".join(word for atom in _ATOM.findall(_plain(text)) for word in _normal(atom)) for text in texts)
    return f" {' | '.join(words)} "


def _claims(statement: str) -> list[_Claim]:
    """What the statement says, word by word; a number stays with the name before it ("GPT-4", "Llama 2")."""
    text = _plain(statement)
    claims: list[_Claim] = []
    end = 0
    for place, match in enumerate(_ATOM.finditer(text)):
        if claim := _claim(match[0], opens=place == 0):
            gap, end = text[end : match.start()], match.end()
            if claims and _belongs(claim, gap, claims[-1]):
                before = claims.pop()
                claim = _Claim(before.written + gap + claim.written, f"{before.sought} {claim.sought}", True)
            claims.append(claim)
    return claims


def _belongs(claim: _Claim, gap: str, before: _Claim) -> bool:
    """Whether the claim goes on with the one before: 7 billion, GPT-4, Llama 2, Llama-3.2-1B; not December 11."""
    if gap not in ("", " ", "-") or not before.exact:
        return False
    if before.sought[-1].isdigit():
        magnitude = claim.sought in _MAGNITUDES.values()
        return magnitude or (gap == "-" and before.written[0].isalpha() and claim.sought[0].isdigit())
    return claim.sought[0].isdigit() and before.written[0].isupper() and before.sought not in _MONTHS


def _claim(word: str, opens: bool) -> _Claim | None:
    """One word's claim; None for words that claim nothing."""
    sought, lower = " ".join(_normal(word)), word.lower()
    if any(char.isdigit() for char in sought) or (word[0].isupper() and sought in _MONTHS):
        return _Claim(word, sought, True)
    if lower in STOP_WORDS or _ASIDE.fullmatch(lower) or (len(word) == 1 and word != "%"):
        return None
    name = word[0].isupper() and not (opens and _EVERYDAY.fullmatch(lower))
    return _Claim(word, sought, name or word[1:] != word[1:].lower())


def _plain(text: str) -> str:
    """Straight quotes, ISO dates in words, no possessives and no contracted "not"."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'")
    text = _ISO_DATE.sub(lambda date: f"{date[1]} {_MONTHS[int(date[2]) - 1].title()} {date[3]}", text)
    return re.sub(r"n't\b", " not", re.sub(r"'s\b", "", text))


def _normal(atom: str) -> list[str]:
    """The spelling that is looked up: 11th -> 11, 1,000 -> 1000, GPT4 -> gpt 4, 70B -> 70 b, released -> releas."""
    word = atom.casefold().replace(",", "")
    if not (match := _WITH_NUMBER.fullmatch(word)):
        return [_stem(word)]
    before, number, after = match.groups("")
    return [part for part in (_stem(before), re.sub(r"^0+(?=\d)", "", number), _stem(after)) if part]


def _stem(word: str) -> str:
    if word in _SAME:
        return _SAME[word]
    word = _SUFFIX.sub("", word)
    if len(word) > 3 and word[-1] == word[-2]:
        return word[:-1]
    return re.sub(r"(?<=\w\w)[eiy]+$", "", word)
