"""llama.cpp, quiet and typed (the only importer of llama_cpp)."""

from __future__ import annotations

import codecs
import ctypes
import os
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llama_cpp
import numpy as np
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from askllama.errors import ModelError
from askllama.prompt import Message

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _ignore(level: int, text: bytes, data: ctypes.c_void_p) -> None:
    """llama.cpp reports on stderr by default; what matters comes back as an error code."""


llama_cpp.llama_log_set(_ignore, ctypes.c_void_p(0))


class TokenEmbedder:
    """A BERT-like GGUF that gives one vector per token (no pooling)."""

    def __init__(self, path: Path, threads: int, longest: int = 512) -> None:
        """Load the weights; raises ModelError where the file is no such model."""
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
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


ANSWER_TOKENS = 256
"""The longest answer that a chat model writes."""

_CHUNK = 128  # Python hears Ctrl-C only between two calls of llama.cpp, so a prompt is read in pieces
_STEP = 1024  # contexts come in multiples of this, so that few questions need a new one
_OTHER_MODEL = "fetch the file again, or choose another model: askllama models"
_MARK = re.compile(r"(@@askllama-message-\d+@@)")
_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)
_INST = "[INST] {{ messages[0]['content'] }} [/INST]"


class ChatModel:
    """A GGUF that writes: prompts through its own chat template, text at temperature 0.

    Not Llama of llama-cpp-python, which fixes the context's size when it loads the weights: here the context follows
    from the prompt, and what two prompts have in common is read once.
    """

    def __init__(self, path: Path, threads: int) -> None:
        """Load the weights; raises ModelError where the file is damaged or no chat model."""
        llama_cpp.llama_backend_init()
        self._path, self._threads = path, threads
        self._model: Any = llama_cpp.llama_model_load_from_file(
            os.fsencode(path), llama_cpp.llama_model_default_params()
        )
        if not self._model:
            raise ModelError(f"{path}: not a GGUF model that llama.cpp can load", _OTHER_MODEL)
        self._vocabulary: Any = llama_cpp.llama_model_get_vocab(self._model)
        self._context: Any = None
        self._size = 0
        self._read: list[int] = []
        self._sampler: Any = llama_cpp.llama_sampler_init_greedy()
        try:
            self._check()
            self._formatter = self._make_formatter()
        except ModelError:
            self.close()
            raise

    @property
    def room(self) -> int:
        """Tokens that a prompt may have: the context the model was trained with, less the answer."""
        return int(llama_cpp.llama_model_n_ctx_train(self._model)) - ANSWER_TOKENS

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The token ids of a chat in the model's template; raises ModelError where the template cannot show it.

        The template is rendered around marks instead of the contents, so that no text of a document can become one
        of the tokens that end a turn or begin another.
        """
        contents = {f"@@askllama-message-{n}@@": message["content"] for n, message in enumerate(messages)}
        shown = [{**message, "content": mark} for message, mark in zip(messages, contents, strict=True)]
        parts = _MARK.split(self._render(shown))
        if set(contents) - set(parts):
            raise ModelError(f"{self._path}: its chat template leaves out what is asked", _OTHER_MODEL)
        ids = self._tokenise(parts[0], special=True)
        for part in parts[1:]:
            ids += self._plain(contents[part]) if part in contents else self._continue(part, special=True)
        first = llama_cpp.llama_vocab_bos(self._vocabulary)
        if llama_cpp.llama_vocab_get_add_bos(self._vocabulary) and ids[:1] != [first]:
            ids.insert(0, first)
        return ids

    def stream(self, ids: Sequence[int]) -> Iterator[str]:
        """The answer to a prompt, in pieces of whole characters; raises ModelError where the prompt has no room."""
        self._make_room(len(ids) + ANSWER_TOKENS)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        pending = self._unread(ids)
        started = False
        for _ in range(ANSWER_TOKENS):
            self._decode(pending)
            token = llama_cpp.llama_sampler_sample(self._sampler, self._context, -1)
            if llama_cpp.llama_vocab_is_eog(self._vocabulary, token):
                return
            piece = decoder.decode(self._piece(token))
            # SentencePiece models begin every text with a blank.
            if text := piece if started else piece.lstrip():
                started = True
                yield text
            pending = [token]

    def close(self) -> None:
        """Free the weights; the model cannot be used afterwards."""
        llama_cpp.llama_sampler_free(self._sampler)
        if self._context:
            llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)

    def _check(self) -> None:
        has_words = llama_cpp.llama_vocab_type(self._vocabulary) != llama_cpp.LLAMA_VOCAB_TYPE_NONE
        if not has_words or llama_cpp.llama_model_has_encoder(self._model):
            raise ModelError(f"{self._path}: not a chat model", _OTHER_MODEL)
        self._make_room(min(_STEP, self.room + ANSWER_TOKENS))

    def _make_formatter(self) -> Jinja2ChatFormatter:
        template = llama_cpp.llama_model_chat_template(self._model, None)
        # Files of 2023 often lack a template: ChatML fits where the vocabulary has it, else that of Llama 2.
        fallback = _CHATML if len(self._tokenise("<|im_start|>", special=True)) == 1 else _INST
        first, last = llama_cpp.llama_vocab_bos(self._vocabulary), llama_cpp.llama_vocab_eos(self._vocabulary)
        try:
            return Jinja2ChatFormatter(
                template=template.decode() if template else fallback,
                bos_token=self._piece(first, special=True).decode(),
                eos_token=self._piece(last, special=True).decode(),
            )
        except Exception as error:  # a template is a program of the model's author: it may fail in any way
            raise ModelError(f"{self._path}: its chat template is not valid: {error}", _OTHER_MODEL) from error

    def _render(self, messages: list[Any]) -> str:
        try:
            # Models that think aloud first (Qwen3 and others) would spend the whole answer on it.
            return str(self._formatter(messages=messages, enable_thinking=False).prompt)
        except Exception as error:  # as above
            raise ModelError(f"{self._path}: its chat template failed: {error}", _OTHER_MODEL) from error

    def _plain(self, text: str) -> list[int]:
        """The tokens of text that is nothing but text.

        llama.cpp still gives the ids of user-defined tokens, and SentencePiece may put a control token together from
        its letters; such a token is written in two parts instead.
        """
        ids = []
        for token in self._continue(text, special=False):
            marker = self._marker(token)
            ids += self._plain(marker[0]) + self._plain(marker[1:]) if len(marker) > 1 else [token]
        return ids

    def _marker(self, token: int) -> str:
        """What a control or user-defined token looks like; empty for any other token, and for blanks."""
        kinds = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED
        if not llama_cpp.llama_vocab_get_attr(self._vocabulary, token) & kinds:
            return ""
        return self._piece(token, special=True).decode("utf-8", "replace").strip()

    def _continue(self, text: str, special: bool) -> list[int]:
        """The tokens of text that does not begin the prompt.

        SentencePiece models get a blank before every text that is tokenised; behind a line break, which merges with
        nothing in their vocabularies, the text goes without.
        """
        if llama_cpp.llama_vocab_type(self._vocabulary) == llama_cpp.LLAMA_VOCAB_TYPE_SPM:
            head = self._tokenise("\n", special)
            ids = self._tokenise("\n" + text, special)
            if ids[: len(head)] == head:
                return ids[len(head) :]
        return self._tokenise(text, special)

    def _tokenise(self, text: str, special: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        count = -llama_cpp.llama_tokenize(self._vocabulary, data, len(data), None, 0, False, special)
        ids = (llama_cpp.llama_token * count)()
        llama_cpp.llama_tokenize(self._vocabulary, data, len(data), ids, count, False, special)
        return list(ids)

    def _piece(self, token: int, special: bool = False) -> bytes:
        """A token's bytes; control tokens have none unless ``special``."""
        if token < 0:  # the model has no such token
            return b""
        buffer = ctypes.create_string_buffer(256)
        length = llama_cpp.llama_token_to_piece(self._vocabulary, token, buffer, len(buffer), 0, special)
        if length < 0:
            buffer = ctypes.create_string_buffer(-length)
            length = llama_cpp.llama_token_to_piece(self._vocabulary, token, buffer, len(buffer), 0, special)
        return buffer.raw[:length]

    def _make_room(self, tokens: int) -> None:
        """See to a context of at least so many tokens; raises ModelError where the model or the memory ends."""
        if tokens <= self._size:
            return
        if tokens > self.room + ANSWER_TOKENS:
            raise ModelError(f"{self._path}: {tokens} tokens are too many for its context", _OTHER_MODEL)
        # First forgotten, then freed: an interrupt in between must not leave a context that is gone.
        context, self._context, self._size, self._read = self._context, None, 0, []
        if context:
            llama_cpp.llama_free(context)
        size = min(-(-tokens // _STEP) * _STEP, self.room + ANSWER_TOKENS)
        self._context = llama_cpp.llama_init_from_model(self._model, _chat_parameters(self._threads, size))
        if not self._context:
            raise ModelError(f"{self._path}: no memory for a context of {size} tokens", "use a smaller model")
        if not llama_cpp.llama_get_memory(self._context):
            raise ModelError(f"{self._path}: not a chat model", _OTHER_MODEL)
        self._size = size

    def _unread(self, ids: Sequence[int]) -> Sequence[int]:
        """The part of a prompt that the cache does not hold; at least its last token, which gives the first word."""
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(self._read, ids[:-1], strict=False)))
        self._read = list(ids[:same])
        memory = llama_cpp.llama_get_memory(self._context)
        if not llama_cpp.llama_memory_seq_rm(memory, 0, same, -1):  # recurrent models cannot forget in part
            llama_cpp.llama_memory_clear(memory, True)
            self._read = []
        return ids[len(self._read) :]

    def _decode(self, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            tokens = (llama_cpp.llama_token * len(chunk))(*chunk)  # the batch only points to it
            batch = llama_cpp.llama_batch_get_one(tokens, len(chunk))
            if code := llama_cpp.llama_decode(self._context, batch):
                raise ModelError(f"{self._path}: llama.cpp failed to read the prompt (code {code})", _OTHER_MODEL)
            # Only now: after an interrupt the cache may hold more than is noted here, and _unread removes that.
            self._read += chunk


def _chat_parameters(threads: int, size: int) -> llama_cpp.llama_context_params:
    parameters: llama_cpp.llama_context_params = llama_cpp.llama_context_default_params()
    parameters.n_ctx = size
    parameters.n_batch = parameters.n_ubatch = _CHUNK
    parameters.n_seq_max = 1
    parameters.n_threads = parameters.n_threads_batch = threads
    parameters.no_perf = True
    return parameters
