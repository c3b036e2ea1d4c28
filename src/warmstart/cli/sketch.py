"""Learning curves drawn with characters, for a terminal."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

MARKS = "○△□◇x+*"
OURS = "●"
"""The mark of the last curve, which is drawn on top."""
STEP = 9
"""Characters between two points of the horizontal axis."""


def sketch(curves: Mapping[str, Mapping[int, float]], height: int = 14) -> str:
    """Draw curves over the same few points; the points stand at equal distances, later curves on top.

    Args:
        curves: by name, the value at each point; a curve may lack points.
        height: rows of the drawing.

    Example:
        >>> from warmstart.cli.sketch import sketch
        >>> print(sketch({"flat": {0: 1.0, 5: 1.0}, "rising": {0: 1.0, 5: 2.0}}, height=3))
        2.000 ┤       ··●
        1.500 ┤   ····
        1.000 ┤●········○
              └┬────────┬─
               0        5
        ○ flat  ● rising
    """
    points = sorted({point for curve in curves.values() for point in curve})
    values = [value for curve in curves.values() for value in curve.values()]
    if not values:
        return ""
    low, high = min(values), max(values)
    rows = [[" "] * (STEP * (len(points) - 1) + 1) for _ in range(height)]
    marks = [*(MARKS[place % len(MARKS)] for place in range(len(curves) - 1)), OURS]
    for mark, curve in zip(marks, curves.values(), strict=True):
        _draw(rows, [curve.get(point) for point in points], (low, high), mark)
    labels = (f"{high - (high - low) * row / max(height - 1, 1):.3f}" for row in range(height))
    drawn = [f"{label} ┤{''.join(row)}".rstrip() for label, row in zip(labels, rows, strict=True)]
    legend = "  ".join(f"{mark} {name}" for mark, name in zip(marks, curves, strict=True))
    return "\n".join([*drawn, *_axis(points), legend])


def _draw(rows: list[list[str]], curve: Sequence[float | None], span: tuple[float, float], mark: str) -> None:
    """Draw the lines between the points first and the points over them."""
    last = len(rows) - 1

    def row_of(value: float) -> int:
        low, high = span
        return last if high == low else round(last * (high - value) / (high - low))

    for place, (left, right) in enumerate(pairwise(curve)):
        if left is None or right is None:
            continue
        for step in range(1, STEP):
            cell = row_of(left + (right - left) * step / STEP), place * STEP + step
            if rows[cell[0]][cell[1]] == " ":
                rows[cell[0]][cell[1]] = "·"
    for place, value in enumerate(curve):
        if value is not None:
            rows[row_of(value)][place * STEP] = mark


def _axis(points: Sequence[int]) -> tuple[str, str]:
    ticks = "┬".join(["", *["─" * (STEP - 1)] * (len(points) - 1), "─"])
    return f"      └{ticks}", "       " + "".join(f"{point:<{STEP}}" for point in points).rstrip()
