"""The interactive session: questions that build on each other, and commands that begin with a slash.

prompt_toolkit is imported only where somebody types; a pipe is read line by line, without a prompt.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from askllama import documents, render
from askllama.conversation import Turn, accept, resolve
from askllama.errors import AskllamaError, UsageError
from askllama.terminal import complain, draft, replace_stray_bytes, tell, tell_progress
from askllama.types import Answer, Citation, Document

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document as TypedText
    from prompt_toolkit.history import History

    from askllama.library import Library
    from askllama.render import Style

_AROUND = 6  # lines shown before and after a quote
_NO_MODEL = "none"


def run(library: Library, style: Style) -> None:
    """Answer questions until the user leaves; closes the library that is open then."""
    session = Session(library, style)
    try:
        session.greet()
        for line in _typed(session) if sys.stdin.isatty() else _piped():
            session.handle(line)
            if session.left:
                break
    finally:
        session.library.close()


def _piped() -> Iterator[str]:
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace")


def _typed(session: Session) -> Iterator[str]:
    prompt = _prompt(session)
    while True:
        try:
            line = prompt.prompt("> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        yield line


def _prompt(session: Session) -> PromptSession[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.output import create_output
    from prompt_toolkit.shortcuts import CompleteStyle

    return PromptSession(
        history=_history(session.library.settings.data / "history"),
        completer=_completer(session),
        complete_style=CompleteStyle.READLINE_LIKE,  # a menu would keep eight lines below the prompt empty
        output=create_output(always_prefer_tty=True),  # where stdout goes to a file, the prompt stays on the terminal
    )


def _history(path: Path) -> History:
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.open("r+b").close()
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def _completer(session: Session) -> Completer:
    from prompt_toolkit.completion import Completer, Completion, PathCompleter
    from prompt_toolkit.document import Document

    paths = PathCompleter(expanduser=True)

    class Commands(Completer):
        def get_completions(self, document: TypedText, complete_event: CompleteEvent) -> Iterator[Completion]:
            command, space, argument = document.text_before_cursor.partition(" ")
            if command == "/corpus" and space:
                yield from paths.get_completions(Document(argument), complete_event)
                return
            options = (*session.library.settings.models, _NO_MODEL) if command == "/model" and space else ()
            options, word = (options, argument) if space else (tuple(COMMANDS), command)
            if command.startswith("/"):
                yield from (Completion(o, -len(word)) for o in options if o.startswith(word))

    return Commands()


class Session:
    """A conversation: the library it asks, what was said so far, and the last answer."""

    def __init__(self, library: Library, style: Style) -> None:
        self.library = library
        self.left = False
        self._style = style
        self._turns: list[Turn] = []
        self._last: Answer | None = None

    def greet(self) -> None:
        """Say what is asked here, and how to learn more."""
        _say(f"askllama over {self._corpus()}. Ask a question, or type /help.")

    def handle(self, line: str) -> None:
        """Carry out one line: a command or a question; what goes wrong or is interrupted ends with the line."""
        line = replace_stray_bytes(line.strip())
        try:
            if line.startswith("/"):
                self._command(*line.partition(" ")[::2])
            elif line:
                self._ask(line)
        except AskllamaError as error:
            complain(str(error), error.hint)
        except KeyboardInterrupt:
            _say("stopped")

    def _command(self, name: str, argument: str) -> None:
        if name not in COMMANDS:
            raise UsageError(f"{name} is no command", "/help")
        COMMANDS[name][0](self, argument.strip())

    def _ask(self, line: str) -> None:
        question = self._resolve(line)
        if question != line:
            click.echo(self._style.dim(f"(asking: {render.visible(question)})"), err=True)
        self.library.sync()
        with draft(self.library.settings.model is not None) as shown:
            answer = self.library.ask(question, shown.hear, shown.preview, follow_up=bool(self._turns))
        self._turns.append(Turn(answer.read_as or question, answer.words))
        self._last = answer
        tell("")
        click.echo(render.answer_text(answer, self._style))

    def _resolve(self, line: str) -> str:
        """The question in full: in the generator's words where they can be trusted, else by rules."""
        by_rules = resolve(line, self._turns)
        if by_rules == line:
            return line
        return accept(self.library.rewrite(line), line, self._turns) or by_rules

    def help(self, _: str) -> None:
        """Print the commands."""
        for name, (_method, usage, meaning) in COMMANDS.items():
            click.echo(f"  {f'{name} {usage}':<24} {meaning}")
        click.echo("Anything else is a question; it may refer to the one before.")

    def sources(self, _: str) -> None:
        """Print the last answer's citations in full."""
        click.echo("\n\n".join(self._source(citation) for citation in self._citations()))

    def _source(self, citation: Citation) -> str:
        page = f", page {citation.page}" if citation.page else ""
        lines = f"{citation.first_line}-{citation.last_line}"
        where = f"{self._style.path(citation.path)}, lines {lines}{page}, characters {citation.start}-{citation.end}"
        quote = render.quote_text(citation, self._style)
        return f"[{citation.number}] {self._style.bold(render.visible(citation.title))}\n    {where}\n    {quote}"

    def _citations(self) -> tuple[Citation, ...]:
        if self._last is None:
            raise UsageError("nothing has been answered yet", "ask a question first")
        if not self._last.citations:
            raise UsageError("the last answer cites nothing")
        return self._last.citations

    def open(self, argument: str) -> None:
        """Print what stands around a citation, as the file is now."""
        citations = {str(citation.number): citation for citation in self._citations()}
        if argument not in citations:
            raise UsageError(f"no citation has the number {argument!r}", f"/open {'  /open '.join(citations)}")
        citation = citations[argument]
        document = documents.load(Path(citation.path))
        click.echo(self._style.bold(self._style.path(citation.location)))
        for line in self._lines_around(document, citation):
            click.echo(line)
        if document.sha256 != citation.sha256:
            _say("The file has changed since it was quoted: the marked words may be others.")

    def _lines_around(self, document: Document, citation: Citation) -> Iterator[str]:
        """Numbered lines; those with words of the quote are marked, the words emphasised."""
        start = 0
        for number, ended in enumerate(document.text.split("\n"), 1):
            line = ended.removesuffix("\r")
            low, high = (min(max(offset - start, 0), len(line)) for offset in (citation.start, citation.end))
            if citation.first_line - _AROUND <= number <= citation.last_line + _AROUND:
                mark = ">" if citation.first_line <= number <= citation.last_line else " "
                before, quote, after = (render.visible(part) for part in (line[:low], line[low:high], line[high:]))
                yield f"{mark} {number:>5}  {before}{self._style.bold(quote)}{after}".rstrip()
            start += len(ended) + 1

    def model(self, argument: str) -> None:
        """Show the generator, or go on with another one."""
        if not argument:
            click.echo(self.library.settings.model or f"{_NO_MODEL}: answers are the documents' own words")
            return
        self._switch(lambda library: library.generator, model=None if argument == _NO_MODEL else argument)
        _say(f"model: {argument}")

    def corpus(self, argument: str) -> None:
        """Show the corpus, or go on with another one."""
        if not argument:
            click.echo(self._corpus())
            return
        self._switch(lambda library: library.sync(tell_progress), corpus=_paths(argument))
        _say(f"corpus: {self._corpus()}")

    def _corpus(self) -> str:
        status = self.library.status()
        skipped = f", {len(status.failures)} skipped" if status.failures else ""
        roots = ", ".join(self._style.path(str(root)) for root in status.corpus)
        return f"{roots} ({status.counts.documents} documents{skipped})"

    def _switch(self, prepare: Callable[[Library], object], **changes: Any) -> None:
        """Go on with another library once it is prepared; where that fails, the old one stays."""
        library = self.library.reopen(**changes)
        try:
            prepare(library)
        except BaseException:
            library.close()
            raise
        self.library.hand_over_generator(library)
        self.library.close()
        self.library = library

    def search(self, argument: str) -> None:
        """Print the passages found for some words."""
        if not argument:
            raise UsageError("nothing to search for", "/search WORDS")
        self.library.sync()
        found = self.library.find(argument, self.library.settings.passages)
        shown = render.found_text(argument, found, self._style) if found.hits else "nothing found"
        click.echo(shown, err=not found.hits)

    def reset(self, _: str) -> None:
        """Forget the conversation."""
        self._turns.clear()
        self._last = None

    def quit(self, _: str) -> None:
        """Leave."""
        self.left = True


