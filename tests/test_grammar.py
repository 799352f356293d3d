"""Markers by construction: a model cannot write one that names no evidence, whatever it is about to say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scripted import write_scripted

from askllama.claims import MARKER
from askllama.grammar import write_grammar
from askllama.models.chat import ChatModel
from askllama.models.generator import GgufGenerator
from askllama.types import Evidence, Passage

Write = Callable[[str, list[int]], str]


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Write]:
    """What a model that wants to write a text is able to write, where the numbers are those of the evidence."""
    opened: list[ChatModel] = []

    def stream(text: str, numbers: list[int]) -> str:
        path = tmp_path / f"{len(opened)}.gguf"
        write_scripted(path, text)
        opened.append(ChatModel(path, threads=1))
        ids = opened[-1].encode([{"role": "user", "content": "Who?"}])
        return "".join(opened[-1].stream(ids, write_grammar(numbers), longest=60))

    yield stream
    for model in opened:
        model.close()


@pytest.mark.parametrize(
    "text",
    [
        "Mixtral is open [1].",
        "Mixtral is open [1][2]. It is fast [2].",
        "No marker at all, and it may end so",
        "Mixtral is open [1].\n\n- It is fast [2]\n- It is small [1]",
        "{a: (b)} ] ]] <c> \\ | \"d\" 'e' 🦙 “f” 3] naïve",
        "Ten of them [10].",
        "[1] says so",
    ],
)
def test_what_cites_its_evidence_is_written_as_it_is(write: Write, text: str) -> None:
    assert write(text, [1, 2, 10]) == text


@pytest.mark.parametrize(
    "text",
    [
        "Mixtral is open [7].",
        "Mixtral is open [0].",
        "Mixtral is open [11].",
        "Mixtral is open [1, 7].",
        "Mixtral is open [1][7].",
        "Mixtral is open [ 7 ].",
        "Mixtral is open [1;7]",
        "Mixtral is open [100].",
        "Mixtral is open [٧].",
        "Mixtral is open [seven].",
        "Mixtral is open [7",
        "Mixtral is open [\n7]",
        "Mixtral is open ［7］.",
        "Mixtral is open 【7】.",
        "Mixtral is open [[7]].",
    ],
)
def test_other_markers_cannot_be_written(write: Write, text: str) -> None:
    written = write(text, [1, 2])
    assert written.startswith("Mixtral is open")
    assert {int(n) for run in re.findall(MARKER, written) for n in re.findall(r"\d+", run)} <= {1, 2}
    assert re.sub(r"\[[12]\]", "", written).count("[") == 0
    assert not set(written) & set("［【〔")


def test_numbers_need_not_follow_one_another(write: Write) -> None:
    assert write("So it is [4][12].", [4, 12]) == "So it is [4][12]."
    assert "[1]" not in write("So it is [1].", [4, 12])


def test_a_generator_cites_only_what_it_was_shown(tmp_path: Path) -> None:
    path = tmp_path / "scripted.gguf"
    write_scripted(path, "Mixtral is open [2]. It is fast [7].")
    passage = Passage("a.md", "A", (), "Mixtral is open.", 0, 16, 1, 1)
    evidence = [Evidence(n, passage, 0, 16, 1, 1, passage.text) for n in (1, 2)]
    generator = GgufGenerator("mine", path, 1, tmp_path / "cache")
    written = "".join(generator.generate("Is it?", evidence))
    generator.close()
    assert written.startswith("Mixtral is open [2]. It is fast")
    assert "[7" not in written
