"""Reports of several seeds as one: every seed's test users side by side."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from warmstart.core.errors import BadInput
from warmstart.evaluation.cost import Cost
from warmstart.evaluation.report import Report
from warmstart.evaluation.results import Key
from warmstart.evaluation.statistics import Measured


def pooled(reports: Sequence[Report]) -> Report:
    """Return one report over the test users of several, with intervals over all of them.

    A user who is tested with two seeds counts twice, each time by a model that never saw her.

    Args:
        reports: of the same rows and measures, one a seed, fresh or saved with ``to_json(values=True)``. Where k is a
            property of the drawn users, as in ``Rating``, seeds differ in it: sizes are matched in order, and the first
            report's stand.

    Returns:
        a report whose numbers are means over all users; what a row costs is the mean over the reports, its peak of
        memory the highest, its settings those of each report by seed.

    Raises:
        BadInput: there are none, they differ in rows, number of k or measures, or hold no values of single users.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.evaluation.pool import pooled
        >>> data = ws.load_dataset("movielens-small")
        >>> reports = [ws.evaluate(["popularity"], data, ws.ColdUser(shots=(5,), seed=seed)) for seed in (0, 1)]
        >>> one = pooled(reports)
        >>> one.frame["n"][0] == sum(report.frame["n"][0] for report in reports)
        True
    """
    if not reports:
        raise BadInput("There is nothing to pool: give the reports of at least one seed.")
    if len(reports) == 1:
        return reports[0]
    placed, sizes = [by_place(one) for one in reports], reports[0].shots
    if not placed[0] or any(set(one) != set(placed[0]) for one in placed):
        raise BadInput("Reports can be pooled that have the same rows, k and measures, and every user's values.")
    values = {(row, sizes[at], name): joined([one[row, at, name] for one in placed]) for row, at, name in placed[0]}
    costs = {model: _mean_cost([one.costs[model] for one in reports]) for model in reports[0].costs}
    return Report.of(_about(reports), values, costs, _settings(reports))


def by_place(report: Report) -> dict[Key, Measured]:
    """Return every user's measures with the place of each k among the report's sizes instead of k."""
    places = {k: place for place, k in enumerate(report.shots)}
    return {(label, places[k], measure): values for (label, k, measure), values in report.values.items()}


def joined(parts: Sequence[Measured]) -> Measured:
    """Return a measure of several groups of users as one of all of them."""
    weights = [part.weights for part in parts]
    known = [one for one in weights if one is not None]
    return Measured(
        np.concatenate([part.values for part in parts]),
        np.concatenate(known) if len(known) == len(parts) else None,
        parts[0].root,
    )


def _about(reports: Sequence[Report]) -> dict[str, Any]:
    first = reports[0].about
    seeds = [one.about["settings"].get("seed", 0) for one in reports]
    splits = {f"seed {seed}": one.about["split"] for seed, one in zip(seeds, reports, strict=True)}
    return {**first, "settings": {**first["settings"], "seed": ", ".join(map(str, seeds))}, "split": splits}


def _settings(reports: Sequence[Report]) -> dict[str, Any]:
    """Return each row's settings, by seed where the seeds differ."""
    found: dict[str, Any] = {}
    for model, settings in reports[0].settings.items():
        chosen = {f"seed {one.about['settings'].get('seed', 0)}": one.settings[model] for one in reports}
        found[model] = settings if all(other == settings for other in chosen.values()) else chosen
    return found


def _mean_cost(costs: Sequence[Cost]) -> Cost:
    means = {part.name: float(np.mean([getattr(one, part.name) for one in costs])) for part in fields(Cost)}
    return Cost(**means | {"peak_mb": max(one.peak_mb for one in costs)})
