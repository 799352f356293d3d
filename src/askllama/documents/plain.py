"""Plain text, in whatever encoding it comes."""

from __future__ import annotations

import codecs
from pathlib import Path

from askllama.documents import hash_bytes
from askllama.errors import DocumentError
from askllama.types import Document

# UTF-32 before UTF-16: its little-endian mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def load(path: Path, data: bytes) -> Document:
    """A plain-text document; its title is the file's name."""
    return Document(str(path), path.stem, "text", decode(data, path), hash_bytes(data))


def decode(data: bytes, path: Path) -> str:
    """The text of a file: by its byte order mark, else UTF-8, UTF-16, else a guessed legacy encoding.

    Line ends stay as they are. Raises DocumentError for binary data.
    """
    text = _decode(data)
    if "\0" in text:
        raise DocumentError(f"{path}: binary data, not text")
    return text


def _decode(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    if encoding := _utf16_without_mark(data):
        return data.decode(encoding, errors="replace")
    text = data.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    # A few broken bytes among many good ones are damage; in a legacy encoding nearly every accent breaks.
    if not broken or broken * 10 < sum(character > "\x7f" for character in text):
        return text
    return _guess(data)


def _utf16_without_mark(data: bytes) -> str:
    """UTF-16 without a mark shows as zeros at nearly every second byte, and at no other."""
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = data[offset::2], data[1 - offset :: 2]
        if zeros.count(0) > 0.7 * len(zeros) and others.count(0) == 0:
            return encoding
    return ""


def _guess(data: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    # Latin-1 gives every byte a character, so the last resort cannot fail.
    return data.decode(best.encoding if best else "latin-1", errors="replace")
