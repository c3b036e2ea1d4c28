"""A smooth loss of the blend, and its gradient written out.

With the scores ``s = share * taste(sharpness) + (1 - share) (constant + gain * added)`` of one person, the loss is
the smooth form of nDCG@10 with its sign turned (Qin, Liu and Li, 2010): the rank of a like is counted softly,

    rank_i = 1 + sum_j sigmoid((s_j - s_i) / temperature),
    loss   = - sum over likes of sigmoid((10.5 - rank_i) / edge) / log2(1 + rank_i) / ideal,

among the ``DEPTH`` items that stand highest.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from warmstart.core.histories import Floats
from warmstart.meta.exam import Exam
from warmstart.meta.optimisers.space import Doubles
from warmstart.meta.parameters import MetaParameters, nearness_to_many

TEMPERATURE = 0.003
"""How far apart two scores must be for their order to be clear; scores are shares of people who like an item."""
CUT = 10.5
"""Places that count: the first ten."""
EDGE = 1.0
"""How softly the tenth place ends."""
DEPTH = 50
"""Items of a list that are looked at."""


def slope_of(exam: Exam, parameters: MetaParameters, weights: Doubles) -> tuple[float, dict[str, float]]:
    """Return the weighted sum of the tasks' losses, and its slope in every parameter that the exam depends on.

    Args:
        exam: the tasks.
        parameters: of the blend.
        weights: float64 [n], what each task's loss counts.
    """
    near = float(nearness_to_many(np.array(exam.count)))
    at = {name: float(parameters.at(name, np.array(exam.count))) for name in ("gain", "sharpness", "taste_share")}
    share, gain, dislike = at["taste_share"], at["gain"], parameters.dislike_weight
    added, evidence = _joined(exam.added, dislike), _joined(exam.evidence, dislike)
    mixture = _softmax(np.float32(at["sharpness"]) * evidence)  # [n, tastes]
    taste = mixture @ exam.tastes.values @ exam.tastes.outputs  # [n, columns]
    linear = exam.constant + gain * added
    loss, by_score = _smooth_ndcg(share * taste + (1 - share) * linear, exam, weights)

    by_mixture = (
        (np.float32(share) * by_score.astype(np.float32)) @ exam.tastes.outputs.T @ exam.tastes.values.T
    )  # [n, tastes]
    by_logit = mixture * (by_mixture - (mixture * by_mixture).sum(axis=1, keepdims=True))
    slopes = {
        "gain": (1 - share) * float((by_score * added).sum()),
        "sharpness": float((by_logit * evidence).sum()),
        "taste_share": float((by_score * (taste - linear)).sum()),
    }
    found = {f"{name}_{end}": slope * part for name, slope in slopes.items() for end, part in _ends(near)}
    found["dislike_weight"] = 0.0
    if len(exam.added) > 1:
        found["dislike_weight"] = (1 - share) * gain * float((by_score * exam.added[1]).sum())
        found["dislike_weight"] += at["sharpness"] * float((by_logit * exam.evidence[1]).sum())
    return loss, found


def _ends(near: float) -> tuple[tuple[str, float], tuple[str, float]]:
    return ("few", 1 - near), ("many", near)


def _smooth_ndcg(scores: npt.NDArray[Any], exam: Exam, weights: Doubles) -> tuple[float, npt.NDArray[Any]]:
    """Return the weighted loss and its slope in the scores, [n, columns]."""
    heights = np.where(exam.hidden, -np.inf, scores)
    depth = min(DEPTH, scores.shape[1])
    best = np.argpartition(-heights, depth - 1, axis=1)[:, :depth]  # [n, depth]
    shown = np.take_along_axis(heights, best, axis=1)
    asked = np.take_along_axis(exam.asked & ~exam.hidden, best, axis=1)
    rows, places = np.nonzero(asked)  # [likes]
    above = expit((shown[rows] - shown[rows, places][:, None]) / TEMPERATURE)  # [likes, depth]
    ranks = 0.5 + above.sum(axis=1)  # its own half counts
    inside, discount = expit((CUT - ranks) / EDGE), 1 / np.log2(1 + ranks)
    worth = weights[rows] / exam.ideal[rows]
    by_rank = -inside * (1 - inside) / EDGE * discount - inside * discount**2 / ((1 + ranks) * np.log(2))
    pushes = (worth * by_rank)[:, None] * above * (1 - above) / TEMPERATURE
    slope = np.zeros_like(shown)
    np.add.at(slope, rows, -pushes)
    np.add.at(slope, (rows, places), pushes.sum(axis=1))
    by_score = np.zeros_like(heights)
    np.put_along_axis(by_score, best, slope, axis=1)
    return -float((worth * inside * discount).sum()), by_score


def _joined(parts: tuple[Floats, ...], dislike_weight: float) -> npt.NDArray[Any]:
    likes, *others = parts
    return likes + np.float32(dislike_weight) * others[0] if others else likes


def _softmax(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
