"""A statement and its sources -> where they say opposite things with the same words; pure.

Words that all occur in the sources can still be put together wrongly. What is looked for: "not" that was put in or left
out, "more than" for "less than", a word for its opposite, a figure or date of another thing, and who did it to whom.
Each is a contradiction only where the sources say otherwise, so that what they put in other words may stand. What a
sentence says between the lines stays unseen, as do relations between more than two things.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import chain, takewhile

from askllama.claims import Word, find_words, stem
from askllama.evidence import sentences
from askllama.roles import Sentence, find_roles, is_same_name, meets

_NEGATORS = frozenset("not no never without unlike lack lacks lacked neither nor none".split())
_REFUSALS = frozenset(map(stem, "fail refuse deny reject ban prevent prohibit stop avoid miss instead rather".split()))
_HEDGES = frozenset("only just merely simply necessarily".split())  # "not only X but also Y" affirms X
_CONTRASTS = frozenset("but until before unless".split())  # "not in 2023 but in 2024", "not before 2024"
_SCOPE = 2  # words that a negation denies
_COPIED = 0.8  # the share of a statement's words, in their order, that makes it a copy
_SHORTEST_COPY = 4  # words

# Strictly above, at least, strictly below, at most: which of them a source must say for which.
_BOUND = (
    ("≤", r"no (?:more|greater|larger|longer) than|at most|up to|not more than|not exceed\w*|maximum of"),
    ("≥", r"no (?:less|fewer) than|not less than|at least|minimum of|or more"),
    (">", r"(?:more|greater|larger|bigger|higher|longer) than|over|above|exceed\w*|beyond|upwards of"),
    ("<", r"(?:less|fewer|smaller|lower|shorter) than|under|below|nearly|almost"),
)
_BOUNDS = [(sign, re.compile(rf"(?:^| )(?:{words}) (?:[a-z]+ )?$")) for sign, words in _BOUND]
_IMPLIED_BY = {"<": {"<"}, ">": {">"}, "≤": {"<", "≤"}, "≥": {">", "≥"}}

_PAIRS = """
    more less, more fewer, most least, larger smaller, bigger smaller, faster slower, higher lower, older newer,
    older younger, longer shorter, stronger weaker, heavier lighter, better worse, best worst, cheaper dearer,
    first last, before after, over under, early late, earlier later, above below, increase decrease, rise fall,
    rose fell, grow shrink, grew shrank, gain lose, win lose, won lost, buy sell, bought sold, open closed,
    accept reject, succeed fail, success failure, support oppose, allow forbid, allow ban, begin end, began ended,
    start stop, always never, all none, public private, free paid, legal illegal, possible impossible,
    north south, east west, minimum maximum, majority minority, import export, admit deny, confirm deny,
    approve reject, strengthen weaken, improve worsen, accelerate slow, encode decode, upload download, cause prevent
