"""Text -> pieces sized in encoder tokens, along the text's structure (the only importer of semantic_text_splitter)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from askllama.passages import Split

if TYPE_CHECKING:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter
    from tokenizers import Tokenizer

LONGEST = 4_000
"""Characters that are split at once."""

TOKENS = (120, 200)
"""A passage is complete from the first figure on and never exceeds the second."""


def make_split(tokenizer: Tokenizer) -> Split:
    """A split function that measures with this tokenizer."""

    @cache
    def splitter(format_: str) -> MarkdownSplitter | TextSplitter:
        from semantic_text_splitter import MarkdownSplitter, TextSplitter

        kind = MarkdownSplitter if format_ == "markdown" else TextSplitter
        return kind.from_huggingface_tokenizer(tokenizer, TOKENS)

    def split(text: str, format_: str) -> Sequence[tuple[int, str]]:
        pieces: list[tuple[int, str]] = []
        for start, end in blocks(text):
            pieces += ((start + offset, piece) for offset, piece in splitter(format_).chunk_indices(text[start:end]))
        return pieces

    return split


def blocks(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of stretches of at most LONGEST characters, ended where the text breaks best.

    The splitter takes quadratic time over text without breaks (an image inlined as base64, say), and to
    the tokenizer a word of over 100 letters is one token, however long.
    """
    start = 0
    while len(text) - start > LONGEST:
        window = text[start : start + LONGEST]
        cuts = (window.rfind(mark) + len(mark) for mark in ("\n\n", "\n", ". ", " ") if mark in window[LONGEST // 2 :])
        end = start + next(cuts, LONGEST)
        yield start, end
        start = end
    if start < len(text):
        yield start, len(text)
