"""Markdown (CommonMark), with YAML front matter."""

from __future__ import annotations

import re
from itertools import accumulate, pairwise
from pathlib import Path

import yaml
from markdown_it import MarkdownIt

from askllama.documents import hash_bytes
from askllama.documents.plain import decode
from askllama.types import Document, Heading

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)


def load(path: Path, data: bytes) -> Document:
    """A Markdown document; its title is the front matter's, else the first heading, else the file's name."""
    text = decode(data, path)
    body, title = _front_matter(text)
    headings = _headings(text, body)
    title = title or next((h.text for h in headings if h.level == 1), "") or path.stem
    return Document(str(path), title, "markdown", text, hash_bytes(data), body, headings)


def _front_matter(text: str) -> tuple[int, str]:
    """Where the content begins, and the title; a thematic break at the top is content."""
    found = _FRONT_MATTER.match(text)
    if found is None:
        return 0, ""
    try:
        # Nothing but texts is made of it: no dates, no numbers, no objects.
        fields = yaml.load(found.group(1), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        fields = {}
    if not isinstance(fields, dict):
        return 0, ""
    title = fields.get("title")
    return found.end(), " ".join(title.split()) if isinstance(title, str) else ""


def _headings(text: str, body: int) -> tuple[Heading, ...]:
    """Headings with the offset of their line; the parser counts lines at ``\\n`` alone."""
    content = text[body:]
    tokens = MarkdownIt("commonmark").parse(content.replace("\r\n", "\n").replace("\r", " "))
    lines = list(accumulate((len(line) + 1 for line in content.split("\n")), initial=body))
    headings = []
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.map:
            start, end = (min(lines[number], len(text)) for number in token.map)
            headings.append(Heading(start, end, int(token.tag[1]), " ".join(inline.content.split())))
    return tuple(headings)