COMMANDS: dict[str, tuple[Callable[[Session, str], None], str, str]] = {
    "/help": (Session.help, "", "this list"),
    "/sources": (Session.sources, "", "the last answer's citations, in full"),
    "/open": (Session.open, "N", "citation N of the last answer, with the lines around it"),
    "/model": (Session.model, "[NAME|PATH|none]", "show or change the model that writes answers"),
    "/corpus": (Session.corpus, "[PATH...]", "show or change the documents that are asked"),
    "/search": (Session.search, "WORDS", "the passages found for some words"),
    "/reset": (Session.reset, "", "forget the conversation"),
    "/quit": (Session.quit, "", "leave (so do /exit and Ctrl-D)"),
    "/exit": (Session.quit, "", "leave"),
}


def _paths(argument: str) -> tuple[Path, ...]:
    """Absolute paths: one with spaces in it where it exists, else as many as a shell would see."""
    # os.path takes an unknown ~user, or a name too long, as one that does not exist.
    exists = os.path.exists(os.path.expanduser(argument))  # noqa: PTH110, PTH111
    try:
        given = [argument] if exists else shlex.split(argument)
    except ValueError as error:
        raise UsageError(f"{argument}: {error}", "/corpus PATH...") from error
    return tuple(Path(os.path.abspath(os.path.expanduser(path))) for path in given)  # noqa: PTH111


def _say(message: str) -> None:
    tell("")
    click.echo(render.visible(message), err=True)
