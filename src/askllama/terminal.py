"""The terminal that cli and repl share: one status line on stderr, and how answers are decorated."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from askllama.render import Style, visible
from askllama.types import Answer

_BAR = 24  # characters


def tell(message: str) -> None:
    """Show one line on stderr that the next one replaces; only a terminal shows it, an empty one clears it."""
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(f"\r\x1b[K{visible(message)}{' …' if message else ''}", nl=False, err=True)


def tell_progress(done: int, files: int) -> None:
    """Show how far indexing is."""
    tell(f"indexing {_bar(done, files)} {done} of {files} files" if done < files else "")


def tell_download(here: int, size: int) -> None:
    """Show how far a download is; what follows it is the check of its hash."""
    tell(f"pulling {_bar(here, size)} {here / 1e9:.2f} of {size / 1e9:.2f} GB" if here < size else "checking its hash")


def _bar(done: int, total: int) -> str:
    filled = _BAR * done // total if total else _BAR
    return f"[{'#' * filled}{' ' * (_BAR - filled)}]"


def replace_stray_bytes(text: str) -> str:
    """Typed text without what a shell or terminal hands over for bytes that are no characters.

    Neither SQLite nor the tokenizer nor stdout takes those.
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def complain(message: str, hint: str = "") -> None:
    """Say on stderr what went wrong, and what to do next."""
    tell("")
    click.echo(f"askllama: {visible(message)}", err=True)
    if hint:
        click.echo(f"  try: {visible(hint)}", err=True)


class Draft:
    """What stands on stderr while a generator works: the reader's answer, then the text as it is written."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown and sys.stderr is not None and sys.stderr.isatty()
        self.begun = False

    def preview(self, answer: Answer) -> None:
        """Show the answer that stands if the generator's does not."""
        if self._shown:
            tell("")
            click.echo(make_style().dim(f"{visible(answer.text)}  (the documents' own words)"), err=True)

    def hear(self, piece: str) -> None:
        """Show the next piece of the text."""
        if self._shown:
            if not self.begun:
                tell("")
            self.begun = True
            click.echo(make_style().dim(visible(piece)), nl=False, err=True)


@contextmanager
def draft(shown: bool) -> Iterator[Draft]:
    """Show how an answer comes about, on a terminal; what survives verification is printed after it."""
    made = Draft(shown)
    try:
        yield made
    finally:
        if made.begun:
            click.echo("\n", err=True)


def make_style() -> Style:
    """Colour on a terminal that has it and where NO_COLOR does not forbid it; paths from the current folder."""
    colour = (
        sys.stdout is not None
        and sys.stdout.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
    )
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a quotation mark must not fail where stdout is Latin-1
    return Style(colour, os.path.abspath("."))
