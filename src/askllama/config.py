"""Settings: flags over environment (``ASKLLAMA_*``) over the user's file over models.toml."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from askllama.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One entry of models.toml: a GGUF file, where it comes from and what it is good for.

    ``size`` and ``memory`` are in GB, ``context`` in tokens, ``parameters`` in billions; ``repository`` is
    empty where nobody may pass the file on, and ``note`` says so.
    """

    name: str
    file: str
    quantisation: str
    parameters: float
    size: float
    memory: float
    context: int
    licence: str
    commercial: bool
    released: str
    architecture: str
    prompt: str
    good_for: str
    repository: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run works with; every field but ``models`` and ``stores`` may stand in the user's file.

    ``corpus``: folders or files, ``encoder``: a name or a sentence-transformers folder, ``model``: a
    generator (name or GGUF path) or None for extractive answers, ``passages``: how many are read for
    a question, ``threshold``: the confidence below which no answer is given, ``budget``: the seconds that an answer
    may take once the models are loaded, or None.
    """

    corpus: tuple[Path, ...]
    data: Path
    cache: Path
    encoder: str = "all-MiniLM-L6-v2"
    model: str | None = None
    passages: int = 10
    threshold: float = 0.58
    budget: float | None = None
    threads: int = field(default_factory=lambda: _processors())
    models: Mapping[str, ModelSpec] = field(default_factory=dict)
    stores: tuple[tuple[str, Path], ...] = ()

    @property
    def model_folder(self) -> Path:
        """Where the files of the generators lie."""
        return self.data / "models"


def _processors() -> int:
    """Cores this process may use, on which a second thread would only wait; not every system tells."""
    allowed = getattr(os, "sched_getaffinity", None)
    if allowed is None:
        return os.cpu_count() or 1
    siblings = (Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list") for number in allowed(0))
    return len({file.read_text() if file.exists() else str(file) for file in siblings})


def built_in(name: str) -> Path:
    """A file or folder that comes with askllama: inside the package, or above src/ in a checkout."""
    package = Path(__file__).parent
    inside = package / name
    return inside if inside.exists() else package.parents[1] / name


def load_settings(flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this run; flags that are None do not count. Raises ConfigError."""
    from platformdirs import user_cache_path, user_data_path

    settings = Settings(
        corpus=(built_in("corpus"),),
        data=user_data_path("askllama", appauthor=False),
        cache=user_cache_path("askllama", appauthor=False),
    )
    config = config_file(environ)
    if environ.get("ASKLLAMA_CONFIG") and not config.exists():
        raise ConfigError(f"{config}, which ASKLLAMA_CONFIG names, does not exist", "unset ASKLLAMA_CONFIG")
    models = read_models(built_in("models.toml"))
    own = config.parent / "models.toml"
    if own.exists():
        models |= read_models(own)
    table = read_toml(config) if config.exists() else {}
    settings = _apply(settings, table, str(config), config.parent)
    variables = {n: environ[v] for n in _KINDS if environ.get(v := f"ASKLLAMA_{n.upper()}")}
    settings = _apply(settings, variables, "environment", Path())
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    settings = _apply(settings, given, "command line", Path())
    return replace(settings, models=models, stores=_model_stores(environ))


