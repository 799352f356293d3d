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
    front = _FRONT_MATTER.match(text)
    body = front.end() if front else 0
    headings = _headings(text, body)
    title = _title(front.group(1)) if front else ""
    title = title or next((h.text for h in headings if h.level == 1), "") or path.stem
    return Document(str(path), title, "markdown", text, hash_bytes(data), body, headings)


def _title(front_matter: str) -> str:
    try:
        fields = yaml.safe_load(front_matter)
    except yaml.YAMLError:
        return ""
    title = fields.get("title") if isinstance(fields, dict) else None
    return " ".join(str(title).split()) if title else ""


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
