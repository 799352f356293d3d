"""The reader as a torch module: MiniLM's BERT with one linear layer for start and end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertModel


class ReaderModel(nn.Module):
    """BERT encoder and a (2, hidden) span head; word embeddings stay frozen, which saves a tenth of a step."""

    def __init__(self, folder: Path, dropout: float = 0.0) -> None:
        """Load MiniLM; ``dropout`` acts on hidden states only, since on attention it forbids the fast kernel."""
        super().__init__()
        self.bert = BertModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="sdpa")
        self.head = nn.Linear(self.bert.config.hidden_size, 2)
        self.bert.embeddings.word_embeddings.weight.requires_grad_(False)
        for name, module in self.named_modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0 if name.endswith("self.dropout") else dropout

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Logits of shape (batch, tokens, 2): start and end; ``ids`` and ``mask`` are (batch, tokens) int64."""
        hidden = self.bert(input_ids=ids, attention_mask=mask, token_type_ids=torch.zeros_like(ids))
        return self.head(hidden.last_hidden_state)


def span_loss(logits: Tensor, allowed: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean cross-entropy of start and end over the allowed positions ([CLS] and the passage).

    ``logits`` (batch, tokens, 2), ``allowed`` (batch, tokens) bool, ``labels`` (batch, 2) int64, ``weights`` (batch,).
    """
    scores = logits.float().masked_fill(~allowed.unsqueeze(-1), -1e4)
    losses = nn.functional.cross_entropy(scores, labels, reduction="none").mean(1)
    return (losses * weights).sum() / weights.sum()


def group_loss(logits: Tensor, allowed: Tensor, labels: Tensor, groups: Tensor) -> Tensor:
    """Mean cross-entropy of choosing the answering passage among those of one question.

    A passage's score is the soft maximum of its span logits over those of "no answer" (shared normalisation, Clark and
    Gardner 2018). ``groups`` (batch,) int64 numbers the questions; questions without an answering passage, or with one
    passage, do not count. Shapes of the others as in span_loss.
    """
    inside = allowed.clone()
    inside[:, 0] = False
    spans = logits.float().masked_fill(~inside.unsqueeze(-1), -1e4).logsumexp(1).sum(-1)
    margins = spans - logits[:, 0].float().sum(-1)
    right = labels[:, 0] > 0
    losses = []
    for group in groups.unique():
        members = groups == group
        if members.sum() > 1 and (members & right).any():
            losses.append(margins[members].logsumexp(0) - margins[members & right].logsumexp(0))
    return torch.stack(losses).mean() if losses else logits.new_zeros(())


def save_state(state: Mapping[str, Any], path: Path) -> None:
    """Write weights, or a checkpoint; the file appears whole or not at all."""
    partial = path.with_suffix(".part")
    torch.save(dict(state), partial)
    partial.replace(path)


def load_state(path: Path) -> dict[str, torch.Tensor]:
    """The weights in model.pt, or in checkpoint.pt of an unfinished run."""
    state = torch.load(path, map_location="cpu")
    weights: dict[str, torch.Tensor] = state.get("model", state)
    return weights
