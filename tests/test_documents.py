from __future__ import annotations

from pathlib import Path

import pytest

from askllama import documents
from askllama.errors import CorpusError, DocumentError

TEXT = "Grüße aus Köln – schöne Straße, heißer Tee, und dazu ein großes Stück Kuchen für Äpfel und Öl.\r\nZwei."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_decodes_whatever_the_encoding(folder: Path, encoding: str) -> None:
    path = folder / "note.txt"
    path.write_bytes(TEXT.encode(encoding))
    assert documents.load(path).text == TEXT


def test_any_bytes_decode_or_are_refused_with_a_reason(folder: Path) -> None:
    path = folder / "bytes.txt"
    for data in (bytes(range(1, 256)), b"\xff\xfe", b"\xef\xbb\xbf\xff", b"", b"\xc3\x28" * 50, b"\x80" * 9):
        path.write_bytes(data)
        assert isinstance(documents.load(path).text, str)
    path.write_bytes(b"PK\x03\x04\0\0\0\0\x14\0binary")
    with pytest.raises(DocumentError, match="binary"):
        documents.load(path)


def test_markdown_front_matter_headings_and_title(folder: Path) -> None:
    path = folder / "page.md"
    text = "---\ntitle: A  *Title*\nauthor: X\n---\n\nIntro\n\n# One\n\ntext\n\nTwo\n---\n\n```\n# no heading\n```\n"
    path.write_text(text)
    document = documents.load(path)
    assert document.title == "A *Title*"
    assert document.text == text
    assert text[document.body :].startswith("\nIntro")
    assert [(h.level, h.text) for h in document.headings] == [(1, "One"), (2, "Two")]
    assert [text[h.offset : h.end] for h in document.headings] == ["# One\n", "Two\n---\n"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_heading_offsets_survive_line_ends(folder: Path, newline: str) -> None:
    path = folder / "page.md"
    path.write_bytes(newline.join(["# One", "", "a", "", "## Two", "b"]).encode())
    document = documents.load(path)
    assert [document.text[h.offset :].split(newline)[0] for h in document.headings] == ["# One", "## Two"]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Heading\n", "Heading"),
        ("no heading", "page"),
        ("---\ntitle: [\n---\n# H\n", "H"),
        ("---\n- a\n---\nx", "page"),
    ],
)
def test_title_falls_back(folder: Path, text: str, title: str) -> None:
    path = folder / "page.md"
    path.write_text(text)
    assert documents.load(path).title == title


def test_find_is_sorted_and_leaves_out_what_is_hidden_or_unknown(folder: Path) -> None:
    (folder / "b.md").touch()
    (folder / "a").mkdir()
    (folder / "a" / "c.TXT").touch()
    (folder / ".git").mkdir()
    (folder / ".git" / "x.md").touch()
    (folder / ".hidden.md").touch()
    (folder / "photo.jpg").touch()
    (folder / "loop").symlink_to(folder)
    (folder / "gone.md").symlink_to(folder / "nowhere.md")
    names = [str(p.relative_to(folder)) for p in documents.find([folder, folder / "b.md"])]
    assert names == ["b.md", "a/c.TXT"]


def test_find_names_a_missing_or_unreadable_root(folder: Path) -> None:
    with pytest.raises(CorpusError, match="no such file"):
        list(documents.find([folder / "nowhere"]))
    (folder / "photo.jpg").touch()
    with pytest.raises(CorpusError, match="no loader"):
        list(documents.find([folder / "photo.jpg"]))


def test_vanished_and_oversized_files_are_document_errors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DocumentError, match="No such file"):
        documents.load(folder / "gone.txt")
    path = folder / "big.txt"
    path.write_text("x" * 100)
    monkeypatch.setattr(documents, "LARGEST", 99)
    with pytest.raises(DocumentError, match="more than"):
        documents.load(path)


@pytest.mark.parametrize(
    "front",
    [
        "date: 2023-13-45",
        "title: !!int x",
        "title: " + "[" * 20_000,
        "a: &a [x]\nb: &b [*a,*a]\ntitle: *b",
        "title: 2023-01-01",
    ],
)
def test_front_matter_cannot_harm(folder: Path, front: str) -> None:
    path = folder / "page.md"
    path.write_text(f"---\n{front}\n---\n# Heading\n\nText.\n")
    assert documents.load(path).title in ("Heading", "2023-01-01", "x")


def test_a_thematic_break_is_no_front_matter(folder: Path) -> None:
    path = folder / "page.md"
    path.write_text("---\n\nThe ferry leaves at noon.\n\n---\n\nMore.\n")
    assert documents.load(path).body == 0


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfa\0b", "a\0b".encode("utf-16")])
def test_text_with_nul_is_binary(folder: Path, data: bytes) -> None:
    path = folder / "a.txt"
    path.write_bytes(data)
    with pytest.raises(DocumentError, match="binary"):
        documents.load(path)


def test_one_broken_byte_does_not_change_the_encoding(folder: Path) -> None:
    path = folder / "a.txt"
    path.write_bytes("Über die Fähre nach Åbo, für fünf Gäste. ".encode() * 20 + b"\xff")
    assert documents.load(path).text.endswith("Gäste. \ufffd")


def test_a_parser_that_fails_is_a_document_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "a.md"
    path.write_text("text")
    monkeypatch.setattr("askllama.documents.markdown.decode", lambda *_: 1 / 0)
    with pytest.raises(DocumentError, match="ZeroDivisionError"):
        documents.load(path)
