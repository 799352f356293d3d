"""Reading-comprehension data -> a mixed, shuffled list of training examples.

Every function that draws takes a ``random.Random``, so a seed fixes the whole mix.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import log
from pathlib import Path
from random import Random
from typing import Any, TypeVar

_Item = TypeVar("_Item")

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\b\d[\d,.]*\b")
# A run of capitalised words that does not open the question: "Which city did Norman Foster build in?"
_NAME = re.compile(r"(?<=[a-z] )[A-Z][\w-]+(?: [A-Z][\w-]+)*")

# How often each set is passed over beside the groups; chosen for one epoch of about 9 million tokens with them.
PASSES: dict[str, float] = {
    "squad": 0.6,
    "squadshifts_new_wiki": 0.3,
    "squadshifts_amazon": 0.3,
    "fairytaleqa": 0.3,
    "policyqa": 0.2,
    "covidqa_para": 0.3,
    "tatqa_text": 0.5,
}
TITLED = {"squad", "squadshifts_new_wiki", "covidqa_para"}
QAMR_LISTS = 3_000
ARTICLE_NEGATIVES = 1_000
SWAPPED_NEGATIVES = 1_000
GROUPS = 5_000  # questions on paragraphs, each with one passage that answers and one that does not
OLDER = 0.15  # share of the written questions that runs before have seen
WRITTEN_NEGATIVES = 0.4  # share of the written questions that come with a passage found beside the right one


@dataclass(frozen=True, slots=True)
class Example:
    """A question on a context; ``answers`` holds (start, end) character spans, empty if unanswerable."""

    question: str
    context: str
    answers: tuple[tuple[int, int], ...]
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """One question on several passages: on each of ``right`` with its spans, on ``wrong`` without.

    ``written`` tells those on the documents of training/written from those on paragraphs.
    """

    right: tuple[Example, ...]
    wrong: tuple[Example, ...]
    written: bool


def load_set(path: Path) -> list[Example]:
    """Read one gzipped JSONL file of spans."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [_parse(json.loads(line)) for line in lines]


def _parse(row: dict[str, Any]) -> Example:
    spans = tuple((a["start"], a["start"] + len(a["text"])) for a in row["answers"])
    return Example(row["question"], row["context"], spans if row["answerable"] else (), row["title"])


def mix(folder: Path, random: Random) -> list[Example]:
    """All training examples that stand alone.

    Besides the sets themselves: QAMR sentences joined into lists (the shape of a timeline), hard
    negatives from the same article, and questions whose number or name was exchanged.
    """
    sets = {name: load_set(folder / f"{name}.jsonl.gz") for name in PASSES}
    examples: list[Example] = []
    for name, passes in PASSES.items():
        titled = sets[name] if name in TITLED else [replace(e, heading="") for e in sets[name]]
        examples += repeat(titled, passes, random)
    wiki = sets["squad"] + sets["squadshifts_new_wiki"]
    examples += sample(article_negatives(wiki, random), ARTICLE_NEGATIVES, random)
    examples += sample(swapped_questions(wiki, random), SWAPPED_NEGATIVES, random)
    examples += list_examples(load_set(folder / "qamr.jsonl.gz"), QAMR_LISTS, random)
    return [replace(drop_heading(e, random), question=misspell(e.question, random)) for e in examples]


def draw_groups(groups: list[Group], random: Random, older: Sequence[Group] = ()) -> list[tuple[Example, ...]]:
    """Mined groups as they are trained on: a passage that answers, where there is one, and a few that do not.

    Of the written questions among the ``older`` ones only a share is drawn.
    """
    paragraphs = [g for g in (*groups, *older) if not g.written and g.wrong]
    drawn = [_draw(g, random, negatives=True) for g in sample(paragraphs, GROUPS, random)]
    seen = [g for g in older if g.written]
    asked = (*groups, *sample(seen, int(len(seen) * OLDER), random))
    written = [g for g in asked if g.written and (g.right or g.wrong)]
    return drawn + [_draw(g, random, random.random() < WRITTEN_NEGATIVES) for g in written]


