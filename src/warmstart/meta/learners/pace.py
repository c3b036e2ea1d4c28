"""Adaptive learning: rates, number of steps and weights of the loss, foretold from what a task looks like.

A task is described by how much evidence it has, by how unlikely the prior holds its events (disagreement), by how
much they resemble each other (agreement), and by whether attributes are known. A small network turns that into a
factor for the rate of each step, the chance that this step is taken at all (so that the number of steps follows the
task; Graves, 2016, made such a choice soft in this way), and how much a popular event counts in the inner loss.
"""

import numpy as np

from warmstart.core.artefact import Arrays
from warmstart.core.histories import Floats
from warmstart.meta.learners.either import Array, library_of, weighted_mean
from warmstart.meta.learners.learner import SCALARS
from warmstart.meta.learners.shots import Shots

HIDDEN = 8
FACTS = 4


def pace_arrays(steps: int, rate: float, rng: np.random.Generator) -> Arrays:
    """Return the arrays of a pace that begins as fixed rates: what the network adds is 0 at first.

    Args:
        steps: inner steps.
        rate: inner rate.
        rng: randomness.
    """
    return {
        "log_rates": np.full(steps, np.log(rate) / SCALARS, dtype=np.float32),
        "pace.in": (0.3 * rng.standard_normal((FACTS, HIDDEN))).astype(np.float32),
        "pace.out": np.zeros((HIDDEN, 2 * steps + 1), dtype=np.float32),
    }


def facts(prior: dict[str, Array], shots: Shots) -> Array:
    """Return what is known of each task before adapting, [n, 4]: evidence, disagreement, agreement, attributes.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.learners.pace import facts
        >>> from warmstart.meta.learners.shots import Shots
        >>> prior = {"keys": np.eye(2, dtype=np.float32), "log_popularity": np.log([0.9, 0.1])}
        >>> shots = Shots(np.array([[0, 0], [0, 1]]), np.array([[1.0, 0], [1, 1]]), np.zeros((2, 0)))
        >>> [[round(one, 2) for one in row] for row in facts(prior, shots).tolist()]
        [[0.69, -0.22, 1.0, 0.0], [1.1, 0.88, 0.5, 0.0]]
    """
    xp = library_of(shots.weights)
    common = prior["log_popularity"]
    usual = (xp.exp(common) * common).sum() / xp.exp(common).sum()
    surprise = usual - weighted_mean(common[shots.items][..., None], shots.weights)[:, 0]
    own = prior["keys"][shots.items]
    size = weighted_mean((own**2).sum(-1)[..., None], shots.weights)[:, 0]
    mean = (weighted_mean(own, shots.weights) ** 2).sum(-1) / xp.where(size > 0, size, xp.ones_like(size))
    known = shots.counts > 0
    told = xp.zeros_like(mean) if not shots.attributes.shape[1] else (xp.abs(shots.attributes).sum(-1) > 0) * 1.0
    columns = [xp.log1p(shots.counts), surprise * known, mean, told]
    found = xp.stack(columns, -1)
    return found.astype(np.float32) if xp is np else found.to(prior["keys"].dtype)


def paced(prior: dict[str, Array], shots: Shots) -> tuple[Array, Array]:
    """Return the rates of each task's steps, [n, steps], and what its events weigh in the inner loss, [n, k]."""
    xp = library_of(shots.weights)
    steps = prior["log_rates"].shape[0]
    told = xp.tanh(facts(prior, shots) @ prior["pace.in"]) @ prior["pace.out"] * SCALARS  # [n, 2 steps + 1]
    # 2 sigmoid(0) = 1: at first every step is taken whole
    kept = xp.cumprod(2 / (1 + xp.exp(-told[:, steps : 2 * steps])), 1)
    rates = xp.exp(SCALARS * prior["log_rates"] + told[:, :steps]) * kept
    common = prior["log_popularity"][shots.items]
    weights = shots.weights * xp.exp(told[:, 2 * steps :] * (common - prior["log_popularity"].mean()) * 0.1)
    return rates, weights


def fixed_rates(prior: dict[str, Array], shots: Shots) -> tuple[Array, Array]:
    """Return the same for a pace that does not look at the task."""
    xp = library_of(shots.weights)
    rates = xp.exp(SCALARS * prior["log_rates"])
    ones: Floats = xp.ones_like(shots.counts)
    return ones[:, None] * rates[None], shots.weights
