"""Retrieval collections -> folders to ask: ``python -m benchmarks.corpora ../shared/data/retrieval FOLDER``.

For each of squad, cranfield and med: one file per paragraph or abstract in ``documents/``, and ``questions.jsonl``
as ``askllama eval`` reads it; ``relevance`` in it holds the judges' grade of each file. ``squad/off_topic.jsonl``
holds the other collections' queries, which the SQuAD paragraphs do not answer.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

Row = dict[str, Any]

_CLASSIC = ("cranfield", "med")


def read_rows(path: Path) -> list[Row]:
    """The objects of a gzipped JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_relevance(path: Path) -> dict[str, dict[str, int]]:
    """File names and grades above 0 by query, from a gzipped table of query, document and grade."""
    relevance: defaultdict[str, dict[str, int]] = defaultdict(dict)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        next(lines)
        for query, document, grade in map(str.split, lines):
            if int(grade) > 0:
                relevance[query][f"{document}.txt"] = int(grade)
    return relevance


def write_corpus(data: Path, folder: Path, name: str) -> None:
    """The documents of one collection and its questions."""
    if name == "squad":
        write_documents(folder / name, squad_documents(data / name))
        write_questions(folder / name / "questions.jsonl", squad_questions(data / name))
        off_topic = (
            {"question": row["text"], "answerable": False} for other in _CLASSIC for row in queries(data, other)
        )
        write_questions(folder / name / "off_topic.jsonl", off_topic)
    else:
        texts = ((f"{row['_id']}.txt", f"{row['text']}\n") for row in read_rows(data / name / "corpus.jsonl.gz"))
        write_documents(folder / name, texts)
        write_questions(folder / name / "questions.jsonl", classic_questions(data, name))


def squad_documents(data: Path) -> Iterator[tuple[str, str]]:
    """One Markdown file per paragraph, under its article's title."""
    for row in read_rows(data / "passages.jsonl.gz"):
        yield f"{row['id']}.md", f"# {row['title']}\n\n{row['text']}\n"


def squad_questions(data: Path) -> Iterator[Row]:
    """Questions whose source is the one paragraph that they were asked about."""
    for row in read_rows(data / "questions.jsonl.gz"):
        file = f"{row['passage']}.md"
        kept = {key: row[key] for key in ("question", "answers", "answerable")}
        yield {**kept, "source": [file], "relevance": {file: 1}}


def queries(data: Path, name: str) -> list[Row]:
    """The queries of a classic collection."""
    return read_rows(data / name / "queries.jsonl.gz")


def classic_questions(data: Path, name: str) -> Iterator[Row]:
    """Queries whose sources are the abstracts that judges found relevant; nobody wrote down answers."""
    relevance = read_relevance(data / name / "qrels.tsv.gz")
    for row in queries(data, name):
        grades = relevance[row["_id"]]
        yield {"question": row["text"], "answerable": True, "source": list(grades), "relevance": grades}


def write_documents(folder: Path, documents: Iterable[tuple[str, str]]) -> None:
    """Each text under its file name."""
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    for name, text in documents:
        (folder / "documents" / name).write_text(text, encoding="utf-8")


def write_questions(path: Path, rows: Iterable[Row]) -> None:
    """One object a line."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@click.command()
@click.argument("data", type=click.Path(path_type=Path, exists=True))
@click.argument("folder", type=click.Path(path_type=Path))
def main(data: Path, folder: Path) -> None:
    """Write the collections in DATA below FOLDER."""
    for name in ("squad", *_CLASSIC):
        write_corpus(data, folder, name)


if __name__ == "__main__":
    main()
