"""A chat model: prompts through its own template, text at temperature 0, nothing read twice."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from askllama.errors import ModelError
from askllama.models.llama import CHUNK, OTHER_MODEL, Context, Grammar, Jinja2ChatFormatter, Weights
from askllama.prompt import Message

ANSWER_TOKENS = 256
"""The longest answer that a chat model writes."""

_STEP = 1024  # contexts come in multiples of this, so that few questions need a new one
_MARK = re.compile(r"(@@askllama-message-\d+@@)")
_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)
_INST = "[INST] {{ messages[0]['content'] }} [/INST]"


class ChatModel:
    """A GGUF that writes.

    Not Llama of llama-cpp-python, which fixes the context's size when it loads the weights: here the context follows
    from the prompt, and what two prompts have in common is read once.
    """

    def __init__(self, path: Path, threads: int) -> None:
        """Load the weights; raises ModelError where the file is damaged or no chat model."""
        self._path, self._threads = path, threads
        self._weights = Weights(path)
        self._context: Context | None = None
        self._read: list[int] = []
        try:
            self._make_room(min(_STEP, self.room + ANSWER_TOKENS))
            self._formatter = self._make_formatter()
        except ModelError:
            self.close()
            raise

    @property
    def room(self) -> int:
        """Tokens that a prompt may have: the context the model was trained with, less the answer."""
        return self._weights.trained_context - ANSWER_TOKENS

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The token ids of a chat in the model's template; raises ModelError where the template cannot show it.

        The template is rendered around marks instead of the contents, so that no text of a document can become one
        of the tokens that end a turn or begin another.
        """
        contents = {f"@@askllama-message-{n}@@": message["content"] for n, message in enumerate(messages)}
        shown = [{**message, "content": mark} for message, mark in zip(messages, contents, strict=True)]
        parts = _MARK.split(self._render(shown))
        if set(contents) - set(parts):
            raise ModelError(f"{self._path}: its chat template leaves out what is asked", OTHER_MODEL)
        ids = self._weights.tokenise(parts[0], special=True)
        for part in parts[1:]:
            ids += self._plain(contents[part]) if part in contents else self._continue(part, special=True)
        if self._weights.adds_first and ids[:1] != [self._weights.first]:
            ids.insert(0, self._weights.first)
        return ids

    def stream(self, ids: Sequence[int], grammar: str | None = None) -> Iterator[str]:
        """The answer to a prompt, in pieces of whole characters; raises ModelError where the prompt has no room.

        ``grammar`` (GBNF) restricts what is written.
        """
        self._make_room(len(ids) + ANSWER_TOKENS)
        rules = Grammar(self._weights, grammar) if grammar else None
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        started = False
        try:
            for token in self._tokens(ids, rules):
                piece = decoder.decode(self._weights.piece(token))
                # SentencePiece models begin every text with a blank.
                if text := piece if started else piece.lstrip():
                    started = True
                    yield text
        finally:
            if rules:
                rules.close()

    def _tokens(self, ids: Sequence[int], rules: Grammar | None) -> Iterator[int]:
        """The likeliest tokens after the prompt, one by one."""
        pending = self._unread(ids)
        for _ in range(ANSWER_TOKENS):
            logits = self._decode(pending)
            token = rules.choose(logits) if rules else int(logits.argmax())
            if self._weights.ends(token):
                return
            if rules:
                rules.accept(token)
            yield token
            pending = [token]

    def close(self) -> None:
        """Free the weights; the model cannot be used afterwards."""
        if self._context:
            self._context.close()
        self._weights.close()

    def _make_formatter(self) -> Jinja2ChatFormatter:
        weights = self._weights
        # Files of 2023 often lack a template: ChatML fits where the vocabulary has it, else that of Llama 2.
        fallback = _CHATML if len(weights.tokenise("<|im_start|>", special=True)) == 1 else _INST
        try:
            return Jinja2ChatFormatter(
                template=weights.template or fallback,
                bos_token=weights.piece(weights.first, special=True).decode(),
                eos_token=weights.piece(weights.last, special=True).decode(),
            )
        except Exception as error:  # a template is a program of the model's author: it may fail in any way
            raise ModelError(f"{self._path}: its chat template is not valid: {error}", OTHER_MODEL) from error

    def _render(self, messages: list[Any]) -> str:
        try:
            # Models that think aloud first (Qwen3 and others) would spend the whole answer on it.
            return str(self._formatter(messages=messages, enable_thinking=False).prompt)
        except Exception as error:  # as above
            raise ModelError(f"{self._path}: its chat template failed: {error}", OTHER_MODEL) from error

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
        if not self._weights.is_marker(token):
            return ""
        return self._weights.piece(token, special=True).decode("utf-8", "replace").strip()

    def _continue(self, text: str, special: bool) -> list[int]:
        """The tokens of text that does not begin the prompt.

        SentencePiece models get a blank before every text that is tokenised; behind a line break, which merges with
        nothing in their vocabularies, the text goes without.
        """
        if self._weights.is_sentencepiece:
            head = self._weights.tokenise("\n", special)
            ids = self._weights.tokenise("\n" + text, special)
            if ids[: len(head)] == head:
                return ids[len(head) :]
        return self._weights.tokenise(text, special)

    def _make_room(self, tokens: int) -> None:
        """See to a context of at least so many tokens; raises ModelError where the model or the memory ends."""
        most = self.room + ANSWER_TOKENS
        if self._context and tokens <= self._context.size:
            return
        if tokens > most:
            raise ModelError(f"{self._path}: {tokens} tokens are too many for its context", OTHER_MODEL)
        # First forgotten, then freed: an interrupt in between must not leave a context that is gone.
        context, self._context, self._read = self._context, None, []
        if context:
            context.close()
        self._context = Context(self._weights, self._threads, min(-(-tokens // _STEP) * _STEP, most))

    def _unread(self, ids: Sequence[int]) -> Sequence[int]:
        """The part of a prompt that the cache does not hold; at least its last token, which gives the first word."""
        assert self._context
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(self._read, ids[:-1], strict=False)))
        self._read = list(ids[:same])
        if not self._context.keep(same):
            self._read = []
        return ids[len(self._read) :]

    def _decode(self, ids: Sequence[int]) -> Any:
        """Read the tokens and return the logits after the last."""
        assert self._context
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            self._context.read(chunk, len(self._read))
            # Only now: after an interrupt the cache may hold more than is noted here, and _unread removes that.
            self._read += chunk
        return self._context.logits(-1)
