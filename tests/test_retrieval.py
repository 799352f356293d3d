from __future__ import annotations

from pathlib import Path

import numpy as np

from askllama.index.vectors import open_vectors
from askllama.library import Library
from askllama.retrieval import fuse


def test_fusion_is_the_mean_of_both_scores_brought_to_one() -> None:
    assert fuse({1: 4.0, 2: 2.0}, {2: 0.9, 3: 0.5, 1: 0.1}) == [(2, 0.75), (1, 0.5), (3, 0.25)]
    assert fuse({}, {7: 0.3}) == [(7, 0.0)]
    assert fuse({7: 3.0}, {}) == [(7, 0.5)]
    assert fuse({}, {}) == []


def test_a_far_lead_of_one_kind_counts_for_more_than_a_rank() -> None:
    ranked = fuse({1: 20.0, 2: 4.0, 3: 3.9}, {2: 0.50, 3: 0.49, 1: 0.45, 4: 0.1})
    assert ranked[0][0] == 1


def test_the_question_moves_towards_what_was_found_first(tmp_path: Path) -> None:
    near, beside, far = np.eye(3, dtype=np.float32)
    matrix = np.stack([near, (near + beside) / np.sqrt(2), far])
    vectors = open_vectors(tmp_path / "v", "stamp", lambda: (np.array([5, 6, 7]), np.array([1, 2, 3]), matrix))
    moved = vectors.approach(far, 5)
    assert np.allclose(moved, (far + 0.3 * near) / np.linalg.norm(far + 0.3 * near))
    assert [number for number, _ in vectors.search(moved, 3)] == [7, 5, 6]


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


def test_a_question_is_found_in_the_documents_spelling_however_few_hits_are_asked_for(
    fake_library: Library, folder: Path
) -> None:
    (folder / "a.txt").write_text("TinyLlama is small.")
    (folder / "b.txt").write_text("A llama is tiny beside an elephant.")
    (folder / "c.txt").write_text("Nothing of the kind.")
    fake_library.sync()
    for count in (1, 3):
        found = fake_library.find("how small is tiny llama", count)
        assert found.question == "how small is TinyLlama"
        assert len(found.hits) == count
        assert found.hits[0].passage.title == "a"
        assert found.counts["TinyLlama"] == 1
