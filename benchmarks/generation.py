"""How long a generator keeps one waiting, as ratios: ``python -m benchmarks.generation FOLDER [QUESTIONS]``.

FOLDER is what ``benchmarks.corpora`` wrote; QUESTIONS (default 20) are timed. The model has TinyLlama's shape and
random weights, so its words mean nothing and its speed is the real one's. Each pair takes turns, so that a machine
that slows down slows both. With ``small`` as third argument a tiny model only shows that all of this runs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import Any

import llama_cpp

from askllama.budget import ANSWER
from askllama.config import load_settings
from askllama.evaluation.questions import Question, read_questions
from askllama.evidence import cut
from askllama.grammar import write_grammar
from askllama.library import Library
from askllama.models import chat
from askllama.models.chat import ChatModel
from askllama.models.generator import GgufGenerator
from askllama.models.llama import CHUNK, Grammar
from askllama.models.lookup import Lookup
from askllama.prompt import build_messages
from askllama.types import Evidence, Hit
from benchmarks.random_model import SMALL, TINYLLAMA, write_model

WHOLE = 5  # passages in the prompt that the evidence is compared with
SHORT = 24  # tokens of an answer that is only timed
LONG = 96  # tokens over which the decode rate is measured
ROUNDS = 5


class Timed(GgufGenerator):
    """Writes little, and keeps what it was given and how long its first piece took."""

    evidence: tuple[Evidence, ...] = ()
    first = 0.0
    longest = SHORT

    def generate(self, question: str, evidence: Sequence[Evidence], longest: int = ANSWER) -> Iterator[str]:
        """The answer's beginning."""
        self.evidence = (*self.shown, *evidence)
        if self.longest:
            began = time.perf_counter()
            pieces = super().generate(question, evidence, self.longest)
            head = next(pieces, "")
            self.first = time.perf_counter() - began
            yield head
            yield from pieces

    def interrupt(self) -> None:
        """Have another chat in between, so that the next one finds nothing in the cache."""
        for _ in self._model.stream(self._model.encode([{"role": "user", "content": "?"}]), longest=1):
            pass


def show(name: str, value: float, wanted: str) -> None:
    """Print one figure and what is wanted of it."""
    print(f"{name:<64} {value:7.3f}  (wanted: {wanted})", flush=True)


def whole(hits: Sequence[Hit]) -> list[Evidence]:
    """The passages themselves as evidence."""
    return [cut(hit.passage, 0, len(hit.passage.text), number) for number, hit in enumerate(hits, 1)]


def compare_evidence(library: Library, generator: Timed, questions: Sequence[Question]) -> None:
    """Time to the first token: evidence against whole passages, with the chat's beginning read anew and kept."""
    for name, is_cold in (("the prompt's beginning read anew", True), ("the beginning kept", False)):
        ratios = []
        for question in questions:
            times = []
            for is_whole in (False, True):
                if is_cold:
                    generator.interrupt()
                if is_whole:
                    generator.begin(False)
                    list(generator.generate(question.text, whole(library.search(question.text, WHOLE))))
                else:
                    library.ask(question.text)
                times.append(generator.first)
            ratios.append(times[0] / times[1])
        show(f"first token, evidence / top-{WHOLE} passages, {name}", median(ratios), "at most 0.35")


def compare_turns(library: Library, generator: Timed, questions: Sequence[Question]) -> None:
    """Time to the first token of a second question on the same paragraph against the first's."""
    pairs = [(a, b) for a, b in pairwise(questions) if a.source == b.source]
    for name, is_cold in (("the first in a new chat", True), ("the first with the beginning kept", False)):
        ratios = []
        for first, second in pairs:
            if is_cold:
                generator.interrupt()
            library.ask(first.text)
            began = generator.first
            library.ask(second.text, follow_up=True)
            ratios.append(generator.first / began)
        show(f"first token, follow-up / first turn, {name}", median(ratios), "at most 0.30")


def count_kept(library: Library, generator: Timed, questions: Sequence[Question]) -> None:
    """The share of questions whose gold answer, where the whole passages hold it, is in the evidence."""
    inside = kept = 0
    for question in questions:
        hits = library.search(question.text, WHOLE)
        if any(answer in hit.passage.text for hit in hits for answer in question.answers):
            library.ask(question.text)
            inside += 1
            kept += any(answer in piece.quote for piece in generator.evidence for answer in question.answers)
    show(f"gold answer kept, of {inside} questions with it in the top {WHOLE}", kept / inside, "at least 0.970")


