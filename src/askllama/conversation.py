"""A follow-up question -> the same question in full, by what was asked and answered before it.

Rules, not a parser. What a follow-up leaves out is the topic of the last question: a name, where it has one, else its
last content words; "he", "they" and "there" prefer a name that answered it. A dummy "it" is known by the word after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from askllama.words import STOP_WORDS, content_words

_AUXILIARY = "is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might"
_LEAD = re.compile(r"^(?:(?:and|but|so|then|also|ok|okay)\b[\s,]*)*(?:(?:what|how) about\b)?\s*", re.I)
_BARE = re.compile(r"(why|how|when|where)(?: so| not| come| (?:is|was) that)?", re.I)
_SENTENCE = re.compile(rf"(?:who\w*|what|which|when|where|why|how|tell|list|explain|describe|{_AUXILIARY})\b", re.I)
_ELLIPTIC = re.compile(r"(?:what|which|how (?:many|much|big|large|long|old|fast))(?: [\w-]+)?", re.I)
_ASKED = re.compile(rf"(?:(?:who|what|which|when|where|why|how)\b\s*(.*?)\s*)?\b({_AUXILIARY}) (.*)", re.I)
_PRONOUN = re.compile(
    r"\b(?:(?:this|that) (?:one|model|paper|company|article|book|person)|its?|they|their|them|this|that"
    r"|he|she|his|her|him|there)\b",
    re.I,
)
_DUMMY = re.compile(r" (?:true|possible|likely|known|said|worth|takes? to)\b", re.I)
_DATE = re.compile(r"\d+(?:st|nd|rd|th)?|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*", re.I)
_WORD = re.compile(r"\w+(?:[-.'’]\w+)*")
_PREPOSITIONS = {"after", "at", "before", "by", "during", "for", "from", "in", "on", "since", "than", "to", "with"}
_VERBS = {"made", "make", "wrote", "built", "came", "come", "work", "works", "stand", "mean", "run", "runs"}
_IMPERATIVES = {"compare", "define", "describe", "summarise", "summarize"}
_NAME_LENGTH = 5  # words; a longer answer is a sentence


@dataclass(frozen=True, slots=True)
class Turn:
    """A question in full, and the text of its answer: empty where there was none."""

    question: str
    answer_text: str


def resolve(question: str, turns: Sequence[Turn]) -> str:
    """The question with what it leaves out taken from the last turn; as it is where it stands alone."""
    body = question.strip().rstrip(" ?!.")
    rest = _LEAD.sub("", body)
    if not turns or not rest:
        return question
    last = Turn(turns[-1].question.strip().rstrip(" ?!."), turns[-1].answer_text)
    if bare := _BARE.fullmatch(rest):
        return f"{bare[1].lower()} {_statement(last)}?"
    full = _PRONOUN.sub(lambda found: _replacement(found, last), rest)
    if full == rest and _ELLIPTIC.fullmatch(rest) and not _names(rest):
        full = f"{rest} for {_topic(last)}"
    elif full == rest != body and not _SENTENCE.match(rest):
        full = _swap(rest, last)
    return question if full == body else f"{full}?"


def _replacement(found: re.Match[str], last: Turn) -> str:
    """The name that a pronoun stands for, in its form; the pronoun where it refers to nothing said before."""
    word, after = found[0].lower(), found.string[found.end() :]
    before = found.string[: found.start()]
    previous = (_WORD.findall(before.lower()) or [""])[-1]
    name = "" if _stays(word, previous, after, _names(before)) else _referent(word, last)
    if name and (word in ("its", "their", "his") or (word == "her" and after)):
        return name + ("'" if name.endswith("s") else "'s")
    return f"at {name}" if name and word == "there" and previous != "from" else name or found[0]


def _stays(word: str, previous: str, after: str, names: Sequence[str]) -> bool:
    helped = re.fullmatch(_AUXILIARY, previous) is not None
    if word in ("this", "that") and after and not helped:  # belongs to a noun or begins a clause
        return True
    if word == "there" and (helped or re.match(rf" (?:{_AUXILIARY})\b", after)):  # "is there a ..."
        return True
    if word == "it" and _DUMMY.match(after):
        return True
    # A name earlier in the question is nearer, unless the pronoun is set against it: "is Falcon better than it"
    return bool(names and after and previous not in ("than", "to", "with", "like"))


def _referent(word: str, last: Turn) -> str:
    opener = last.question.lower().partition(" ")[0]
    said = [name for name in _names(last.answer_text) if name.lower() not in last.question.lower()]
    if word in ("he", "she", "his", "her", "him"):
        return next(filter(_is_person, [*said, *_names(last.question)]), "") or _topic(last)
    if said and (opener, word) in {("where", "there")} | {(w, t) for w in ("who", "which") for t in ("they", "their", "them")}:
        return _headline(last) or said[0]
    return _topic(last, ("at", "in", "from") if word == "there" else ())


def _is_person(name: str) -> bool:
    words = name.split()
    return len(words) > 1 and all(w[0].isupper() and not any(c.isdigit() for c in w) for w in words)
