"""The reader: a MiniLM GGUF with a span head that finds answers in passages.

Input and labels follow BERT on SQuAD 2.0 (Devlin et al. 2019; Rajpurkar et al. 2018): the score of
a span is its start and end logit, that of "no answer" the two logits of [CLS], and what counts is the
margin between them. The input is [CLS] question [SEP] heading path [SEP] passage [SEP].
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from askllama.evidence import sentences
from askllama.models import registry
from askllama.models.llama import TokenEmbedder
from askllama.types import Passage, Reading, Span

if TYPE_CHECKING:
    from numpy import float32, intp
    from numpy.typing import NDArray

HEAD_KEY = "askllama.span_head"
_LONGEST_QUESTION = 64
_LONGEST_HEADING = 24
_LONGEST_SPAN = 30
_SPANS = 4
_WINDOW = 512


@dataclass(frozen=True, slots=True)
class _Tokens:
    """A passage's token ids, the first of them at ``first``, with its characters' offsets."""

    ids: list[int]
    first: int
    offsets: list[tuple[int, int]]


class GgufReader:
    """Reads through llama.cpp; implements Reader."""

    def __init__(self, path: Path = registry.READER, threads: int = 2) -> None:
        """Load the weights and their span head; raises ModelError."""
        self._embedder = TokenEmbedder(path, threads, _WINDOW)
        packed = np.frombuffer(base64.b64decode(self._embedder.metadata(HEAD_KEY)), "<f4")
        head = packed.reshape(2, self._embedder.dimensions + 1)
        self._weight, self._bias = head[:, :-1].T, head[:, -1]
        self._tokenizer = registry.load_tokenizer()
        self._cls, self._sep = (int(self._tokenizer.token_to_id(t) or 0) for t in ("[CLS]", "[SEP]"))

    def read(self, question: str, passages: Sequence[Passage]) -> Iterator[Reading]:
        """One reading per passage, made when it is asked for: up to four spans that do not overlap, best first."""
        return (self._read(question, passage) for passage in passages)

    def _read(self, question: str, passage: Passage) -> Reading:
        tokens = self._tokenise(question, passage)
        logits = self._embedder.embed(tokens.ids) @ self._weight + self._bias
        null = float(logits[0].sum())
        inside = logits[tokens.first : tokens.first + len(tokens.offsets)]
        ends = [end for _, end in sentences(passage.text)]
        places = np.searchsorted(ends, [start for start, _ in tokens.offsets], side="right")
        spans = []
        for first, last, score in best_spans(inside, places):
            start, end = tokens.offsets[first][0], tokens.offsets[last][1]
            text = passage.text[start:end]
            spans.append(Span(passage.start + start, passage.start + end, text, score - null))
        return Reading(passage, tuple(spans))

    def _tokenise(self, question: str, passage: Passage) -> _Tokens:
        asked, heading, body = self._tokenizer.encode_batch(
            [question, passage.heading_path, passage.text], add_special_tokens=False
        )
        ids = [self._cls, *asked.ids[:_LONGEST_QUESTION], self._sep]
        if heading.ids:
            ids += [*heading.ids[:_LONGEST_HEADING], self._sep]
        first = len(ids)
        room = _WINDOW - first - 1
        return _Tokens([*ids, *body.ids[:room], self._sep], first, body.offsets[:room])


def best_spans(logits: NDArray[float32], sentence: NDArray[intp]) -> list[tuple[int, int, float]]:
    """First token, last token and score of the best spans that do not overlap, best first.

    ``logits`` has shape (tokens, 2): start and end; ``sentence`` of shape (tokens,) numbers the sentences, whose ends
    no span crosses.
    """
    if not len(logits):
        return []
    scores = logits[:, None, 0] + logits[None, :, 1]
    first, last = np.indices(scores.shape)
    same = sentence[:, None] == sentence[None, :]
    scores = np.where((last >= first) & (last - first < _LONGEST_SPAN) & same, scores, -np.inf)
    found: list[tuple[int, int, float]] = []
    while len(found) < _SPANS and np.isfinite(best := scores.max()):
        start, end = np.unravel_index(int(scores.argmax()), scores.shape)
        found.append((int(start), int(end), float(best)))
        scores[(first <= end) & (last >= start)] = -np.inf
    return found
