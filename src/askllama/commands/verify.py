"""``askllama verify``: whether the quotes of a saved answer still stand in the files."""

from __future__ import annotations

from typing import BinaryIO

import click

_UNSOUND = 1


@click.command()
@click.argument("file", type=click.File("rb"))
@click.pass_context
def verify(ctx: click.Context, /, file: BinaryIO) -> None:
    """Check a saved answer against the files it cites.

    FILE is what `askllama --json` printed; `-` reads it from stdin. Exit status 0 where every quote stands at the
    place that the answer names, 1 where one has moved or vanished, 2 for anything that is no saved answer.

    \b
    holds     the file is the same
    changed   the file is another one, but the quote stands where it stood
    moved     the quote stands elsewhere in the file
    vanished  it does not
    missing   the file cannot be read
    unknown   the text cites what the answer does not carry
    """
    from askllama.proof import check_record
    from askllama.record import read_record
    from askllama.render import visible
    from askllama.terminal import make_style

    style = make_style()
    proofs = check_record(read_record(file.read()))
    for proof in proofs:
        line = f"[{proof.number}] {proof.state:<8}  {style.path(proof.location)}  {visible(proof.detail)}"
        click.echo(line.rstrip())
    if not proofs:
        click.echo("This answer cites nothing.")
    ctx.exit(0 if all(proof.sound for proof in proofs) else _UNSOUND)
