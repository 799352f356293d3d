"""Tiny GGUFs with random weights, one for each architecture and vocabulary of the models that people run.

What they write is noise; that they load and run shows that llama.cpp knows the structure. Names and shapes follow
llama.cpp's loaders (src/models/) and the gguf package's tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gguf
import numpy as np

WIDTH, HEADS, INNER, LAYERS, EXPERTS, CONTEXT = 32, 2, 64, 2, 4, 4096
STATE, KERNEL, RANK, GROUPS = 16, 4, 4, 2  # of the two mambas
CONV = 2 * WIDTH + 2 * GROUPS * STATE
WORDS = ["the", "in", "er", "Mixtral", "<|", "|>", "im", "end", "user", "INST", "</", "s>", "ASS", "Ass", "Out", "Resp"]
PREFIXES = [word[:end] for word in WORDS for end in range(2, len(word) + 1)]  # a long token is merged from shorter ones
Shapes = dict[str, tuple[int, ...]]


def _weights(shapes: Shapes) -> Shapes:
    return {f"{name}.weight": shape for name, shape in shapes.items()}


def _biased(shapes: Shapes) -> Shapes:
    return _weights(shapes) | {f"{name}.bias": shape[:1] for name, shape in shapes.items()}


def _norms(*names: str) -> Shapes:
    return {f"{name}_norm": (WIDTH,) for name in names}


_SPLIT: Shapes = {f"attn_{part}": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")}
_FUSED: Shapes = {"attn_qkv": (3 * WIDTH, WIDTH), "attn_output": (WIDTH, WIDTH)}
_PLAIN: Shapes = {"ffn_up": (INNER, WIDTH), "ffn_down": (WIDTH, INNER)}
_GATED: Shapes = _PLAIN | {"ffn_gate": (INNER, WIDTH)}
_MIXED: Shapes = {
    "ffn_gate_inp": (EXPERTS, WIDTH),
    "ffn_gate_exps": (EXPERTS, INNER, WIDTH),
    "ffn_up_exps": (EXPERTS, INNER, WIDTH),
    "ffn_down_exps": (EXPERTS, WIDTH, INNER),
}
_HEAD_NORMS: Shapes = {"attn_q_norm": (WIDTH // HEADS,), "attn_k_norm": (WIDTH // HEADS,)}
_GEMMA: Shapes = _SPLIT | _GATED | _norms("attn", "ffn", "post_attention", "post_ffw")
_MAMBA: Shapes = {
    "attn_norm.weight": (WIDTH,),
    "ssm_in.weight": (4 * WIDTH, WIDTH),
    "ssm_conv1d.weight": (2 * WIDTH, KERNEL),
    "ssm_conv1d.bias": (2 * WIDTH,),
    "ssm_x.weight": (RANK + 2 * STATE, 2 * WIDTH),
    "ssm_dt.weight": (2 * WIDTH, RANK),
    "ssm_dt.bias": (2 * WIDTH,),
    "ssm_a": (2 * WIDTH, STATE),
    "ssm_d": (2 * WIDTH,),
    "ssm_out.weight": (WIDTH, 2 * WIDTH),
}
_MAMBA2: Shapes = {
    "attn_norm.weight": (WIDTH,),
    "ssm_in.weight": (2 * WIDTH + CONV + RANK, WIDTH),
    "ssm_conv1d.weight": (CONV, KERNEL),
    "ssm_conv1d.bias": (CONV,),
    "ssm_dt.bias": (RANK,),
    "ssm_a": (RANK, 1),
    "ssm_d": (RANK, 1),
    "ssm_norm.weight": (GROUPS, 2 * WIDTH // GROUPS),
    "ssm_out.weight": (WIDTH, 2 * WIDTH),
}
_ENDS: Shapes = {"output_norm": (WIDTH,)}

# Of each architecture: the tensors of a block, those beside the blocks (all have token embeddings), and its own keys.
_STRUCTURES: dict[str, tuple[Shapes, Shapes, dict[str, Any]]] = {
    "llama": (_weights(_SPLIT | _GATED | _norms("attn", "ffn")), _weights(_ENDS), {}),
    "mixtral": (
        _weights(_SPLIT | _MIXED | _norms("attn", "ffn")),
        _weights(_ENDS),
        {"expert_count": EXPERTS, "expert_used_count": 2},
    ),
    "mpt": (
        _weights(_FUSED | _PLAIN | _norms("attn", "ffn")),
        _weights(_ENDS),
        {"attention.max_alibi_bias": 8.0, "attention.clamp_kqv": 6.0},
    ),
    "falcon": (_weights(_FUSED | _PLAIN) | _biased(_norms("attn")), _biased(_ENDS), {}),
    "bloom": (
        _biased(_FUSED | _PLAIN | _norms("attn", "ffn")),
        _biased(_ENDS | {"token_embd_norm": (WIDTH,)}),
        {},
    ),
    "phi2": (
        _biased(_FUSED | _PLAIN | _norms("attn")),
        _biased(_ENDS),
        {"rope.dimension_count": WIDTH // HEADS // 2},
    ),
    "phi3": (
        _weights(_FUSED | _norms("attn", "ffn") | {"ffn_up": (2 * INNER, WIDTH), "ffn_down": (WIDTH, INNER)}),
        _weights(_ENDS),
        {"rope.dimension_count": WIDTH // HEADS},
    ),
    "dbrx": (
        _weights(_FUSED | _MIXED | _norms("attn", "attn_output")),
        _weights(_ENDS),
        {"expert_count": EXPERTS, "expert_used_count": 2, "attention.clamp_kqv": 8.0},
    ),
    "mamba": (
        _MAMBA,
        _weights(_ENDS),
        {"ssm.conv_kernel": KERNEL, "ssm.inner_size": 2 * WIDTH, "ssm.state_size": STATE, "ssm.time_step_rank": RANK},
    ),
    "mamba2": (
        _MAMBA2,
        _weights(_ENDS),
        {
            "ssm.conv_kernel": KERNEL,
            "ssm.inner_size": 2 * WIDTH,
            "ssm.state_size": STATE,
            "ssm.time_step_rank": RANK,
            "ssm.group_count": GROUPS,
        },
    ),
    "qwen2": (
        _weights({"attn_output": (WIDTH, WIDTH)} | _GATED | _norms("attn", "ffn"))
        | _biased({name: shape for name, shape in _SPLIT.items() if name != "attn_output"}),
        _weights(_ENDS),
        {},
    ),
    "qwen3": (_weights(_SPLIT | _GATED | _HEAD_NORMS | _norms("attn", "ffn")), _weights(_ENDS), {}),
    "gemma2": (
        _weights(_GEMMA),
        _weights(_ENDS),
        {"attention.sliding_window": 64, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0},
    ),
    "gemma3": (_weights(_GEMMA | _HEAD_NORMS), _weights(_ENDS), {"attention.sliding_window": 64}),
    "starcoder2": (_biased(_SPLIT | _PLAIN | _norms("attn", "ffn")), _biased(_ENDS), {}),
    "command-r": (_weights(_SPLIT | _GATED | _norms("attn")), _weights(_ENDS), {"logit_scale": 0.0625}),
}
_TIED = {"gemma2", "gemma3", "command-r"}  # their embeddings are their output matrix too


@dataclass(frozen=True, slots=True)
class Family:
    """What the models of one family have in common.

    ``tokenizer``: llama.cpp's name of the pre-tokenizer, "spm", or "spm without blank"; ``control`` and
    ``user_defined``: its tokens of these kinds, behind the first and the last token of a text.
    """

    structure: str
    tokenizer: str
    first: str
    last: str
    control: tuple[str, ...] = ()
    user_defined: tuple[str, ...] = ()
    keys: Mapping[str, Any] = field(default_factory=dict)

    @property
    def architecture(self) -> str:
        """llama.cpp's name of the structure."""
        return "llama" if self.structure == "mixtral" else self.structure

    @property
    def markers(self) -> tuple[str, ...]:
        """All that means something else than its letters."""
        return tuple(dict.fromkeys((self.first, self.last, *self.control, *self.user_defined)))


