"""Questions with the passages that askllama itself finds for them: the right ones and hard negatives.

``python -m training.mine --data ../shared/data/reading --out runs/mined.jsonl`` indexes the paragraphs of SQuAD and
SQuADShifts, and the documents of training/written, with askllama's own index, asks each question, and keeps what is
found. A reader trained on such groups gives scores that can be compared across passages (Clark and Gardner 2018).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from askllama import documents
from askllama.config import load_settings
from askllama.library import Library
from askllama.models.registry import load_tokenizer
from askllama.passages import cut
from askllama.splitter import make_split
from askllama.types import Passage
from training.examples import Example, Group, load_set
from training.written import WrittenDocument, load_documents, write_files

_WRITTEN = Path(__file__).parent / "written"
_HITS = 8
_SETS = ("squad", "squadshifts_new_wiki")


def save_groups(groups: Iterable[Group], path: Path) -> None:
    """Write groups as JSONL; the file appears whole or not at all."""
    partial = path.with_suffix(".part")
    with partial.open("w", encoding="utf-8") as lines:
        for group in groups:
            lines.write(json.dumps(asdict(group)) + "\n")
    partial.replace(path)


def load_groups(path: Path) -> list[Group]:
    """Read what save_groups wrote."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Group(_examples(row["right"]), _examples(row["wrong"]), row["written"]) for row in rows]


def _examples(rows: list[dict[str, Any]]) -> tuple[Example, ...]:
    return tuple(Example(**{**row, "answers": tuple(map(tuple, row["answers"]))}) for row in rows)


def mine_paragraphs(examples: list[Example], folder: Path) -> Iterator[Group]:
    """Answerable questions on paragraphs, with passages of other paragraphs that lack the answer."""
    names: dict[str, str] = {}
    for example in examples:
        if example.context not in names:
            names[example.context] = f"{len(names)}.md"
            text = f"# {example.heading}\n\n{example.context}\n"
            (folder / names[example.context]).write_text(text, encoding="utf-8")
    asked = {e.question: e for e in examples if e.answers}
    with _open(folder) as library:
        for example in asked.values():
            golds = {example.context[a:b].lower() for a, b in example.answers}
            found = (hit.passage for hit in library.search(example.question, _HITS))
            others = [p for p in found if Path(p.path).name != names[example.context]]
            yield Group((example,), _wrong(example.question, others, golds), written=False)


def mine_documents(written: list[WrittenDocument], folder: Path) -> Iterator[Group]:
    """Questions on written documents; what their own document holds is the hardest for those it does not answer."""
    files = list(write_files(written, folder))
    split = make_split(load_tokenizer())
    with _open(folder) as library:
        for path, document in files:
            passages = list(cut(documents.load(path), split))
            for question in document.questions:
                right = tuple(_right(question.text, question.answers, passages))
                golds = {document.text[a:b].lower() for a, b in question.answers}
                hits = [hit.passage for hit in library.search(question.text, _HITS)]
                hits.sort(key=lambda passage: Path(passage.path).name != path.name)
                yield Group(right, _wrong(question.text, hits, golds), written=True)


def _right(question: str, answers: tuple[tuple[int, int], ...], passages: list[Passage]) -> Iterator[Example]:
    for passage in passages:
        inside = [(a - passage.start, b - passage.start) for a, b in answers if passage.start <= a and b <= passage.end]
        if inside:
            yield Example(question, passage.text, tuple(inside), passage.heading_path)


def _wrong(question: str, passages: list[Passage], golds: set[str]) -> tuple[Example, ...]:
    without = (p for p in passages if not any(gold in p.text.lower() for gold in golds))
    return tuple(Example(question, p.text, (), p.heading_path) for p in without)


def _open(folder: Path) -> Library:
    settings = replace(load_settings({"corpus": [str(folder)]}), data=folder.with_suffix(".data"))
    library = Library.open(settings)
    library.sync()
    return library


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--paragraphs/--no-paragraphs", "with_paragraphs", default=True)
@click.argument("themes", nargs=-1)
def main(data: Path, out: Path, with_paragraphs: bool, themes: tuple[str, ...]) -> None:
    """Mine the groups and write them to OUT: of all THEMES of training/written, or of some."""
    sets = _SETS if with_paragraphs else ()
    paragraphs = [example for name in sets for example in load_set(data / "train" / f"{name}.jsonl.gz")]
    files = [path for path in sorted(_WRITTEN.glob("*.txt")) if not themes or path.stem.split("-")[0] in themes]
    written = [document for path in files for document in load_documents(path)]
    with tempfile.TemporaryDirectory() as name:
        first, second = Path(name, "paragraphs"), Path(name, "written")
        first.mkdir()
        second.mkdir()
        groups = [*(mine_paragraphs(paragraphs, first) if paragraphs else ()), *mine_documents(written, second)]
    out.parent.mkdir(parents=True, exist_ok=True)
    save_groups(groups, out)
    click.echo(f"{len(groups)} groups, {sum(g.written for g in groups)} of them written")


if __name__ == "__main__":
    main()
