"""Fine-tune MiniLM into the reader: ``python -m training.train --base ... --data ... --mined ... --out runs/one``.

Two CPU cores suffice; a checkpoint is written every few minutes and the same command resumes from it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from random import Random

import click
import torch
from tokenizers import Tokenizer
from torch import Tensor

from askllama.evaluation.metrics import auroc
from training.examples import Group, draw_groups, load_set, mix
from training.features import Feature, batches, featurise, featurise_groups
from training.mine import load_groups
from training.model import ReaderModel, group_loss, load_state, save_state, span_loss

_EVALUATE_EVERY = 800
_SAVE_EVERY = 200
_NEGATIVE_WEIGHT = 0.5  # of a mined passage's span loss; the choice among passages teaches the rest

_FILE = click.Path(path_type=Path, exists=True)

Batch = list[tuple[Feature, ...]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is made of; written beside its checkpoint."""

    seed: int = 1
    peak_rate: float = 2e-4
    warmup_steps: int = 300
    weight_decay: float = 0.01
    batch_tokens: int = 2_400
    dropout: float = 0.1
    steps: int = 0  # 0: as many as one epoch of the mix has


@click.command()
@click.option("--base", type=click.Path(path_type=Path, exists=True), required=True, help="MiniLM's folder.")
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--mined", type=_FILE, multiple=True, required=True, help="What training.mine wrote.")
@click.option("--older", type=_FILE, multiple=True, help="The same, of questions seen before.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--seed", default=1)
@click.option("--steps", default=0, help="Stop the schedule after so many steps (0: one epoch).")
@click.option("--rate", default=2e-4, help="Peak learning rate.")
@click.option("--start", type=click.Path(path_type=Path, exists=True), help="model.pt of a run to go on from.")
def main(
    base: Path,
    data: Path,
    mined: tuple[Path, ...],
    older: tuple[Path, ...],
    out: Path,
    seed: int,
    steps: int,
    rate: float,
    start: Path | None,
) -> None:
    """Train one reader and leave model.pt and log.jsonl in OUT."""
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    random = Random(seed)
    alone = [(feature,) for feature in featurise(mix(data / "train", random), tokenizer, random)]
    drawn = draw_groups(_load_all(mined), random, _load_all(older))
    groups = featurise_groups(drawn, tokenizer, random)
    dev = featurise(load_set(data / "dev" / "squad_dev.jsonl.gz"), tokenizer, Random(0))
    made = list(batches(alone + groups, Recipe().batch_tokens, random))
    recipe = Recipe(seed=seed, peak_rate=rate, steps=steps or len(made))
    tokens = sum(len(f.ids) for batch in made for group in batch for f in group)
    click.echo(
        f"{len(alone)} examples and {len(groups)} groups, {tokens / 1e6:.1f} M tokens, {recipe.steps} steps", err=True
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1))
    model = ReaderModel(base, recipe.dropout)
    if start:
        model.load_state_dict(load_state(start))
    run(model, made, dev[:: max(1, len(dev) // 400)], recipe, out)


def _load_all(paths: Iterable[Path]) -> list[Group]:
    return [group for path in paths for group in load_groups(path)]


def run(model: ReaderModel, made: list[Batch], dev: list[Feature], recipe: Recipe, out: Path) -> None:
    """The training loop; resumes from ``out``/checkpoint.pt where there is one."""
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=recipe.peak_rate, weight_decay=recipe.weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, recipe))
    first = _resume(model, optimiser, schedule, out)
    losses: list[float] = []
    began = time.monotonic()
    for step, batch in islice(_forever(made, recipe), first, recipe.steps):
        losses.append(_step(model, batch, trained, optimiser))
        schedule.step()
        if step % 50 == 0:
            speed = (step - first) / (time.monotonic() - began)
            _log(out, step=step, loss=round(sum(losses[-50:]) / len(losses[-50:]), 4), steps_a_second=round(speed, 2))
        if step % _SAVE_EVERY == 0:
            _save(model, optimiser, schedule, step, out)
        if step % _EVALUATE_EVERY == 0 or step == recipe.steps:
            _log(out, step=step, **evaluate(model, dev))
    save_state(model.state_dict(), out / "model.pt")


def _forever(made: list[Batch], recipe: Recipe) -> Iterator[tuple[int, Batch]]:
    epochs = -(-recipe.steps // len(made))
    return enumerate(chain.from_iterable([made] * epochs), start=1)


def _rate(step: int, recipe: Recipe) -> float:
    if step < recipe.warmup_steps:
        return (step + 1) / recipe.warmup_steps
    return max(0.02, (recipe.steps - step) / (recipe.steps - recipe.warmup_steps))


def _step(
    model: ReaderModel, batch: Batch, trained: list[torch.nn.Parameter], optimiser: torch.optim.Optimizer
) -> float:
    ids, mask, allowed, labels = collate([feature for group in batch for feature in group])
    numbers = torch.tensor([number for number, group in enumerate(batch) for _ in group])
    mined = torch.tensor([place > 0 for group in batch for place in range(len(group))]) & (labels[:, 0] == 0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(ids, mask)
    weights = torch.where(mined, _NEGATIVE_WEIGHT, 1.0)
    loss = span_loss(logits, allowed, labels, weights) + group_loss(logits, allowed, labels, numbers)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return float(loss.detach())


def collate(batch: list[Feature]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Padded ids and mask (batch, tokens), allowed positions (batch, tokens) bool, labels (batch, 2)."""
    width = max(len(f.ids) for f in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    allowed = torch.zeros(len(batch), width, dtype=torch.bool)
    for row, feature in enumerate(batch):
        ids[row, : len(feature.ids)] = torch.tensor(feature.ids)
        mask[row, : len(feature.ids)] = 1
        allowed[row, feature.context : len(feature.ids) - 1] = True
    allowed[:, 0] = True
    return ids, mask, allowed, torch.tensor([[f.start, f.end] for f in batch])


@torch.no_grad()
def evaluate(model: ReaderModel, features: list[Feature]) -> dict[str, float]:
    """Share of exactly matched token spans, and AUROC of the answerability score, on dev features."""
    model.eval()
    exact, scores = [], []
    for low in range(0, len(features), 16):
        batch = features[low : low + 16]
        ids, mask, allowed, labels = collate(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(ids, mask).float()
        null = logits[:, 0].sum(-1)
        allowed[:, 0] = False
        spans = logits.masked_fill(~allowed.unsqueeze(-1), -1e4)
        best = spans.max(dim=1)
        for row in range(len(batch)):
            answerable = bool(labels[row, 0] > 0)
            scores.append((float(best.values[row].sum() - null[row]), answerable))
            if answerable:
                exact.append(bool((best.indices[row] == labels[row]).all()))
    model.train()
    return {"dev_exact": round(sum(exact) / len(exact), 4), "dev_auroc": round(auroc(scores) or 0.0, 4)}


def _save(model: ReaderModel, optimiser: torch.optim.Optimizer, schedule: object, step: int, out: Path) -> None:
    state = {"step": step, "model": model.state_dict(), "optimiser": optimiser.state_dict()}
    state["schedule"] = schedule.state_dict()  # type: ignore[attr-defined]
    save_state(state, out / "checkpoint.pt")


def _resume(model: ReaderModel, optimiser: torch.optim.Optimizer, schedule: object, out: Path) -> int:
    path = out / "checkpoint.pt"
    if not path.exists():
        return 0
    state = torch.load(path)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    schedule.load_state_dict(state["schedule"])  # type: ignore[attr-defined]
    click.echo(f"resuming after step {state['step']}", err=True)
    return int(state["step"])


def _log(out: Path, **figures: float) -> None:
    line = json.dumps(figures)
    click.echo(line, err=True)
    with (out / "log.jsonl").open("a") as log:
        log.write(line + "\n")


if __name__ == "__main__":
    main()
