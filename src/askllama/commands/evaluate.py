"""``askllama eval``: how good the answers to a set of questions are."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from askllama.options import INTERRUPTED, model_options, open_library, settings_options, sync

if TYPE_CHECKING:
    from askllama.evaluation.outcomes import Outcome


@click.command("eval")
@click.argument("file", type=click.Path(path_type=Path))
@settings_options
@model_options
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, with a row for each question.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="SVG", help="Draw risk-coverage and latency curves.")
@click.pass_context
def evaluate(ctx: click.Context, /, file: Path, as_json: bool, plot: Path | None, quiet: bool, **flags: Any) -> None:
    """Measure the answers to the questions in FILE.

    FILE is JSONL, or .jsonl.gz, with one object a line: `question`, `answers` (a list of texts, or of objects
    with a `text`), `answerable` (default: whether there are answers), and where the answer lies: `source` (file
    names) or `passage` (its text, or the name of its file). Other keys are ignored.

    \b
    exact, F1  of the headline, or of the words emphasised in a sentence
    right      an answer stands in the headline, the text before a citation
    unrefused  as if nothing had been refused; what was is answered without MODEL
    overall    as in SQuAD 2.0: refusing what cannot be answered counts 1
    hit@n      a gold passage is among the first n found: `passage`, else of a
               `source`, else one that holds an answer
    answer@n   ... and it holds an answer
    precision  share of an answer's citations that point to a gold place;
               recall: one of them does; quote: their words hold an answer
    AURC       area under risk (share of wrong answers) over coverage

    Intervals are at 95 %, by bootstrap.
    """
    from askllama.evaluation.outcomes import ask_all
    from askllama.evaluation.questions import read_questions
    from askllama.evaluation.report import Report, report_json, report_text
    from askllama.evaluation.summary import summarise
    from askllama.terminal import complain, make_style

    if plot:
        from askllama.evaluation.plot import draw  # fails before anything is asked
    questions = read_questions(file)
    outcomes: list[Outcome] = []
    interrupted = False
    with open_library(quiet=quiet, **flags) as library:
        sync(library, quiet)
        asked = ask_all(library, questions)
        try:
            for outcome in asked if quiet else _show_progress(asked, len(questions)):
                outcomes.append(outcome)
        except KeyboardInterrupt:
            if not outcomes:
                raise
            interrupted = True
            complain(f"interrupted after {len(outcomes)} of {len(questions)} questions")
        settings = library.settings
    report = Report(str(file), settings, len(questions), outcomes, summarise(outcomes))
    click.echo(report_json(report) if as_json else report_text(report, make_style()))
    if plot:
        draw(outcomes, plot)
    ctx.exit(INTERRUPTED if interrupted else 0)


def _show_progress(outcomes: Iterable[Outcome], count: int) -> Iterator[Outcome]:
    """The outcomes, with their rate and the time that remains on stderr."""
    from askllama.terminal import tell

    began = time.monotonic()
    for done, outcome in enumerate(outcomes, start=1):
        yield outcome
        each = (time.monotonic() - began) / done
        minutes, seconds = divmod(round(each * (count - done)), 60)
        tell(f"asking: {done} of {count}, {1 / each:.1f} a second, {minutes}:{seconds:02} left")
    tell("")
