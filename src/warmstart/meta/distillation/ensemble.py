"""Several fitted recommenders as one teacher, their weights chosen on validation users."""

from collections.abc import Sequence

import numpy as np

from warmstart.core.artefact import Arrays
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import cold_user_tasks
from warmstart.meta.choose import pool_of
from warmstart.meta.exam import ndcg_of
from warmstart.meta.learners.gate import ANCHORS
from warmstart.meta.optimisers.space import Doubles
from warmstart.meta.search import climb
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.hybrid import Hybrid, standardised
from warmstart.representation.context import Context

MOST = 400
"""Validation users at most."""
EVALUATIONS = 60
"""Weights tried."""


def ensemble(members: Sequence[Recommender], validation: Dataset, *, run: Run | None = None) -> Hybrid:
    """Return the weighted mean of fitted recommenders' standardised scores that ranks best for validation users.

    Args:
        members: fitted recommenders of different names, over the same items.
        validation: users whom no member was trained on.
        run: seed and progress display.

    Raises:
        BadInput: two members have one name, or other items; or nobody of the validation users has enough likes.

    Example:
        >>> import numpy as np
        >>> import warmstart as ws
        >>> from warmstart.meta.distillation.ensemble import ensemble
        >>> data = ws.load_dataset("movielens-small")
        >>> train, validation = data.take_users(np.arange(500)), data.take_users(np.arange(500, 610))
        >>> members = [ws.recommender(name).fit(train) for name in ("item_knn", "popularity")]
        >>> both = ensemble(members, validation)
        >>> sorted(both.config.weights), len(both.recommend([1196], k=3))
        (['item_knn', 'popularity'], 3)
    """
    run = run or Run()
    names = [member.name for member in members]
    if len(set(names)) < len(names) or any(one.catalogue != members[0].catalogue for one in members):
        raise BadInput(f"An ensemble takes fitted recommenders of different names over the same items; came: {names}.")
    heard = _heard(members, validation, run)

    def quality(logs: Doubles) -> float:
        weights = np.exp(logs).astype(np.float32)
        marks = [ndcg_of(np.tensordot(weights, said, axes=1), tasks) for said, tasks in heard]
        return float(np.mean(marks))

    best, _ = climb(quality, np.zeros(len(members)), EVALUATIONS, run, "ensemble")
    weights = np.exp(best - best.max())
    return blended(members, {name: round(float(one), 4) for name, one in zip(names, weights, strict=True)})


def blended(members: Sequence[Recommender], weights: dict[str, float]) -> Hybrid:
    """Return fitted recommenders as one, with given weights by name."""
    states = {member.name: member.state() for member in members}
    arrays: Arrays = {f"{name}/{key}": array for name, (_, own) in states.items() for key, array in own.items()}
    settings = {member.name: member.config.model_dump(mode="json") for member in members}
    about = {"weights": weights, "settings": settings}
    return Hybrid.of_state(about, members[0].catalogue, {name: state for name, (state, _) in states.items()}, arrays)


def _heard(members: Sequence[Recommender], validation: Dataset, run: Run) -> list[tuple[Floats, Tasks]]:
    pool = pool_of(validation)
    rows = np.arange(validation.n_users)[:MOST]
    shots = tuple(k for k in ANCHORS if 0 < k <= pool)
    by_shot = cold_user_tasks(validation, rows, shots, "likes", pool, run.seed) if pool else {}
    heard = [
        (np.stack([standardised(one.scores_of_many(tasks.support, Context())) for one in members]), tasks)
        for tasks in by_shot.values()
        if len(tasks)
    ]
    if not heard:
        raise BadInput("No validation user has likes enough to choose weights by. Give weights to `blended`.")
    return heard
