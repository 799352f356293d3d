"""What people call a model: lenient matching of names, and the names that no file can answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from askllama.errors import ModelError

_SUBSTITUTE = "llama-3.2-3b-instruct"
_WORD = re.compile(r"\d+(?:[.x]\d+)*[a-z]*|[a-z]+")
_PART = re.compile(r"-00001-of-(\d{5})\.gguf$")
_CLOSED = (
    ("OpenAI", re.compile(r"(chat|instruct)?gpt[ -]?([345](?!all).*)?|o[134]([ -].*)?|sora.*")),
    ("Anthropic", re.compile(r"(claude|sonnet|opus|haiku).*")),
    ("Google", re.compile(r"(gemini|bard).*")),
    ("Mistral", re.compile(r"mistral[ -_]medium.*")),
)
_FORMATS = {
    "gptq": "GPTQ",
    "awq": "AWQ",
    "exl2": "EXL2",
    "exl3": "EXL3",
    "mlx": "MLX",
    "onnx": "ONNX",
    "ggml": "old GGML",
    "safetensors": "safetensors",
}


def match(name: str, names: Iterable[str]) -> list[str]:
    """The names that ``name`` may stand for: the one that is spelt the same, else all that have its words.

    Case, blanks and punctuation do not count, and the beginning of a word is enough ("bloom" for "bloomz-560m").
    """
    words = _words(name)
    candidates = {known: _words(known) for known in names}
    same = [known for known, theirs in candidates.items() if theirs == words]
    return same or [known for known, theirs in candidates.items() if words and _covers(theirs, words)]


def _words(name: str) -> list[str]:
    return _WORD.findall(name.lower())


def _covers(words: list[str], wanted: list[str]) -> bool:
    # The beginning of a number is another number: "3" must not find "3.1".
    return all(any(w == word or (word.isalpha() and w.startswith(word)) for w in words) for word in wanted)


def ambiguous(name: str, matches: list[str]) -> ModelError:
    """The error that lists what a name may stand for."""
    return ModelError(f"{name!r} may be {', '.join(matches)}", "the full name of one of them")


def unknown(name: str, names: Iterable[str]) -> ModelError:
    """The error for a name that stands for no model: closed, of another format, or misspelt."""
    for maker, closed in _CLOSED:
        if closed.fullmatch(name.lower().rpartition("/")[2]):
            return ModelError(
                f"{name} is a closed model: it runs on the machines of {maker} only, and nobody can download it",
                f"askllama models pull {_SUBSTITUTE}  runs here instead; askllama models lists them all",
            )
    if kind := weights_format(name):
        return other_format(name, kind)
    letters = "".join(_words(name))
    beginnings = {"".join(_words(known))[: len(letters)]: known for known in names}
    close = [beginnings[found] for found in get_close_matches(letters, beginnings, 3)]
    hint = "askllama models  lists the names; a path to a .gguf works too"
    return ModelError(f"no model is called {name!r}", f"did you mean {' or '.join(close)}? {hint}" if close else hint)


def weights_format(name: str) -> str:
    """The format of weights other than GGUF that a name speaks of; empty where there is none."""
    return next((_FORMATS[word] for word in _words(name) if word in _FORMATS), "")


def other_format(name: str, kind: str) -> ModelError:
    """The error for weights that llama.cpp does not run."""
    return ModelError(
        f"{name}: {kind} weights are not for llama.cpp, which runs GGUF files",
        "askllama models  lists models in GGUF; most others have a repository of the same name that ends in -GGUF",
    )


def parts(file: str) -> tuple[str, ...]:
    """The files of a model that is named by its first: itself, or all of ``…-00001-of-0000N.gguf``."""
    found = _PART.search(file)
    if found is None:
        return (file,)
    stem, count = file[: found.start()], found[1]
    return tuple(f"{stem}-{number:05}-of-{count}.gguf" for number in range(1, int(count) + 1))
