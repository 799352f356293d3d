"""What the benchmarks compute, on collections small enough to work out by hand."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import pytest

from askllama.evaluation.questions import Question, read_questions
from benchmarks.corpora import write_corpus
from benchmarks.ranking import first_relevant, ndcg


def test_ndcg_takes_grades_as_gains() -> None:
    grades = {"a": 3, "b": 1}
    assert ndcg(["a", "b"], grades) == 1
    assert ndcg(["b", "x", "a"], grades) == pytest.approx((1 + 3 / 2) / (3 + 1 / math.log2(3)))
    assert ndcg(["x"] * 10 + ["a"], grades) == 0


def test_the_first_relevant_file_counts_within_ten() -> None:
    assert first_relevant(["x", "a", "b"], {"a": 1, "b": 1}) == 2
    assert first_relevant([str(n) for n in range(10)] + ["a"], {"a": 1}) == math.inf


def write_rows(path: Path, *rows: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One document and one question of each collection."""
    data = tmp_path / "data"
    write_rows(data / "squad" / "passages.jsonl.gz", {"id": "p1", "title": "Oil", "text": "It began in 1973."})
    question = {"question": "When?", "answers": ["1973"], "answerable": True, "passage": "p1", "id": "7"}
    write_rows(data / "squad" / "questions.jsonl.gz", question)
    for name in ("cranfield", "med"):
        write_rows(data / name / "corpus.jsonl.gz", {"_id": "1", "title": "wings", "text": "wings in a slipstream"})
        write_rows(data / name / "queries.jsonl.gz", {"_id": "q", "text": f"what of wings, {name}?"})
        table = b"query-id\tcorpus-id\tscore\nq\t1\t3\nq\t2\t0\n"
        (data / name / "qrels.tsv.gz").write_bytes(gzip.compress(table))
    return data


def test_collections_become_documents_and_question_sets(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_corpus(data, out, "squad")
    write_corpus(data, out, "med")
    assert (out / "squad" / "documents" / "p1.md").read_text() == "# Oil\n\nIt began in 1973.\n"
    assert read_questions(out / "squad" / "questions.jsonl") == [Question("When?", ("1973",), True, source=("p1.md",))]
    off_topic = [Question(f"what of wings, {name}?", (), False) for name in ("cranfield", "med")]
    assert read_questions(out / "squad" / "off_topic.jsonl") == off_topic
    assert (out / "med" / "documents" / "1.txt").read_text() == "wings in a slipstream\n"
    assert read_questions(out / "med" / "questions.jsonl") == [
        Question("what of wings, med?", (), True, source=("1.txt",))
    ]
    assert json.loads((out / "med" / "questions.jsonl").read_text())["relevance"] == {"1.txt": 3}
