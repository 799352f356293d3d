"""A chat model: prompts through its own template, text at temperature 0, nothing read twice."""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from askllama.budget import ANSWER
from askllama.errors import ModelError
from askllama.models.llama import CHUNK, OTHER_MODEL, Context, Grammar, Jinja2ChatFormatter, Weights
from askllama.models.lookup import Lookup
from askllama.models.templates import TURN_MARKERS, choose, write_template
from askllama.prompt import Message

_STEP = 1024  # contexts come in multiples of this, so that few questions need a new one
_MARK = re.compile(r"( ?@@askllama-message-\d+@@)")  # a blank goes with the word behind it, as in training
_BLANK = "▁"  # in SentencePiece's tokens
_DAY = datetime(2024, 7, 26)  # the day that Llama 3.1's template names of itself


@dataclass(slots=True)
class Meter:
    """Tokens and the seconds they took."""

    tokens: int = 0
    seconds: float = 0.0


class ChatModel:
    """A GGUF that writes.

    Not Llama of llama-cpp-python, which fixes the context's size when it loads the weights: here the context follows
    from the prompt, and what two prompts have in common is read once.
    """

    def __init__(self, path: Path, threads: int, prompt: str = "") -> None:
        """Load the weights; raises ModelError where the file is damaged or no chat model.

        ``prompt`` names the format of its turns, for a file without a chat template.
        """
        self._path, self._threads = path, threads
        self._weights = Weights(path)
        self._context: Context | None = None
        self._read: list[int] = []
        self.written: list[int] = []
        self.reading, self.writing = Meter(), Meter()
        try:
            self._make_room(min(_STEP, self._weights.trained_context))
            self._formatter = self._make_formatter(prompt)
        except ModelError:
            self.close()
            raise

    @property
    def room(self) -> int:
        """Tokens that a prompt may have: the context the model was trained with, less the answer."""
        return self._weights.trained_context - ANSWER

    @property
    def forgets(self) -> bool:
        """Whether the end of what was read can be taken back; recurrent models can only begin anew."""
        return not self._weights.is_recurrent

    @cached_property
    def converses(self) -> bool:
        """Whether the template can show more than one turn."""
        try:
            return bool(self.encode_next({"role": "user", "content": "?"}))
        except ModelError:
            return False

    def count(self, text: str) -> int:
        """How many tokens a text has where it stands in a prompt."""
        return len(self._plain(text))

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The token ids of a chat in the model's template; raises ModelError where the template cannot show it.

        The template is rendered around marks instead of the contents, so that no text of a document can become one
        of the tokens that end a turn or begin another.
        """
        parts = self._split(messages)
        ids = self._weights.tokenise(parts[0][0], special=True)
        for text, is_content in parts[1:]:
            ids += self._plain(text) if is_content else self._continue(text, special=True)
        if self._weights.adds_first and ids[:1] != [self._weights.first]:
            ids.insert(0, self._weights.first)
        return ids

    def encode_next(self, message: Message) -> list[int]:
        """The token ids that a user's message adds behind an answer, which ends before its end-of-turn token.

        What was read and written before stays as it is, token by token. Raises ModelError as ``encode``, and where
        the template shows one turn only.
        """
        before: list[Message] = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
        parts = self._split([*before, message])
        answer = next(place for place, (text, is_content) in enumerate(parts) if is_content and text.strip() == "!")
        ids: list[int] = []
        for text, is_content in parts[answer + 1 :]:
            ids += self._plain(text) if is_content else self._continue(text, special=True)
        return ids

    def _split(self, messages: Sequence[Message]) -> list[tuple[str, bool]]:
        """The rendered template in parts; True marks the contents."""
        contents = {f"@@askllama-message-{n}@@": message["content"] for n, message in enumerate(messages)}
        shown = [{**message, "content": mark} for message, mark in zip(messages, contents, strict=True)]
        parts = [(part, part.strip()) for part in _MARK.split(self._render(shown))]
        if set(contents) - {mark for _, mark in parts}:
            raise ModelError(f"{self._path}: its chat template leaves out what is asked", OTHER_MODEL)
        return [
            (part.replace(mark, contents[mark]), True) if mark in contents else (part, False) for part, mark in parts
        ]

    def stream(self, ids: Sequence[int], grammar: str | None = None, longest: int = ANSWER) -> Iterator[str]:
        """The answer to a prompt, in pieces of whole characters; raises ModelError where the prompt has no room.

        ``grammar`` (GBNF) restricts what is written, ``longest`` is the number of tokens at which it ends.
        """
        self._make_room(len(ids) + longest)
        rules = Grammar(self._weights, grammar) if grammar else None
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        started = False
        try:
            for token in islice(self._tokens(ids, rules), longest):
                piece = decoder.decode(self._weights.piece(token))
                # SentencePiece models begin every text with a blank.
                if text := piece if started else piece.lstrip():
                    started = True
                    yield text
        finally:
            if rules:
                rules.close()

    def _tokens(self, ids: Sequence[int], rules: Grammar | None) -> Iterator[int]:
        """The likeliest tokens after the prompt, also in ``written``; guesses are read, and checked, together."""
        lookup = Lookup(ids)
        self.written = []
        self._decode(self._unread(ids), self.reading)
        token = self._choose(rules, -1)
        while not self._weights.ends(token):
            yield self._note(token, lookup, rules)
            guesses = self._guess(lookup)
            self._decode([token, *guesses], self.writing, 1 + len(guesses))
            right = 0
            while True:
                token = self._choose(rules, right - len(guesses) - 1)
                if right == len(guesses) or token != guesses[right] or self._weights.ends(token):
                    break
                right += 1
                yield self._note(token, lookup, rules)
            self._settle(guesses, right, lookup)

    def _guess(self, lookup: Lookup) -> list[int]:
        """What may come next, as far as the context goes; a model that cannot forget must not guess."""
        assert self._context
        guesses = lookup.guess() if self.forgets else []
        return guesses[: max(0, self._context.size - len(self._read) - 1)]

    def _choose(self, rules: Grammar | None, place: int) -> int:
        assert self._context
        logits = self._context.logits(place)
        return rules.choose(logits) if rules else int(logits.argmax())

    def _note(self, token: int, lookup: Lookup, rules: Grammar | None) -> int:
        if rules:
            rules.accept(token)
        lookup.add(token)
        self.written.append(token)
        return token

    def _settle(self, guesses: list[int], right: int, lookup: Lookup) -> None:
        """Forget the guesses that were wrong."""
        assert self._context
        self.writing.tokens -= len(guesses) - right
        if right < len(guesses):
            del self._read[right - len(guesses) :]
            self._context.keep(len(self._read))
        if guesses:
            lookup.learn(right)

    def save(self, ids: Sequence[int]) -> bytes:
        """The state after ``ids`` for ``resume``; empty where the cache does not begin with them."""
        if not self._context or self._read[: len(ids)] != list(ids) or not self._context.keep(len(ids)):
            return b""
        self._read = list(ids)
        return self._context.save()

    def resume(self, ids: Sequence[int], state: bytes) -> bool:
        """Go on behind ``ids`` by their saved state; False where it does not fit, and they will be read again."""
        assert self._context
        fits = len(ids) < self._context.size and self._context.restore(state)
        self._read = list(ids) if fits else []
        return fits

    def close(self) -> None:
        """Free the weights; the model cannot be used afterwards."""
        if self._context:
            self._context.close()
        self._weights.close()

    def _make_formatter(self, prompt: str) -> Jinja2ChatFormatter:
        weights = self._weights
        # Files of 2023 often lack a template.
        template = weights.template or write_template(choose(prompt, weights.architecture, self._is_token))
        try:
            formatter = Jinja2ChatFormatter(
                template=template,
                bos_token=weights.piece(weights.first, special=True).decode("utf-8", "replace"),
                eos_token=weights.piece(weights.last, special=True).decode("utf-8", "replace"),
            )
        except Exception as error:  # a template is a program of the model's author: it may fail in any way
            raise ModelError(f"{self._path}: its chat template is not valid: {error}", OTHER_MODEL) from error
        # Templates that show the day would give another prompt tomorrow, which nothing kept of it would fit.
        formatter.strftime_now = _DAY.strftime
        return formatter

    def _is_token(self, text: str) -> bool:
        return len(self._weights.tokenise(text, special=True)) == 1

    def _render(self, messages: list[Any]) -> str:
        try:
            # Models that think aloud first (Qwen3 and others) would spend the whole answer on it.
            return str(self._formatter(messages=messages, enable_thinking=False).prompt)
        except Exception as error:  # as above
            raise ModelError(f"{self._path}: its chat template failed: {error}", OTHER_MODEL) from error

    def _plain(self, text: str) -> list[int]:
        """The tokens of text that is nothing but text.

        llama.cpp still gives the ids of user-defined tokens, SentencePiece may put a control token together from its
        letters, and what begins a turn may be plain text itself: all these are spelt letter by letter instead, which
        no model takes for them.
        """
        ids = []
        for place, part in enumerate(TURN_MARKERS.split(text)):
            if place % 2:
                ids += self._spell(part)
                continue
            for token in self._continue(part, special=False):
                marker = self._marker(token)
                ids += self._spell(marker) if len(marker) > 1 else [token]
        return ids

    def _spell(self, text: str) -> list[int]:
        return [token for letter in text for token in self._continue(letter, special=False)]

    def _marker(self, token: int) -> str:
        """What a control or user-defined token looks like; empty for any other token, and for blanks."""
        if not self._weights.is_marker(token):
            return ""
        text = self._weights.piece(token, special=True).decode("utf-8", "replace").replace(_BLANK, " ")
        return "" if text.isspace() else text

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
        most = self._weights.trained_context
        if self._context and tokens <= self._context.size:
            return
        if tokens > most:
            raise ModelError(f"{self._path}: {tokens} tokens are too many for its context", OTHER_MODEL)
        # First forgotten, then freed: an interrupt in between must not leave a context that is gone.
        context, read, self._context, self._read = self._context, self._read, None, []
        state = context.save() if context and read else b""
        if context:
            context.close()
        self._context = Context(self._weights, self._threads, min(-(-tokens // _STEP) * _STEP, most))
        if state:
            self.resume(read, state)

    def _unread(self, ids: Sequence[int]) -> Sequence[int]:
        """The part of a prompt that the cache does not hold; at least its last token, which gives the first word."""
        assert self._context
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(self._read, ids[:-1], strict=False)))
        self._read = list(ids[:same])
        if not self._context.keep(same):
            self._read = []
        return ids[len(self._read) :]

    def _decode(self, ids: Sequence[int], meter: Meter, outputs: int = 1) -> None:
        """Read the tokens, with logits for the last ``outputs`` of them."""
        assert self._context
        began = time.perf_counter()
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            self._context.read(chunk, len(self._read), outputs)
            # Only now: after an interrupt the cache may hold more than is noted here, and _unread removes that.
            self._read += chunk
        meter.tokens += len(ids)
        meter.seconds += time.perf_counter() - began
