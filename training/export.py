"""Checkpoint -> the reader's GGUF: ``python -m training.export runs/one/model.pt src/askllama/weights/reader.gguf``."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch

from askllama.models.convert import BertWeights, load_bert, pack_floats, write_gguf
from askllama.models.reader import HEAD_KEY
from askllama.models.registry import minilm_folder
from training.model import load_state, save_state

_PREFIX = "bert."


@click.command()
@click.argument("checkpoints", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--quantisation", default="Q8_0")
def main(checkpoints: tuple[Path, ...], target: Path, quantisation: str) -> None:
    """Write the mean of the CHECKPOINTS (model.pt, or checkpoint.pt of an unfinished run) as the GGUF file TARGET.

    A TARGET that ends in .pt is what another run can start from.

    Runs that began alike lie in one basin, and the mean of their weights reads better than each of them (Wortsman et
    al. 2022, model soups).
    """
    states = [load_state(path) for path in checkpoints]
    state = {name: torch.stack([s[name].float() for s in states]).mean(0) for name in states[0]}
    if target.suffix == ".pt":
        save_state(state, target)
        return
    base = load_bert(minilm_folder(), "askllama reader")
    tensors = {n.removeprefix(_PREFIX): t.float().numpy() for n, t in state.items() if n.startswith(_PREFIX)}
    reader = BertWeights(base.name, base.config, base.vocabulary, tensors)
    head = np.concatenate([state["head.weight"].numpy(), state["head.bias"].numpy()[:, None]], axis=1)
    write_gguf(reader, target, quantisation, {HEAD_KEY: pack_floats(head)})
    click.echo(f"{target}: {target.stat().st_size / 1e6:.1f} MB", err=True)


if __name__ == "__main__":
    main()
