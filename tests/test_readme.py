"""What the README says is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click import Context
from click.testing import CliRunner

from askllama.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HELP = (ROOT / "src" / "askllama" / "help.txt").read_text(encoding="utf-8")


def test_the_kept_help_is_what_click_prints() -> None:
    printed = CliRunner().invoke(main, ["--help"], prog_name="askllama", terminal_width=80, color=False).output
    assert printed == HELP, "run: COLUMNS=80 python -c \"from askllama.cli import main; main(['--help'])\""


def test_the_readme_shows_the_help_and_stays_short() -> None:
    assert HELP.split("\n\n", 2)[2].rstrip() in README
    assert len(README.splitlines()) < 150


@pytest.mark.parametrize("name", main.list_commands(Context(main)))
def test_every_command_has_a_page_of_help(name: str) -> None:
    page = CliRunner().invoke(main, [name, "--help"]).output
    assert page.startswith("Usage:")
    command = main.get_command(Context(main), name)
    assert command and (command.hidden or f"  {name} " in HELP)


def test_linked_files_exist() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_module_is_in_the_reading_order() -> None:
    order = README.split("Read the modules in this order:")[1].split("\n\n")[0]
    named = set(re.findall(r"`([a-z]+)/?`", order))
    modules = {
        p.stem for p in (ROOT / "src" / "askllama").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    assert named == {m for m in modules if not m.startswith("__")}
