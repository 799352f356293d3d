"""Evidence -> the grammar (GBNF) of an answer, in which only markers of that evidence can be written; pure."""

from __future__ import annotations

from collections.abc import Iterable

# Brackets that look like a marker's are left out with it. Sentences and the answer may end without a marker: a model
# that is forced to cite cites at random, and the verifier takes out what cites nothing.
_GRAMMAR = """\
root ::= (text | marker)*
text ::= [^[［【〔]
marker ::= "[" ({numbers}) "]"
"""


def write_grammar(numbers: Iterable[int]) -> str:
    """A grammar whose brackets hold nothing but one of the ``numbers``, of which there is at least one."""
    return _GRAMMAR.format(numbers=" | ".join(f'"{number}"' for number in numbers))