def _draw(group: Group, random: Random, negatives: bool) -> tuple[Example, ...]:
    question = misspell((group.right or group.wrong)[0].question, random)
    if not group.right:
        return (replace(group.wrong[0], question=question),)
    # The hits are in order: what is found first is the hardest.
    wrong = [random.choice(group.wrong[:2])] if negatives and group.wrong else []
    return tuple(replace(e, question=question) for e in (random.choice(group.right), *wrong))


def repeat(examples: list[Example], passes: float, random: Random) -> list[Example]:
    """``passes`` copies of the list; a fractional part is a random sample."""
    whole = int(passes)
    return examples * whole + random.sample(examples, int(len(examples) * (passes - whole)))


def sample(items: Iterable[_Item], count: int, random: Random) -> list[_Item]:
    """At most ``count`` of the items."""
    pool = list(items)
    return random.sample(pool, min(count, len(pool)))


def misspell(question: str, random: Random) -> str:
    """A question as it is typed in haste: no question mark, now and then two letters swapped or one missing."""
    if random.random() < 0.3:
        question = question.rstrip("?! ")
    places = [i for i in range(1, len(question) - 2) if question[i : i + 2].isalpha() and question[i - 1].isalpha()]
    if places and random.random() < 0.06:
        place = random.choice(places)
        first, second = question[place], question[place + 1]
        question = question[:place] + random.choice((second + first, second)) + question[place + 2 :]
    return question


def drop_heading(example: Example, random: Random) -> Example:
    """Passages come with and without a heading path, so the reader must read both."""
    return example if random.random() < 0.6 else replace(example, heading="")


def article_negatives(examples: list[Example], random: Random) -> Iterator[Example]:
    """For each answerable question the like-worded paragraph of the same article that lacks the answer."""
    paragraphs: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        paragraphs[example.heading].add(example.context)
    words = {c: words_of(c) for group in paragraphs.values() for c in group}
    frequency = Counter(word for bag in words.values() for word in bag)
    weight = {word: log(len(words) / count) for word, count in frequency.items()}
    for example in examples:
        others = sorted(
            c
            for c in paragraphs[example.heading] - {example.context}
            if not any(example.context[a:b].lower() in c.lower() for a, b in example.answers)
        )
        if example.answers and others:
            asked = words_of(example.question)
            others.sort(key=lambda c: -sum(weight[w] for w in asked & words[c]))
            yield replace(example, context=random.choice(others[:3]), answers=())


def words_of(text: str) -> frozenset[str]:
    """The lower-cased words of a text."""
    return frozenset(_WORD.findall(text.lower()))


def swapped_questions(examples: list[Example], random: Random) -> Iterator[Example]:
    """Questions made unanswerable: their number or name becomes one that the context does not hold."""
    names = sorted({n for e in examples for n in _NAME.findall(e.question)})
    for example in examples:
        for pattern in (_NUMBER, _NAME):
            found = [m for m in pattern.finditer(example.question) if m.group() in example.context]
            if not (example.answers and found):
                continue
            match = random.choice(found)
            other = _other_number(match.group(), random) if pattern is _NUMBER else random.choice(names)
            if other.lower() not in example.context.lower():
                question = example.question[: match.start()] + other + example.question[match.end() :]
                yield replace(example, question=question, answers=())


def _other_number(number: str, random: Random) -> str:
    digits = [i for i, c in enumerate(number) if c.isdigit()]
    place = random.choice(digits)
    digit = random.choice([d for d in "123456789" if d != number[place]])
    return number[:place] + digit + number[place + 1 :]


def list_examples(examples: list[Example], count: int, random: Random) -> Iterator[Example]:
    """Single sentences joined into bulleted or numbered lists; in a quarter the asked sentence is missing."""
    for example in random.sample(examples, count):
        others = [random.choice(examples).context.strip() for _ in range(random.randint(1, 4))]
        others = [o for o in others if o != example.context.strip()]
        missing = random.random() < 0.25
        place = random.randint(0, len(others))
        items = others if missing else [*others[:place], example.context, *others[place:]]
        style = random.choice(("- ", "* ", "1. ", ""))
        text, offset = "", 0
        for number, item in enumerate(items):
            text += f"{number + 1}. " if style == "1. " else style
            offset = len(text) if not missing and number == place else offset
            text += item + "\n"
        answers = () if missing else tuple((a + offset, b + offset) for a, b in example.answers)
        yield Example(example.question, text, answers)
