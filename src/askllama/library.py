"""The composition root and public Python API.

with Library.open(load_settings({"corpus": ["notes"]})) as library:
    library.sync()
    print(library.ask("when did Mixtral launch?").text)
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from askllama import __version__, documents
from askllama.answering import Ask, Listener, Preview, answer
from askllama.budget import Plan, make_plan
from askllama.config import Settings
from askllama.errors import CorpusError, DocumentError, DocumentUnavailable, StoreError
from askllama.index.store import Counts, FileState, Store
from askllama.index.sync import NO_STATE, find_changes
from askllama.passages import cut
from askllama.retrieval import Retriever
from askllama.types import Answer, Document, Encoder, Found, Generator, Hit, Passage, Provenance, Reader

if TYPE_CHECKING:
    from askllama.index.vectors import Vectors

_BATCH = 128  # passages that are encoded together: a few seconds between two signs of progress

Progress = Callable[[int, int], None]
"""Called with the files done and the files to do."""


def _silent(*_: object) -> None:
    """Nobody is listening."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a sync did: files read, files gone, and why files failed."""

    indexed: int = 0
    removed: int = 0
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """What is indexed, with which encoder, where, and which files could not be read."""

    corpus: tuple[Path, ...]
    folder: Path
    counts: Counts
    encoder: str | None
    failures: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Pending:
    """A document that waits for its embeddings."""

    document: Document
    state: FileState
    passages: list[Passage]


