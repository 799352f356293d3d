"""The words of a sentence -> who did what to whom, told by word order; pure.

"A bought B", "B was bought by A" and "A is larger than B" each have a first and a second side. Only names count, so
that what a sentence says of "the company" or "it" stays unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from askllama.claims import Word

Sentence = Sequence[Word]

_AUXILIARY = frozenset(
    "is are was were be been being has have had will would can could may might did does do also later then once first "
    "now recently originally who which that".split()
)
_PREPOSITIONS = frozenset("of at in from by for with to on near".split())
_VERB = re.compile(
    r"\w{2,}ed|beats?|beaten|bought|buys|sold|sells|makes?|made|builds?|built|uses|leads?|led|wrote|written|writes|won|wins"
    r"|lost|loses|took|taken|takes|gave|given|gives|founds?|owns|sued|sues|taught|teaches|runs|ran|outperforms|trails"
    r"|overtook|overtaken|overtakes|supports|supplies|funds|acquires|releases|publishes|creates|trains|employs|hires"
    r"|replaces|succeeds|follows|precedes"
)
_COMPARATIVE = re.compile(r"\w{3,}er|better|worse|more|less")


@dataclass(frozen=True, slots=True)
class Role:
    """Agents, verb and patients, or the sides of a comparison; ``sure`` where the agents stand right by the verb."""

    agents: tuple[str, ...]
    verb: str
    patients: tuple[str, ...]
    sure: bool = True

    @property
    def turned(self) -> Role:
        """The same the other way round."""
        return Role(self.patients, self.verb, self.agents, self.sure)

    def has(self, other: Role) -> bool:
        """Whether each side of another role has a name in common with this one's."""
        return meets(self.agents, other.agents) and meets(self.patients, other.patients)


def meets(some: Sequence[str], others: Sequence[str]) -> bool:
    """Whether a name of the one is a name of the other."""
    return any(is_same_name(one, other) for one in some for other in others)


def is_same_name(one: str, other: str) -> bool:
    """Whether two names can be one: Mixtral is Mixtral 8x7B."""
    few, many = sorted((one.split(), other.split()), key=len)
    return set(few) <= set(many)


def find_roles(sentence: Sentence) -> Iterator[Role]:
    """Every verb or comparison that has names on both sides."""
    for place, word in enumerate(sentence):
        lower = word.written.lower()
        compared = bool(_COMPARATIVE.fullmatch(lower))
        if word.exact or not (compared or _VERB.fullmatch(lower)):
            continue
        behind = [n for n in range(place + 1, len(sentence)) if sentence[n].clause == word.clause]
        link = next((n for n in behind if sentence[n].written.lower() in ("than", "by")), None)
        passive = link is not None and sentence[link].written.lower() == "by"
        if compared and (link is None or passive):
            continue
        first, sure = _find_before(sentence, place)
        second = _find_after(sentence, behind if link is None else [n for n in behind if n > link])
        if first and second:
            yield Role(second, word.sought, first, sure) if passive else Role(first, word.sought, second, sure)


def _find_before(sentence: Sentence, place: int) -> tuple[tuple[str, ...], bool]:
    """The names before a verb, and whether they stand right before it as its subject."""
    before = place - 1
    while before >= 0 and _is_auxiliary(sentence[before]):
        before -= 1
    if before >= 0 and sentence[before].is_name:
        names, start = _list_back(sentence, before)
        led = start > 0 and sentence[start - 1].written.lower() in _PREPOSITIONS
        return names, sentence[before].clause == sentence[place].clause and not led
    # "Mixtral, which is small and beats LLaMA": the nearest name may be the subject.
    nearest = next((n for n in range(before, -1, -1) if _is_thing(sentence, n)), None)
    return ((sentence[nearest].sought,) if nearest is not None else ()), False


def _list_back(sentence: Sentence, place: int) -> tuple[tuple[str, ...], int]:
    """The names of the list that ends at a place, and where it begins."""
    names = [sentence[place].sought]
    start = place
    while start > 0 and (sentence[start - 1].is_name or sentence[start - 1].written.lower() in ("and", "or")):
        start -= 1
        if sentence[start].is_name:
            names.append(sentence[start].sought)
    return tuple(names), start


def _find_after(sentence: Sentence, behind: Sequence[int]) -> tuple[str, ...]:
    """The first name behind a verb, with those of its list."""
    names: list[str] = []
    for place in behind:
        if _is_thing(sentence, place):
            names.append(sentence[place].sought)
        elif names and sentence[place].written.lower() not in ("and", "or"):
            break
    return tuple(names)


def _is_thing(sentence: Sentence, place: int) -> bool:
    """Whether a word is a name and no unit: the GB of 90 GB."""
    return sentence[place].is_name and not (place and sentence[place - 1].is_number)


def _is_auxiliary(word: Word) -> bool:
    return word.written.lower() in _AUXILIARY or (word.written.endswith("ly") and not word.exact)
