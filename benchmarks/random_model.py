"""A GGUF of random weights in TinyLlama's shape: as fast as the real one, and as slow."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

_BLOCK = 32  # weights that share a scale in Q4_0
_SCALE = 0.004  # weights of about 0.02, as trained ones have
_CONTROL = ["<s>", "</s>", "<|user|>", "<|assistant|>"]
_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}</s>\n{% endfor %}<|assistant|>\n"
)


@dataclass(frozen=True, slots=True)
class Shape:
    """Layers, widths and heads of a llama."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    feed_forward: int
    words: int

    def tensors(self) -> dict[str, tuple[int, int]]:
        """Rows and columns of the matrices by name."""
        narrow = self.width // self.heads * self.kv_heads
        matrices = {
            "attn_q": (self.width, self.width),
            "attn_k": (narrow, self.width),
            "attn_v": (narrow, self.width),
            "attn_output": (self.width, self.width),
            "ffn_gate": (self.feed_forward, self.width),
            "ffn_up": (self.feed_forward, self.width),
            "ffn_down": (self.width, self.feed_forward),
        }
        ends = dict.fromkeys(("token_embd.weight", "output.weight"), (self.words, self.width))
        layers = (f"blk.{layer}." for layer in range(self.layers))
        return ends | {f"{layer}{name}.weight": shape for layer in layers for name, shape in matrices.items()}

    def norms(self) -> list[str]:
        """Names of the normalisations' weights."""
        layers = range(self.layers)
        return ["output_norm.weight", *(f"blk.{n}.{part}_norm.weight" for n in layers for part in ("attn", "ffn"))]


TINYLLAMA = Shape(layers=22, width=2048, heads=32, kv_heads=4, feed_forward=5632, words=32_000)
SMALL = Shape(layers=2, width=256, heads=8, kv_heads=2, feed_forward=512, words=8_000)


def write_model(path: Path, shape: Shape, texts: Iterable[str]) -> None:
    """Write the model, with a vocabulary learnt from the texts; a file that is there already is left alone."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    writer = gguf.GGUFWriter(temporary, "llama")
    _write_vocabulary(writer, shape, texts)
    writer.add_block_count(shape.layers)
    writer.add_context_length(4096)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    random = np.random.default_rng(0)
    for name, (rows, columns) in shape.tensors().items():
        blocks = _random_blocks(random, rows, columns)
        writer.add_tensor(name, blocks, raw_dtype=gguf.GGMLQuantizationType.Q4_0)
    for name in shape.norms():
        writer.add_tensor(name, np.ones(shape.width, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    temporary.replace(path)


def _random_blocks(random: np.random.Generator, rows: int, columns: int) -> NDArray[np.uint8]:
    """Blocks of Q4_0, of shape (rows, bytes): a half-precision scale and 32 random halves of bytes."""
    blocks = random.integers(0, 256, (rows, columns // _BLOCK, 2 + _BLOCK // 2), np.uint8)
    blocks[:, :, :2] = np.frombuffer(np.float16(_SCALE).tobytes(), np.uint8)
    return blocks.reshape(rows, -1)


def _write_vocabulary(writer: gguf.GGUFWriter, shape: Shape, texts: Iterable[str]) -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=shape.words,
        special_tokens=_CONTROL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    vocabulary = tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    unused = [f"<unused{n}>" for n in range(shape.words - len(tokens))]
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*tokens, *unused])
    writer.add_token_types([control if token in _CONTROL else normal for token in tokens] + [control] * len(unused))
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_chat_template(_TEMPLATE)
