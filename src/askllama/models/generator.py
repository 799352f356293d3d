"""The generator: a chat model in GGUF that writes prose from numbered evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from askllama.errors import ModelError
from askllama.models.chat import ChatModel
from askllama.prompt import build_messages
from askllama.types import Evidence


class GgufGenerator:
    """Writes through llama.cpp; implements Generator."""

    def __init__(self, path: Path, threads: int) -> None:
        """Load the model; raises ModelError where the file is no chat model that llama.cpp can run."""
        self.name = path.stem
        self._model = ChatModel(path, threads)

    def generate(self, question: str, evidence: Sequence[Evidence]) -> Iterator[str]:
        """Pieces of the answer as they are decoded; raises ModelError where not even one piece of evidence fits.

        Closing the iterator stops the model, which stays usable.
        """
        return self._model.stream(self._fitting_prompt(question, evidence))

    def close(self) -> None:
        """Free the weights; the generator cannot be used afterwards."""
        self._model.close()

    def _fitting_prompt(self, question: str, evidence: Sequence[Evidence]) -> list[int]:
        """The prompt with as much evidence as the context holds: the last is the weakest, and none is cut."""
        for count in range(len(evidence), 0, -1):
            ids = self._model.encode(build_messages(question, evidence[:count]))
            if len(ids) <= self._model.room:
                return ids
        raise ModelError(
            f"{self.name} cannot hold the question and one piece of evidence in its context",
            "ask a shorter question, use a model with a longer context, or leave out -m",
        )
