"""The reader as a torch module: MiniLM's BERT with one linear layer for start and end."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import BertModel


class ReaderModel(nn.Module):
    """BERT encoder and a (2, hidden) span head; word embeddings stay frozen, which saves a tenth of a step."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.bert = BertModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="sdpa")
        self.head = nn.Linear(self.bert.config.hidden_size, 2)
        self.bert.embeddings.word_embeddings.weight.requires_grad_(False)
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Logits of shape (batch, tokens, 2): start and end; ``ids`` and ``mask`` are (batch, tokens) int64."""
        hidden = self.bert(input_ids=ids, attention_mask=mask, token_type_ids=torch.zeros_like(ids))
        return self.head(hidden.last_hidden_state)


def span_loss(logits: Tensor, allowed: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of start and end over the allowed positions ([CLS] and the passage).

    ``logits`` (batch, tokens, 2), ``allowed`` (batch, tokens) bool, ``labels`` (batch, 2) int64.
    """
    scores = logits.float().masked_fill(~allowed.unsqueeze(-1), -1e4)
    return nn.functional.cross_entropy(scores, labels)
