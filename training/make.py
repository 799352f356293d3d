"""The shipped reader from its recipe: ``python -m training.make --data ... runs src/askllama/weights/reader.gguf``.

``runs.toml`` says of what each run and each mean of weights is made. What a folder holds already is not made again, and
a run that was interrupted resumes, so the same command goes on where it stopped.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import click

from askllama.config import read_toml
from askllama.models.registry import minilm_folder

RECIPE = Path(__file__).parent / "runs.toml"


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the parts of a recipe in ``folder``, each by a command of this package, from the sets in ``data``."""

    recipe: Mapping[str, Any]
    data: Path
    folder: Path

    def order(self) -> list[str]:
        """The names of all parts, each behind those that it is made of."""
        made = (*self.recipe["means"], *self.recipe["runs"])
        return list(TopologicalSorter({name: self._parts(name) for name in made}).static_order())

    def path(self, name: str) -> Path:
        """Where a part lies: the passages found for themes, a mean of weights, or the weights of a run."""
        if name in self.recipe["themes"]:
            return self.folder / f"{name}.jsonl"
        return self.folder / (f"{name}.pt" if name in self.recipe["means"] else f"{name}/model.pt")

    def command(self, name: str) -> list[str]:
        """The module and its arguments that make a part; raises ClickException where the recipe has none."""
        if themes := self.recipe["themes"].get(name):
            # Paragraphs are mined once, with the themes that came first.
            first = [] if name == next(iter(self.recipe["themes"])) else ["--no-paragraphs"]
            return ["training.mine", "--data", str(self.data), "--out", str(self.path(name)), *first, *themes]
        if parts := self.recipe["means"].get(name):
            return ["training.export", *self._paths(parts), str(self.path(name))]
        if run := self.recipe["runs"].get(name):
            return ["training.train", *self._arguments(name, run)]
        raise click.ClickException(f"{self.path(name)} is missing, and of an earlier commit: see training/README.md")

    def _parts(self, name: str) -> list[str]:
        if name in self.recipe["means"]:
            return list(self.recipe["means"][name])
        run = self.recipe["runs"][name]
        return [run["start"], *run["mined"], *run.get("older", ())]

    def _arguments(self, name: str, run: Mapping[str, Any]) -> Iterator[str]:
        yield from ("--base", str(minilm_folder()), "--data", str(self.data), "--out", str(self.path(name).parent))
        yield from ("--start", str(self.path(run["start"])))
        for option in ("mined", "older"):
            for path in self._paths(run.get(option, [])):
                yield from (f"--{option}", path)
        for option in ("seed", "rate", "steps"):
            yield from (f"--{option}", str(run[option]))

    def _paths(self, names: list[str]) -> list[str]:
        return [str(self.path(name)) for name in names]


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
def main(data: Path, folder: Path, target: Path) -> None:
    """Make in FOLDER what is missing there, and of it the reader TARGET."""
    recipe = read_toml(RECIPE)
    maker = Maker(recipe, data, folder)
    for name in maker.order():
        if not maker.path(name).exists():
            _run(maker.command(name))
    _run(["training.export", *(str(maker.path(name)) for name in recipe["shipped"]), str(target)])


def _run(command: list[str]) -> None:
    click.echo(f"python -m {' '.join(command)}", err=True)
    if code := subprocess.run([sys.executable, "-m", *command], check=False).returncode:
        raise SystemExit(code)


if __name__ == "__main__":
    main()
