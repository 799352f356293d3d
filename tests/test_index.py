"""Store, vectors and sync: SQLite is the truth, FAISS derived, and nothing is done twice or lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEncoder, FakeGenerator

from askllama.errors import CorpusError, EncoderMismatch, StoreError
from askllama.index.store import FileState, Store
from askllama.index.vectors import lean, open_vectors
from askllama.library import Library
from askllama.types import Document, Passage

STATE = FileState(1, 1)


def put(store: Store, path: str, *texts: str) -> None:
    text = "\n".join(texts)
    passages, start = [], 0
    for line, piece in enumerate(texts, start=1):
        passages.append(Passage(path, "Title", ("Head", "Sub"), piece, start, start + len(piece), line, line))
        start += len(piece) + 1
    vectors = list(FakeEncoder().encode_passages(texts))
    store.put(Document(path, "Title", "text", text, "hash"), STATE, passages, vectors)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "index.sqlite")


def test_passages_come_back_as_they_went_in(store: Store) -> None:
    put(store, "a", "Ünï ☃ one", "two 日本")
    found = list(store.passages(range(1, 3)).values())
    assert [(p.text, p.headings, p.start, p.end, p.first_line) for p in found] == [
        ("Ünï ☃ one", ("Head", "Sub"), 0, 9, 1),
        ("two 日本", ("Head", "Sub"), 10, 16, 2),
    ]


def test_putting_again_replaces_and_removing_forgets(store: Store) -> None:
    put(store, "a", "mixtral", "falcon")
    put(store, "a", "bloom")
    assert store.counts().passages == 1
    assert store.match('"mixtral"', 5) == []
    assert len(store.match('"bloom"', 5)) == 1
    store.remove(["a"])
    assert (store.counts().documents, store.counts().passages) == (0, 0)
    assert store.match('"bloom"', 5) == []


def test_full_text_finds_word_forms_and_headings(store: Store) -> None:
    put(store, "a", "models were released", "nothing here")
    assert len(store.match('"release"', 5)) == 1
    assert store.count_matches('"sub"') == 2


def test_vectors_are_rebuilt_where_the_stamp_differs_or_the_file_is_torn(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "vectors.faiss"
    put(store, "a", "mixtral launch", "falcon flight")
    question = FakeEncoder().encode_question("falcon flight")
    vectors = open_vectors(path, store.stamp, store.embeddings)
    assert [i for i, _ in vectors.search(question, 5)] == [2, 1]
    put(store, "b", "falcon flight")
    for damage in (lambda: None, lambda: path.write_bytes(path.read_bytes()[:-20]), lambda: path.write_bytes(b"junk")):
        damage()
        found = open_vectors(path, store.stamp, store.embeddings).search(question, 2)
        assert {i for i, _ in found} == {2, 3}
        assert found[0][1] == pytest.approx(1, abs=1e-5)


def test_vectors_of_an_empty_store(store: Store, tmp_path: Path) -> None:
    vectors = open_vectors(tmp_path / "v", store.stamp, store.embeddings)
    assert vectors.search(FakeEncoder().encode_question("x"), 3) == []


def test_another_encoder_is_an_error_with_the_command_that_mends_it(store: Store) -> None:
    store.require_encoder("one")
    store.require_encoder("one")
    with pytest.raises(EncoderMismatch, match="one, not two") as caught:
        store.require_encoder("two")
    assert caught.value.hint.startswith("askllama index --rebuild")


@pytest.mark.parametrize(
    "content", [b"this is no database, whatever its name says" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_damaged_store_is_an_error_with_a_hint(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "index.sqlite"
    path.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        Store(path).counts()
    assert caught.value.hint


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="another version"):
        Store(path)


def test_a_killed_process_leaves_whole_documents(tmp_path: Path) -> None:
    script = (
        "import os, sys; sys.path[:0] = sys.argv[2:]\n"
        "from pathlib import Path; from test_index import *\n"
        "store = Store(Path(sys.argv[1]))\n"
        "put(store, 'a', 'one', 'two')\n"
        "import askllama.index.store as s\n"
        "s._advance = lambda c: os._exit(9)\n"
        "put(store, 'b', 'three')\n"
    )
    path = tmp_path / "index.sqlite"
    done = subprocess.run([sys.executable, "-c", script, str(path), *sys.path], check=False)
    assert done.returncode == 9
    store = Store(path)
    assert list(store.files()) == ["a"]
    assert store.counts().passages == 2


def test_sync_reads_only_what_changed(fake_library: Library, folder: Path) -> None:
    encoder = fake_library.encoder
    assert isinstance(encoder, FakeEncoder)
    for number in range(1000):
        (folder / f"{number}.txt").write_text(f"Note {number} says hello.")
    assert fake_library.sync().indexed == 1000
    assert len(encoder.encoded) == 1000
    assert fake_library.sync().indexed == 0
    (folder / "7.txt").write_text("Note seven says goodbye.")
    report = fake_library.sync()
    assert (report.indexed, report.removed) == (1, 0)
    assert encoder.encoded[1000:] == ["7\nNote seven says goodbye."]


def test_a_touched_file_is_not_encoded_again(fake_library: Library, folder: Path) -> None:
    path = folder / "a.txt"
    path.write_text("Some words.")
    fake_library.sync()
    os.utime(path, ns=(1, 1))
    assert fake_library.sync().indexed == 0
    assert isinstance(fake_library.encoder, FakeEncoder)
    assert len(fake_library.encoder.encoded) == 1


def test_empty_documents_are_documents_without_passages(fake_library: Library, folder: Path) -> None:
    (folder / "empty.txt").touch()
    (folder / "front.md").write_text("---\ntitle: Nothing else\n---\n")
    assert fake_library.sync().indexed == 2
    assert fake_library.search("title", 3) == []


def test_removed_files_disappear(fake_library: Library, folder: Path) -> None:
    for name in "ab":
        (folder / f"{name}.txt").write_text(f"Document {name}.")
    fake_library.sync()
    (folder / "a.txt").unlink()
    assert fake_library.sync().removed == 1
    assert [h.passage.text for h in fake_library.search("document", 5)] == ["Document b."]


def test_unreadable_files_are_named_once_and_do_not_stop_the_rest(fake_library: Library, folder: Path) -> None:
    (folder / "bad.txt").write_bytes(b"\0\x01\x02\0\0\x03binary")
    (folder / "good.txt").write_text("Good text.")
    report = fake_library.sync()
    assert report.indexed == 1
    assert "bad.txt: binary data" in report.failed[0]
    assert fake_library.sync().failed == ()
    assert list(fake_library.status().failures) == [str(folder / "bad.txt")]
    (folder / "bad.txt").write_text("Now it is text.")
    assert fake_library.sync().indexed == 1
    assert fake_library.status().failures == {}


def test_a_folder_without_documents_is_an_error(fake_library: Library) -> None:
    with pytest.raises(CorpusError, match="no readable documents"):
        fake_library.sync()


def test_an_interrupted_sync_goes_on_where_it_was(
    fake_library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("askllama.library._BATCH", 1)
    for number in range(5):
        (folder / f"{number}.txt").write_text(f"Note {number}.")

    def stop(done: int, files: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fake_library.sync(stop)
    assert fake_library.sync().indexed == 2


def test_rebuild_makes_the_index_anew_for_another_encoder(fake_library: Library, folder: Path) -> None:
    (folder / "a.txt").write_text("Some words.")
    fake_library.sync()
    other = FakeEncoder()
    other.identity = "fake:2"
    fake_library.__dict__["encoder"] = other
    with pytest.raises(EncoderMismatch):
        fake_library.sync()
    assert fake_library.rebuild().indexed == 1
    assert fake_library.status().encoder == "fake:2"


def test_the_index_lies_outside_the_documents(fake_library: Library, folder: Path) -> None:
    (folder / "a.txt").write_text("Some words.")
    fake_library.sync()
    fake_library.search("words", 1)
    assert [p.name for p in folder.iterdir()] == ["a.txt"]


def test_what_could_not_be_opened_is_tried_again(
    fake_library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.txt").write_text("Some words.")

    def fail(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", fail)
        assert "Permission denied" in fake_library.sync().failed[0]
    assert fake_library.sync().indexed == 1


def test_a_rebuild_that_cannot_succeed_destroys_nothing(fake_library: Library, folder: Path) -> None:
    (folder / "a.txt").write_text("Some words.")
    fake_library.sync()
    folder.rename(folder.with_name("moved"))
    with pytest.raises(CorpusError):
        fake_library.rebuild()
    assert fake_library.store.counts().documents == 1


def test_an_answer_sees_one_state_of_the_index(fake_library: Library, folder: Path) -> None:
    (folder / "a.txt").write_text("Mixtral launched in December 2023.")
    fake_library.sync()
    with Library.open(fake_library.settings) as other, fake_library.store.snapshot():
        before = fake_library.store.stamp
        other.store.remove([str(folder / "a.txt")])
        assert fake_library.store.stamp == before
        assert fake_library.store.passages([1])[1].text == "Mixtral launched in December 2023."
    assert fake_library.store.stamp != before


def test_file_names_that_are_not_utf8_are_named_and_skipped(fake_library: Library, folder: Path) -> None:
    (folder / "good.txt").write_text("Good text.")
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.txt")).write_text("Never read.")
    report = fake_library.sync()
    assert report.indexed == 1
    assert r"caf\xe9.txt: the file's name is not UTF-8" in report.failed[0]
    assert fake_library.sync().failed == ()


def test_a_reopened_library_shares_the_models_that_stay(fake_library: Library) -> None:
    generator = FakeGenerator("text")
    fake_library.__dict__["generator"] = generator
    same, other = fake_library.reopen(threads=1), fake_library.reopen(model="another")
    assert same.encoder is other.encoder is fake_library.encoder
    fake_library.hand_over_generator(other)
    assert fake_library.generator is generator
    fake_library.hand_over_generator(same)
    assert same.generator is generator


def test_rebuild_mends_a_damaged_store(fake_library: Library, folder: Path) -> None:
    (folder / "a.txt").write_text("Some words.")
    fake_library.folder.mkdir(parents=True)
    (fake_library.folder / "index.sqlite").write_bytes(b"junk" * 1000)
    with pytest.raises(StoreError):
        fake_library.sync()
    assert fake_library.rebuild().indexed == 1


def test_passages_lean_on_their_neighbours_but_not_on_other_sections() -> None:
    matrix = np.eye(4, dtype=np.float32)
    leaning = lean(matrix, np.array([1, 1, 1, 2]))
    assert np.linalg.norm(leaning, axis=1) == pytest.approx(np.ones(4))
    assert leaning[0, 1] > 0 == leaning[0, 2]
    assert leaning[1, 0] == leaning[1, 2] > 0
    assert leaning[3] == pytest.approx(matrix[3])
