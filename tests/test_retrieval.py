from __future__ import annotations

from pathlib import Path

import pytest

from askllama.library import Library
from askllama.retrieval import fuse


def test_fusion_rewards_what_both_rankings_like() -> None:
    assert [n for n, _ in fuse([[1, 2, 3], [3, 1, 4]])] == [1, 3, 2, 4]
    assert fuse([[5], [5]])[0][1] == pytest.approx(2 / 61)
    assert fuse([[], []]) == []


def test_hits_carry_rank_and_both_scores(fake_library: Library, folder: Path) -> None:
    (folder / "a.txt").write_text("Falcon models came from Abu Dhabi.")
    (folder / "b.txt").write_text("The kitchen needs new plates.")
    fake_library.sync()
    first, second = fake_library.search("where do falcon models come from", 5)
    assert (first.passage.title, first.rank, second.rank) == ("a", 1, 2)
    assert first.bm25 is not None
    assert second.bm25 is None
    assert first.similarity is not None
    assert second.similarity is not None
    assert first.similarity > second.similarity


def test_names_match_however_they_are_spelt(fake_library: Library, folder: Path) -> None:
    (folder / "a.txt").write_text("GPT-4 was announced.")
    for number in range(5):
        (folder / f"{number}.txt").write_text("Something was announced.")
    fake_library.sync()
    assert fake_library.search("gpt4", 1)[0].passage.title == "a"


def test_real_retrieval_finds_by_meaning(real_library: Library) -> None:
    hits = real_library.search("Which firm built the picture-aware assistant for iPhones?", 10)
    assert any("Ferret" in hit.passage.text for hit in hits)
