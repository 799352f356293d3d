"""Answers, hits and status -> text for people and JSON for programs; no I/O."""

from __future__ import annotations

import json
import os
import re
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from askllama.record import make_table
from askllama.types import Answer, Citation, Found, Hit, Provenance, Refusal

if TYPE_CHECKING:
    from askllama.config import ModelSpec
    from askllama.library import Status
    from askllama.models.discover import LocalModel

# Documents are hostile: what a terminal would obey, or what would reorder the text around it, is shown instead.
_CONTROLS = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
_HIDDEN = (0x7F, *range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000))
_CONTROLS |= dict.fromkeys(_HIDDEN, 0xFFFD)
_SNIPPET = 160
_NOT_SUPPORTED = "the llama.cpp installed here does not run it"


@dataclass(frozen=True, slots=True)
class Style:
    """How text is decorated: ANSI codes for a terminal, nothing elsewhere; paths are shown from ``folder``."""

    colour: bool
    folder: str

    def bold(self, text: str) -> str:
        """The text in bold."""
        return self._wrap("1", text)

    def dim(self, text: str) -> str:
        """The text in a quieter shade."""
        return self._wrap("2", text)

    def path(self, location: str) -> str:
        """A location from the current folder where it lies below it."""
        inside = self.folder.rstrip(os.sep) + os.sep
        # A line break in a file's name could pass for another citation.
        return visible(location.removeprefix(inside)).translate({10: 0x240A, 9: 0x2409})

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


def visible(text: str) -> str:
    """The text with control characters made visible, so that no document can drive the terminal."""
    # A carriage return before a line feed is only a line end.
    return re.sub(r"\r(?=\n)", "", text).translate(_CONTROLS)


def answer_text(answer: Answer, style: Style) -> str:
    """The answer with its citations, or what was looked for and not found."""
    read_as = [read_as_text(answer.read_as, style)] if answer.read_as else []
    if answer.refusal is not None:
        return "\n".join([style.bold("The documents do not answer this."), *read_as, *_refusal(answer.refusal, style)])
    head = "\n".join([_statement(answer, style), *read_as])
    blocks = [head, "\n".join(_citation_text(c, style) for c in answer.citations)]
    if answer.dropped:
        lines = "\n".join(f"  - {visible(d)}" for d in answer.dropped)
        blocks.append(style.dim(f"  Written by the model, and left out:\n{lines}"))
    return "\n\n".join(blocks)


def _statement(answer: Answer, style: Style) -> str:
    """What the answer says in bold, or of a quoted sentence the words that answer."""
    before, words, after = _parted(answer.text, answer.highlight or (0, len(answer.text)))
    return before + style.bold(words) + after


def _parted(text: str, marked: tuple[int, int]) -> tuple[str, str, str]:
    """What stands before, in and behind the marked characters."""
    low, high = marked
    return visible(text[:low]), visible(text[low:high]), visible(text[high:])


def read_as_text(question: str, style: Style) -> str:
    """How a question was read that the documents spell otherwise."""
    return style.dim(f"  Read as: {visible(question)}")


def _citation_text(citation: Citation, style: Style) -> str:
    where = style.path(citation.location) + (f" (p. {citation.page})" if citation.page else "")
    return f"  [{citation.number}] {where}  {quote_text(citation, style)}"


def quote_text(citation: Citation, style: Style) -> str:
    """The quote in quotation marks, the answer in it emphasised.

    A quote over several lines keeps its line breaks: every printed line stands so in the file.
    """
    before, span, after = _parted(citation.quote, citation.highlight or (0, 0))
    return f"“{style.dim(before)}{style.bold(span)}{style.dim(after)}”"


def _refusal(refusal: Refusal, style: Style) -> list[str]:
    lines = []
    if refusal.missing:
        lines.append("  Nowhere in them: " + ", ".join(visible(word) for word in refusal.missing))
    if refusal.nearest:
        lines.append("  Nearest passages:")
        lines += [f"    {style.path(p.location)}  {style.dim(visible(p.heading_path))}" for p in refusal.nearest]
    return lines


def answer_json(answer: Answer, provenance: Provenance) -> str:
    """The answer as one JSON object, which ``record.read_record`` reads."""
    return _json(make_table(answer, provenance))


