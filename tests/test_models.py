"""Encoder, twin, reader and conversion with the real weights through the real llama.cpp."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from askllama.config import Settings
from askllama.errors import ModelError
from askllama.library import Library
from askllama.models import encoder as encoders
from askllama.models import registry
from askllama.models.encoder import AGREEMENT, SentenceEncoder, open_encoder
from askllama.models.llama import TokenEmbedder
from askllama.models.reader import GgufReader, best_spans
from askllama.types import Passage


def passage(text: str, title: str = "", start: int = 0) -> Passage:
    return Passage("p", title, (), text, start, start + len(text), 1, 1)


@pytest.fixture(scope="session")
def encoder(real_library: Library) -> SentenceEncoder:
    assert isinstance(real_library.encoder, SentenceEncoder)
    return real_library.encoder


@pytest.fixture(scope="session")
def reader() -> GgufReader:
    return GgufReader()


def test_the_twin_agrees_with_the_original(encoder: SentenceEncoder) -> None:
    texts = ["Mixtral launched on December 11th, 2023.", "Was it?", "naïve Übermut 東京 " * 40, "long " * 600]
    twin = encoder.encode_passages(texts)
    original = encoder._encode_by_original(texts)
    assert twin.dtype == original.dtype == np.float32
    assert (twin * original).sum(axis=1).min() >= AGREEMENT
    assert np.allclose(np.linalg.norm(twin, axis=1), 1, atol=1e-5)


def test_many_passages_and_a_question_live_in_one_space(encoder: SentenceEncoder) -> None:
    texts = [f"Number {n} is about nothing." for n in range(60)] + ["Helsinki is the capital of Finland."]
    vectors = encoder.encode_passages(texts)
    assert vectors.shape == (61, 384)
    assert int((vectors @ encoder.encode_question("What is Finland's capital?")).argmax()) == 60


def test_questions_are_encoded_without_torch(encoder: SentenceEncoder, real_settings: Settings) -> None:
    script = (
        "import sys; from pathlib import Path; from askllama.models.encoder import open_encoder\n"
        "open_encoder('all-MiniLM-L6-v2', Path(sys.argv[1]), 1, print).encode_question('hello')\n"
        "assert not {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)\n"
    )
    encoder.encode_question("makes the twin where it is missing")
    done = subprocess.run([sys.executable, "-c", script, str(real_settings.cache)], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_a_twin_that_disagrees_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "AGREEMENT", 1.1)
    heard: list[str] = []
    refused = open_encoder(registry.MINILM, tmp_path, 2, heard.append)
    assert refused.encode_question("hello").shape == (384,)
    assert [p.suffix for p in tmp_path.iterdir()] == [".refused"]
    assert heard == ["preparing the encoder (once)", "loading the encoder"]


def test_another_folder_is_another_encoder_and_a_wrong_one_an_error(tmp_path: Path) -> None:
    copy = tmp_path / "mine"
    shutil.copytree(registry.minilm_folder(), copy)
    mine = open_encoder(str(copy), tmp_path / "cache", 2, lambda _: None)
    assert mine.identity == "mine:53aa51172d142c89"
    with pytest.raises(ModelError, match="neither"):
        open_encoder("nowhere", tmp_path, 2, lambda _: None)


def test_damaged_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    monkeypatch.setattr(registry, "minilm_folder", lambda: tmp_path)
    registry.verified.cache_clear()
    try:
        with pytest.raises(ModelError, match="not the official file"):
            registry.verified("tokenizer.json")
    finally:
        registry.verified.cache_clear()


@pytest.mark.parametrize("content", [b"", b"GGUF", b"nonsense" * 100])
def test_what_is_no_model_is_a_model_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"bad\.gguf"):
        TokenEmbedder(path, 1)


def test_best_spans_do_not_overlap_and_come_best_first() -> None:
    logits = np.zeros((6, 2), np.float32)
    logits[1, 0], logits[2, 1], logits[4] = 5, 5, (4, 4)
    spans = best_spans(logits, np.zeros(6, np.intp))
    assert spans[:2] == [(1, 2, 10.0), (4, 4, 8.0)]
    covered = [t for a, b, _ in spans for t in range(a, b + 1)]
    assert len(covered) == len(set(covered))
    assert best_spans(logits[:0], np.zeros(0, np.intp)) == []
    backwards = np.array([[0, 9], [0, 0], [9, 0]], np.float32)
    assert all(a <= b for a, b, _ in best_spans(backwards, np.zeros(3, np.intp)))
    assert best_spans(logits, np.array([0, 0, 1, 1, 1, 1]))[0] == (4, 4, 8.0)


def test_spans_are_exact_slices(reader: GgufReader) -> None:
    text = "Ünïcode – “quotes” and emoji 👩‍👧: the café\topened   on\n12 May 1999, they say."
    (reading,) = reader.read("When did the café open?", [passage(text, "Cafés", start=50)])
    assert "12 May 1999" in reading.spans[0].text
    for span in reading.spans:
        assert text[span.start - 50 : span.end - 50] == span.text


def test_answerable_passages_score_above_others(reader: GgufReader) -> None:
    texts = (
        "Bread is baked from flour, water and salt.",
        "Helsinki, the capital of Finland, lies on the Baltic Sea.",
        "Stockholm is the capital of Sweden.",
    )
    readings = list(reader.read("What is the capital of Finland?", [passage(text) for text in texts]))
    scores = [r.score for r in readings]
    assert max(scores) == scores[1]
    assert scores[1] > 0 > scores[0]
    assert readings[1].spans[0].text == "Helsinki"


@pytest.mark.parametrize("text", ["", " ", "x" * 4000, "word " * 3000, "\x00\x01"])
def test_odd_passages_and_questions(reader: GgufReader, text: str) -> None:
    list(reader.read("what?", [passage(text)]))
    list(reader.read(text, [passage("Plain text.")]))
