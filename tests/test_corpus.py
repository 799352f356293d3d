"""The whole tool over the built-in corpus: every question of questions.jsonl, as a user would ask it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from askllama.library import Library
from askllama.types import Answer, Citation

# No constant is fitted on these, but rules, threshold and the wording of the corpus were chosen in sight of both.
# fresh.jsonl and kinds.jsonl, which are harder, unseen.jsonl, and blind.jsonl, whose misses nobody has looked at, are
# for `askllama eval` alone.
SETS = ("questions.jsonl", "held_out.jsonl")


@dataclass(frozen=True, slots=True)
class Case:
    question: str
    answers: tuple[str, ...]
    answerable: bool
    source: tuple[str, ...]


@pytest.fixture(scope="module", params=SETS)
def asked(real_library: Library, request: pytest.FixtureRequest) -> list[tuple[Case, Answer]]:
    lines = Path(__file__).with_name(request.param).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    cases = [Case(r["question"], tuple(r["answers"]), r["answerable"], tuple(r["source"])) for r in rows]
    return [(case, real_library.ask(case.question)) for case in cases]


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def is_right(case: Case, answer: Answer) -> bool:
    """The headline or the first quote holds an answer, and the first citation names a file that holds one."""
    if not answer.citations:
        return False
    said = (words(answer.text), words(answer.citations[0].quote))
    cited = any(Path(c.path).name in case.source for c in answer.citations)
    return cited and any(words(a) in text for a in case.answers for text in said)


def test_most_answerable_questions_are_answered_right(asked: list[tuple[Case, Answer]]) -> None:
    cases = [(c, a) for c, a in asked if c.answerable]
    wrong = [f"{c.question} -> {a.text or 'refused'}" for c, a in cases if not is_right(c, a)]
    assert len(cases) >= 80
    assert len(wrong) <= 0.15 * len(cases), "\n".join(wrong)


def test_most_unanswerable_questions_are_refused(asked: list[tuple[Case, Answer]]) -> None:
    cases = [(c, a) for c, a in asked if not c.answerable]
    answered = [f"{c.question} -> {a.text}" for c, a in cases if a.answered]
    assert len(cases) >= 20
    assert len(answered) <= 0.18 * len(cases), "\n".join(answered)


def check_quote(citation: Citation) -> None:
    data = Path(citation.path).read_bytes()
    text = data.decode("utf-8")
    assert text[citation.start : citation.end] == citation.quote
    lines = data.split(b"\n")[citation.first_line - 1 : citation.last_line]
    assert citation.quote.encode() in b"\n".join(lines)


def test_every_quote_stands_byte_for_byte_at_the_cited_lines(asked: list[tuple[Case, Answer]]) -> None:
    citations = [c for _, answer in asked for c in answer.citations]
    assert len(citations) > 100
    for citation in citations:
        check_quote(citation)


def test_every_marker_names_a_citation_and_every_citation_a_marker(asked: list[tuple[Case, Answer]]) -> None:
    for _, answer in asked:
        assert {int(n) for n in re.findall(r"\[(\d+)\]", answer.text)} == {c.number for c in answer.citations}


def test_the_words_that_stand_out_in_a_sentence_are_the_quotes(asked: list[tuple[Case, Answer]]) -> None:
    marked = [answer for _, answer in asked if answer.highlight]
    assert len(marked) > 5
    for answer in marked:
        low, high = answer.citations[0].highlight or (0, 0)
        assert words(answer.words) == words(answer.citations[0].quote[low:high]) != ""


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("when did Mixtral launch?", ["December", "2023"]),
        ("when was LLaMA released?", ["February 2023", "March 2023"]),
        ("Which company released LLaMA?", ["Meta"]),
        ("What does AWQ stand for?", ["Activation-aware Weight Quantization"]),
        ("Who is the Machine Learning Lead at Zefort?", ["Rönnqvist"]),
        ("How many parameters does DBRX have?", ["132B"]),
        ("What is Ferret built on?", ["LLaVA"]),
    ],
)
def test_the_headline_says_it(real_library: Library, question: str, expected: list[str]) -> None:
    answer = real_library.ask(question)
    assert all(part in answer.text for part in expected), answer.text


def test_where_the_sources_disagree_both_are_cited(real_library: Library) -> None:
    answer = real_library.ask("when was LLaMA released?")
    sources = {Path(c.path).name for c in answer.citations}
    assert answer.text.startswith("February 2023 [1]; March 2023 [2]")
    assert "2024" not in answer.text
    assert {"open-models-of-2023.md", "local-llamas-2022-to-2023.md"} <= sources


@pytest.mark.parametrize(
    "question", ["When was Llama 4 released?", "What is the capital of Finland?", "Who is the CEO of Anthropic?"]
)
def test_what_is_not_there_is_refused(real_library: Library, question: str) -> None:
    assert not real_library.ask(question).answered
