"""Seconds for an answer -> how much is read and written for it; pure."""

from __future__ import annotations

from dataclasses import dataclass

EVIDENCE = 280
"""Tokens of evidence where nobody is in a hurry: the gold answer is in them for 98 % of benchmarks.generation's."""

ANSWER = 256
"""Tokens of the longest answer."""

_PASSAGE = 0.03  # seconds in which the reader reads one
_READING = 0.2  # share of the time that the reader may take
_PASSAGES = 3  # that are read in any case
_LEAST_EVIDENCE = 60  # tokens: one long sentence
_MOST_EVIDENCE = 1000
_LEAST_ANSWER = 24  # tokens: one short sentence with its marker


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast a model is: tokens a second that it reads (prefill) and writes (decode)."""

    prefill: float
    decode: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Passages for the reader, tokens of evidence for the generator, tokens of its answer (0: it is not asked)."""

    passages: int
    evidence: int = EVIDENCE
    answer: int = ANSWER


def make_plan(seconds: float, rates: Rates, passages: int) -> Plan:
    """What fits into the time: at most ``passages`` read, then evidence and answer with an equal share each.

    What the answer leaves goes to the evidence. A model too slow for one sentence is not asked at all.
    """
    read = max(min(_PASSAGES, passages), min(passages, int(seconds * _READING / _PASSAGE)))
    left = seconds - read * _PASSAGE
    answer = min(ANSWER, int(left / 2 * rates.decode))
    evidence = min(_MOST_EVIDENCE, int((left - answer / rates.decode) * rates.prefill))
    if answer < _LEAST_ANSWER or evidence < _LEAST_EVIDENCE:
        answer = min(ANSWER, int((left - _LEAST_EVIDENCE / rates.prefill) * rates.decode))
        evidence = _LEAST_EVIDENCE
    return Plan(read, evidence, answer if answer >= _LEAST_ANSWER else 0)
