"""FAISS vectors derived from the store (the only importer of faiss)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from askllama.cache import keep

if TYPE_CHECKING:
    from numpy import float32, int64
    from numpy.typing import NDArray

Embeddings = Callable[[], tuple["NDArray[int64]", "NDArray[int64]", "NDArray[float32]"]]

_APPROACH = 0.3  # weight of the passage that a question is moved towards
_NEIGHBOURS = 0.7  # weight of the passages before and after; chosen by benchmarks/ranking.py on three collections


class Vectors:
    """Exact inner-product search over passage embeddings, each leaning on its neighbours."""

    def __init__(self, index: faiss.Index) -> None:
        self._index = index

    def search(self, vector: NDArray[float32], count: int) -> list[tuple[int, float]]:
        """Passage ids and cosines of the nearest passages, best first; ``vector`` has shape (dimensions,)."""
        if not self._index.ntotal:
            return []
        scores, ids = self._index.search(vector[None, :], min(count, self._index.ntotal))
        return [(int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True)]

    def approach(self, vector: NDArray[float32], number: int) -> NDArray[float32]:
        """``vector`` moved towards that of a passage, shape (dimensions,), of length 1."""
        return _unit(vector + _APPROACH * self._index.reconstruct(number))


def open_vectors(path: Path, stamp: str, embeddings: Embeddings) -> Vectors:
    """The vectors of the store that has this stamp: read from the cache file, or rebuilt where it is another's."""
    index = _read(path, stamp)
    if index is None:
        ids, sections, matrix = embeddings()
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(matrix.shape[1]))
        index.add_with_ids(lean(matrix, sections), ids)
        packed = faiss.serialize_index(index).tobytes()
        keep(path, _head(stamp, len(packed)) + b"\n" + packed)
    return Vectors(index)


def lean(matrix: NDArray[float32], sections: NDArray[int64]) -> NDArray[float32]:
    """Unit vectors of each passage and the mean of its neighbours in the same section, float32 as ``matrix``.

    A passage cut out of its section says less than it did there: what it is about stands before it or after it.
    """
    together = (sections[1:] == sections[:-1])[:, None]
    sums, counts = np.zeros_like(matrix), np.zeros((len(matrix), 1), np.float32)
    sums[:-1] += matrix[1:] * together
    sums[1:] += matrix[:-1] * together
    counts[:-1] += together
    counts[1:] += together
    leaning = matrix + _NEIGHBOURS * sums / np.maximum(counts, 1)
    return _unit(leaning)


def _unit(vectors: NDArray[Any]) -> NDArray[float32]:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: NDArray[float32] = vectors / np.maximum(lengths, np.float32(1e-12))
    return unit


def _read(path: Path, stamp: str) -> faiss.Index | None:
    try:
        head, _, packed = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if head != _head(stamp, len(packed)):
        return None
    try:
        return faiss.deserialize_index(np.frombuffer(packed, dtype=np.uint8))
    except RuntimeError:
        return None


def _head(stamp: str, length: int) -> bytes:
    return f"askllama leaning vectors {stamp} {length}".encode()
