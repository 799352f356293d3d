from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest

from askllama import documents
from askllama.models.registry import load_tokenizer
from askllama.passages import cut
from askllama.splitter import LONGEST, TOKENS, blocks, make_split
from askllama.types import Document, Passage

BUILT_IN = sorted((Path(__file__).parents[1] / "corpus").glob("*.md"))


def passages_of(document: Document) -> list[Passage]:
    return list(cut(document, make_split(load_tokenizer())))


def document(text: str, format_: str = "text") -> Document:
    return Document("d", "d", format_, text, "")


def check(document: Document, passages: list[Passage]) -> None:
    lines = document.text.split("\n")
    for passage in passages:
        assert document.text[passage.start : passage.end] == passage.text == passage.text.strip()
        assert len(load_tokenizer().encode(passage.text, add_special_tokens=False).ids) <= TOKENS[1]
        assert passage.text.split("\n")[0] in lines[passage.first_line - 1]
        assert passage.text.split("\n")[-1] in lines[passage.last_line - 1]
    assert all(a.end <= b.start for a, b in pairwise(passages))


@pytest.mark.parametrize("path", BUILT_IN, ids=lambda p: p.stem)
def test_passages_are_slices_and_lose_nothing(path: Path) -> None:
    loaded = documents.load(path)
    passages = passages_of(loaded)
    check(loaded, passages)
    rest = list(loaded.text)
    for span in [
        (0, loaded.body),
        *((h.offset, h.end) for h in loaded.headings),
        *((p.start, p.end) for p in passages),
    ]:
        rest[span[0] : span[1]] = " " * (span[1] - span[0])
    assert "".join(rest).strip() == ""


def test_heading_paths_follow_the_levels(folder: Path) -> None:
    path = folder / "page.md"
    path.write_text("before\n\n# A\n\none\n\n### B\n\ntwo\n\n## C\n\nthree\n\n# D\n\nfour\n")
    found = [(p.text, p.headings, p.first_line) for p in passages_of(documents.load(path))]
    assert found == [
        ("before", (), 1),
        ("one", ("A",), 5),
        ("two", ("A", "B"), 9),
        ("three", ("A", "C"), 13),
        ("four", ("D",), 17),
    ]


def test_list_items_stay_whole(folder: Path) -> None:
    items = [
        f"- {year}: " + f"In the year {year} something of note took place somewhere. " * 3 for year in range(1990, 2010)
    ]
    path = folder / "list.md"
    path.write_text("# Years\n\n" + "\n".join(items) + "\n")
    passages = passages_of(documents.load(path))
    assert len(passages) > 3
    assert all(p.text.startswith("- ") for p in passages)
    assert sum(p.text.count("- ") for p in passages) == len(items)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t\n",
        "x" * 5000,
        "word " * 2000,
        "é" * 300 + "\r\n" * 50 + "日本語のテキスト。" * 200,
        "a\n\n\n\nb",
        "👩‍👩‍👧‍👦 " * 400,
    ],
)
def test_odd_texts(text: str) -> None:
    loaded = document(text)
    check(loaded, passages_of(loaded))


def test_random_texts_are_cut_into_slices() -> None:
    draw = random.Random(1)
    for _ in range(30):
        text = "".join(draw.choice("ab é\n\r\t#-*.0日`|>") for _ in range(draw.randint(1, 800)))
        for format_ in ("text", "markdown"):
            loaded = document(text, format_)
            check(loaded, passages_of(loaded))


def test_headings_with_nothing_below_are_passages(folder: Path) -> None:
    path = folder / "page.md"
    path.write_text("# Ferries\n\n## Leaves at noon\n\n## Returns\n\nat six\n\n## Last\n")
    assert [p.text for p in passages_of(documents.load(path))] == ["## Leaves at noon", "at six", "## Last"]


def test_text_without_breaks_stays_small_and_quick() -> None:
    loaded = document("x" * 100_000)
    passages = passages_of(loaded)
    check(loaded, passages)
    assert max(len(p.text) for p in passages) <= LONGEST
    assert "".join(p.text for p in passages) == loaded.text


def test_blocks_end_where_the_text_breaks() -> None:
    text = ("A sentence of some words. " * 30 + "\n\n") * 20
    ends = [end for _, end in blocks(text)]
    assert ends[-1] == len(text)
    assert all(text[:end].endswith("\n\n") for end in ends)


def test_pages_are_numbered() -> None:
    loaded = Document("d", "d", "text", "first page\n\nsecond page", "", pages=(0, 12))
    (passage,) = passages_of(loaded)
    assert passage.page == 1
