"""llama.cpp, quiet and typed (the only importer of llama_cpp)."""

from __future__ import annotations

import ctypes
import os
import re
from collections import deque
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import llama_cpp
import numpy as np
from llama_cpp.llama_chat_format import Jinja2ChatFormatter as Jinja2ChatFormatter  # for chat, which imports it here

from askllama.errors import ModelError
from askllama.models.interrupts import Interrupts

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray


_reasons: deque[str] = deque(maxlen=1)
_WHY = re.compile(r"error loading model(?: \w+)?: (?!error)(.*)")
_UNKNOWN = ("unknown model architecture", "unknown pre-tokenizer", "unknown tokenizer")


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _listen(level: int, text: bytes, data: ctypes.c_void_p) -> None:
    """llama.cpp reports on stderr by default; kept is only why it could not load a model, which no code tells."""
    if found := _WHY.search(text.decode("utf-8", "replace")):
        _reasons.append(found[1])


llama_cpp.llama_log_set(_listen, ctypes.c_void_p(0))


class TokenEmbedder:
    """A BERT-like GGUF that gives one vector per token (no pooling)."""

    def __init__(self, path: Path, threads: int, longest: int = 512) -> None:
        """Load the weights; raises ModelError where the file is no such model."""
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(os.fsencode(path), llama_cpp.llama_model_default_params())
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


OTHER_MODEL = "fetch the file again, or choose another model: askllama models"
CHUNK = 128
"""Tokens that a context reads at once."""

NO_TOKEN: int = llama_cpp.LLAMA_TOKEN_NULL
"""What stands for a token that there is not."""

BUILD = f"{llama_cpp.__version__} {llama_cpp.llama_print_system_info().decode()}"
"""Which llama.cpp runs here: states that another one wrote may mean something else."""

_FOR_WEIGHTS = 0.8  # share of the free memory of a GPU that weights may fill
_GPU = 1  # GGML_BACKEND_DEVICE_TYPE_GPU
_OUTPUTS = 16  # places of one chunk whose logits can be asked for


