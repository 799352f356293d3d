"""A follow-up question -> the same question in full, by what was asked and answered before it.

Rules, not a parser. What a follow-up leaves out is the topic of the last question: a name, where it has one, else its
last content words; "he", "they" and "there" prefer a name that answered it. A dummy "it" is known by the word after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from askllama.words import STOP_WORDS, content_words

_AUXILIARY = "is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might"
_LEAD = re.compile(r"^(?:(?:and|but|so|then|also|ok|okay)\b[\s,]*)*(?:(?:what|how) about\b)?\s*", re.I)
_BARE = re.compile(r"(why|how|when|where)(?: so| not| come| (?:is|was) that)?", re.I)
_SENTENCE = re.compile(rf"(?:who\w*|what|which|when|where|why|how|tell|list|explain|describe|{_AUXILIARY})\b", re.I)
_ELLIPTIC = re.compile(r"(?:what|which|how (?:many|much|big|large|long|old|fast))(?: [\w-]+)?", re.I)
_ASKED = re.compile(rf"(?:(?:who|what|which|when|where|why|how)\b\s*(.*?)\s*)?\b({_AUXILIARY}) (.*)", re.I)
_ASKS_NAME = re.compile(r"which\b|what (?:is|was) the\b(?!.* of )", re.I)
_PRONOUN = re.compile(
    r"\b(?:(?:this|that) (?:one|model|paper|company|article|book|person)|its?|they|their|them|this|that"
    r"|he|she|his|her|him|there)\b",
    re.I,
)
_DUMMY = re.compile(r" (?:true|possible|likely|known|said|worth|takes? to)\b", re.I)
_STATE = re.compile(r"\b(?:is|are|do|does|can|has|have)\b", re.I)
_WORD = re.compile(r"\w+(?:[-.]\w+|['’](?!s\b)\w+)*")
_DATE = re.compile(
    r"\d+(?:st|nd|rd|th)?|january|february|march|april|may|june|july|august|september|october|november|december", re.I
)
_PREPOSITIONS = {"after", "at", "before", "by", "during", "for", "from", "in", "on", "since", "than", "to", "with"}
_VERBS = {"made", "make", "wrote", "built", "came", "come", "launch", "release", "appear", "work", "run", "runs"}
_IMPERATIVES = {"compare", "define", "describe", "summarise", "summarize"}
_GROUP = {"they", "their", "them"}
_PEOPLE = {"he", "she", "his", "her", "him"}
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


def accept(pieces: Iterable[str], question: str, turns: Sequence[Turn]) -> str:
    """A model's wording of the question in full, where it says nothing that was not said before; else empty.

    The pieces are heard until one brings in a word of its own.
    """
    said = " ".join([question, *(f"{turn.question} {turn.answer_text}" for turn in turns)])
    known = {*_WORD.findall(said.lower()), *STOP_WORDS, "s"}
    text = ""
    for piece in pieces:
        text += piece
        if set(_WORD.findall(text.lower())[:-1]) - known or "\n" in text.strip():
            break
    text = text.strip().partition("\n")[0].strip(' ?."“”')
    words, asked = set(_WORD.findall(text.lower())), set(_WORD.findall(question.lower()))
    complete = words <= known and asked - STOP_WORDS <= words and not words <= asked | STOP_WORDS
    return f"{text}?" if complete else ""


def _statement(last: Turn) -> str:
    """What the last question is about, as "why" wants it: "did Mixtral launch"."""
    asked = _ASKED.fullmatch(last.question)
    opener, _, rest = last.question.partition(" ")
    subject = _headline(last) if opener.lower() == "who" else ""
    if asked is None and opener.lower() == "who":
        return f"{subject} {rest}" if subject else _topic(last)
    if asked is None:
        return rest if opener.lower() in ("what", "which") else last.question
    phrase, auxiliary, rest = asked.groups()
    subject = subject if auxiliary in ("is", "was", "are", "were") else ""
    return " ".join(part for part in (auxiliary, subject, rest, phrase) if part)


def _swap(fragment: str, last: Turn) -> str:
    """The last question with the fragment in place of its topic, or of what follows the fragment's preposition."""
    first, _, rest = fragment.partition(" ")
    head, found, _ = last.question.rpartition(f" {first.lower()} ")
    if found and first.lower() in (*_PREPOSITIONS, "of"):
        return f"{head} {fragment}"
    if first.lower() in ("of", "for"):
        return _swap(rest, last)
    if first.lower() in _PREPOSITIONS:
        return f"{last.question} {fragment}"
    topic = _topic(Turn(last.question, ""))
    if first.lower() in ("the", "a", "an") and not _names(fragment) and _names(last.question):
        return f"{fragment} of {topic}"
    return re.sub(rf"(?:\b(?:the|an?) )?\b{re.escape(topic)}\b", lambda _: fragment, last.question, count=1, flags=re.I)


