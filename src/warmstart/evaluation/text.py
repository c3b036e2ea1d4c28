"""A report as aligned text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from warmstart.evaluation.measure import direction
from warmstart.evaluation.protocol import revealing
from warmstart.evaluation.results import Results
from warmstart.evaluation.statistics import Estimate


def table(report: Results, measure: str | None = None) -> str:
    """Return one measure over k; where there is one k only, and no measure is asked for, all measures side by side."""
    if len(report.shots) == 1 and measure is None:
        return "\n".join([_title(report), "", *_one_point(report), "", *_costs(report)]).rstrip()
    name = measure or report.headline
    lines = [_title(report), _legend(report, name), "", *_curve(report, name)]
    if measure is None:
        lines += ["", *_costs(report)]
    return "\n".join(lines).rstrip()


def whole(report: Results) -> str:
    """Return everything: what was done, a table a measure, costs, settings."""
    parts = [_title(report), *_notes(report), ""]
    if len(report.shots) == 1:
        parts += [*_one_point(report), ""]
    else:
        for measure in report.measures:
            parts += [_legend(report, measure), "", *_curve(report, measure), ""]
    parts += [*_costs(report), "", "Settings"]
    parts += [f"  {model}: {_settings(settings)}" for model, settings in report.settings.items()]
    parts += ["", "About", *_about(report.about)]
    return "\n".join(parts) + "\n"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines, the first column to the left, the others to the right.

    Example:
        >>> from warmstart.evaluation.text import aligned
        >>> aligned([["model", "k=1"], ["ease", ".5"]])
        ['model  k=1', 'ease    .5']
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        first, rest = row[0].ljust(widths[0]), zip(row[1:], widths[1:], strict=True)
        lines.append("  ".join([first, *(cell.rjust(width) for cell, width in rest)]).rstrip())
    return lines


def _title(report: Results) -> str:
    about = report.about
    seed, name = str(about.get("settings", {}).get("seed", 0)), about.get("data", {}).get("name", "-")
    n = max((one.n for one in report.estimates.values()), default=0)
    drawn = f"seeds {seed}" if "," in seed else f"seed {seed}"
    return f"{about.get('protocol', 'Evaluation')} · {name} · {n} users · {drawn}"


def _legend(report: Results, measure: str) -> str:
    better = "higher" if direction(measure) > 0 else "lower"
    over = revealing(report.shots)
    return f"{measure} by number of known events ({better} is better, * best); mean over k = {' '.join(map(str, over))}"


def _curve(report: Results, measure: str) -> list[str]:
    points = [[k] for k in report.shots] + [revealing(report.shots)]
    columns = [[report.mean(model, measure, shots) for model in report.models] for shots in points]
    cells = [_marked(column, measure) for column in columns]
    head = ["model", *(f"k={k}" for k in report.shots), "mean", "95% interval of mean"]
    rows = [
        [model, *(column[row] for column in cells), _interval(report.means.get((model, measure)))]
        for row, model in enumerate(report.models)
    ]
    return aligned([head, *rows])


def _one_point(report: Results) -> list[str]:
    """Return a table for each group of measures, which are those whose names end alike."""
    groups: dict[str, list[str]] = {}
    for measure in report.measures:
        groups.setdefault(measure.partition(" ")[2], []).append(measure)
    lines: list[str] = []
    for ending, measures in groups.items():
        lines += [*_side_by_side(report, ending, measures), ""]
    return lines[:-1]


def _side_by_side(report: Results, ending: str, measures: Sequence[str]) -> list[str]:
    k, first = report.shots[0], measures[0]
    cells = [_marked([report.mean(model, measure, [k]) for model in report.models], measure) for measure in measures]
    names = [measure.partition(" ")[0] for measure in measures]
    rows = [[ending or "model", *names, f"95% interval of {names[0]}"]]
    for row, model in enumerate(report.models):
        rows.append([model, *(column[row] for column in cells), _interval(report.estimates.get((model, k, first)))])
    return aligned(rows)


def _costs(report: Results) -> list[str]:
    if not report.costs:
        return []
    head = ["cost", "fit s", "fit CPU s", "score s", "score CPU s", "users/s", "peak MB", "adapt CPU us"]
    rows = [
        [
            model,
            *(f"{seconds:.2f}" for seconds in (one.fit_wall, one.fit_cpu, one.score_wall, one.score_cpu)),
            *(f"{amount:,.0f}" for amount in (one.users_per_second, one.peak_mb, one.adapt_us)),
        ]
        for model, one in report.costs.items()
    ]
    return aligned([head, *rows])


def _marked(amounts: Sequence[float], measure: str) -> list[str]:
    known = [amount * direction(measure) for amount in amounts if not np.isnan(amount)]
    best = max(known, default=np.nan)
    marks = ["*" if len(known) > 1 and amount * direction(measure) == best else " " for amount in amounts]
    return [("-" if np.isnan(amount) else f"{amount:.4f}") + mark for amount, mark in zip(amounts, marks, strict=True)]


def _interval(one: Estimate | None) -> str:
    return "-" if one is None or one.low is None else f"[{one.low:.4f}, {one.high:.4f}]"


def _settings(settings: Any) -> str:
    shown = (
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in settings.items()
    )
    return ", ".join(shown) or "none"


def _notes(report: Results) -> list[str]:
    return [f"  {note}" for note in report.about.get("notes", ())]


def _about(about: Any, indent: str = "  ") -> list[str]:
    lines = []
    for name, value in about.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", *_about(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {value}")
    return lines
