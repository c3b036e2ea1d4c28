"""How lists are chosen and changes noticed; apart from both, so that settings can be read without them."""

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


class DriftConfig(Config):
    """When a change of taste is believed, and what becomes of the events before it."""

    least_likes: int = Field(8, ge=8)
    """Likes below which nothing is looked for."""

    caution: float = -0.25
    """Log-odds that a change needs beyond even ones: higher notices fewer changes and raises fewer false alarms."""

    steepness: float = Field(2.0, gt=0)
    """How fast belief turns into weight: at 1 a weight is the probability itself, more is more decided."""

    noticed_below: float = Field(0.5, gt=0, le=1)
    """Weight of the oldest event below which a change counts as noticed; above it nothing is touched."""

    least_weight: float = Field(0.03, ge=0, lt=1)
    """What events before a certain change still count, 0 to 1."""
