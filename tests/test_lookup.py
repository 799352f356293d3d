"""Guesses from the text so far."""

from __future__ import annotations

from askllama.models.lookup import Lookup


def test_what_followed_the_last_three_tokens_is_guessed() -> None:
    assert Lookup([1, 2, 3, 4, 5, 6, 9, 1, 2, 3]).guess() == [4, 5, 6]


def test_the_latest_place_counts() -> None:
    assert Lookup([1, 2, 3, 4, 7, 1, 2, 3, 5, 8, 1, 2, 3]).guess()[0] == 5


def test_nothing_is_guessed_where_nothing_is_known() -> None:
    for tokens in ([], [1], [1, 2, 3], [1, 2, 3, 4]):
        assert Lookup(tokens).guess() == []


def test_wrong_guesses_are_followed_by_pauses_that_grow_until_one_is_right() -> None:
    lookup = Lookup([*range(20), 0, 1, 2])
    pauses = []
    for right in (0, 0, 0, 1, 0):
        lookup.learn(right)
        pauses.append(0)
        while not lookup.guess():
            lookup.add(3 + sum(pauses))
            pauses[-1] += 1
    assert pauses == [1, 3, 7, 0, 1]