class Library:
    """One corpus with its index, its models and its answers."""

    def __init__(self, settings: Settings, notify: Callable[[str], None] = _silent) -> None:
        self.settings = settings
        self.folder = index_folder(settings.data, settings.corpus)
        self.notify = notify
        self._opened: tuple[str, Vectors] | None = None
        self._asked = ""

    @classmethod
    def open(cls, settings: Settings, notify: Callable[[str], None] = _silent) -> Library:
        """A library for the settings' corpus; ``notify`` hears what takes long. Nothing is read yet."""
        return cls(settings, notify)

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the index and free the generator, whose weights may fill most of the memory."""
        for name in ("store", "generator"):
            if (part := self.__dict__.pop(name, None)) is not None:
                part.close()

    def reopen(self, **changes: Any) -> Library:
        """A library with other settings, which shares the encoder and the reader; this one stays as it is."""
        library = Library(replace(self.settings, **changes), self.notify)
        library.__dict__.update({name: self.__dict__[name] for name in ("encoder", "reader") if name in self.__dict__})
        return library

    def hand_over_generator(self, library: Library) -> None:
        """Let another library with the same model go on with the generator."""
        if "generator" in self.__dict__ and library.settings.model == self.settings.model:
            library.__dict__["generator"] = self.__dict__.pop("generator")

    @cached_property
    def store(self) -> Store:
        """The index's SQLite store."""
        return Store(self.folder / "index.sqlite")

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder of the settings."""
        from askllama.models.encoder import open_encoder

        settings = self.settings
        return open_encoder(settings.encoder, settings.cache, settings.threads, self.notify)

    @cached_property
    def reader(self) -> Reader:
        """The bundled reader."""
        from askllama.models.reader import GgufReader

        return GgufReader(threads=self.settings.threads)

    @cached_property
    def generator(self) -> Generator | None:
        """The generator of the settings; None for extractive answers."""
        if self._generator_file is None:
            return None
        from askllama.models.generator import GgufGenerator
        from askllama.models.registry import known_as

        name, path = self._generator_file
        self.notify(f"loading {Path(name).name}")
        spec = known_as(path, self.settings.models)
        return GgufGenerator(name, path, self.settings.threads, self.settings.cache, spec.prompt if spec else "")

    @cached_property
    def _generator_file(self) -> tuple[str, Path] | None:
        if self.settings.model is None:
            return None
        from askllama.models.registry import find_generator

        return find_generator(self.settings.model, self.settings)

    def sync(self, progress: Progress = _silent) -> Report:
        """Bring the index up to date with the files; interrupted, it goes on where it was.

        Raises CorpusError where nothing is readable, EncoderMismatch, StoreError.
        """
        files = list(documents.find(self.settings.corpus))
        if not files:
            places = ", ".join(map(str, self.settings.corpus))
            raise CorpusError(f"no readable documents in {places}", "askllama index PATH  with .md or .txt files in it")
        self.store.require_encoder(self.encoder.identity)
        changes = find_changes(self.store, files)
        if changes.gone:
            self.store.remove(changes.gone)
        return replace(self._index(changes.stale, progress), removed=len(changes.gone))

    def _index(self, stale: Sequence[tuple[Path, FileState]], progress: Progress) -> Report:
        report = Report()
        waiting: list[_Pending] = []
        known = {path: sha256 for path, (_, sha256) in self.store.files().items()}
        for done, (path, state) in enumerate(stale):
            progress(done, len(stale))
            document = self._load(path, state)
            if isinstance(document, DocumentError):
                report = replace(report, failed=(*report.failed, str(document)))
            elif known.get(document.path) == document.sha256:
                self.store.touch(document.path, state)
            else:
                waiting.append(_Pending(document, state, list(cut(document, self._split))))
                report = replace(report, indexed=report.indexed + 1)
            if sum(len(p.passages) for p in waiting) >= _BATCH:
                self._write(waiting)
                waiting = []
        self._write(waiting)
        progress(len(stale), len(stale))
        return report

    def _load(self, path: Path, state: FileState) -> Document | DocumentError:
        """The document, or why there is none, which the store remembers."""
        try:
            return documents.load(path)
        except DocumentError as error:
            passing = isinstance(error, DocumentUnavailable)
            self.store.put_failure(documents.path_name(path), NO_STATE if passing else state, str(error))
            return error

    @cached_property
    def _split(self) -> Callable[[str, str], Sequence[tuple[int, str]]]:
        from askllama.models.registry import load_tokenizer
        from askllama.splitter import make_split

        return make_split(load_tokenizer())

    def _write(self, waiting: Sequence[_Pending]) -> None:
        if not waiting:
            return
        texts = [f"{p.heading_path}\n{p.text}" for pending in waiting for p in pending.passages]
        vectors = list(self.encoder.encode_passages(texts)) if texts else []  # a document may be empty
        low = 0
        for pending in waiting:
            high = low + len(pending.passages)
            self.store.put(pending.document, pending.state, pending.passages, vectors[low:high])
            low = high

    def rebuild(self, progress: Progress = _silent) -> Report:
        """Make the index anew, as after a change of encoder; the old one goes only once that can succeed."""
        list(documents.find(self.settings.corpus))
        self.encoder.encode_question("is the encoder there?")
        try:
            self.store.clear()
        except StoreError:
            # Not even a database any more: nobody can be reading it.
            self.__dict__.pop("store", None)
            for file in self.folder.glob("index.sqlite*"):
                file.unlink()
        return self.sync(progress)

    def search(self, question: str, count: int) -> list[Hit]:
        """The best passages for a question, from the index as it is."""
        return self.find(question, count).hits

    def find(self, question: str, count: int) -> Found:
        """The same, with the question as the documents spell it and how often they have its words."""
        with self.store.snapshot():
            return self._retriever.find(question, count)

    @property
    def _retriever(self) -> Retriever:
        return Retriever(self.store, self._vectors, self.encoder)

    @property
    def _vectors(self) -> Vectors:
        """The vectors of the store as it is, read once for each of its states."""
        from askllama.index.vectors import open_vectors

        stamp = self.store.stamp
        if self._opened is None or self._opened[0] != stamp:
            self._opened = stamp, open_vectors(self.folder / "vectors.faiss", stamp, self.store.embeddings)
        return self._opened[1]

    def ask(
        self,
        question: str,
        listener: Listener | None = None,
        preview: Preview | None = None,
        follow_up: bool = False,
    ) -> Answer:
        """Answer from the index as it is; ``listener`` hears the generator's text as it is written.

        ``preview`` gets the reader's answer before the generator is opened; with ``follow_up`` that one knows the
        questions before, unless the documents have changed since.
        """
        opened = self._generator_opener()
        settings = self.settings
        plan = Plan(settings.passages)
        if opened and settings.budget is not None:
            plan = make_plan(settings.budget, opened().rates, settings.passages)
        with self.store.snapshot():
            follow_up = follow_up and self._asked == self.store.stamp
            self._asked = self.store.stamp
            ask = Ask(self._retriever, self.reader, opened, plan, settings.threshold, follow_up)
            return answer(question, ask, listener or _silent, preview or _silent)

    def _generator_opener(self) -> Callable[[], Generator] | None:
        """Loads the generator when it is its turn; that its file exists is seen to before."""
        if self.__dict__.get("generator") is None and self._generator_file is None:
            return None

        def opened() -> Generator:
            assert self.generator
            return self.generator

        return opened

    def rewrite(self, question: str) -> Iterator[str]:
        """Pieces of the question in full, by a generator that knows the conversation; none without one."""
        generator: Generator | None = self.__dict__.get("generator")
        return generator.rewrite(question) if generator else iter(())

    def provenance(self) -> Provenance:
        """What the last answer was made with; hashing a large model for the first time takes seconds."""
        from askllama.models.registry import READER, hash_file

        settings = self.settings
        hashes = sorted(sha256 for _, sha256 in self.store.files().values())
        generator: Generator | None = self.__dict__.get("generator")
        return Provenance(
            version=__version__,
            corpus=tuple(map(documents.path_name, settings.corpus)),
            documents=hashlib.sha256("".join(hashes).encode()).hexdigest(),
            encoder=_in_full(settings.encoder),
            encoder_identity=self.encoder.identity,
            reader=hash_file(READER),
            passages=settings.passages,
            threshold=settings.threshold,
            budget=settings.budget,
            model=_in_full(settings.model) if settings.model else None,
            writing=generator.writing if generator else None,
        )

    def status(self) -> Status:
        """What is indexed; raises CorpusError where the corpus does not exist."""
        list(documents.find(self.settings.corpus))
        failures = {path: reason for path, (_, reason) in self.store.failures().items()}
        return Status(self.settings.corpus, self.folder, self.store.counts(), self.store.encoder, failures)


def _in_full(name: str) -> str:
    """A model's name as it is, or its path in a form that is true in every folder."""
    path = os.path.expanduser(name)  # noqa: PTH111
    return documents.path_name(Path(os.path.abspath(path))) if os.path.exists(path) else name  # noqa: PTH110


def index_folder(data: Path, corpus: Sequence[Path]) -> Path:
    """Where a corpus's index lies: never among the documents, one folder per set of roots."""
    roots = sorted(os.path.abspath(root) for root in corpus)
    digest = hashlib.sha256("\0".join(roots).encode("utf-8", "surrogateescape")).hexdigest()
    return data / "indexes" / f"{Path(roots[0]).name or 'root'}-{digest[:12]}"
