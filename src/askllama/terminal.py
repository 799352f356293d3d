"""The terminal that cli and repl share: one status line on stderr, and how answers are decorated."""

from __future__ import annotations

import os
import sys

import click

from askllama.render import Style, visible

_BAR = 24  # characters


def tell(message: str) -> None:
    """Show one line on stderr that the next one replaces; only a terminal shows it, an empty one clears it."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{visible(message)}{' …' if message else ''}", nl=False, err=True)


def tell_progress(done: int, files: int) -> None:
    """Show how far indexing is."""
    filled = _BAR * done // files if files else _BAR
    tell(f"indexing [{'#' * filled}{' ' * (_BAR - filled)}] {done} of {files} files" if done < files else "")


def make_style() -> Style:
    """Colour on a terminal that has it and where NO_COLOR does not forbid it; paths from the current folder."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(colour, os.getcwd())