_CHATML = ("<|im_start|>", "<|im_end|>")
_INST = ("[INST]", "[/INST]")
FAMILIES = {
    "llama-2": Family("llama", "spm", "<s>", "</s>"),
    "llama-3": Family(
        "llama",
        "llama-bpe",
        "<|begin_of_text|>",
        "<|end_of_text|>",
        ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    ),
    "mistral": Family("llama", "spm", "<s>", "</s>", _INST),
    "mixtral": Family("mixtral", "spm", "<s>", "</s>"),
    "yi": Family("llama", "spm", "<|startoftext|>", "<|endoftext|>", (), _CHATML),
    "openassistant": Family("llama", "spm", "<s>", "</s>", (), ("<|prompter|>", "<|assistant|>", "<|system|>")),
    "smollm": Family("llama", "smollm", "<|endoftext|>", "<|im_end|>", _CHATML),
    "mpt": Family("mpt", "mpt", "<|endoftext|>", "<|endoftext|>", ("<|padding|>",), ("  ", "    ")),
    "falcon": Family("falcon", "falcon", "<|endoftext|>", "<|endoftext|>", (">>TITLE<<", ">>QUESTION<<", ">>ANSWER<<")),
    "bloom": Family("bloom", "bloom", "<s>", "</s>", ("<unk>", "<pad>")),
    "phi-2": Family("phi2", "phi-2", "<|endoftext|>", "<|endoftext|>", (), ("  ", "\t\t")),
    "phi-3": Family("phi3", "spm", "<s>", "<|endoftext|>", ("<|user|>", "<|assistant|>", "<|end|>", "<|system|>")),
    "phi-4": Family("phi3", "dbrx", "<|endoftext|>", "<|im_end|>", ("<|im_start|>", "<|im_sep|>")),
    "phi-4-mini": Family("phi3", "gpt-4o", "<|endoftext|>", "<|endoftext|>", ("<|user|>", "<|assistant|>", "<|end|>")),
    "dbrx": Family("dbrx", "dbrx", "<|endoftext|>", "<|endoftext|>", _CHATML),
    "mamba": Family("mamba", "default", "<|endoftext|>", "<|endoftext|>"),
    "codestral-mamba": Family("mamba2", "spm", "<s>", "</s>", _INST),
    "qwen2.5": Family("qwen2", "qwen2", "<|endoftext|>", "<|im_end|>", _CHATML, ("<tool_call>",)),
    "qwen3": Family("qwen3", "qwen2", "<|endoftext|>", "<|im_end|>", _CHATML, ("<think>", "</think>")),
    "gemma-2": Family(
        "gemma2",
        "spm without blank",
        "<bos>",
        "<eos>",
        ("<start_of_turn>", "<end_of_turn>"),
        ("\n\n", "<table>", "▁▁"),
    ),
    "gemma-3": Family(
        "gemma3", "spm without blank", "<bos>", "<eos>", ("<start_of_turn>", "<end_of_turn>"), ("[toxicity=0]",)
    ),
    "starcoder2": Family("starcoder2", "starcoder", "<|endoftext|>", "<|endoftext|>", ("<fim_prefix>", "<file_sep>")),
    "command-r": Family(
        "command-r",
        "command-r",
        "<BOS_TOKEN>",
        "<|END_OF_TURN_TOKEN|>",
        ("<|START_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>"),
    ),
}


