"""A tiny llama in GGUF that writes a known text, whatever it is asked.

Attention and feed-forward layers add nothing, so the residual stream is the embedding of the last token alone. Each
token's embedding is a unit vector that stands for "what comes next": every ordinary token points to the first piece of
the text, each piece to the one after it, the last to </s>; the output matrix turns the vector into that token.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTEXT = 4096
END = 2
CONTROL = ["<|im_start|>", "<|im_end|>"]
USER_DEFINED = ["[INST]", "[/INST]"]
# With these, SentencePiece puts "</s>" together from plain text, which llama.cpp then takes for the control token.
HALVES = ["</", "s>"]
_FIRST_BYTE = 3
_SHORTEST = 3  # SentencePiece merges pairs, so without tokens of two characters it never forms one of these


def write_scripted(path: Path, text: str, chat_template: str = CHATML, context: int = CONTEXT) -> None:
    """Write a model that answers every prompt with ``text``."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *CONTROL, *USER_DEFINED, *HALVES]
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    kinds += [gguf.TokenType.BYTE] * 256
    kinds += [gguf.TokenType.CONTROL] * len(CONTROL) + [gguf.TokenType.USER_DEFINED] * len(USER_DEFINED)
    kinds += [gguf.TokenType.NORMAL] * len(HALVES)
    script = []
    for piece in _pieces(text):
        if isinstance(piece, int):
            script.append(_FIRST_BYTE + piece)
        else:
            script.append(len(tokens))
            tokens.append(piece.replace(" ", "▁"))
            kinds.append(gguf.TokenType.NORMAL)
    writer = gguf.GGUFWriter(path, "llama")
    _write_vocabulary(writer, tokens, kinds, chat_template)
    _write_weights(writer, len(tokens), script, context)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _pieces(text: str) -> Iterator[str | int]:
    """The text as distinct pieces of at least three characters, and as bytes where a character beyond ASCII comes next.

    A character whose bytes were used before stays inside a piece: a token can point to one successor only.
    """
    used: set[str | int] = set()
    start = 0
    while start < len(text):
        spelt = list(text[start].encode())
        if len(spelt) > 1 and len(set(spelt)) == len(spelt) and not used & set(spelt):
            used |= set(spelt)
            yield from spelt
            start += 1
            continue
        end = start + _SHORTEST
        while text[start:end] in used or 0 < len(text) - end < _SHORTEST:
            if end >= len(text):
                raise ValueError(f"{text[start:]!r} ends the text and stands in it before")
            end += 1
        used.add(text[start:end])
        yield text[start:end]
        start = end


def _write_vocabulary(
    writer: gguf.GGUFWriter, tokens: list[str], kinds: list[gguf.TokenType], chat_template: str
) -> None:
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(END)
    writer.add_add_bos_token(True)
    if chat_template:
        writer.add_chat_template(chat_template)


def _write_weights(writer: gguf.GGUFWriter, tokens: int, script: list[int], context: int) -> None:
    width = -(-(len(script) + 1) // 32) * 32
    embedding = np.zeros((tokens, width), np.float32)
    embedding[:, 0] = 1
    output = np.zeros((tokens, width), np.float32)
    for place, token in enumerate(script, 1):
        embedding[token] = np.eye(width, dtype=np.float32)[place]
        output[token, place - 1] = 1
    output[END, len(script)] = 1
    writer.add_block_count(1)
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(32)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output.weight", output)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros((width, width), np.float32))
    for name, shape in (("ffn_gate", (32, width)), ("ffn_up", (32, width)), ("ffn_down", (width, 32))):
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros(shape, np.float32))
