"""Prompt-lookup decoding: what follows the last words elsewhere in the text probably follows them again.

An answer copies from its evidence, so the next tokens can often be read there and checked together. Saxena (2023),
prompt lookup decoding; the check is that of speculative decoding (Leviathan et al. 2023): at temperature 0 the text
stays the same.
"""

from __future__ import annotations

from collections.abc import Iterable

GUESSES = 3
"""Tokens that are guessed at once: llama.cpp multiplies four rows together, and a fifth costs as much as they do."""

_NGRAM = 3
_PATIENCE = 64  # tokens without a guess after many that were wrong


class Lookup:
    """The tokens of a text, and guesses at how it goes on."""

    def __init__(self, tokens: Iterable[int]) -> None:
        self._tokens: list[int] = []
        self._places: dict[tuple[int, ...], int] = {}
        self._pause = self._wait = 0
        for token in tokens:
            self.add(token)

    def add(self, token: int) -> None:
        """Go on with a token."""
        self._places[tuple(self._tokens[-_NGRAM:])] = len(self._tokens)
        self._tokens.append(token)
        self._wait = max(0, self._wait - 1)

    def guess(self) -> list[int]:
        """What may come next; empty where nothing is known, and for a while after guesses that were wrong."""
        place = self._places.get(tuple(self._tokens[-_NGRAM:])) if not self._wait else None
        return [] if place is None else self._tokens[place : place + GUESSES]

    def learn(self, right: int) -> None:
        """So many of a guess's tokens were right; where none was, the next one waits, longer each time."""
        self._pause = 0 if right else min(_PATIENCE, 2 * self._pause + 1)
        self._wait = self._pause
