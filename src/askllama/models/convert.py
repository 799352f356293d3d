"""safetensors -> GGUF for BERT models, in the layout that llama.cpp reads.

Source of names and keys: the GGUF specification and the ``gguf`` package's tables.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

_SPACE = "▁"  # llama.cpp marks the start of a word instead of its continuation
_SKIPPED = ("pooler.", "embeddings.position_ids")


@dataclass(frozen=True, slots=True)
class BertWeights:
    """A BERT encoder: Hugging Face configuration, vocabulary in id order, and tensors by name."""

    name: str
    config: Mapping[str, Any]
    vocabulary: list[str]
    tensors: Mapping[str, NDArray[float32]]


def load_bert(folder: Path, name: str) -> BertWeights:
    """Read config.json, vocab.txt and model.safetensors of a folder."""
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    return BertWeights(name, config, vocabulary, load_file(folder / "model.safetensors"))


def write_gguf(bert: BertWeights, path: Path, quantisation: str, metadata: Mapping[str, str] | None = None) -> None:
    """Write the weights as GGUF, matrices as ``quantisation`` (F32, F16 or Q8_0), with extra string keys."""
    from gguf import MODEL_ARCH, GGMLQuantizationType, GGUFWriter
    from gguf.quants import quantize

    writer = GGUFWriter(path, "bert")
    _write_shape(writer, bert)
    _write_vocabulary(writer, bert.vocabulary)
    for key, value in (metadata or {}).items():
        writer.add_string(key, value)
    for tensor, values in _named(bert, MODEL_ARCH.BERT):
        kind = GGMLQuantizationType[quantisation if _is_matrix(tensor, values) else "F32"]
        writer.add_tensor(tensor, quantize(values.astype("float32"), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_shape(writer: Any, bert: BertWeights) -> None:
    from gguf import PoolingType

    config = bert.config
    writer.add_name(bert.name)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(PoolingType.MEAN)


def _write_vocabulary(writer: Any, vocabulary: list[str]) -> None:
    from gguf import TokenType

    special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    writer.add_tokenizer_model("bert")
    writer.add_token_type_count(2)
    writer.add_token_list([t if t in special else _respell(t) for t in vocabulary])
    writer.add_token_types([TokenType.CONTROL if t in special else TokenType.NORMAL for t in vocabulary])
    writer.add_bos_token_id(vocabulary.index("[CLS]"))
    writer.add_eos_token_id(vocabulary.index("[SEP]"))
    writer.add_sep_token_id(vocabulary.index("[SEP]"))
    writer.add_pad_token_id(vocabulary.index("[PAD]"))
    writer.add_unk_token_id(vocabulary.index("[UNK]"))
    writer.add_mask_token_id(vocabulary.index("[MASK]"))


def _respell(token: str) -> str:
    return token[2:] if token.startswith("##") else _SPACE + token


def _named(bert: BertWeights, architecture: Any) -> Iterator[tuple[str, NDArray[float32]]]:
    from gguf import get_tensor_name_map

    names = get_tensor_name_map(architecture, bert.config["num_hidden_layers"])
    for name, values in bert.tensors.items():
        if not name.startswith(_SKIPPED):
            found = names.get_name(name, try_suffixes=(".weight", ".bias"))
            if found is None:
                raise KeyError(name)
            yield found, values


def _is_matrix(tensor: str, values: NDArray[float32]) -> bool:
    return values.ndim == 2 and not tensor.startswith(("position_embd", "token_types"))


def pack_floats(values: NDArray[float32]) -> str:
    """An array as base64 of little-endian float32: llama.cpp hands out metadata strings, but not arrays."""
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")