class Bare:
    """llama.cpp's own loop: decode, sample, decode."""

    def __init__(self, path: Path, threads: int, **changes: Any) -> None:
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = 2048
        parameters.n_threads = parameters.n_threads_batch = threads
        for name, value in changes.items():
            setattr(parameters, name, value)
        self._context = llama_cpp.llama_init_from_model(self._model, parameters)
        self._sampler = llama_cpp.llama_sampler_init_greedy()

    def read(self, ids: Sequence[int]) -> float:
        """Seconds to read a prompt into an empty cache."""
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)
        size = int(llama_cpp.llama_n_batch(self._context))
        began = time.perf_counter()
        for start in range(0, len(ids), size):
            self.decode(ids[start : start + size])
        return time.perf_counter() - began

    def decode(self, ids: Sequence[int]) -> None:
        """Read one batch."""
        tokens = (llama_cpp.llama_token * len(ids))(*ids)
        llama_cpp.llama_decode(self._context, llama_cpp.llama_batch_get_one(tokens, len(ids)))

    def write(self, count: int) -> float:
        """Seconds for so many tokens."""
        began = time.perf_counter()
        for _ in range(count):
            self.decode([llama_cpp.llama_sampler_sample(self._sampler, self._context, -1)])
        return time.perf_counter() - began

    def close(self) -> None:
        """Free the memory."""
        llama_cpp.llama_sampler_free(self._sampler)
        llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)


class NoLookup(Lookup):
    """Guesses nothing."""

    def guess(self) -> list[int]:
        """Nothing."""
        return []


def time_stream(model: ChatModel, ids: Sequence[int], grammar: str | None = None) -> float:
    """Seconds for a token after the first, so that reading the prompt does not count."""
    pieces = model._tokens(ids, Grammar(model._weights, grammar) if grammar else None)
    next(pieces)
    began = time.perf_counter()
    count = sum(1 for _ in islice(pieces, LONG))
    return (time.perf_counter() - began) / max(1, count)


def compare_decoding(path: Path, threads: int, ids: Sequence[int]) -> None:
    """Decode rate: our stream against the bare loop, with what the product adds one by one."""
    model, bare = ChatModel(path, threads), Bare(path, threads, flash_attn_type=0)  # as ours
    rules = write_grammar(range(1, WHOLE + 1))
    kinds: dict[str, tuple[type[Lookup], str | None]] = {
        "alone": (NoLookup, None),
        "with a grammar": (NoLookup, rules),
        "with a grammar and guesses (the product)": (Lookup, rules),
    }
    ratios: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(ROUNDS):
        for name, (kind, grammar) in kinds.items():
            setattr(chat, "Lookup", kind)  # noqa: B010  (mypy: the name is that module's own)
            ours = time_stream(model, ids, grammar)
            bare.read(ids)
            ratios[name].append(bare.write(LONG) / LONG / ours)
    for name, values in ratios.items():
        show(f"decode rate, askllama / bare llama.cpp, {name}", median(values), "at least 0.97")
    bare.close()
    model.close()


def compare_batches(path: Path, threads: int, ids: Sequence[int]) -> None:
    """What reading several tokens together costs against one: where guesses pay; then how a prompt is read best."""
    bare = Bare(path, threads)
    single = []
    for size in (1, 2, 3, 4, 5, 8):
        bare.read(ids[:256])
        times = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            bare.decode(ids[:size])
            times.append(time.perf_counter() - began)
        single.append(median(times))
        print(f"  {size} tokens together / 1 token {single[-1] / single[0]:7.2f}", flush=True)
    bare.close()
    base = 0.0
    ways = [(t, b, f) for t in sorted({1, threads}) for b in (64, 128, 256, 512) for f in (0, 1)]
    for count, batch, flash in sorted(ways, key=lambda way: way != (threads, CHUNK, 0)):
        bare = Bare(path, count, n_batch=batch, n_ubatch=batch, flash_attn_type=flash)
        seconds = median(bare.read(ids) for _ in range(3))
        base = base or seconds
        bare.close()
        print(
            f"  prefill, {count} threads, {batch} a batch, flash {flash}: {base / seconds:5.2f} of the product's rate"
        )


def main() -> None:
    """All comparisons."""
    folder, timed = Path(sys.argv[1]) / "squad", int(sys.argv[2]) if len(sys.argv) > 2 else 20
    shape = SMALL if sys.argv[3:] else TINYLLAMA
    settings = load_settings({"corpus": [folder / "documents"], "threshold": 0.0})
    settings = replace(settings, model=None, data=folder / "askllama", cache=folder / "askllama")
    texts = [file.read_text(encoding="utf-8") for file in sorted((folder / "documents").iterdir())]
    path = folder / "askllama" / f"random-{shape.layers}x{shape.width}.gguf"
    write_model(path, shape, texts)
    questions = [q for q in read_questions(folder / "questions.jsonl") if q.answerable]
    with Library.open(settings) as library:
        library.sync()
        generator = library.__dict__["generator"] = Timed(path.stem, path, settings.threads, settings.cache)
        step = max(1, len(questions) // timed)
        compare_evidence(library, generator, questions[::step][:timed])
        compare_turns(library, generator, questions[: 2 * timed])
        generator.longest = 0
        count_kept(library, generator, questions if not sys.argv[3:] else questions[:timed])
        found = whole(library.search(questions[0].text, WHOLE))
        ids = generator._model.encode(build_messages(questions[0].text, found))
    compare_decoding(path, settings.threads, ids)
    compare_batches(path, settings.threads, ids)


if __name__ == "__main__":
    main()
