"""The encoder run in two ways (the only importer of sentence_transformers).

Many passages go through sentence-transformers; a question, or a handful of passages, through a GGUF
twin of the same weights, because importing torch takes seconds. The twin is made once, into the cache,
and used only where its vectors agree with the original's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from askllama.errors import ModelError
from askllama.models import registry

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from askllama.models.llama import TokenEmbedder

AGREEMENT = 0.999
"""The least cosine between the twin's and the original's vectors of every probe."""

_FEW = 40  # so many passages the twin encodes sooner than torch is imported
_PROBES = (
    "when did Mixtral launch?",
    "December 11th, 2023",
    "A mixture of experts routes every token through a few of its feed-forward networks, so that it costs less.",
    "Ünïcödé, 数字, символы; code: x = f(y) -> z[0] == 3.14",
    "The quick brown fox jumps over the lazy dog. " * 12,
)

Notify = Callable[[str], None]


def open_encoder(name: str, cache: Path, threads: int, notify: Notify) -> SentenceEncoder:
    """The bundled MiniLM, or any sentence-transformers model in a local folder. Raises ModelError."""
    if name == registry.MINILM:
        weights_hash = registry.MINILM_HASHES["model.safetensors"]
        return SentenceEncoder(registry.minilm_folder(), name, weights_hash, cache, threads, notify)
    folder = Path(os.path.expanduser(name))  # noqa: PTH111  (pathlib raises for an unknown user)
    weights = folder / "model.safetensors"
    if not os.path.exists(weights):  # noqa: PTH110  (pathlib raises for a name too long)
        raise ModelError(
            f"encoder {name!r} is neither {registry.MINILM} nor a folder with model.safetensors",
            "askllama doctor",
        )
    return SentenceEncoder(folder, folder.name, registry.hash_file(weights), cache, threads, notify)


class SentenceEncoder:
    """A sentence-transformers model and its twin; implements Encoder."""

    def __init__(self, folder: Path, name: str, weights_hash: str, cache: Path, threads: int, notify: Notify) -> None:
        self.identity = f"{name}:{weights_hash[:16]}"
        self._folder = folder
        self._name = name
        self._twin_path = cache / f"{name}-{weights_hash[:16]}.f16.gguf"
        self._threads = threads
        self._notify = notify

    def encode_question(self, text: str) -> NDArray[float32]:
        """One unit vector of shape (dimensions,), float32."""
        vector: NDArray[float32] = self.encode_passages([text])[0]
        return vector

    def encode_passages(self, texts: Sequence[str]) -> NDArray[float32]:
        """Unit vectors of shape (texts, dimensions), float32."""
        if len(texts) <= _FEW and self._twin:
            return self._encode_by_twin(texts)
        return self._encode_by_original(texts)

    def _encode_by_original(self, texts: Sequence[str]) -> NDArray[float32]:
        original = self._original
        import torch

        # Autocast keeps sums and norms in fp32: cosine 0.9999 to fp32, where bf16 weights give 0.998.
        with torch.autocast("cpu", torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported()):
            # sentence-transformers sorts by length, so each batch pads little.
            vectors = original.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)

    @cached_property
    def _original(self) -> Any:
        self._notify("loading the encoder")
        if self._name == registry.MINILM:
            registry.verified("model.safetensors")
        # Offline is a promise, not a setting: nothing here may ask a hub whether a newer file exists.
        os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        logging.set_verbosity_error()
        torch.set_num_threads(self._threads)
        return SentenceTransformer(str(self._folder), device="cpu", local_files_only=True)

    def _encode_by_twin(self, texts: Sequence[str]) -> NDArray[float32]:
        assert self._twin is not None
        return np.stack([_embed(self._twin, text, self._window) for text in texts])

    @cached_property
    def _window(self) -> int:
        settings = json.loads((self._folder / "sentence_bert_config.json").read_text(encoding="utf-8"))
        return int(settings["max_seq_length"])

    @cached_property
    def _twin(self) -> TokenEmbedder | None:
        """The twin, made where it is missing; None where the model has no twin that agrees."""
        refused = self._twin_path.with_suffix(".refused")
        if refused.exists() or not _is_convertible(self._folder):
            return None
        try:
            if not self._twin_path.exists() and (reason := self._make_twin()):
                refused.write_text(reason + "\n", encoding="utf-8")
                return None
        except OSError:  # no place for a cache: the original does the same, slower
            return None
        from askllama.models.llama import TokenEmbedder

        return TokenEmbedder(self._twin_path, self._threads)

    def _make_twin(self) -> str:
        """Convert, compare, and only then put the file in its place; the reason where it was refused."""
        from askllama.models.convert import load_bert, write_gguf
        from askllama.models.llama import TokenEmbedder

        self._notify("preparing the encoder (once)")
        self._twin_path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._twin_path.with_suffix(f".{os.getpid()}.part")
        try:
            write_gguf(load_bert(self._folder, self._name), partial, "F16")
            twin = TokenEmbedder(partial, self._threads)
            vectors = np.stack([_embed(twin, text, self._window) for text in _PROBES])
            twin.close()
            cosine = float((vectors * self._encode_by_original(_PROBES)).sum(axis=1).min())
            if cosine < AGREEMENT:
                return f"cosine {cosine:.5f} is below {AGREEMENT}"
            partial.replace(self._twin_path)
            return ""
        finally:
            partial.unlink(missing_ok=True)


def _embed(twin: TokenEmbedder, text: str, window: int) -> NDArray[float32]:
    ids = registry.load_tokenizer().encode(text).ids
    if len(ids) > window:
        ids = [*ids[: window - 1], ids[-1]]
    mean: NDArray[float32] = twin.embed(ids).mean(axis=0)
    return mean / np.float32(np.linalg.norm(mean))


def _is_convertible(folder: Path) -> bool:
    """Whether this is a BERT over MiniLM's vocabulary, mean-pooled, without prompts: what the twin reproduces."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        pooling = json.loads((folder / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
        prompts = json.loads((folder / "config_sentence_transformers.json").read_text(encoding="utf-8")).get("prompts")
        same_words = registry.hash_file(folder / "tokenizer.json") == registry.MINILM_HASHES["tokenizer.json"]
    except (OSError, ValueError):
        return False
    return (
        config.get("model_type") == "bert"
        and bool(pooling.get("pooling_mode_mean_tokens"))
        and same_words
        and not prompts
    )
