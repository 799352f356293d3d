"""The generator: a chat model in GGUF that writes prose from numbered evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path

from askllama.budget import ANSWER, Rates
from askllama.errors import ModelError
from askllama.grammar import write_grammar
from askllama.models import notes
from askllama.models.chat import ChatModel
from askllama.models.llama import BUILD
from askllama.models.prefix import PrefixStore, make_key
from askllama.prompt import BEGINNING, build_follow_up, build_messages, build_rewriting
from askllama.types import Evidence, Writing

_FOLLOW_UP = 6  # a follow-up turn reads at most this part of what its conversation holds already
_LONGEST_CHAT = 4096  # tokens; beyond them small models lose the thread, and each token takes longer
_REWRITING = 48  # tokens of a question in full
_PAYS = 0.25  # seconds of reading that are worth a file
_LEAST = 32, 8  # tokens read and written that make a rate
_NEWEST = 0.3  # weight of the newest figure in a running estimate
_UNKNOWN = Rates(100.0, 30.0)  # those of a model with a billion parameters on two cores


class GgufGenerator:
    """Writes through llama.cpp; implements Generator.

    A conversation is one growing chat: what was read and written in earlier turns stays in the model's cache as it
    is, and a turn adds its new evidence and its question. The chat's beginning, which is always the same, is kept on
    disk, so that the next run need not read it.
    """

    def __init__(self, name: str, path: Path, threads: int, cache: Path, prompt: str = "") -> None:
        """Load the model; raises ModelError where the file is no chat model that llama.cpp can run.

        ``name`` is what the user calls it, ``prompt`` the format of its turns, for a file without a chat template.
        """
        self.name = name
        self.shown: tuple[Evidence, ...] = ()
        self._path, self._cache = path, cache
        self._model = ChatModel(path, threads, prompt)
        self._chat: list[int] = []
        self._prompt: list[int] = []
        self._prefix = self._find_prefix()
        self._store = PrefixStore(cache / "prefixes")
        self._is_stored = self._resume()

    @property
    def room(self) -> int:
        """Tokens that the evidence and the question of the next turn may have together."""
        if not self._chat:
            return self._model.room - len(self._prefix)
        around = len(self._model.encode_next({"role": "user", "content": ""}))
        return min(self._model.room - len(self._chat), len(self._chat) // _FOLLOW_UP) - around

    @property
    def writing(self) -> Writing:
        """How the last answer was written; the model file's hash is computed once for each of its states."""
        prompt = hashlib.sha256(" ".join(map(str, self._prompt)).encode()).hexdigest()
        return Writing(str(self._path), notes.hash_model(self._path, self._cache), BUILD, prompt)

    @property
    def rates(self) -> Rates:
        """How fast the model is on this machine, by earlier use; else measured on the beginning of its chat."""
        known = notes.recall(self._path, self._cache)
        if "prefill" not in known:
            self._chat, self.shown = [], ()
            for _ in self._model.stream(self._prefix, longest=2 * _LEAST[1]):
                pass
            self._note_rates()
            known = notes.recall(self._path, self._cache)
        return Rates(known.get("prefill", _UNKNOWN.prefill), known.get("decode", _UNKNOWN.decode))

    def count(self, text: str) -> int:
        """Tokens of a text in the model's own vocabulary."""
        return self._model.count(text)

    def begin(self, follow_up: bool) -> None:
        """Go on with the conversation, or begin another one; also where it got too long."""
        if not follow_up or len(self._chat) > min(_LONGEST_CHAT, self._model.room // 2):
            self._chat, self.shown = [], ()

    def generate(self, question: str, evidence: Sequence[Evidence], longest: int = ANSWER) -> Iterator[str]:
        """Pieces of the answer as they are decoded; raises ModelError where the prompt does not fit.

        The evidence is new, and numbered behind what is ``shown``. Closing the iterator stops the model, which stays
        usable; the conversation then goes on as if the question had not been asked.
        """
        ids = self._encode(question, evidence)
        if len(ids) > self._model.room:
            raise ModelError(
                f"{self.name} cannot hold the question and one piece of evidence in its context",
                "ask a shorter question, use a model with a longer context, or leave out -m",
            )
        return self._converse(ids, evidence, longest)

    def _encode(self, question: str, evidence: Sequence[Evidence]) -> list[int]:
        if self._chat:
            return self._chat + self._model.encode_next(build_follow_up(question, evidence))
        return self._model.encode(build_messages(question, evidence))

    def _converse(self, ids: list[int], evidence: Sequence[Evidence], longest: int) -> Iterator[str]:
        self._prompt = ids
        yield from self._model.stream(ids, write_grammar(item.number for item in (*self.shown, *evidence)), longest)
        if self._model.converses:
            self._chat = ids + self._model.written
            self.shown += tuple(evidence)
        self._note_rates()

    def rewrite(self, question: str) -> Iterator[str]:
        """The question in full, in pieces, as the model understands it from the conversation; nothing without one."""
        if self._chat and self._model.forgets:
            ids = self._chat + self._model.encode_next(build_rewriting(question))
            yield from self._model.stream(ids, longest=_REWRITING)

    def close(self) -> None:
        """Keep what the next run can use and free the weights; the generator cannot be used afterwards."""
        try:
            if not self._is_stored and self._pays():
                self._store.save(self._key(notes.hash_model(self._path, self._cache)), self._model.save(self._prefix))
        except OSError:  # the file is gone, and the next run with it
            pass
        finally:
            self._model.close()

    def _find_prefix(self) -> list[int]:
        """The tokens with which every chat begins."""
        one, other = (self._model.encode([{"role": "user", "content": BEGINNING + end}]) for end in ("[1] a", "[2] b"))
        return [a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))]

    def _resume(self) -> bool:
        """Begin with the prefix as an earlier run left it."""
        known = notes.recall(self._path, self._cache).get("sha256")
        state = self._store.load(self._key(known)) if known else None
        return state is not None and self._model.resume(self._prefix, state)

    def _pays(self) -> bool:
        prefill = notes.recall(self._path, self._cache).get("prefill")
        return prefill is not None and len(self._prefix) / prefill > _PAYS and self._model.forgets

    def _key(self, sha256: str) -> str:
        return make_key(sha256, BUILD, self._prefix)

    def _note_rates(self) -> None:
        """Keep a running estimate of the rates, once enough was read and written for one."""
        meters = {"prefill": self._model.reading, "decode": self._model.writing}
        if any(meter.tokens < least for meter, least in zip(meters.values(), _LEAST, strict=True)):
            return
        known = notes.recall(self._path, self._cache)
        rates = {name: meter.tokens / meter.seconds for name, meter in meters.items()}
        smooth = {name: rate + (1 - _NEWEST) * (known.get(name, rate) - rate) for name, rate in rates.items()}
        notes.note(self._path, self._cache, **smooth)
        for meter in meters.values():
            meter.tokens, meter.seconds = 0, 0.0
