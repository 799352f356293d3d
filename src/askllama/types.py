"""The nouns of askllama as frozen records, and the interfaces between its parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from askllama.budget import ANSWER, Rates

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a document: the offsets of its lines, its level (1 is the highest) and its words."""

    offset: int
    end: int
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """One source file as text; ``text`` is the decoded file, character for character.

    ``body`` is the offset at which the content begins (after front matter), ``pages`` the offset
    at which each page starts, ``sha256`` the hash of the file's bytes.
    """

    path: str
    title: str
    format: str
    text: str
    sha256: str
    body: int = 0
    headings: tuple[Heading, ...] = ()
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A contiguous span of a document: ``document.text[start:end] == text``; lines count from 1.

    ``sha256`` is that of the document's file, ``id`` the store's number (0 before it is stored).
    """

    path: str
    title: str
    headings: tuple[str, ...]
    text: str
    start: int
    end: int
    first_line: int
    last_line: int
    page: int | None = None
    sha256: str = ""
    id: int = 0

    @property
    def heading_path(self) -> str:
        """Title and headings, as one line: what the passage is about."""
        return " > ".join(dict.fromkeys((self.title, *self.headings)))

    @property
    def location(self) -> str:
        """``path:line``, the form that editors open."""
        return f"{self.path}:{self.first_line}"


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a question: rank from 1, fused score, and the two scores it was fused from."""

    passage: Passage
    rank: int
    score: float
    similarity: float | None
    bm25: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """A question as the documents spell it, its hits, and in how many passages each of its content words stands."""

    question: str
    hits: list[Hit]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start:end`` of a document; ``score`` is the reader's logit margin over "no answer"."""

    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader found in one passage: spans that do not overlap, best first."""

    passage: Passage
    spans: tuple[Span, ...]

    @property
    def score(self) -> float:
        """The best span's score; minus infinity where there is no span."""
        return self.spans[0].score if self.spans else float("-inf")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Whole sentences of a passage, cut from the source, with the reader's span inside them."""

    number: int
    passage: Passage
    start: int
    end: int
    first_line: int
    last_line: int
    quote: str
    span: Span | None = None

    @property
    def path(self) -> str:
        """The document's path, as in a citation."""
        return self.passage.path


@dataclass(frozen=True, slots=True)
class Citation:
    """``[number]`` in an answer: the exact words and where they stand."""

    number: int
    path: str
    title: str
    page: int | None
    first_line: int
    last_line: int
    start: int
    end: int
    quote: str
    sha256: str
    highlight: tuple[int, int] | None = None

    @property
    def location(self) -> str:
        """``path:line``, the form that editors open."""
        return f"{self.path}:{self.first_line}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was answered: the question's words that occur nowhere, and the nearest passages."""

    missing: tuple[str, ...]
    nearest: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Writing:
    """How a generator wrote an answer: file, sha256 and sampling of the model, and what it was given.

    ``prompt`` is the sha256 of the prompt's token ids; temperature 0 takes the likeliest token, so no seed is drawn.
    """

    file: str
    sha256: str
    llama_cpp: str
    prompt: str
    temperature: float = 0.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """What an answer was made with, so that it can be made again: settings, weights and documents.

    ``documents`` is the sha256 over the sorted ones of all indexed files, ``reader`` that of the reader's file.
    """

    version: str
    corpus: tuple[str, ...]
    documents: str
    encoder: str
    encoder_identity: str
    reader: str
    passages: int
    threshold: float
    budget: float | None = None
    model: str | None = None
    writing: Writing | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What askllama says to a question: text with ``[n]`` markers and what they stand for.

    ``highlight`` are the characters of ``text`` that answer, where a whole sentence is quoted; ``confidence`` is the
    calibrated probability that the documents hold the answer; ``read_as`` is the question as it was read, in their
    spelling and words, where that differs; ``evidence`` is what a generator was given, ``dropped`` holds its statements
    that failed verification.
    """

    question: str
    text: str
    citations: tuple[Citation, ...]
    confidence: float
    model: str | None = None
    refusal: Refusal | None = None
    evidence: tuple[Evidence, ...] = ()
    dropped: tuple[str, ...] = ()
    seconds: float = 0.0
    read_as: str | None = None
    highlight: tuple[int, int] | None = None

    @property
    def answered(self) -> bool:
        """Whether the documents answer the question."""
        return self.refusal is None

    @property
    def words(self) -> str:
        """What of the text answers: the emphasised words of a sentence, or all of it."""
        return self.text[slice(*self.highlight)] if self.highlight else self.text


class Encoder(Protocol):
    """Turns text into unit vectors."""

    @property
    def identity(self) -> str:
        """Name and weights hash: vectors of different identities must not be mixed."""

    def encode_passages(self, texts: Sequence[str]) -> NDArray[float32]:
        """Vectors of shape (texts, dimensions), float32, of length 1."""

    def encode_question(self, text: str) -> NDArray[float32]:
        """One vector of shape (dimensions,), float32, of length 1."""


class Reader(Protocol):
    """Finds answer spans in passages."""

    def read(self, question: str, passages: Sequence[Passage]) -> Iterator[Reading]:
        """One reading per passage, in their order, each made when it is asked for."""


class Generator(Protocol):
    """Writes prose from numbered evidence."""

    @property
    def name(self) -> str:
        """The model's name, as shown to the user."""

    @property
    def shown(self) -> tuple[Evidence, ...]:
        """The evidence of the conversation so far, numbered from 1."""

    @property
    def room(self) -> int:
        """Tokens that evidence and question of the next turn may have together."""

    @property
    def writing(self) -> Writing:
        """How the last answer was written."""

    @property
    def rates(self) -> Rates:
        """How fast the model reads and writes here."""

    def count(self, text: str) -> int:
        """Tokens of a text."""

    def begin(self, follow_up: bool) -> None:
        """Go on with the conversation, or begin another one."""

    def generate(self, question: str, evidence: Sequence[Evidence], longest: int = ANSWER) -> Iterator[str]:
        """Pieces of the answer as they are decoded, at most ``longest`` tokens.

        The evidence is what is new in this turn, numbered behind what is ``shown``.
        """

    def rewrite(self, question: str) -> Iterator[str]:
        """Pieces of the question in words that can be understood without the conversation; none where there is none."""

    def close(self) -> None:
        """Free the weights."""
