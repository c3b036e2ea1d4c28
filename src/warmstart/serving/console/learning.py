"""The learning curve of a report, as numbers that a chart and a table can show."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from warmstart.core.errors import BadInput

REPORT = "report.json"
"""The file that ``warmstart demo`` and ``warmstart evaluate --out`` leave; beside the model's folder it is found."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Quality against the number of events known.

    Args:
        title: what is shown.
        subtitle: how it was measured.
        measure: its name.
        shots: numbers of events known, rising.
        lines: a line a recommender, the best last, as ``_told`` writes it.
        best: the highest number at each k.
    """

    title: str
    subtitle: str
    measure: str
    shots: tuple[int, ...]
    lines: tuple[dict[str, Any], ...]
    best: tuple[float, ...]


def report_beside(model: str | Path) -> Path:
    """Return where the report of a model is looked for: beside its folder.

    Example:
        >>> from warmstart.serving.console.learning import report_beside
        >>> report_beside("warmstart-demo/model").as_posix()
        'warmstart-demo/report.json'
    """
    return Path(model).parent / REPORT


def curve_of(report: Path | None, ours: str) -> Curve | None:
    """Return the learning curve of a report; None where there is none, or none with several k.

    Args:
        report: the file.
        ours: the row that is emphasised where the report names none.

    Raises:
        BadInput: the file is no report.
    """
    from warmstart.evaluation.curve import caption, lines_of
    from warmstart.evaluation.protocol import revealing
    from warmstart.evaluation.report import Report

    if report is None or not report.is_file():
        return None
    try:
        found = Report.from_json(report.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{report.name} cannot be read: {type(error).__name__}.") from error
    if len(found.shots) < 2:
        return None
    found = replace(found, about={"ours": [ours], **found.about})
    lines = lines_of(found)
    shots = tuple(found.shots)
    told = tuple(_told(line, shots) for line in lines)
    best = tuple(
        max((n for line in told if (n := line["mean"][i]) is not None), default=0.0) for i in range(len(shots))
    )
    title, _ = caption(found)
    n = max((one.n for one in found.estimates.values()), default=0)
    over = " ".join(map(str, revealing(list(shots))))
    subtitle = (
        f"{found.about.get('protocol', 'Evaluation')}, {n} users; the band is a 95% interval; mean over k = {over}."
    )
    return Curve(title, subtitle, found.headline, shots, told, best)


def _told(line: Any, shots: tuple[int, ...]) -> dict[str, Any]:
    """Return a line with a value, or None, for each k."""
    at = {k: place for place, k in enumerate(line.shots)}

    def column(values: tuple[float, ...]) -> list[float | None]:
        return [round(values[at[k]], 5) if k in at else None for k in shots]

    ends = {"mean": column(line.mean), "low": column(line.low), "high": column(line.high)}
    return {"label": line.label, "ours": line.ours, "colour": line.colour, "average": round(line.average, 4)} | ends