"""
_COMMON = frozenset(
    "more most less before after all over under".split()
)  # they stand everywhere, so their absence says little


def find_contradiction(statement: str, sources: Iterable[str]) -> str:
    """What the sources say otherwise, as one phrase; empty where nothing is found."""
    said = _join_names(find_words(statement))
    cited = [_join_names(find_words(text[low:high])) for text in sources for low, high in sentences(text)]
    checks: tuple[Callable[[Sentence, Sequence[Sentence]], str], ...]
    checks = (_negation, _bounds, _opposites, _nouns_of_numbers, _owners_of_numbers, _roles, _copy)
    return next(filter(None, (check(said, cited) for check in checks)), "")


def _join_names(words: Iterable[Word]) -> list[Word]:
    """The words with each run of names as one: Arthur Mensch."""
    joined: list[Word] = []
    for word in words:
        if joined and word.is_name and joined[-1].is_name and joined[-1].clause == word.clause:
            first = joined.pop()
            word = replace(word, written=f"{first.written} {word.written}", sought=f"{first.sought} {word.sought}")
        joined.append(word)
    return joined


def _negation(said: Sentence, cited: Sequence[Sentence]) -> str:
    """A "not" that was put in or left out."""
    denied = [scope for scope, _ in _denials(said)]
    theirs = [denial for sentence in cited for denial in _denials(sentence)]
    if denied:
        negated = {word.sought for scope, _ in theirs for word in scope}
        refused = any(word.sought in _REFUSALS for sentence in cited for word in sentence)
        turned = {other for word in chain(*denied) for other in _OPPOSITES.get(word.sought, ())}
        if not refused and not negated & {w.sought for w in chain(*denied)} and not turned & _all_sought(cited):
            return "“not” is not in what it cites"
        return ""
    affirmed = {word.sought for word in said}
    for scope, contrasted in theirs:
        sought = {word.sought for word in scope}
        if not contrasted and sought <= affirmed and not any(_affirms(s, sought) for s in cited):
            return f"what it cites denies “{' '.join(word.written for word in scope)}”"
    return ""


def _denials(sentence: Sentence) -> Iterator[tuple[list[Word], bool]]:
    """The words behind each negation, and whether a contrast takes the denial back."""
    for place, word in enumerate(sentence):
        rest = [w for w in sentence[place + 1 :] if w.clause == word.clause]
        scope = [w for w in rest if w.claims][:_SCOPE]
        # "No. 5" denies nothing.
        if scope and word.written.lower() in _NEGATORS and rest[0].written.lower() not in _HEDGES:
            yield scope, any(w.written.lower() in _CONTRASTS for w in sentence[place + 1 :])


def _affirms(sentence: Sentence, sought: set[str]) -> bool:
    denied = {word.sought for scope, _ in _denials(sentence) for word in scope}
    return sought <= _all_sought([sentence]) - denied


def _bounds(said: Sentence, cited: Sequence[Sentence]) -> str:
    """A figure of which more is said than the sources do: "over 7" of "up to 7"."""
    theirs = [pair for sentence in cited for pair in _bounded(sentence)]
    for number, sign in _bounded(said):
        given = {other for word, other in theirs if word.sought == number.sought}
        if sign and given and not given & _IMPLIED_BY[sign]:
            return f"what it cites does not say “{sign} {number.written}”"
        if not sign and given and "" not in given and given <= {"<", ">"}:
            return f"what it cites says “{min(given)} {number.written}”"
    return ""


def _bounded(sentence: Sentence) -> Iterator[tuple[Word, str]]:
    for place, word in enumerate(sentence):
        if word.is_number and not word.is_month:
            before = " ".join(w.written.lower() for w in sentence[max(0, place - 5) : place] if w.clause == word.clause)
            yield word, next((sign for sign, words in _BOUNDS if words.search(f"{before} ")), "")


def _opposites(said: Sentence, cited: Sequence[Sentence]) -> str:
    """A word where the sources have its opposite."""
    theirs = _all_sought(cited)
    roles = [role for sentence in cited for role in find_roles(sentence)]
    ours = [role.turned for role in find_roles(said)]
    for word in said:
        turned = _OPPOSITES.get(word.sought, set()) & theirs
        if turned and word.sought not in theirs and word.sought not in _COMMON:
            # "A is larger than B" says what "B is smaller than A" says.
            mirrored = any(other.verb in turned and other.has(role) for other in roles for role in ours)
            if not mirrored and not any(_denials(said)):
                return f"{word.written} is the opposite of what it cites"
    return ""


def _nouns_of_numbers(said: Sentence, cited: Sequence[Sentence]) -> str:
    """A figure that counts one thing in the sources and another in the statement."""
    theirs = [pair for sentence in cited for pair in _counted(sentence)]
    for number, nouns in _counted(said):
        same = [found for word, found in theirs if word.sought == number.sought]
        other = {noun for word, found in theirs if word.sought != number.sought for noun in found[:1]}
        if nouns and same and all(same) and not any(set(nouns) & set(found) for found in same) and nouns[0] in other:
            return f"{number.written} is not the number of {nouns[0]} in what it cites"
    return ""


def _counted(sentence: Sentence) -> Iterator[tuple[Word, list[str]]]:
    """Each figure with the words right behind it, of which one is what it counts."""
    for place, word in enumerate(sentence):
        dated = _is_year(word) or (place and sentence[place - 1].is_month)
        if word.is_number and not word.is_month and not dated:
            behind = (w for w in sentence[place + 1 : place + 4] if w.clause == word.clause)
            yield word, [w.sought for w in takewhile(lambda w: w.claims and not w.is_number, behind)]


def _owners_of_numbers(said: Sentence, cited: Sequence[Sentence]) -> str:
    """A figure or date that the sources give to another thing, and another one to this thing."""
    ours = [(owner, number) for number, owner in _owned(said) if owner]
    for owner, number in ours:
        given = False
        taken = ""
        for sentence in cited:
            pairs = [(n, o) for n, o in _owned(sentence) if o and _kind(n) == _kind(number)]
            holders = [o for n, o in pairs if n.sought == number.sought]
            given = given or any(is_same_name(o, owner) for o in holders)
            mine = any(is_same_name(o, owner) and n.sought != number.sought for n, o in pairs)
            if holders and mine and not any(is_same_name(o, w.sought) for o in holders for w in said if w.is_name):
                taken = taken or holders[0]
        if taken and not given:
            return f"{number.written} belongs to another name in what it cites"
    return ""


def _owned(sentence: Sentence) -> Iterator[tuple[Word, str]]:
    """Each number with the nearest name before it, else the first behind it."""
    names = [(place, word.sought) for place, word in enumerate(sentence) if word.is_name]
    for place, word in enumerate(sentence):
        if word.is_number:
            before = [name for where, name in names if where < place]
            yield word, before[-1] if before else next((name for _, name in names), "")


def _roles(said: Sentence, cited: Sequence[Sentence]) -> str:
    """Who did it, and to whom, the other way round, or somebody else's deed."""
    theirs = [role for sentence in cited for role in find_roles(sentence)]
    for role in find_roles(said):
        same = [other for other in theirs if other.verb == role.verb]
        if not role.sure or any(other.has(role) for other in same):
            continue
        if any(other.has(role.turned) for other in same):
            return f"what it cites says “{role.verb}” the other way round"
        if any(other.sure and meets(other.patients, role.patients) for other in same):
            return f"“{role.verb}” has another subject in what it cites"
    return ""


