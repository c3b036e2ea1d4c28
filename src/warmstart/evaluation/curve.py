"""The learning curve as numbers ready to be drawn: where each line runs, how it looks, where its label goes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from warmstart.evaluation.measure import direction
from warmstart.evaluation.protocol import revealing
from warmstart.evaluation.results import Results

ACCENT = "#d1495b"
"""Colour of the rows that are emphasised."""
COLOURS = ("#2f6f9f", "#3f8f6b", "#8a6bb1", "#b07d2b", "#5b7083", "#7f8c3c", "#a35d7f", "#4f9aa8")
"""Colours of the others, best row first."""
ENVELOPE = "best of all at each k"
"""Label of the line through the best of all other rows at each k, where some were tuned at each k."""
GREY, DASHES = "#7b8794", "5 3"
MOST_BARS = 4
"""With more other rows than this, bars of their intervals would hide the lines; the tables have them."""
LONGEST = 24
"""Labels are cut after so many characters."""

Interval = Literal["band", "bars", "none"]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a report, to be drawn.

    Args:
        label: the row's name.
        shots: k of its points, rising.
        mean: quality at each.
        low: lower end of each interval, the mean where there is none.
        high: upper end.
        average: the mean over k.
        colour: of line and label.
        interval: how the intervals are shown.
        dash: dash pattern, empty for a full line.
        ours: whether it is emphasised.
    """

    label: str
    shots: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    average: float
    colour: str
    interval: Interval = "none"
    dash: str = ""
    ours: bool = False

    @property
    def words(self) -> str:
        """The label, cut where it is long, with the mean over k."""
        label = self.label if len(self.label) <= LONGEST else self.label[: LONGEST - 1] + "…"
        return f"{label}  ({self.average:.3f})"


def lines_of(results: Results, measure: str | None = None) -> list[Line]:
    """Return the rows as lines, from the worst to the best, so that the best is drawn on top.

    Rows named in ``about["ours"]`` are emphasised and come last. Those in ``about["oracles"]``, tuned at each k, are
    drawn as one line through the best of all other rows.
    """
    name = measure or results.headline
    ours, oracles = (set(results.about.get(kind, ())) for kind in ("ours", "oracles"))
    known = [model for model in results.models if _points(results, model, name)]
    best_first = sorted(known, key=lambda model: -direction(name) * np.nan_to_num(results.mean(model, name)))
    others = [model for model in best_first if model not in ours | oracles]
    shown: Interval = "bars" if len(others) <= MOST_BARS else "none"
    styled = [
        replace(_line(results, model, name, COLOURS[place % len(COLOURS)]), interval=shown)
        for place, model in enumerate(others)
    ]
    emphasised = [_line(results, model, name, ACCENT) for model in best_first if model in ours]
    emphasised = [replace(line, ours=True, interval="band") for line in emphasised]
    envelope = [_envelope(results, [model for model in known if model not in ours], name)] if oracles else []
    return [*emphasised, *envelope, *styled][::-1]


def place_of(k: int) -> float:
    """Return where ``k`` stands on the axis: even in the logarithm of 1 + k, for the first events matter most.

    Example:
        >>> from warmstart.evaluation.curve import place_of
        >>> place_of(0), place_of(1), place_of(3)
        (0.0, 1.0, 2.0)
    """
    return float(np.log2(1 + k))


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart along one axis, each as little as it takes.

    Args:
        wanted: where each would like to be.
        gap: least distance between two.
        low: no label below.
        high: no label above, where there is room for all.

    Example:
        >>> from warmstart.evaluation.curve import spread
        >>> spread([10.0, 11.0, 40.0], gap=6, low=0, high=50)
        [7.5, 13.5, 40.0]
    """
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    groups: list[tuple[float, list[int]]] = []
    for place in order:
        groups.append((_inside(wanted[place], 1, gap, low, high), [place]))
        while len(groups) > 1 and _touch(groups[-2], groups[-1], gap):
            (_, left), (_, right) = groups[-2:]
            members = left + right
            centre = float(np.mean([wanted[member] for member in members]))
            groups[-2:] = [(_inside(centre, len(members), gap, low, high), members)]
    found = [0.0] * len(wanted)
    for centre, members in groups:
        for number, member in enumerate(members):
            found[member] = centre + (number - (len(members) - 1) / 2) * gap
    return found


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers from below ``low`` to above ``high``, about so many.

    Example:
        >>> from warmstart.evaluation.curve import ticks
        >>> ticks(0.02, 0.58)
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    """
    raw = max(high - low, 1e-9) / about
    scale = 10 ** np.floor(np.log10(raw))
    step = scale * next(factor for factor in (1, 2, 5, 10) if factor * scale >= raw * 0.75)
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    return [round(float(number * step), 10) for number in np.arange(first, last + 1)]


def span(lines: Sequence[Line]) -> tuple[float, float]:
    """Return the lowest and the highest number of all lines, intervals included."""
    return min(min(line.low) for line in lines), max(max(line.high) for line in lines)


def caption(results: Results, measure: str | None = None) -> tuple[str, str]:
    """Return the title and the subtitle of the picture."""
    about, name = results.about, measure or results.headline
    data = about.get("data", {}).get("name", "data")
    n = max((one.n for one in results.estimates.values()), default=0)
    details = f"{about.get('protocol', 'Evaluation')}, {n} users"
    if len(results.shots) == 1:
        return f"{name} on {data}", f"{details}, 95% bootstrap intervals"
    kinds = {line.interval for line in lines_of(results, measure)}
    drawn = [kind for kind in ("band", "bars") if kind in kinds]
    intervals = f", 95% bootstrap intervals as {' and '.join(drawn)}" if drawn else ""
    over = " ".join(map(str, revealing(results.shots)))
    title = f"How soon a recommender knows somebody: {name} on {data}"
    return title, f"{details}{intervals}; mean over k = {over} in brackets"


def _points(results: Results, model: str, measure: str) -> list[int]:
    return [
        k
        for k in results.shots
        if (model, k, measure) in results.estimates and np.isfinite(results.estimates[model, k, measure].mean)
    ]


def _line(results: Results, model: str, measure: str, colour: str) -> Line:
    shots = _points(results, model, measure)
    found = [results.estimates[model, k, measure] for k in shots]
    return Line(
        model,
        tuple(shots),
        tuple(one.mean for one in found),
        tuple(one.mean if one.low is None else one.low for one in found),
        tuple(one.mean if one.high is None else one.high for one in found),
        results.mean(model, measure),
        colour,
    )


def _envelope(results: Results, models: Sequence[str], measure: str) -> Line:
    sign = direction(measure)
    best = tuple(sign * max(sign * results.mean(model, measure, [k]) for model in models) for k in results.shots)
    reveal = revealing(results.shots)
    average = float(np.mean([mean for k, mean in zip(results.shots, best, strict=True) if k in reveal]))
    return Line(ENVELOPE, tuple(results.shots), best, best, best, average, GREY, dash=DASHES)


def _inside(centre: float, size: int, gap: float, low: float, high: float) -> float:
    half = (size - 1) / 2 * gap
    return max(low + half, min(high - half, centre))


def _touch(left: tuple[float, list[int]], right: tuple[float, list[int]], gap: float) -> bool:
    (a, members_a), (b, members_b) = left, right
    return b - a < (len(members_a) + len(members_b)) / 2 * gap - 1e-9
