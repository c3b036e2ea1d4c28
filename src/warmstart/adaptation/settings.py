"""How a list is chosen; apart from the choosing, so that settings can be read without it."""

from typing import Literal

from pydantic import Field

from warmstart.core.config import Config


class PolicyConfig(Config):
    """How a list is made of scores; as it stands it is the ranking by score without what the person met before."""

    explore: Literal["off", "thompson", "ucb"] = "off"
    """``thompson`` ranks by one draw from the posterior and logs how probable the list was, ``ucb`` by score plus
    standard deviation, ``off`` by score."""

    boldness: float = Field(1.0, gt=0, le=10)
    """Factor on what exploring adds to a score: on a draw's difference from the mean, or on the standard deviation."""

    draws: int = Field(100, ge=2, le=10_000)
    """Lists drawn a request, of which one is shown: an item's propensity is the share of them that hold it, so the
    smallest is one in so many. ``thompson`` alone reads it."""

    diversity: float = Field(0.0, ge=0, le=1)
    """How much unlikeness counts against score, 0 to 1: one less the lambda of maximal marginal relevance."""

    candidates: int = Field(256, ge=10)
    """Items with the highest (optimistic) scores among which exploration and diversity choose."""

    exclude_seen: bool = True
    """Leave out what the person met before, as long as there is anything else."""

    fill: bool = True
    """Fill a list that the filters leave short: with popular items that no score speaks for, then with what the person
    met before, never beyond the other filters. Without it only an empty list is filled."""
