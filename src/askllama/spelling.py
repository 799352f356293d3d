"""A question in the spelling of the documents: "tiny llama", "gemini 1.5 pro", "relased" are TinyLlama, Gemini Pro 1.5
and released."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from askllama.words import is_name, is_stop_word, is_year

if TYPE_CHECKING:
    from spellchecker import SpellChecker

_PLAIN = r"[^\W_](?:\w*[^\W_])?"  # Markdown's underscores are no part of a word
_WORD = re.compile(rf"{_PLAIN}(?:[-.]{_PLAIN})*")
_PATH = re.compile(r"\.[^\W\d]")  # setup.py, example.com, U.S.
_JOINTS = re.compile(r"(?<!\d)[\s._-]+|[\s._-]+(?!\d)")  # 3.5 is not 35
_ACCENTS = re.compile("[\u0300-\u036f]")
_SHORTEST = 5  # letters of a word that is taken for a slip: of shorter ones too many differ in one letter

Spellings = Mapping[str, Counter[str]]


def respell(question: str, texts: Iterable[str], counts: Mapping[str, int]) -> str:
    """The question with names joined, parted, ordered and accented as in ``texts``, and slips of the pen mended.

    A slip is a word in lower case that no English dictionary knows and no passage of the corpus holds (``counts``, by
    word), while a text has one that differs in a single letter; a name must have the same letters but for one that is
    missing, doubled or misplaced, since Mixtral is not Mistral. What is typed with a capital is never taken for a slip.
    "LLaMA 1" is read as "LLaMA" where the texts have that and a LLaMA 2 or 3, but no LLaMA 1.
    """
    texts = list(texts)
    spellings = _collect(texts)
    question = _unnumber(_reorder(question, texts), spellings)
    respelled, done = "", 0
    for start, end in _units(question, spellings):
        typed = question[start:end]
        respelled += question[done:start] + _spell(typed, spellings, counts.get(typed, 1) == 0)
        done = end
    return respelled + question[done:]


def _reorder(question: str, texts: Iterable[str]) -> str:
    """The question with its versions in the order of the texts: "3.5 Sonnet" as "Sonnet 3.5"."""
    asked = sorted(_versions(question), key=len, reverse=True)
    if not asked:  # as most questions are
        return question
    known: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for text in texts:
        for run in _versions(text):
            if all(map(is_name, run.split())):
                known[_letters(run)][run] += 1
    for run in asked:
        forms = known.get(_letters(run), Counter())
        if forms and not any(_key(form) == _key(run) for form in forms):
            question = _replace(question, run, forms.most_common(1)[0][0])
    return question


def _versions(text: str) -> Iterator[str]:
    """Two or three words side by side of which one has a digit, but none is a year."""
    words = _words(text)
    for first, last in [*pairwise(words), *zip(words, words[2:], strict=False)]:
        run = text[first[0] : last[1]]
        if any(c.isdigit() for c in run) and not any(is_stop_word(w) or is_year(w) for w in run.split()):
            yield run


def _letters(run: str) -> tuple[str, ...]:
    return tuple(sorted(map(_key, run.split())))


def _unnumber(question: str, spellings: Spellings) -> str:
    """The question with first versions by the bare name: LLaMA, which only its successors have made LLaMA 1."""
    words = _words(question)
    for typed in [question[start:end] for start, end in [*_pairs(question, words), *words]]:
        if name := _first(typed, spellings):
            question = _replace(question, typed, name)
    return question


def _replace(question: str, typed: str, name: str) -> str:
    """The question with ``name`` for what is typed, but not in a longer word or number: Llama 1 is not in Llama 13."""
    return re.sub(rf"(?<!\w){re.escape(typed)}(?![-.]?\w)", lambda _: name, question)


def _first(typed: str, spellings: Spellings) -> str | None:
    """The bare name of what is typed with a 1, if the texts have that, and later numbers but no 1.

    Only a coined name is taken for that: there is no "War" beside World War 2.
    """
    bare = _key(typed).removesuffix("1")
    if bare == _key(typed) or not bare or bare[-1].isdigit() or _key(typed) in spellings:
        return None
    later = next((_usual(forms) for n in range(2, 10) if (forms := spellings.get(f"{bare}{n}"))), "")
    name = re.sub(r"[\s._-]*\d$", "", later)
    is_coined = any(c.isupper() for c in name[1:]) or name.lower() not in _dictionary()
    return name if name and is_coined and name in spellings.get(bare, ()) else None


def _collect(texts: Iterable[str]) -> Spellings:
    """How often each spelling of the same letters and digits occurs, of single words and of pairs."""
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text in texts:
        words = _words(text)
        for start, end in [*words, *_pairs(text, words)]:
            spellings[_key(text[start:end])][text[start:end]] += 1
    return spellings


def _words(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _WORD.finditer(text)]


def _pairs(text: str, words: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Two words side by side that may be one: neither is a stop word or a letter."""
    for (a, b), (c, d) in pairwise(words):
        first, second = text[a:b], text[c:d]
        parts = not any(is_stop_word(word) or (len(word) == 1 and word.isalpha()) for word in (first, second))
        if parts and text[b:c] == " ":
            yield a, d


def _units(question: str, spellings: Spellings) -> Iterator[tuple[int, int]]:
    """Words of the question, or two of them where the texts know them together."""
    words = _words(question)
    pairs = {a: d for a, d in _pairs(question, words) if _key(question[a:d]) in spellings}
    done = 0
    for start, end in words:
        if start >= done and not is_stop_word(question[start:end]):
            done = pairs.get(start, end)
            yield start, done


def _spell(typed: str, spellings: Spellings, is_unknown: bool) -> str:
    if not typed.isascii() or _PATH.search(typed):
        return typed
    found = spellings.get(_key(typed))
    if found is None:
        return _mend(typed, spellings) if is_unknown else typed
    if any(typed.lower() == form.lower() for form in found):
        return typed
    usual = _usual(found)
    # A hyphen makes a name another (GPT-4), but no other word.
    only_hyphen = usual.replace("-", " ").lower() == typed.replace("-", " ").lower() and not is_name(usual)
    return typed if only_hyphen else usual


def _mend(typed: str, spellings: Spellings) -> str:
    if len(typed) < _SHORTEST or not (typed.isalpha() and typed.islower()) or typed in _dictionary():
        return typed
    near: Counter[str] = Counter()
    for key in _dictionary().edit_distance_1(typed):
        if key[0] == typed[0] and (forms := spellings.get(key)):
            form = _usual(forms)
            same_letters = len(form) != len(typed) or sorted(form.lower()) == sorted(typed)
            if form.isalpha() and (same_letters or not all(map(is_name, forms))):
                near[form] += forms.total()
    return near.most_common(1)[0][0] if near else typed


def _usual(forms: Counter[str]) -> str:
    """The most common form; a word that only begins a sentence or a title in lower case."""
    form = forms.most_common(1)[0][0]
    plain = form.lower()
    if form != form.capitalize() or form == plain:
        return form
    return plain if plain in forms or all(word in _dictionary() for word in re.split("[- ]", plain)) else form


@cache
def _dictionary() -> SpellChecker:
    from spellchecker import SpellChecker

    return SpellChecker(distance=1)


def _key(text: str) -> str:
    """Letters and digits alone, in lower case and without accents."""
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", _JOINTS.sub("", text.lower())))
