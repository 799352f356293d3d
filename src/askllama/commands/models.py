"""``askllama models``: the generators that askllama knows by name, and those that are on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from askllama.config import ModelSpec, Settings

_NO_MODEL = "none"  # as in the session's /model


@click.group(invoke_without_command=True)
@click.pass_context
def models(ctx: click.Context) -> None:
    """List, pull and find generators.

    Without a command it lists them. Your own entries go into models.toml beside your config.toml.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_models)


@models.command("list")
def list_models() -> None:
    """One line per model: size, memory, licence, and whether it is here, fits, and runs."""
    from askllama import render
    from askllama.models.registry import find_local, runs
    from askllama.terminal import make_style

    settings = _settings()
    click.echo(render.models_text(settings.models, find_local(settings), _free_memory(), runs, make_style()))


@models.command("show")
@click.argument("name")
def show_model(name: str) -> None:
    """Everything that is known about the model NAME."""
    from askllama import render
    from askllama.models.registry import find_local, runs
    from askllama.terminal import make_style

    settings = _settings()
    spec = _spec(name, settings)
    path = find_local(settings).get(spec.name)
    click.echo(render.model_text(spec, path, _free_memory(), runs, make_style()))


@models.command("pull")
@click.argument("name")
def pull_model(name: str) -> None:
    """Download the model NAME, resuming where an earlier pull ended.

    The only command that touches the network. Its file is used when its hash is right, not before.
    """
    from askllama.models.pull import pull
    from askllama.terminal import complain, tell, tell_download

    settings = _settings()
    spec = _spec(name, settings)
    if spec.memory > _free_memory():
        complain(f"{spec.name} needs {spec.memory:g} GB of memory, {_free_memory():.1f} GB are free now")
    try:
        path = pull(spec, settings.model_folder, settings.cache, tell_download)
    finally:
        tell("")
    click.echo(path)


@models.command("scan")
def scan_models() -> None:
    """Show the models of Ollama, LM Studio, GPT4All and others, by their names for --model.

    They are used where they lie; nothing is copied.
    """
    from askllama import render
    from askllama.models.discover import scan
    from askllama.terminal import complain, make_style

    found = scan(_settings().stores)
    if found:
        click.echo(render.local_models_text(found, make_style()))
    else:
        complain("no other program has left a model here", "askllama models pull NAME")


@models.command("default")
@click.argument("name", required=False)
def default_model(name: str | None) -> None:
    """Show the default model, or set it to NAME, a path, or `none`."""
    from askllama.config import save_model
    from askllama.models.registry import find_generator

    settings = _settings()
    if name is None:
        click.echo(settings.model or f"{_NO_MODEL}: answers are the documents' own words")
        return
    full = None if name == _NO_MODEL else find_generator(name, settings)[0]
    click.echo(f"model = {full or _NO_MODEL}  ({save_model(full)})", err=True)


@models.command("rm")
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def remove_model(name: str, yes: bool) -> None:
    """Delete the file of the model NAME, where `pull` brought it."""
    from askllama.errors import UsageError
    from askllama.models.pull import remove

    settings = _settings()
    spec = _spec(name, settings)
    if not yes:
        if not (sys.stdin and sys.stdin.isatty()):
            raise UsageError(f"delete {spec.file}?", f"askllama models rm --yes {spec.name}")
        click.confirm(f"Delete {spec.file} ({spec.size:g} GB) from {settings.model_folder}?", abort=True, err=True)
    remove(spec, settings.model_folder)


def _settings() -> Settings:
    from askllama.config import load_settings

    return load_settings()


def _spec(name: str, settings: Settings) -> ModelSpec:
    from askllama.models.registry import look_up

    return look_up(name, settings.models)


def _free_memory() -> float:
    """The memory that programs can have now, in GB."""
    import psutil

    return float(psutil.virtual_memory().available) / 1e9