def write_random(path: Path, family: Family, template: str = "", architecture: str = "") -> None:
    """Write a model of the family; ``architecture`` is a name to give it instead of its own."""
    writer = gguf.GGUFWriter(path, architecture or family.architecture)
    _write_keys(writer, _STRUCTURES[family.structure][2])
    words = _write_vocabulary(writer, family)
    if template:
        writer.add_chat_template(template)
    _write_weights(writer, family.structure, words)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_keys(writer: gguf.GGUFWriter, own: Mapping[str, Any]) -> None:
    writer.add_block_count(LAYERS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_eps(1e-5)
    writer.add_layer_norm_rms_eps(1e-5)
    for key, value in own.items():
        add = writer.add_float32 if isinstance(value, float) else writer.add_uint32
        add(f"{writer.arch}.{key}", value)


def _write_vocabulary(writer: gguf.GGUFWriter, family: Family) -> int:
    """Specials, the 256 bytes, and some longer tokens; their number."""
    is_sentencepiece = family.tokenizer.startswith("spm")
    kinds = dict.fromkeys((family.first, family.last, *family.control), gguf.TokenType.CONTROL)
    kinds |= dict.fromkeys(family.user_defined, gguf.TokenType.USER_DEFINED)
    if is_sentencepiece:
        kinds = {"<unk>": gguf.TokenType.UNKNOWN} | kinds
        kinds |= {f"<0x{byte:02X}>": gguf.TokenType.BYTE for byte in range(256)}
        kinds |= dict.fromkeys(["▁", *map(chr, range(33, 127)), *PREFIXES, "▁t", "▁the"], gguf.TokenType.NORMAL)
        writer.add_tokenizer_model("llama")
        writer.add_token_scores([float(len(token)) for token in kinds])
        writer.add_add_space_prefix(family.tokenizer == "spm")
        writer.add_add_bos_token(True)
    else:
        kinds |= dict.fromkeys([*_byte_letters(), *PREFIXES], gguf.TokenType.NORMAL)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(family.tokenizer)
        writer.add_token_merges([f"{prefix[:-1]} {prefix[-1]}" for prefix in dict.fromkeys(PREFIXES)])
    tokens = list(kinds)
    writer.add_token_list(tokens)
    writer.add_token_types(list(kinds.values()))
    writer.add_bos_token_id(tokens.index(family.first))
    writer.add_eos_token_id(tokens.index(family.last))
    return len(tokens)


def _byte_letters() -> list[str]:
    """The characters that stand for the bytes in byte-level BPE (GPT-2)."""
    shown = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) if byte in shown else chr(256 + hidden.index(byte)) for byte in range(256)]


def _write_weights(writer: gguf.GGUFWriter, structure: str, words: int) -> None:
    block, beside, _ = _STRUCTURES[structure]
    shapes = {"token_embd.weight": (words, WIDTH)} | beside
    if structure not in _TIED:
        shapes["output.weight"] = (words, WIDTH)
    if structure == "phi2":
        shapes["output.bias"] = (words,)
    shapes |= {f"blk.{layer}.{name}": shape for layer in range(LAYERS) for name, shape in block.items()}
    random = np.random.default_rng(7)
    for name, shape in shapes.items():
        values = random.normal(0, 0.3, shape).astype(np.float32)
        if name.endswith("norm.weight"):
            values += 1
        if name.endswith("ssm_a"):  # what a state keeps must decay
            values = -np.abs(values)
        writer.add_tensor(name, values)
