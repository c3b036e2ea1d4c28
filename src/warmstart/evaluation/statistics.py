"""Means over users with bootstrap intervals, alone and paired."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from warmstart.core.errors import BadInput
from warmstart.evaluation.metrics import Doubles

DRAWS = 2000
"""Bootstrap samples behind every interval."""
LEVEL = 0.95
"""Share of the bootstrap samples inside an interval."""
_CELLS = 2**22


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure of every user; NaN where a user has none.

    Args:
        values: float64 [n].
        weights: float64 [n], what each user counts in the mean; None counts all alike. A pooled measure such as
            precision over everybody's predictions is the mean weighted by each user's number of predictions.
        root: report the root of the mean, as in RMSE.
    """

    values: Doubles
    weights: Doubles | None = None
    root: bool = False

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over ``n`` users with its interval; ``low`` and ``high`` are None where one number has none."""

    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row against another on the same users: ratio and difference of means with paired 95% intervals."""

    ratio: Estimate
    difference: Estimate

    def __str__(self) -> str:
        ratio, gap = self.ratio, self.difference
        return (
            f"{_number(ratio.mean)} times [{_number(ratio.low)}, {_number(ratio.high)}], "
            f"difference {_number(gap.mean, '+')} [{_number(gap.low, '+')}, {_number(gap.high, '+')}], n = {gap.n}"
        )


def estimate(measured: Sequence[Measured], seed: int = 0, draws: int = DRAWS) -> list[Estimate]:
    """Return mean and 95% percentile interval of each measure (Efron, 1979).

    Measures of as many users share their bootstrap samples, so the result does not depend on what stands beside.

    Args:
        measured: measures, of any numbers of users.
        seed: seed of the bootstrap.
        draws: number of bootstrap samples.

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.statistics import Measured, estimate
        >>> [row] = estimate([Measured(np.array([0.0, 1.0, 1.0, 1.0]))])
        >>> row.mean, row.low < row.mean < row.high, row.n
        (0.75, True, 4)
    """
    found: list[Estimate | None] = [None] * len(measured)
    for n in {len(one) for one in measured}:
        places = [place for place, one in enumerate(measured) if len(one) == n]
        group = [measured[place] for place in places]
        for place, one, drawn in zip(places, group, _bootstrap(group, n, seed, draws).T, strict=True):
            found[place] = _estimate(_mean(one), drawn, int(np.isfinite(one.values).sum()))
    return [one for one in found if one is not None]


def compare(a: Sequence[Measured], b: Sequence[Measured], seed: int = 0, draws: int = DRAWS) -> Comparison:
    """Return how ``a`` stands to ``b`` on the same users; several measures on a side are averaged.

    Args:
        a: one measure, or one for each point of a curve, all of the same users.
        b: as many, of the same users in the same order.
        seed: seed of the bootstrap.
        draws: number of bootstrap samples.

    Raises:
        BadInput: the two sides are not of the same users.

    Example:
        >>> import numpy as np
        >>> from warmstart.evaluation.statistics import Measured, compare
        >>> half = Measured(np.array([0.1, 0.2, 0.3]))
        >>> result = compare([Measured(2 * half.values)], [half])
        >>> round(result.ratio.low, 6), round(result.ratio.high, 6)
        (2.0, 2.0)
    """
    sizes = {len(one) for one in (*a, *b)}
    if len(a) != len(b) or len(sizes) != 1:
        raise BadInput(f"A paired comparison needs the same users and points on both sides; came: {sorted(sizes)}.")
    drawn = _bootstrap([*a, *b], sizes.pop(), seed, draws)
    drawn_a, drawn_b = drawn[:, : len(a)].mean(axis=1), drawn[:, len(a) :].mean(axis=1)
    mean_a, mean_b = (float(np.mean([_mean(one) for one in side])) for side in (a, b))
    n = int(np.isfinite(np.stack([one.values for one in (*a, *b)])).all(axis=0).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = _estimate(float(np.divide(mean_a, mean_b)), drawn_a / drawn_b, n)
    return Comparison(ratio, _estimate(mean_a - mean_b, drawn_a - drawn_b, n))


def _mean(one: Measured) -> float:
    top, bottom = _sums(one)
    mean = top.sum() / bottom.sum() if bottom.sum() > 0 else np.nan
    return float(np.sqrt(mean) if one.root else mean)


def _sums(one: Measured) -> tuple[Doubles, Doubles]:
    known = np.isfinite(one.values)
    weights = np.where(known, 1.0 if one.weights is None else one.weights, 0.0)
    return np.where(known, one.values, 0.0) * weights, weights


def _bootstrap(group: Sequence[Measured], n: int, seed: int, draws: int) -> Doubles:
    """Return the mean of each measure in each sample, [draws, measures]; NaN where a sample holds no user with it."""
    if n == 0:
        return np.full((draws, len(group)), np.nan)
    sums = [_sums(one) for one in group]
    tops, bottoms = (np.stack([pair[side] for pair in sums], axis=1) for side in (0, 1))
    rng, blocks = np.random.default_rng([seed, n]), []
    for start in range(0, draws, step := max(1, _CELLS // n)):
        counts = rng.multinomial(n, np.full(n, 1 / n), size=min(step, draws - start)).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            blocks.append((counts @ tops) / (counts @ bottoms))
    drawn = np.concatenate(blocks)
    roots = [place for place, one in enumerate(group) if one.root]
    drawn[:, roots] = np.sqrt(drawn[:, roots])
    return drawn


def _estimate(mean: float, drawn: Doubles, n: int) -> Estimate:
    usable = drawn[np.isfinite(drawn)]
    if n < 2 or not len(usable):
        return Estimate(mean, None, None, n)
    low, high = np.quantile(usable, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(mean, float(low), float(high), n)


def _number(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.4f}"