class Weights:
    """A GGUF that writes: its weights, its vocabulary and its chat template."""

    def __init__(self, path: Path) -> None:
        """Load them; raises ModelError where the file is damaged or no such model."""
        llama_cpp.llama_backend_init()
        self.path = path
        self.model: Any = _load(path)
        if not self.model:
            raise _load_error(path)
        self.vocabulary: Any = llama_cpp.llama_model_get_vocab(self.model)
        kind = llama_cpp.llama_vocab_type(self.vocabulary)
        if kind == llama_cpp.LLAMA_VOCAB_TYPE_NONE or llama_cpp.llama_model_has_encoder(self.model):
            self.close()
            raise ModelError(f"{path}: not a chat model", OTHER_MODEL)
        self.words = int(llama_cpp.llama_vocab_n_tokens(self.vocabulary))
        self.trained_context = int(llama_cpp.llama_model_n_ctx_train(self.model))
        self.is_sentencepiece = kind == llama_cpp.LLAMA_VOCAB_TYPE_SPM
        self.first = int(llama_cpp.llama_vocab_bos(self.vocabulary))
        self.last = int(llama_cpp.llama_vocab_eos(self.vocabulary))
        self.is_recurrent = bool(
            llama_cpp.llama_model_is_recurrent(self.model) or llama_cpp.llama_model_is_hybrid(self.model)
        )
        self.adds_first = bool(llama_cpp.llama_vocab_get_add_bos(self.vocabulary))

    @property
    def architecture(self) -> str:
        """llama.cpp's name of the model's structure."""
        buffer = ctypes.create_string_buffer(64)
        llama_cpp.llama_model_meta_val_str(self.model, b"general.architecture", buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace")

    @property
    def template(self) -> str:
        """The file's own chat template; empty where it has none."""
        template = llama_cpp.llama_model_chat_template(self.model, None)
        return template.decode("utf-8", "replace") if template else ""

    def ends(self, token: int) -> bool:
        """Whether the token ends an answer; no token at all does, too."""
        return token == NO_TOKEN or bool(llama_cpp.llama_vocab_is_eog(self.vocabulary, token))

    def is_marker(self, token: int) -> bool:
        """Whether the token is a control or a user-defined one, which stands for no text."""
        kinds = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED
        return bool(llama_cpp.llama_vocab_get_attr(self.vocabulary, token) & kinds)

    def tokenise(self, text: str, special: bool) -> list[int]:
        """Token ids; with ``special`` the names of control tokens become these tokens."""
        data = text.encode("utf-8", "replace")
        count = -llama_cpp.llama_tokenize(self.vocabulary, data, len(data), None, 0, False, special)
        ids = (llama_cpp.llama_token * count)()
        llama_cpp.llama_tokenize(self.vocabulary, data, len(data), ids, count, False, special)
        return list(ids)

    def piece(self, token: int, special: bool = False) -> bytes:
        """A token's bytes; control tokens have none unless ``special``."""
        if token == NO_TOKEN:
            return b""
        buffer = ctypes.create_string_buffer(256)
        length = llama_cpp.llama_token_to_piece(self.vocabulary, token, buffer, len(buffer), 0, special)
        if length < 0:
            buffer = ctypes.create_string_buffer(-length)
            length = llama_cpp.llama_token_to_piece(self.vocabulary, token, buffer, len(buffer), 0, special)
        return buffer.raw[:length]

    def close(self) -> None:
        """Free the weights, which cannot be used afterwards."""
        llama_cpp.llama_model_free(self.model)


@cache
def supports(architecture: str) -> bool:
    """Whether the llama.cpp that is installed knows an architecture; it is shown a file that names it and no more."""
    from gguf import GGUFWriter

    with TemporaryDirectory() as folder:
        path = Path(folder, "name.gguf")
        writer = GGUFWriter(path, architecture)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        _reasons.clear()
        llama_cpp.llama_model_load_from_file(os.fsencode(path), llama_cpp.llama_model_default_params())
    return not "".join(_reasons).startswith(_UNKNOWN)


def _load_error(path: Path) -> ModelError:
    reason = _reasons.pop()[:200] if _reasons else ""
    if reason.startswith(_UNKNOWN):
        return ModelError(
            f"{path}: {reason}, for the llama.cpp that is installed (llama-cpp-python {llama_cpp.__version__})",
            "pip install --upgrade llama-cpp-python  may know it; or choose another model: askllama models",
        )
    detail = f": {reason}" if reason and "failed to load" not in reason else ""
    return ModelError(f"{path}: damaged, or not a GGUF model that llama.cpp can load{detail}", OTHER_MODEL)


class Context:
    """One sequence of tokens that a model has read: its cache, and what it expects next."""

    def __init__(self, weights: Weights, threads: int, size: int) -> None:
        """A context of ``size`` tokens; raises ModelError where the memory ends."""
        self._weights = weights
        self.size = size
        self._interrupts = Interrupts()
        with self._interrupts:
            self._context: Any = llama_cpp.llama_init_from_model(weights.model, _chat_parameters(threads, size))
        if not self._context:
            raise ModelError(f"{weights.path}: no memory for a context of {size} tokens", "use a smaller model")
        self._batch = llama_cpp.llama_batch_init(CHUNK, 0, 1)
        self._memory = llama_cpp.llama_get_memory(self._context)
        if not self._memory:
            self.close()
            raise ModelError(f"{weights.path}: not a chat model", OTHER_MODEL)
        self._is_stopped = llama_cpp.ggml_abort_callback(lambda _: self._interrupts.noted)

    def keep(self, count: int) -> bool:
        """Forget all but the first ``count`` tokens; recurrent models cannot, and forget everything: False."""
        if llama_cpp.llama_memory_seq_rm(self._memory, 0, count, -1):
            return True
        llama_cpp.llama_memory_clear(self._memory, True)
        return False

    def read(self, ids: Sequence[int], start: int, outputs: int = 1) -> None:
        """Read at most CHUNK tokens as those from ``start`` on, with logits for the last ``outputs`` of them."""
        batch = self._batch
        batch.n_tokens = len(ids)
        for place, token in enumerate(ids):
            batch.token[place] = token
            batch.pos[place] = start + place
            batch.n_seq_id[place] = 1
            batch.seq_id[place][0] = 0
            batch.logits[place] = place >= len(ids) - outputs
        if code := self._compute():
            raise ModelError(f"{self._weights.path}: llama.cpp failed to read the prompt (code {code})", OTHER_MODEL)

    def _compute(self) -> int:
        # A chunk takes seconds, and llama.cpp can be stopped in it; one token is over before that pays.
        callback = self._is_stopped if self._batch.n_tokens > 1 else llama_cpp.ggml_abort_callback()
        with self._interrupts:
            llama_cpp.llama_set_abort_callback(self._context, callback, None)
            return int(llama_cpp.llama_decode(self._context, self._batch))

    def save(self) -> bytes:
        """What has been read, as bytes that ``restore`` takes; empty where the model has no such form."""
        size = llama_cpp.llama_state_seq_get_size(self._context, 0)
        buffer = (ctypes.c_uint8 * size)()
        length = llama_cpp.llama_state_seq_get_data(self._context, buffer, size, 0)
        return bytes(memoryview(buffer)[:length])

    def restore(self, state: bytes) -> bool:
        """Go on where ``state`` was saved; False, and nothing is read, where it does not fit."""
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        if llama_cpp.llama_state_seq_set_data(self._context, buffer, len(state), 0):
            return True
        llama_cpp.llama_memory_clear(self._memory, True)
        return False

    def logits(self, place: int) -> NDArray[float32]:
        """The logits after a token of the last chunk, of shape (words,); valid until the next is read."""
        pointer = llama_cpp.llama_get_logits_ith(self._context, place)
        return np.ctypeslib.as_array(pointer, (self._weights.words,))

    def close(self) -> None:
        """Free the cache; the context cannot be used afterwards."""
        if self._context:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self._context)


