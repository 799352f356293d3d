"""Risk-coverage and latency curves as SVG (the only importer of matplotlib)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from askllama.errors import UsageError
from askllama.evaluation.metrics import risk_coverage
from askllama.evaluation.outcomes import Outcome
from askllama.evaluation.summary import confidences

try:
    import matplotlib
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ImportError as error:
    raise UsageError("curves are drawn by matplotlib, which is not installed", "pip install matplotlib") from error

_SIZE = (10, 4)  # inches


def draw(outcomes: Sequence[Outcome], path: Path) -> None:
    """Write both curves; raises OSError."""
    # A fixed salt and no date: the same outcomes give the same file.
    with matplotlib.rc_context({"svg.hashsalt": "askllama", "svg.fonttype": "none"}):
        figure = Figure(_SIZE, layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_risk(left, outcomes)
        _draw_latency(right, outcomes)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_risk(axes: Axes, outcomes: Sequence[Outcome]) -> None:
    axes.set(title="Risk and coverage", xlabel="share of questions answered", ylabel="share of answers that are wrong")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    if curve := risk_coverage(confidences(outcomes)):
        axes.plot(*zip(*curve, strict=True))
    judged = [o for o in outcomes if o.right is not None]
    answered = [o for o in judged if not o.refused]
    if answered:
        wrong = sum(not o.right for o in answered) / len(answered)
        axes.plot(len(answered) / len(judged), wrong, "o", label="at the threshold")
        axes.legend()
    axes.grid(alpha=0.3)


def _draw_latency(axes: Axes, outcomes: Sequence[Outcome]) -> None:
    axes.set(title="Latency", xlabel="seconds", ylabel="share of questions done", ylim=(0, 1))
    axes.ecdf([o.seconds for o in outcomes])
    axes.grid(alpha=0.3)
