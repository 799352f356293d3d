"""Models that other programs left on this machine: found by name, used where they lie, never copied."""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from askllama.models.names import parts

_OLLAMA_MODEL = "application/vnd.ollama.image.model"
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_LATER_PART = re.compile(r"-(?!00001)\d{5}-of-\d{5}$")
_FIRST_PART = re.compile(r"-00001-of-\d{5}$")
_NO_GENERATORS = {"clip", "t5", "t5encoder", "gemma-embedding", "llama-embed", "wavtokenizer-dec"}
# struct's letters for GGUF's value types; 8 is a string, 9 an array.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_LONGEST = 1 << 20  # bytes of a manifest or of a text in a header: more is no model's


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A generator on this machine: the name for ``--model``, its (first) file, size in bytes, and architecture."""

    name: str
    path: Path
    size: int
    architecture: str


def scan(stores: Iterable[tuple[str, Path]]) -> list[LocalModel]:
    """The generators in other programs' folders; what cannot be read or is no generator is left out.

    Only the files' headers are read. Where two files have one name the first is taken.
    """
    found: dict[str, LocalModel] = {}
    for store, root in stores:
        for label, path in _ollama_models(root) if store == "ollama" else _gguf_files(root):
            name = f"{store}/{label}"
            if name not in found and (model := _examine(name, path)):
                found[name] = model
    return list(found.values())


def _ollama_models(root: Path) -> Iterator[tuple[str, Path]]:
    """Ollama's files are named by their hashes; a manifest for each model says which is the GGUF."""
    folder = root / "manifests"
    for manifest in _walk(folder):
        place = manifest.relative_to(folder).parts
        if len(place) != 4 or not (digest := _read_manifest(manifest)):
            continue
        _, namespace, model, tag = place
        label = f"{model}:{tag}" if namespace == "library" else f"{namespace}/{model}:{tag}"
        yield label, root / "blobs" / f"sha256-{digest}"


def _read_manifest(path: Path) -> str:
    """The hash of the GGUF that a manifest names; empty where it names none. Anyone may have written it."""
    try:
        with path.open("rb") as file:
            layers = json.loads(file.read(_LONGEST))["layers"]
        digests = [layer["digest"] for layer in layers if layer["mediaType"] == _OLLAMA_MODEL]
        found = _DIGEST.fullmatch(digests[0])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ""
    return found[1] if found else ""


def _gguf_files(root: Path) -> Iterator[tuple[str, Path]]:
    for path in _walk(root):
        # GPT4All downloads under a name of its own.
        if path.suffix == ".gguf" and not _LATER_PART.search(path.stem) and not path.name.startswith("incomplete-"):
            yield _FIRST_PART.sub("", path.stem), path


def _walk(root: Path) -> Iterator[Path]:
    """The regular files below a folder, in order; folders that cannot be read are passed over."""
    for folder, folders, names in os.walk(root):
        folders.sort()
        yield from (path for name in sorted(names) if os.path.isfile(path := Path(folder, name)))  # noqa: PTH113


def _examine(name: str, path: Path) -> LocalModel | None:
    """The model in a file, and in the parts that belong to it; None where it is incomplete or no generator."""
    files = [path.with_name(part) for part in parts(path.name)]
    try:
        size = sum(file.stat().st_size for file in files)
        with path.open("rb") as file:
            tensors, header = _read_header(file)
    except (OSError, ValueError, struct.error):
        return None
    architecture = header.get("general.architecture")
    # The first of several parts may hold no tensor, a lone file without any is a vocabulary.
    if not isinstance(architecture, str) or not (tensors or len(files) > 1):
        return None
    embeds = header.get(f"{architecture}.pooling_type", 0) or "bert" in architecture or architecture in _NO_GENERATORS
    whole = header.get("general.type", "model") == "model"  # not an adapter, not a projector of pictures
    return LocalModel(name, path, size, architecture) if whole and not embeds else None


def _read_header(file: BinaryIO) -> tuple[int, dict[str, Any]]:
    """The number of tensors, and the metadata up to the tokenizer's; raises ValueError or struct.error.

    Not gguf.GGUFReader: it reads the whole vocabulary, which takes seconds a file.
    """
    if file.read(4) != b"GGUF":
        raise ValueError("not a GGUF file")
    version, tensors, count = struct.unpack("<IQQ", file.read(20))
    if version not in (2, 3):
        raise ValueError(f"GGUF version {version}")
    header: dict[str, Any] = {}
    for _ in range(count):
        key = _read_text(file)
        if key.startswith("tokenizer."):
            break
        header[key] = _read_value(file, *struct.unpack("<I", file.read(4)))
    return tensors, header


def _read_value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _read_text(file)
    if kind == _ARRAY:
        item, count = struct.unpack("<IQ", file.read(12))
        if count > _LONGEST or item == _ARRAY:
            raise ValueError("no list that a model has")
        return [_read_value(file, item) for _ in range(count)]
    if kind not in _SCALARS:
        raise ValueError(f"unknown type {kind}")
    form = f"<{_SCALARS[kind]}"
    return struct.unpack(form, file.read(struct.calcsize(form)))[0]


def _read_text(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > _LONGEST:
        raise ValueError("an endless text")
    return file.read(length).decode("utf-8", "replace")