class Grammar:
    """A GBNF grammar that an answer must follow, from its rule ``root`` on."""

    def __init__(self, weights: Weights, rules: str) -> None:
        """Read the rules; raises ModelError where they are no GBNF."""
        self._sampler: Any = llama_cpp.llama_sampler_init_grammar(weights.vocabulary, rules.encode(), b"root")
        if not self._sampler:
            raise ModelError("the grammar of an answer is no GBNF that llama.cpp reads")

    def choose(self, logits: NDArray[float32]) -> int:
        """The likeliest token that the grammar allows; NO_TOKEN where the vocabulary has none.

        The likeliest of all is tried first, as in llama.cpp's own tools: to try a whole vocabulary takes longer than
        to compute the logits of a small model.
        """
        best = int(logits.argmax())
        if self._allowed([best], logits):
            return best
        allowed = self._allowed(range(len(logits)), logits)
        return max(allowed, key=logits.__getitem__, default=NO_TOKEN)

    def accept(self, token: int) -> None:
        """Go on behind the token."""
        llama_cpp.llama_sampler_accept(self._sampler, token)

    def _allowed(self, tokens: Sequence[int], logits: NDArray[float32]) -> list[int]:
        data = (llama_cpp.llama_token_data * len(tokens))()
        table = np.frombuffer(data, np.dtype([("id", "<i4"), ("logit", "<f4"), ("p", "<f4")]))
        table["id"] = tokens
        table["logit"] = logits[table["id"]]
        array = llama_cpp.llama_token_data_array(data, len(tokens), -1, False)
        llama_cpp.llama_sampler_apply(self._sampler, ctypes.byref(array))
        return [int(token) for token in table["id"][np.isfinite(table["logit"])]]

    def close(self) -> None:
        """Free the grammar; it cannot be used afterwards."""
        llama_cpp.llama_sampler_free(self._sampler)


def _load(path: Path) -> Any:
    parameters = _model_parameters(path)
    interrupts = Interrupts()
    parameters.progress_callback = llama_cpp.llama_progress_callback(lambda *_: not interrupts.noted)
    with interrupts:
        return llama_cpp.llama_model_load_from_file(os.fsencode(path), parameters)


def _model_parameters(path: Path) -> llama_cpp.llama_model_params:
    parameters: llama_cpp.llama_model_params = llama_cpp.llama_model_default_params()
    if llama_cpp.llama_supports_gpu_offload():
        parameters.n_gpu_layers = layers_that_fit(_count_layers(path), path.stat().st_size, _free_vram())
    return parameters


def layers_that_fit(layers: int, size: int, free: int) -> int:
    """How many of a model's layers go into ``free`` bytes of a GPU; the rest stays in RAM.

    ``size``: bytes of the file. A part is left for the cache and what is being computed; the output matrix counts as
    a layer, as in llama.cpp.
    """
    return max(0, min(layers + 1, int(free * _FOR_WEIGHTS) * (layers + 1) // max(1, size)))


def _count_layers(path: Path) -> int:
    """The number of layers by the file's metadata; 0 where it cannot be read."""
    parameters = llama_cpp.llama_model_default_params()
    parameters.vocab_only = True
    model = llama_cpp.llama_model_load_from_file(os.fsencode(path), parameters)
    if not model:
        return 0
    values: list[str] = []
    for key in ("general.architecture", "{}.block_count"):
        buffer = ctypes.create_string_buffer(64)
        llama_cpp.llama_model_meta_val_str(model, key.format(*values).encode(), buffer, len(buffer))
        values.append(buffer.value.decode())
    llama_cpp.llama_model_free(model)
    return int(values[1]) if values[1].isdigit() else 0


def _free_vram() -> int:
    """Bytes that are free on the GPUs together, by ggml's own account of them."""
    from llama_cpp._ggml import libggml

    libggml.ggml_backend_dev_get.restype = ctypes.c_void_p
    free, total, sum_ = ctypes.c_size_t(), ctypes.c_size_t(), 0
    for place in range(libggml.ggml_backend_dev_count()):
        device = ctypes.c_void_p(libggml.ggml_backend_dev_get(ctypes.c_size_t(place)))
        if libggml.ggml_backend_dev_type(device) == _GPU:
            libggml.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
            sum_ += free.value
    return sum_


def _chat_parameters(threads: int, size: int) -> llama_cpp.llama_context_params:
    parameters: llama_cpp.llama_context_params = llama_cpp.llama_context_default_params()
    parameters.n_ctx = size
    parameters.n_batch = parameters.n_ubatch = CHUNK
    parameters.n_outputs_max = _OUTPUTS
    # On a CPU flash attention adds up in another order for other batches; without it a token's logits are the same to
    # the bit whether it was read alone, in a guess, or by an earlier run.
    if not llama_cpp.llama_supports_gpu_offload():
        parameters.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    parameters.n_seq_max = 1
    parameters.n_threads = parameters.n_threads_batch = threads
    parameters.no_perf = True
    return parameters
