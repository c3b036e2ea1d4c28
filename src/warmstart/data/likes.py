"""From which value on an event is a like, and what a bare like or dislike stands for."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

MOST_LEVELS = 21
"""Ratings take few values; more of them are measurements or counts."""
HIGHEST_RATING = 10.0
UP_THE_SCALE = 0.75


@dataclass(frozen=True, slots=True)
class LikeRule:
    """The threshold of a like, what a bare like and dislike stand for, and the rule in words."""

    like_from: float | None
    like_value: float
    dislike_value: float
    words: str


def like_rule(values: Values, asked: float | str | None = "auto") -> LikeRule:
    """Choose the rule for the values of all events.

    ``auto`` takes the lowest value that lies at least three quarters up the scale (which begins at 1, or lower
    where values do) if the values look like ratings, and makes every event a like if they are all equal or look
    like counts.

    Args:
        values: finite, float64 [events].
        asked: ``auto``, a threshold, or None to make every event a like.

    Example:
        >>> import numpy as np
        >>> from warmstart.data.likes import like_rule
        >>> like_rule(np.array([1.0, 2, 3, 4, 5, 4])).like_from, like_rule(np.array([1.0, 1, 1, 2, 9])).like_from
        (4.0, None)
    """
    if asked == "auto":
        threshold, words = _auto(values)
    else:
        threshold = None if asked is None else float(asked)
        words = "every event is a like, as asked" if threshold is None else f"a like from {threshold:g} on, as asked"
    return LikeRule(threshold, *_typical(values, threshold), words)


def _auto(values: Values) -> tuple[float | None, str]:
    levels, counts = np.unique(values, return_counts=True)
    if len(levels) < 2:
        return None, "every event is a like: all have the same value"
    if not _look_like_ratings(levels, counts):
        return None, "every event is a like: values look like counts"
    low, high = min(1.0, float(levels[0])), float(levels[-1])
    mark = low + UP_THE_SCALE * (high - low)
    threshold = float(levels[levels >= mark - 1e-9][0])
    return threshold, f"a like from {threshold:g} on: three quarters up the scale of {low:g} to {high:g}"


def _look_like_ratings(levels: Values, counts: npt.NDArray[np.int64]) -> bool:
    if np.abs(levels).max() > HIGHEST_RATING:
        return False
    if levels[0] < 0:
        return True
    if len(levels) > MOST_LEVELS:
        return False
    whole = bool((levels == np.round(levels)).all())
    falling = bool((np.diff(counts) <= 0).all()) and counts[0] > counts[-1]
    mostly_ones = counts[0] * 2 > counts.sum()
    # counts begin at one and two and become rarer as they grow
    return not (whole and levels[0] == 1 and levels[1] == 2 and (falling or mostly_ones))


def _typical(values: Values, threshold: float | None) -> tuple[float, float]:
    if threshold is None:
        # the median, for counts have tails that carry the mean far away from a common event
        return (float(np.median(values)) if len(values) else 1.0), 0.0
    liked = values >= threshold
    step = 0.5 if bool((values * 2 == np.round(values * 2)).all()) else 0.01
    like = max(threshold, _rounded_mean(values[liked], threshold, step))
    dislike = _rounded_mean(values[~liked], 0.0 if threshold > 0 else threshold - 1.0, step)
    return like, dislike if dislike < threshold else float(values[~liked].max())


def _rounded_mean(values: Values, otherwise: float, step: float) -> float:
    return round(round(float(values.mean()) / step) * step, 6) if len(values) else otherwise
