"""The options that commands share, and what they say: the library to open.

Only click is imported here, as in ``askllama.cli``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from askllama.library import Library, Report

INTERRUPTED = 130
"""The exit status after Ctrl-C, as the shell says it: 128 and the signal's number."""

_F = TypeVar("_F", bound=Callable[..., Any])


def settings_options(command: _F) -> _F:
    """The options that every command with a corpus understands."""
    corpus = click.option("--corpus", "-c", multiple=True, metavar="PATH", help="Folder or file to ask; repeatable.")
    quiet = click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
    return corpus(quiet(command))


def model_options(command: _F) -> _F:
    """The options that every command that answers understands."""
    model = click.option("--model", "-m", metavar="MODEL", help="Generator: a .gguf file or a name of `models`.")
    extract = click.option("--extract", is_flag=True, help="Answer with the documents' own words, without a generator.")
    passages = click.option("-k", "--passages", type=int, metavar="N", help="Passages read for a question.")
    threshold = click.option("--threshold", type=float, metavar="P", help="Least confidence of an answer (0 to 1).")
    budget = click.option("--budget", type=float, metavar="SECONDS", help="Time for an answer, once models are loaded.")
    return model(extract(passages(threshold(budget(command)))))


def open_library(*, quiet: bool, corpus: tuple[str, ...], extract: bool = False, **flags: Any) -> Library:
    """The library that the options describe. Raises ConfigError."""
    from dataclasses import replace

    from askllama.config import load_settings
    from askllama.library import Library
    from askllama.terminal import tell

    settings = load_settings({"corpus": corpus or None, **flags})
    settings = replace(settings, model=None) if extract else settings
    return Library.open(settings) if quiet else Library.open(settings, tell)


def sync(library: Library, quiet: bool, rebuild: bool = False) -> Report:
    """Bring the library's index up to date, with a bar on stderr."""
    from askllama.terminal import tell, tell_progress

    try:
        bring = library.rebuild if rebuild else library.sync
        return bring() if quiet else bring(tell_progress)
    finally:
        if not quiet:
            tell("")
