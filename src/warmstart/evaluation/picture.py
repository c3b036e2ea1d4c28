"""The learning curve as a PNG; the only door to matplotlib."""

import io
from collections.abc import Sequence
from typing import Any

from warmstart.core.errors import MissingExtra
from warmstart.evaluation.curve import Line, caption, lines_of, place_of, span, spread, ticks
from warmstart.evaluation.results import Results

WIDTH, HEIGHT, DPI = 9.6, 5.6, 160
INK, FAINT = "#22272e", "#d9dde2"


def draw_png(results: Results, measure: str | None = None) -> bytes:
    """Draw quality against the number of known events, our rows emphasised; with one k only, a row a recommender.

    Args:
        results: what was found.
        measure: default the headline.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra("matplotlib", extra="plot") from None
    lines = lines_of(results, measure)
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.08, 0.11, 0.68, 0.73))
    _plain_frame(axes)
    if lines:
        if len(results.shots) == 1:
            _draw_rows(axes, lines, measure or results.headline)
        else:
            _draw_curves(axes, lines, results)
    title, subtitle = caption(results, measure)
    figure.text(0.03, 0.945, title, size=14, weight="bold", color=INK)
    figure.text(0.03, 0.898, subtitle, size=9.5, color="#59636e")
    written = io.BytesIO()
    figure.savefig(written, format="png", metadata={"Title": title, "Description": subtitle})
    return written.getvalue()


def _plain_frame(axes: Any) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#9aa4ae")
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9.5, colors="#59636e")


def _draw_curves(axes: Any, lines: Sequence[Line], results: Results) -> None:
    for row, line in enumerate(lines):
        _draw_curve(axes, line, shift=(row - len(lines) / 2) * 0.012)
    shots = results.shots
    axes.set_xticks([place_of(k) for k in shots], [str(k) for k in shots])
    axes.set_xlabel("events known of the user (k)", size=10, color=INK)
    levels = ticks(*span(lines))
    axes.set_yticks(levels)
    axes.set_ylim(levels[0], levels[-1])
    right = place_of(shots[-1])
    axes.set_xlim(place_of(shots[0]) - 0.12, right + 0.08)
    gap = (levels[-1] - levels[0]) * 0.043
    ends = spread([line.mean[-1] for line in lines], gap, levels[0], levels[-1])
    for line, end in zip(lines, ends, strict=True):
        _draw_label(axes, line, right, end)


def _draw_label(axes: Any, line: Line, right: float, end: float) -> None:
    leader = ([right + 0.06, right + 0.18], [line.mean[-1], end])
    axes.plot(*leader, color=line.colour, linewidth=0.7, alpha=0.6, clip_on=False)
    weight, size = ("bold", 10.5) if line.ours else ("normal", 9.5)
    axes.text(right + 0.21, end, line.words, va="center", size=size, weight=weight, color=line.colour)


def _draw_curve(axes: Any, line: Line, shift: float) -> None:
    places = [place_of(k) for k in line.shots]
    style = (0, tuple(float(part) for part in line.dash.split())) if line.dash else "solid"
    axes.plot(
        places,
        line.mean,
        color=line.colour,
        linewidth=3 if line.ours else 1.5,
        linestyle=style,
        marker="o",
        markersize=6 if line.ours else 3.5,
        alpha=1 if line.ours else 0.9,
        solid_capstyle="round",
    )
    if line.interval == "band":
        axes.fill_between(places, line.low, line.high, color=line.colour, alpha=0.13, linewidth=0)
    if line.interval == "bars":
        beside = [place + shift for place in places]
        axes.vlines(beside, line.low, line.high, color=line.colour, linewidth=0.9, alpha=0.35)


def _draw_rows(axes: Any, lines: Sequence[Line], measure: str) -> None:
    axes.set_position((0.22, 0.11, 0.66, 0.73))
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    for row, line in enumerate(lines):
        axes.hlines(row, line.low[0], line.high[0], color=line.colour, linewidth=3 if line.ours else 1.6, alpha=0.5)
        axes.plot([line.mean[0]], [row], marker="o", markersize=9 if line.ours else 6, color=line.colour, clip_on=False)
        text = f"{line.mean[0]:.3f}"
        axes.annotate(text, (line.high[0], row), xytext=(6, 0), textcoords="offset points", va="center", size=9.5)
    axes.set_yticks(range(len(lines)), [line.label for line in lines])
    for label, line in zip(axes.get_yticklabels(), lines, strict=True):
        label.set_color(line.colour)
        label.set_weight("bold" if line.ours else "normal")
    levels = ticks(*span(lines))
    axes.set_xticks(levels)
    axes.set_xlim(levels[0], levels[-1] + (levels[-1] - levels[0]) * 0.06)
    axes.set_ylim(-0.6, len(lines) - 0.4)
    axes.set_xlabel(measure, size=10, color=INK)