def config_file(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's settings file, whether it exists or not."""
    from platformdirs import user_config_path

    return Path(environ.get("ASKLLAMA_CONFIG") or user_config_path("askllama", appauthor=False) / "config.toml")


def save_model(name: str | None, environ: Mapping[str, str] = os.environ) -> Path:
    """Write the default ``model`` into the user's file, or take it out; all else in it stays. Raises ConfigError."""
    import tomlkit

    path = config_file(environ)
    table = read_toml(path) if path.exists() else {}
    document = tomlkit.parse(path.read_text(encoding="utf-8") if table else "")
    if name is None:
        document.pop("model", None)
    else:
        document["model"] = name
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(tomlkit.dumps(document), encoding="utf-8")
    draft.replace(path.resolve())  # whole or not at all; a link stays a link
    return path


def _model_stores(environ: Mapping[str, str]) -> tuple[tuple[str, Path], ...]:
    """Where other programs keep their models, with the name that their models' names begin with."""
    from platformdirs import user_cache_path, user_data_path

    home = _path("~", Path())
    caches = environ.get("XDG_CACHE_HOME") or home / ".cache"
    hub = environ.get("HF_HUB_CACHE") or Path(environ.get("HF_HOME") or Path(caches, "huggingface"), "hub")
    ollama = environ.get("OLLAMA_MODELS")
    stores: list[tuple[str, str | Path]] = [
        ("ollama", ollama or home / ".ollama" / "models"),
        ("lmstudio", home / ".lmstudio" / "models"),
        ("lmstudio", home / ".cache" / "lm-studio" / "models"),
        ("gpt4all", user_data_path() / "nomic.ai" / "GPT4All"),
        ("llama.cpp", environ.get("LLAMA_CACHE") or user_cache_path() / "llama.cpp"),
        ("hub", hub),
    ]
    if not ollama:
        stores.append(("ollama", "/usr/share/ollama/.ollama/models"))  # where it runs as a service
    return tuple((name, _path(place, Path())) for name, place in stores)


def read_models(path: Path) -> dict[str, ModelSpec]:
    """The entries of a models.toml by name; raises ConfigError for unknown or missing keys."""
    allowed = {f.name for f in fields(ModelSpec)} - {"name"}
    required = {f.name for f in fields(ModelSpec) if f.default is MISSING} - {"name"}
    specs = {}
    for name, table in read_toml(path).items():
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: {name} is not a table", "write one [name] table per model")
        _reject_unknown(table, allowed, f"{path}: [{name}]")
        if missing := sorted(required - set(table)):
            raise ConfigError(f"{path}: [{name}] lacks {', '.join(missing)}")
        for key, value in table.items():
            if type(value) not in _MODEL_KINDS[key]:
                raise ConfigError(f"{path}: [{name}] {key} = {value!r} is not valid")
        specs[name] = ModelSpec(name=name, **table)
    return specs


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; raises ConfigError where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}", f"mend or remove {path}") from error


def _reject_unknown(table: Mapping[str, Any], allowed: set[str], where: str) -> None:
    from difflib import get_close_matches

    for key in table:
        if key not in allowed:
            close = get_close_matches(key, allowed, 1)
            raise ConfigError(f"{where}: unknown key {key!r}", f"did you mean {close[0]!r}?" if close else "")


def _apply(settings: Settings, table: Mapping[str, Any], where: str, base: Path) -> Settings:
    _reject_unknown(table, set(_KINDS), where)
    values: dict[str, Any] = {}
    for name, value in table.items():
        try:
            values[name] = _KINDS[name](value, base)
        except (TypeError, ValueError, ArithmeticError, OSError) as error:
            raise ConfigError(f"{where}: {name} = {value!r} is not valid: {error}") from error
    return replace(settings, **values)


def _paths(value: Any, base: Path) -> tuple[Path, ...]:
    given = value.split(os.pathsep) if isinstance(value, str) else value
    return tuple(_path(item, base) for item in given) or _fail("at least one folder is needed")


def _path(value: Any, base: Path) -> Path:
    if not value:
        raise ValueError("a path is empty")
    # os.path takes an unknown ~user as it is, where pathlib raises.
    return Path(os.path.abspath(base / os.path.expanduser(value)))  # noqa: PTH111


def _text(value: Any, _: Path) -> str:
    return value if isinstance(value, str) and value else _fail("a non-empty text is needed")


def _count(value: Any, _: Path) -> int:
    return number if (number := int(value)) >= 1 else _fail("at least 1 is needed")


def _threads(value: Any, base: Path) -> int:
    return min(_count(value, base), os.cpu_count() or 1)  # llama.cpp crashes with thousands


def _share(value: Any, _: Path) -> float:
    return number if 0 <= (number := float(value)) <= 1 else _fail("a number from 0 to 1 is needed")


def _seconds(value: Any, _: Path) -> float:
    return number if 0 < (number := float(value)) < float("inf") else _fail("a number of seconds is needed")


def _fail(message: str) -> Any:
    raise ValueError(message)


_TOML_TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "float": (int, float), "int": (int,), "bool": (bool,)}
_MODEL_KINDS = {f.name: _TOML_TYPES[str(f.type)] for f in fields(ModelSpec) if f.name != "name"}
_KINDS = {
    "corpus": _paths,
    "data": _path,
    "cache": _path,
    "encoder": _text,
    "model": _text,
    "passages": _count,
    "threshold": _share,
    "budget": _seconds,
    "threads": _threads,
}
