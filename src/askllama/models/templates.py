"""Prompt formats by name, for GGUF files that carry no chat template of their own; pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from askllama.errors import ModelError

TURN_MARKERS = re.compile(
    r"(<\|\w+\|>|<</?SYS>>|\[/?INST\]|### \w+:|\b(?:USER|ASSISTANT|User|Assistant|Instruct|Output):)"
)
"""What begins or ends a turn in some format, and is plain text in the vocabularies of 2023: as one group, to split."""


class Format(NamedTuple):
    """The texts around the turns of a chat: before a question, behind it, behind an answer; and before them all."""

    question: str
    answer: str
    end: str
    beginning: str = ""


_FIRST, _LAST = "{{ bos_token }}", "{{ eos_token }}"
_TASK = "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
_CHAT = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions. "
)
# As the makers of the models describe them.
FORMATS = {
    "alpaca": Format("### Instruction:\n", "\n\n### Response:\n", _LAST + "\n\n", _TASK),
    "chatml": Format("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>\n"),
    "falcon": Format("User: ", "\n\nAssistant:", "\n\n"),
    "gemma": Format("<start_of_turn>user\n", "<end_of_turn>\n<start_of_turn>model\n", "<end_of_turn>\n", _FIRST),
    "llama-2": Format(_FIRST + "[INST] ", " [/INST]", " " + _LAST),
    "llama-3": Format(
        "<|start_header_id|>user<|end_header_id|>\n\n",
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        "<|eot_id|>",
        _FIRST,
    ),
    "mistral": Format("[INST] ", " [/INST]", _LAST, _FIRST),
    "openassistant": Format("<|prompter|>", _LAST + "<|assistant|>", _LAST),
    "phi-2": Format("Instruct: ", "\nOutput:", "\n"),
    "phi-3": Format("<|user|>\n", "<|end|>\n<|assistant|>\n", "<|end|>\n", _FIRST),
    "phi-4": Format("<|im_start|>user<|im_sep|>", "<|im_end|><|im_start|>assistant<|im_sep|>", "<|im_end|>"),
    "phi-4-mini": Format("<|user|>", "<|end|><|assistant|>", "<|end|>"),
    "plain": Format("", "\nAnswer:", "\n\n"),
    "vicuna": Format("USER: ", " ASSISTANT:", _LAST, _CHAT),
    "zephyr": Format("<|user|>\n", _LAST + "\n<|assistant|>\n", _LAST + "\n"),
}
# What a file tells of its format where nobody names it: a token of its vocabulary, else its architecture.
_BY_TOKEN = {
    "<|im_sep|>": "phi-4",
    "<|im_start|>": "chatml",
    "<|start_header_id|>": "llama-3",
    "<start_of_turn>": "gemma",
    "<|prompter|>": "openassistant",
    "<|end|>": "phi-3",
    "[INST]": "mistral",
}
_BY_ARCHITECTURE = {"llama": "llama-2", "mpt": "alpaca", "falcon": "falcon", "phi2": "phi-2"}


def choose(name: str, architecture: str, is_token: Callable[[str], bool]) -> Format:
    """The format called ``name``; without a name the one that architecture and vocabulary suggest.

    Raises ModelError where there is no such format.
    """
    if not name:
        by_token = (known for token, known in _BY_TOKEN.items() if is_token(token))
        name = next(by_token, _BY_ARCHITECTURE.get(architecture, "plain"))
    if name not in FORMATS:
        raise ModelError(f"no prompt format is called {name!r}", f"prompt = one of {', '.join(FORMATS)}")
    return FORMATS[name]


def write_template(format_: Format) -> str:
    """The format as a chat template (Jinja), as GGUF files carry one."""
    return (
        f"{format_.beginning}{{% for message in messages %}}"
        f"{{% if message['role'] == 'user' %}}{format_.question}{{{{ message['content'] }}}}{format_.answer}"
        f"{{% else %}}{{{{ message['content'] }}}}{format_.end}{{% endif %}}{{% endfor %}}"
    )