def _copy(said: Sentence, cited: Sequence[Sentence]) -> str:
    """A sentence copied word for word but for a "not", an opposite, or names or figures in each other's places."""
    copies = [(_align(said, source), source) for source in cited]
    pairs, source = max(copies, key=lambda copy: _likeness(said, *copy), default=([], []))
    if len(said) < _SHORTEST_COPY or len(pairs) < _COPIED * len(said):
        return ""
    original = source[pairs[0][1] : pairs[-1][1] + 1]
    contrasted = any(contrast for _, contrast in _denials(source))
    if not contrasted and (len([*_denials(said)]) - len([*_denials(original)])) % 2:
        return "a “not” more or less than in what it cites"
    matched = {there for _, there in pairs}
    left = {word.sought for place, word in enumerate(source) if place not in matched}
    turned = [word for word in said if left & _OPPOSITES.get(word.sought, set())]
    moved = [said[here] for here, there in pairs if _is_exchanged(said, source, here, there)]
    # "A is larger than B" says what "B is smaller than A" says.
    if turned and not moved:
        return f"{turned[0].written} is the opposite of what it cites"
    return f"{moved[0].written} stands in another place in what it cites" if moved and not turned else ""


def _align(said: Sentence, source: Sentence) -> list[tuple[int, int]]:
    """The places of words that both have in the same order, where any name stands for any other, as figures do."""
    matcher = SequenceMatcher(None, _place_holders(said), _place_holders(source), autojunk=False)
    return [(block.a + n, block.b + n) for block in matcher.get_matching_blocks() for n in range(block.size)]


def _place_holders(sentence: Sentence) -> list[str]:
    held = ["A" if word.is_name else _kind(word).upper() if word.is_number else word.sought for word in sentence]
    dated = [place for place, word in enumerate(sentence) if word.is_month]
    return ["DAY" if kind == "COUNT" and {n - 1, n + 1} & {*dated} else kind for n, kind in enumerate(held)]


def _likeness(said: Sentence, pairs: list[tuple[int, int]], source: Sentence) -> tuple[int, int]:
    return len(pairs), sum(said[here].sought == source[there].sought for here, there in pairs)


def _is_exchanged(said: Sentence, source: Sentence, here: int, there: int) -> bool:
    """Whether a name or figure stands where the source has another, which stands elsewhere in both."""
    mine, theirs = said[here], source[there]
    if not mine.exact or is_same_name(mine.sought, theirs.sought) or all(word.sought != theirs.sought for word in said):
        return False
    home = next((place for place, word in enumerate(source) if word.sought == mine.sought), None)
    return home is not None and not _is_list(source[min(home, there) + 1 : max(home, there)])


def _is_list(between: Sentence) -> bool:
    """Whether names with these words between them are parts of one list, whose order says nothing."""
    return all(word.is_name or word.written.lower() in ("and", "or") for word in between)


def _is_year(word: Word) -> bool:
    return bool(re.fullmatch(r"1[5-9]\d\d|20\d\d", word.sought))


def _kind(word: Word) -> str:
    if word.is_month or _is_year(word):
        return "month" if word.is_month else "year"
    return word.sought.rpartition(" ")[2] if " " in word.sought else "count"


def _all_sought(cited: Iterable[Sentence]) -> set[str]:
    return {word.sought for sentence in cited for word in sentence}


def _pair_up() -> dict[str, set[str]]:
    opposites: dict[str, set[str]] = {}
    for pair in _PAIRS.split(","):
        one, other = map(stem, pair.split())
        opposites.setdefault(one, set()).add(other)
        opposites.setdefault(other, set()).add(one)
    return opposites


_OPPOSITES = _pair_up()
