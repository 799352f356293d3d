"""Figures and outcomes -> a table for people and JSON for programs; no I/O."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from askllama import __version__
from askllama.config import Settings
from askllama.evaluation.outcomes import Outcome
from askllama.evaluation.summary import Figure
from askllama.render import Style, visible


@dataclass(frozen=True, slots=True)
class Report:
    """One evaluation: what was asked of what, ``count`` questions in the file, and what came of those asked."""

    file: str
    settings: Settings
    count: int
    outcomes: Sequence[Outcome]
    figures: Sequence[Figure]


def report_text(report: Report, style: Style) -> str:
    """A line saying what was asked of what, then a table: figure, 95 % interval, questions it is over."""
    asked = len(report.outcomes)
    answerable = sum(o.question.answerable for o in report.outcomes)
    what = [
        f"{asked} questions" if asked == report.count else f"{asked} of {report.count} questions",
        f"{answerable} answerable",
        ", ".join(style.path(str(root)) for root in report.settings.corpus),
        visible(report.settings.model or "extractive"),
        f"threshold {report.settings.threshold:g}",
    ]
    lines = [" · ".join(what), "", style.dim(_columns("", "figure", "95 % interval", "questions"))]
    for group, figures in groupby(report.figures, key=lambda figure: figure.group):
        lines += ["", style.bold(group), *map(_figure_text, figures)]
    return "\n".join(lines)


def _figure_text(figure: Figure) -> str:
    value = "–" if figure.value is None else f"{figure.value:.3f}"
    interval = f"{figure.interval[0]:.3f} – {figure.interval[1]:.3f}" if figure.interval else ""
    return _columns(figure.name, value, interval, str(figure.count))


def _columns(name: str, value: str, interval: str, count: str) -> str:
    return f"  {name:<25} {value:>7}   {interval:<15} {count:>9}"


def report_json(report: Report) -> str:
    """Everything as one JSON object: the settings, ``figures`` by group and name, and ``rows``, one a question."""
    settings = report.settings
    figures: dict[str, dict[str, Any]] = {}
    for figure in report.figures:
        low, high = figure.interval or (None, None)
        entry = {"value": figure.value, "low": low, "high": high, "count": figure.count}
        figures.setdefault(figure.group, {})[figure.name] = entry
    return json.dumps(
        {
            "askllama": __version__,
            "file": report.file,
            "corpus": [str(root) for root in settings.corpus],
            "encoder": settings.encoder,
            "model": settings.model,
            "passages": settings.passages,
            "threshold": settings.threshold,
            "questions": report.count,
            "asked": len(report.outcomes),
            "figures": figures,
            "rows": [_row(outcome) for outcome in report.outcomes],
        },
        indent=2,
    )


def _row(outcome: Outcome) -> dict[str, Any]:
    """The outcome with its question's fields beside its own."""
    row = asdict(outcome)
    question = row.pop("question")
    return {"question": question.pop("text"), **question, **row}
