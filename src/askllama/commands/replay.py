"""``askllama replay``: a saved answer, asked again."""

from __future__ import annotations

from typing import BinaryIO

import click

from askllama.options import open_library, sync

_DIFFERENT = 1


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
@click.pass_context
def replay(ctx: click.Context, /, file: BinaryIO, quiet: bool) -> None:
    """Ask a saved answer's question again and say what differs.

    FILE is what `askllama --json` printed; `-` reads it from stdin. The question is put to the same corpus with the
    same settings. Exit status 0 where nothing differs, 1 where anything does: the answer, its citations, the
    evidence, the documents, a model file or a version.
    """
    from askllama.comparison import compare
    from askllama.record import make_record, read_record
    from askllama.render import visible

    then = read_record(file.read())
    made = then.provenance
    flags = {name: getattr(made, name) for name in ("encoder", "model", "passages", "threshold", "budget")}
    with open_library(quiet=quiet, corpus=made.corpus, extract=made.model is None, **flags) as library:
        sync(library, quiet)
        answer = library.ask(then.question)
        now = make_record(answer, library.provenance())
    differences = compare(then, now)
    for difference in differences:
        click.echo(f"{difference.what}\n  then  {visible(difference.then)}\n  now   {visible(difference.now)}")
    if not differences:
        click.echo("Nothing differs.")
    ctx.exit(_DIFFERENT if differences else 0)