def _replacement(found: re.Match[str], last: Turn) -> str:
    """The name that a pronoun stands for, in its form; the pronoun where it refers to nothing said before."""
    word, after = found[0].lower(), found.string[found.end() :]
    before = found.string[: found.start()]
    previous = (_WORD.findall(before.lower()) or [""])[-1]
    name = "" if _stays(word, previous, after, bool(_names(before))) else _referent(word, last)
    if name and (word in ("its", "their", "his") or (word == "her" and after)):
        return name + ("'" if name.endswith("s") else "'s")
    return f"at {name}" if name and word == "there" and previous != "from" else name or found[0]


def _stays(word: str, previous: str, after: str, named: bool) -> bool:
    helped = re.fullmatch(_AUXILIARY, previous) is not None
    if word in ("this", "that") and after and not helped:  # belongs to a noun or begins a clause
        return True
    if word == "there" and (helped or re.match(rf" (?:{_AUXILIARY})\b", after)):  # "is there a ..."
        return True
    if word == "it" and _DUMMY.match(after):
        return True
    # A name earlier in the question is nearer, unless the pronoun ends it: "is Falcon better than it"
    return named and bool(after)


def _referent(word: str, last: Turn) -> str:
    opener = last.question.lower().partition(" ")[0]
    said = [name for name in _names(last.answer_text) if name.lower() not in last.question.lower()]
    if word in _PEOPLE and any(map(_is_person, said)):
        return next(filter(_is_person, said))
    if (opener == "where" and word == "there") or (opener in ("who", "which") and word in _GROUP | _PEOPLE):
        return _headline(last) or next(iter(said), "") or _topic(last)
    people = filter(_is_person, _names(last.question) if word in _PEOPLE else ())
    return next(people, "") or _topic(last, ("at", "in", "from") if word == "there" else ())


def _is_person(name: str) -> bool:
    words = name.split()
    return len(words) > 1 and all(word[0].isupper() for word in words) and not any(c.isdigit() for c in name)


def _topic(last: Turn, places: Collection[str] = ()) -> str:
    """The name in the last question; else the name it asked for; else its last content words."""
    names = _named(last.question)
    # What is so is said of the first name ("does Mixtral use MoE"), what happened of the last ("did Meta release X").
    order = -1 if _STATE.search(last.question) else 1
    if names:
        return max(
            (before in places, before == "of", before not in _PREPOSITIONS, order * place, name)
            for place, (before, name) in enumerate(names)
        )[-1]
    words = {word for word in content_words(last.question) if word not in _VERBS and not word.endswith("ed")}
    nouns = _runs(last.question, words.__contains__, ())
    subjects = [run for before, run in nouns if before not in _PREPOSITIONS] or [run for _, run in nouns]
    asked = _headline(last) if _ASKS_NAME.match(last.question) else ""
    return asked or next(reversed(subjects), last.question)


def _headline(last: Turn) -> str:
    """The last answer where it is little more than a name."""
    text = re.sub(r"\s*\[\d+\]", "", last.answer_text).partition(";")[0].strip(" .")
    names = [name for name in _names(text) if not name[0].isdigit()]
    if not names or len(text.split()) > _NAME_LENGTH:
        return ""
    return names[0] if len(names) == 1 else " ".join(text.split())


def _names(text: str) -> list[str]:
    return [name for _, name in _named(text)]


def _named(text: str) -> list[tuple[str, str]]:
    """Runs of words with a capital or a digit that are no dates, each with the word before it."""
    runs = _runs(text, _is_name, ("of", "of the"))
    return [(before, run) for before, run in runs if not all(map(_DATE.fullmatch, _WORD.findall(run)))]


def _is_name(word: str) -> bool:
    plain = word.lower() in STOP_WORDS | _IMPERATIVES
    return not plain and any(c.isupper() or c.isdigit() for c in word)


def _runs(text: str, keep: Callable[[str], bool], glue: Collection[str]) -> list[tuple[str, str]]:
    """Runs of kept words with nothing or ``glue`` between them, each with the word before it, in lower case."""
    runs: list[tuple[str, int, int]] = []
    previous = ""
    for word in _WORD.finditer(text):
        if keep(word[0]):
            gap = text[runs[-1][2] : word.start()].strip().lower() if runs else "-"
            # "University of Turku" is one name, "CEO of Mistral" is not.
            joined = gap == "" or (gap in glue and not text[slice(*runs[-1][1:])].isupper())
            before, start = runs.pop()[:2] if joined else (previous, word.start())
            runs.append((before, start, word.end()))
        previous = word[0].lower()
    return [(before, text[start:end]) for before, start, end in runs]
