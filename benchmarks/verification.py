"""The verifier on claims that people judged: ``python -m benchmarks.verification CLAIMS.jsonl.gz``.

WiCE (Kamoi et al. 2023): sentences of Wikipedia, the page each cites, and whether that supports it wholly, in part or
not. A claim counts as supported only where it is wholly; the verifier sees the sentences that people pointed out, the
five sentences with most of the claim's words, or the whole page. Then the sentences of the pages as statements about
themselves: as they are, and with one change each that makes them say something else in nearly the same words.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from askllama.citations import find_fault, measure_cover
from askllama.evaluation.metrics import auroc

Row = dict[str, Any]
_NEAREST = 5
_NAME = re.compile(r"(?<=[a-z] )[A-Z][a-z]{3,}(?: [A-Z][a-z]+)*")
_NUMBER = re.compile(r"(?<![\w.,:/-])[1-9]\d*(?![\w.,:/-])")
_TURNS = [("more than", "less than"), ("at least", "at most"), ("over ", "under "), ("after", "before")]


def gold(row: Row) -> list[list[str]]:
    """The sets of sentences that people pointed out, each with the page's title; nothing but the title where none."""
    page = row["evidence_sentences"]
    return [[page[0], *(page[place] for place in places)] for places in row["supporting_sentences"]] or [[page[0]]]


def nearest(row: Row) -> list[list[str]]:
    """The title and the sentences with most of the claim's words."""
    page = row["evidence_sentences"]
    ranked = sorted(page[1:], key=lambda sentence: -measure_cover(row["claim"], [sentence]))
    return [[page[0], *ranked[:_NEAREST]]]


def whole(row: Row) -> list[list[str]]:
    """The whole page."""
    return [row["evidence_sentences"]]


def judge(row: Row, sources: list[list[str]]) -> tuple[str, float]:
    """The first fault that no set of sources takes away ("" where one supports the claim), and the best cover."""
    faults = [find_fault(row["claim"], texts) for texts in sources]
    return min(faults, key=bool), max(measure_cover(row["claim"], texts) for texts in sources)


def measure(name: str, rows: Sequence[Row], find: Callable[[Row], list[list[str]]]) -> None:
    """Print one line of figures: what the verifier lets pass against what people call supported."""
    judged = [judge(row, find(row)) for row in rows]
    passed = np.array([not fault for fault, _ in judged])
    true = np.array([row["label"] == "supported" for row in rows])
    right = (passed & true).sum()
    area = auroc([(cover, bool(label)) for (_, cover), label in zip(judged, true, strict=True)])
    print(
        f"{name:<22} accuracy {np.mean(passed == true):.3f}  precision {right / max(1, passed.sum()):.3f}"
        f"  recall {right / true.sum():.3f}  AUROC of cover {area:.3f}"
    )
    for label in ("supported", "partially_supported", "not_supported"):
        faults = [kind(fault) for (fault, _), row in zip(judged, rows, strict=True) if row["label"] == label]
        print(f"    {label:<20} {', '.join(f'{n} {fault}' for fault, n in Counter(faults).most_common())}")


def kind(fault: str) -> str:
    """A fault without what is particular to the statement."""
    return re.sub(r"^\S+(?: \S+)? (?=is |belongs)|“[^”]*”|(?<=number of )\S+", "…", fault) or "pass"


def swap(sentence: str, things: re.Pattern[str]) -> str:
    """The sentence with its first two different things exchanged; empty where it has none."""
    found = list(things.finditer(sentence))
    second = next((other for other in found if other[0] != found[0][0]), None)
    if second is None:
        return ""
    first = found[0]
    between = sentence[first.end() : second.start()]
    return sentence[: first.start()] + second[0] + between + first[0] + sentence[second.end() :]


def turn(sentence: str) -> str:
    """The sentence with a bound or an order turned round; empty where it has none."""
    pairs = (pair for one, other in _TURNS for pair in ((one, other), (other, one)))
    return next((sentence.replace(one, other, 1) for one, other in pairs if f" {one}" in sentence), "")


CHANGES: dict[str, Callable[[str], str]] = {
    "as they are": str,
    "another number": lambda s: _NUMBER.sub(lambda number: str(int(number[0]) + 1), s, count=1),
    "another name": lambda s: _NAME.sub("Quibblethorpe", s, count=1),
    "with a not": lambda s: re.sub(r"\b(is|was|are|were|will|can|has|had)\b", r"\1 not", s, count=1),
    "bounds turned": turn,
    "numbers exchanged": lambda s: swap(s, _NUMBER),
    "names exchanged": lambda s: swap(s, _NAME),
}


def measure_lies(rows: Sequence[Row]) -> None:
    """Print how many sentences of each kind there are, and the share that the verifier finds unsupported."""
    last = {texts[-1] for row in rows for texts in gold(row)}
    truths = [text for text in sorted(last) if 5 < len(text.split()) < 40 and text[0].isalpha() and text[-1] == "."]
    for name, change in CHANGES.items():
        pairs = [(lie, truth) for truth in truths if (lie := change(truth)) and (lie != truth or change is str)]
        found = np.mean([bool(find_fault(lie, [truth])) for lie, truth in pairs])
        print(f"{name:<22} {len(pairs):>4} statements, {found:.3f} found unsupported")


def main() -> None:
    """All figures for one file of claims."""
    with gzip.open(Path(sys.argv[1]), "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    measure("gold sentences", rows, gold)
    measure(f"{_NEAREST} nearest sentences", rows, nearest)
    measure("whole page", rows, whole)
    measure_lies(rows)


if __name__ == "__main__":
    main()
