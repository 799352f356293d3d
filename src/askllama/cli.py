"""The command line: parse, call, print, and catch one kind of error once.

Only click is imported here; a command imports what it needs when it runs, so that --help is immediate.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO

import click

from askllama import __version__
from askllama.options import INTERRUPTED, model_options, open_library, settings_options, sync

if TYPE_CHECKING:
    from askllama.render import Style

_NOT_FOUND = 1
_FAILED = 2
# Commands whose function has a module of its own, which is imported when the command is called or listed.
_ELSEWHERE = {"eval": "evaluate", "models": "models", "replay": "replay", "verify": "verify"}


class QuestionGroup(click.Group):
    """A group whose first argument, where it is no command, is a question."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, also of those that are not imported yet."""
        return sorted({*self.commands, *_ELSEWHERE})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command, imported from ``askllama.commands`` where it has a module of its own."""
        if name not in _ELSEWHERE:
            return super().get_command(ctx, name)
        function = _ELSEWHERE[name]
        found: click.Command = getattr(import_module(f"askllama.commands.{function}"), function)
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command first: the one named after options, else ``ask``, else the REPL."""
        known = self.list_commands(ctx)
        if not (args and (args[0] in known or args[0] in ("--help", "--version"))):
            place = self._first_positional(args)
            if place is not None and args[place] in known:
                args = [args[place], *args[:place], *args[place + 1 :]]
            elif place is None and _is_terminal(sys.stdin) and not {"--json", "--help", "-h"} & set(args):
                args = ["repl", *args]
            else:
                args = ["ask", *args]
        return super().parse_args(ctx, args)

    def _first_positional(self, args: list[str]) -> int | None:
        takes_value = {
            name
            for p in self.commands["ask"].params
            if isinstance(p, click.Option) and not p.is_flag
            for name in p.opts
        }
        place = 0
        while place < len(args) and args[place].startswith("-") and args[place] not in ("-", "--"):
            place += 2 if _awaits_value(args[place], takes_value) else 1
        return place if place < len(args) else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an askllama error becomes its message, its hint and its exit status."""
        from askllama.errors import AskllamaError
        from askllama.terminal import complain

        try:
            return super().invoke(ctx)
        except AskllamaError as error:
            complain(str(error), error.hint)
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            raise
        except OSError as error:  # a full disk behind stdout, say: 1 would mean "not in the documents"
            complain(str(error))
            ctx.exit(_FAILED)
        except KeyboardInterrupt:
            complain("interrupted")
            ctx.exit(INTERRUPTED)


def _awaits_value(argument: str, takes_value: set[str]) -> bool:
    """Whether an option's value is the next argument: so with --corpus, -c and -qc, but not with -k3."""
    if argument.startswith("--"):
        return argument in takes_value
    first = next((place for place, letter in enumerate(argument) if f"-{letter}" in takes_value), None)
    return first == len(argument) - 1


def _is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is open and a terminal."""
    return stream is not None and stream.isatty()


@click.group(cls=QuestionGroup, context_settings={"help_option_names": ["--help", "-h"]})
@click.version_option(__version__, prog_name="askllama")
def main() -> None:
    """Answers from your own documents, on your own machine, with proof.

    \b
    askllama "when did Mixtral launch?"    ask the built-in corpus
    askllama --corpus notes "who ...?"     ask your own folder
    askllama                               interactive session
    """


@main.command()
@click.argument("question", nargs=-1)
@settings_options
@model_options
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_context
def ask(ctx: click.Context, /, question: tuple[str, ...], as_json: bool, **flags: Any) -> None:
    """Answer QUESTION; this is what askllama does without a command.

    `-` or a pipe reads the question from stdin.
    """
    from askllama import render
    from askllama.terminal import draft

    text = _read_question(question)
    with open_library(**flags) as library:
        sync(library, flags["quiet"])
        with draft(not flags["quiet"] and not as_json) as shown:
            answer = library.ask(text, shown.hear, shown.preview)
        printed = render.answer_json(answer, library.provenance()) if as_json else render.answer_text(answer, _style())
        click.echo(printed)  # before the library closes: a generator may then keep what its next run can use
    ctx.exit(0 if answer.answered else _NOT_FOUND)


@main.command()
@click.argument("paths", nargs=-1)
@settings_options
@click.option("--rebuild", is_flag=True, help="Make the index anew, as after a change of encoder.")
def index(paths: tuple[str, ...], rebuild: bool, **flags: Any) -> None:
    """Build or update the index of PATHS (default: the corpus)."""
    from askllama.terminal import complain

    flags["corpus"] = (*flags["corpus"], *paths)
    with open_library(**flags) as library:
        report = sync(library, flags["quiet"], rebuild)
        counts = library.store.counts()
    for reason in report.failed:
        complain(f"skipped {reason}")
    if not flags["quiet"]:
        click.echo(
            f"{report.indexed} indexed, {report.removed} removed, {len(report.failed)} skipped;"
            f" {counts.documents} documents, {counts.passages} passages in all",
            err=True,
        )


@main.command()
@click.argument("question", nargs=-1)
@settings_options
@click.option("-k", "--passages", type=int, metavar="N", help="How many hits to show.")
@click.option("--json", "as_json", is_flag=True, help="Print the hits as JSON.")
@click.pass_context
def search(ctx: click.Context, /, question: tuple[str, ...], as_json: bool, **flags: Any) -> None:
    """Show the passages found for QUESTION, with scores and locations."""
    from askllama import render

    text = _read_question(question)
    with open_library(**flags) as library:
        sync(library, flags["quiet"])
        found = library.find(text, library.settings.passages)
    click.echo(render.hits_json(found.hits) if as_json else render.found_text(text, found, _style()))
    ctx.exit(0 if found.hits else _NOT_FOUND)


@main.command()
@settings_options
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")
def status(as_json: bool, **flags: Any) -> None:
    """Tell what is indexed, when, and with which encoder."""
    from askllama import render

    with open_library(**flags) as library:
        now = library.status()
    click.echo(render.status_json(now) if as_json else render.status_text(now, _style()))


@main.command()
@settings_options
@click.pass_context
def doctor(ctx: click.Context, /, **flags: Any) -> None:
    """Check this installation; exit status 2 where something is broken."""
    from askllama.doctor import examine
    from askllama.render import visible

    sound = True
    with open_library(**flags) as library:
        for check in examine(library):
            sound = sound and check.sound
            click.echo(f"{'ok' if check.sound else 'BROKEN':<7} {check.name}: {visible(check.detail)}")
            if check.hint:
                click.echo(f"        try: {visible(check.hint)}")
    ctx.exit(0 if sound else 2)


@main.command(hidden=True)
@settings_options
@model_options
def repl(**flags: Any) -> None:
    """Ask in an interactive session (what `askllama` alone starts)."""
    from askllama.repl import run

    with open_library(**flags) as library:
        sync(library, flags["quiet"])
        run(library, _style())


def _read_question(words: tuple[str, ...]) -> str:
    from askllama.errors import UsageError
    from askllama.terminal import replace_stray_bytes

    text = " ".join(words) if words and words != ("-",) else ""
    if not text and sys.stdin is not None and (words == ("-",) or not _is_terminal(sys.stdin)):
        text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    if not text.strip():
        raise UsageError("no question was given", 'askllama "when did Mixtral launch?"')
    return replace_stray_bytes(text.strip())


def _style() -> Style:
    from askllama.terminal import make_style

    return make_style()
