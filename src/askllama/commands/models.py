"""``askllama models``: the generators that askllama knows by name."""

from __future__ import annotations

import click


@click.group(invoke_without_command=True)
@click.pass_context
def models(ctx: click.Context) -> None:
    """List the generators that askllama knows by name."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_models)


@models.command("list")
def list_models() -> None:
    """One line per model: name, size, licence, and whether it is on this machine."""
    from askllama import render
    from askllama.config import load_settings
    from askllama.terminal import make_style

    settings = load_settings()
    click.echo(render.models_text(settings.models, settings.model_folder, make_style()))


@models.command("show")
@click.argument("name")
def show_model(name: str) -> None:
    """Everything that is known about the model NAME."""
    from askllama import render
    from askllama.config import load_settings
    from askllama.errors import UsageError
    from askllama.terminal import make_style

    settings = load_settings()
    if name not in settings.models:
        raise UsageError(f"no model is called {name!r}", "askllama models")
    click.echo(render.model_text(settings.models[name], settings.model_folder, make_style()))
