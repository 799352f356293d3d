"""llama.cpp, quiet and typed (the only importer of llama_cpp)."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import llama_cpp
import numpy as np

from askllama.errors import ModelError

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray


@llama_cpp.llama_log_callback
def _ignore(level: int, text: bytes, data: ctypes.c_void_p) -> None:
    """llama.cpp reports on stderr by default; what matters comes back as an error code."""


llama_cpp.llama_log_set(_ignore, ctypes.c_void_p(0))


class TokenEmbedder:
    """A BERT-like GGUF that gives one vector per token (no pooling)."""

    def __init__(self, path: Path, threads: int, longest: int = 512) -> None:
        """Load the weights; raises ModelError where the file is no such model."""
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(
            str(path).encode(), llama_cpp.llama_model_default_params()
        )
        if not self._model:
            raise ModelError(f"{path}: not a GGUF model that llama.cpp can load", "askllama doctor")
        self._context = llama_cpp.llama_init_from_model(self._model, _context_parameters(threads, longest))
        if not self._context:
            raise ModelError(f"{path}: llama.cpp could not make a context for it", "askllama doctor")
        self.dimensions = llama_cpp.llama_model_n_embd(self._model)
        self.longest = longest
        self._batch = llama_cpp.llama_batch_init(longest, 0, 1)

    def metadata(self, key: str) -> str:
        """A string of the GGUF's metadata; raises ModelError where the key is missing."""
        buffer = ctypes.create_string_buffer(65_536)
        length = llama_cpp.llama_model_meta_val_str(self._model, key.encode(), buffer, len(buffer))
        if length < 0:
            raise ModelError(f"the model's metadata lack {key}", "askllama doctor")
        return buffer.value.decode()

    def embed(self, ids: Sequence[int]) -> NDArray[float32]:
        """Vectors of shape (tokens, dimensions), float32, for at most ``longest`` token ids."""
        batch = self._batch
        batch.n_tokens = len(ids)
        for place, token in enumerate(ids):
            batch.token[place] = token
            batch.pos[place] = place
            batch.n_seq_id[place] = 1
            batch.seq_id[place][0] = 0
            batch.logits[place] = 1
        if code := llama_cpp.llama_encode(self._context, batch):
            raise ModelError(f"llama.cpp failed to encode {len(ids)} tokens (code {code})", "askllama doctor")
        pointer = llama_cpp.llama_get_embeddings(self._context)
        return np.ctypeslib.as_array(pointer, (len(ids), self.dimensions)).copy()

    def close(self) -> None:
        """Free the weights; the embedder cannot be used afterwards."""
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)


def _context_parameters(threads: int, longest: int) -> llama_cpp.llama_context_params:
    parameters = llama_cpp.llama_context_default_params()
    # Attention without a cache must see a whole sequence at once, so the physical batch is the longest sequence.
    parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = longest
    parameters.n_seq_max = 1
    parameters.n_threads = parameters.n_threads_batch = threads
    parameters.embeddings = True
    parameters.pooling_type = llama_cpp.LLAMA_POOLING_TYPE_NONE
    parameters.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED
    parameters.no_perf = True
    return parameters
