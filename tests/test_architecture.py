"""The rules of the house, checked by walking the imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "askllama"
FILES = {str(p.relative_to(SOURCE).with_suffix("")): p for p in sorted(SOURCE.rglob("*.py"))}
EDGES = {"cli", "repl", "terminal", "__main__"} | {name for name in FILES if name.startswith("commands/")}
ONLY_IMPORTER = {
    "faiss": "index/vectors",
    "sentence_transformers": "models/encoder",
    "llama_cpp": "models/llama",
    "matplotlib": "evaluation/plot",
    "semantic_text_splitter": "splitter",
    "spellchecker": "spelling",
    "huggingface_hub": "models/pull",
    "httpx2": "models/pull",
}
PURE = (
    "budget",
    "types",
    "passages",
    "evidence",
    "prompt",
    "claims",
    "roles",
    "contradiction",
    "citations",
    "record",
    "comparison",
    "grammar",
    "render",
    "selection",
    "kinds",
    "spans",
    "words",
    "conversation",
    "errors",
    "evaluation/metrics",
    "evaluation/questions",
    "models/templates",
)


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Imported modules, and whether the import is for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in guarded) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in guarded
            yield from ((f"{node.module}.{alias.name}", id(node) in guarded) for alias in node.names)


def real_imports(name: str) -> set[str]:
    return {module for module, for_types in imports(FILES[name]) if not for_types}


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_import_no_third_party(name: str) -> None:
    roots = {module.split(".")[0] for module in real_imports(name)}
    assert roots <= {*sys.stdlib_module_names, "askllama"}


@pytest.mark.parametrize(("package", "owner"), ONLY_IMPORTER.items())
def test_each_heavy_package_has_one_importer(package: str, owner: str) -> None:
    assert [n for n in FILES if package in {m.split(".")[0] for m in real_imports(n)}] == [owner]


@pytest.mark.parametrize("name", [n for n in FILES if n not in EDGES])
def test_below_the_edges_nothing_prints_exits_or_prompts(name: str) -> None:
    tree = ast.parse(FILES[name].read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & {"print", "input", "exit", "quit", "sys.exit", "os._exit", "click.echo", "breakpoint"}
    named = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not named & {"sys.argv", "sys.stdout", "sys.stderr", "sys.stdin"}


@pytest.mark.parametrize("name", [n for n in FILES if n not in EDGES | {"config"}])
def test_only_config_reads_the_environment(name: str) -> None:
    tree = ast.parse(FILES[name].read_text(encoding="utf-8"))
    read = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and ast.unparse(n) in {"os.environ", "os.getenv"}]
    written = [n for n in ast.walk(tree) if isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store)]
    assert {id(n) for n in read} <= {id(n.value) for n in written}


def test_answering_knows_interfaces_and_the_index_no_encoder() -> None:
    assert not any(m.startswith("askllama.models") for m in real_imports("answering"))
    for name in FILES:
        if name.startswith("index/"):
            assert not any(m.startswith("askllama.models") for m in real_imports(name))


def test_no_import_cycles() -> None:
    graph = {n: {m.removeprefix("askllama.").replace(".", "/") for m in real_imports(n)} & set(FILES) for n in FILES}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path, name))
        if name not in done:
            for following in sorted(graph[name]):
                visit(following, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("name", FILES)
def test_files_and_functions_are_short(name: str) -> None:
    text = FILES[name].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.end_lineno:
            assert node.end_lineno - node.lineno < 50, node.name


def test_there_is_no_utils() -> None:
    assert not {Path(n).name for n in FILES} & {"utils", "helpers", "misc", "common"}
