"""Examples -> token ids and span labels -> batches of about equal size.

The layout is the one the shipped reader uses: [CLS] question [SEP] (heading [SEP]) passage [SEP],
with all token types 0. The label of an unanswerable question is position 0, the [CLS] token.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tokenizers import Encoding, Tokenizer

from training.examples import Example

MAX_QUESTION = 48
MAX_HEADING = 24
MAX_CONTEXT = 224
_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Feature:
    """Token ids with the labels; ``context`` is the position of the passage's first token.

    ``start`` and ``end`` are 0, the place of [CLS], where the passage does not answer.
    """

    ids: list[int]
    context: int
    start: int
    end: int


def featurise(examples: list[Example], tokenizer: Tokenizer, random: Random) -> list[Feature]:
    """Tokenise all examples; the answer is drawn among the annotators', a long context is cropped around it."""
    features = []
    for low in range(0, len(examples), _CHUNK):
        chunk = examples[low : low + _CHUNK]
        questions = encode(tokenizer, [e.question for e in chunk])
        headings = encode(tokenizer, [e.heading for e in chunk])
        contexts = encode(tokenizer, [e.context for e in chunk])
        for row in zip(chunk, questions, headings, contexts, strict=True):
            if feature := _feature(*row, tokenizer, random):
                features.append(feature)
    return features


def encode(tokenizer: Tokenizer, texts: list[str]) -> list[Encoding]:
    """Encode without special tokens, truncation or padding."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer.encode_batch(texts, add_special_tokens=False)


def _feature(
    example: Example, question: Encoding, heading: Encoding, context: Encoding, tokenizer: Tokenizer, random: Random
) -> Feature | None:
    span = _token_span(context, random.choice(example.answers)) if example.answers else None
    if example.answers and span is None:
        return None
    low, high = _crop(len(context.ids), span, random)
    cls, sep = (int(tokenizer.token_to_id(token) or 0) for token in ("[CLS]", "[SEP]"))
    ids = [cls, *question.ids[:MAX_QUESTION], sep]
    if heading.ids:
        ids += [*heading.ids[:MAX_HEADING], sep]
    first = len(ids)
    ids += [*context.ids[low:high], sep]
    if span is None:
        return Feature(ids, first, 0, 0)
    return Feature(ids, first, span[0] - low + first, span[1] - low + first)


def _token_span(context: Encoding, span: tuple[int, int]) -> tuple[int, int] | None:
    """First and last token that overlap the characters."""
    tokens = [i for i, (a, b) in enumerate(context.offsets) if a < span[1] and b > span[0]]
    if not tokens or tokens[-1] - tokens[0] >= MAX_CONTEXT:
        return None
    return tokens[0], tokens[-1]


def _crop(length: int, span: tuple[int, int] | None, random: Random) -> tuple[int, int]:
    if length <= MAX_CONTEXT:
        return 0, length
    lowest = 0 if span is None else max(0, span[1] - MAX_CONTEXT + 1)
    highest = length - MAX_CONTEXT if span is None else min(span[0], length - MAX_CONTEXT)
    low = random.randint(lowest, max(lowest, highest))
    return low, min(length, low + MAX_CONTEXT)


def featurise_groups(
    groups: list[tuple[Example, ...]], tokenizer: Tokenizer, random: Random
) -> list[tuple[Feature, ...]]:
    """Tokenise questions with several passages each; a group loses those whose answer is too long."""
    made = []
    for group in groups:
        if features := featurise(list(group), tokenizer, random):
            made.append(tuple(features))
    return made


def batches(groups: list[tuple[Feature, ...]], tokens: int, random: Random) -> Iterator[list[tuple[Feature, ...]]]:
    """Batches of at most ``tokens`` padded tokens, alike in length inside, in random order; groups stay whole."""
    pool = 4_096
    shuffled = random.sample(groups, len(groups))
    for low in range(0, len(shuffled), pool):
        made: list[list[tuple[Feature, ...]]] = [[]]
        count = 0
        for group in sorted(shuffled[low : low + pool], key=_width):
            count += len(group)
            if made[-1] and count * _width(group) > tokens:
                made.append([])
                count = len(group)
            made[-1].append(group)
        random.shuffle(made)
        yield from made


def _width(group: tuple[Feature, ...]) -> int:
    return max(len(feature.ids) for feature in group)