def found_text(question: str, found: Found, style: Style) -> str:
    """One hit a paragraph: rank, location, heading, scores and the beginning of the passage."""
    read_as = [read_as_text(found.question, style)] if found.question != question else []
    return "\n\n".join([*read_as, *(_hit_text(hit, style) for hit in found.hits)])


def _hit_text(hit: Hit, style: Style) -> str:
    similarity = "–" if hit.similarity is None else f"{hit.similarity:.3f}"
    bm25 = "–" if hit.bm25 is None else f"{hit.bm25:.2f}"
    scores = f"score {hit.score:.4f}  similarity {similarity}  bm25 {bm25}"
    head = f"{hit.rank:>2}. {style.bold(style.path(hit.passage.location))}  {visible(hit.passage.heading_path)}"
    snippet = textwrap.shorten(visible(hit.passage.text), _SNIPPET, placeholder=" …")
    return f"{head}\n    {style.dim(scores)}\n    {snippet}"


def hits_json(hits: Sequence[Hit]) -> str:
    """The hits as a JSON array."""
    return _json([asdict(hit) for hit in hits])


def status_text(status: Status, style: Style) -> str:
    """What is indexed, a line each."""
    updated = status.counts.updated
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(updated)) if updated else "never"
    lines = [
        "corpus     " + ", ".join(style.path(str(root)) for root in status.corpus),
        f"documents  {status.counts.documents}",
        f"passages   {status.counts.passages}",
        f"updated    {when}",
        f"encoder    {status.encoder or 'none yet'}",
        f"index      {visible(str(status.folder))}",
    ]
    return "\n".join([*lines, *(f"skipped    {visible(reason)}" for reason in status.failures.values())])


def status_json(status: Status) -> str:
    """The status as one JSON object."""
    return _json(asdict(status))


def models_text(
    models: Mapping[str, ModelSpec],
    local: Mapping[str, Path],
    memory: float,
    runs: Callable[[str], bool],
    style: Style,
) -> str:
    """One line per model, marked where it is on this machine, or where it needs more than ``memory`` GB.

    ``runs`` tells of an architecture whether llama.cpp runs its models.
    """
    width = max(map(len, models), default=0)
    lines = [f"   {'model'.ljust(width)}  download    memory  context  licence"]
    for name, model in models.items():
        here = "*" if name in local else " " if model.repository else "-"
        line = f"{here}{'!' if model.memory > memory else ' '} {style.bold(name.ljust(width))}"
        line += f"  {model.size:>5.1f} GB  {model.memory:>5.1f} GB  {_tokens(model.context):>7}  {model.licence}"
        line += "" if model.commercial else "; not commercial"
        lines.append(line if runs(model.architecture) else f"{line}; {_NOT_SUPPORTED}")
    lines += ["", f"* on this machine   ! more than the {memory:.1f} GB of free memory   - not to be pulled"]
    return "\n".join(lines)


def model_text(model: ModelSpec, path: Path | None, memory: float, runs: Callable[[str], bool], style: Style) -> str:
    """All that is known about a model, where its file is, and whether it fits into ``memory`` GB."""
    about = {key: value for key, value in asdict(model).items() if value != ""}
    about["architecture"] += "" if runs(model.architecture) else f" ({_NOT_SUPPORTED})"
    about["commercial"] = "yes" if model.commercial else "no"
    about["size"] = f"{model.size:g} GB"
    about["memory"] = f"{model.memory:g} GB ({memory:.1f} GB are free)"
    about["context"] = f"{model.context:,} tokens"
    about["parameters"] = f"{model.parameters:g} billion"
    about["on disk"] = str(path or "no")
    return "\n".join(f"{style.bold(key.ljust(13))} {visible(str(value))}" for key, value in about.items())


def local_models_text(found: Sequence[LocalModel], style: Style) -> str:
    """One model of another program a line: the name for --model, size, architecture and file."""
    width = max((len(model.name) for model in found), default=0)
    return "\n".join(
        f"{style.bold(visible(model.name).ljust(width))}  {model.size / 1e9:>5.1f} GB"
        f"  {visible(model.architecture):<10}  {style.path(str(model.path))}"
        for model in found
    )


def _tokens(count: int) -> str:
    return f"{count // 1024}k" if count >= 1024 else str(count)


def _json(value: Any) -> str:
    # Escaped beyond ASCII: a terminal obeys some of those characters too.
    return json.dumps(value, indent=2, default=str)
