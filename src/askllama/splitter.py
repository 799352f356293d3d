"""Text -> pieces sized in encoder tokens, along the text's structure (the only importer of semantic_text_splitter)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from askllama.passages import Split

if TYPE_CHECKING:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter
    from tokenizers import Tokenizer

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
        return splitter(format_).chunk_indices(text)

    return split
