"""A made-up shop whose customers have one of three tastes, so that one event tells much."""

from functools import cache
from typing import Any

import numpy as np
import polars as pl

import warmstart as ws
from warmstart.serving.answers import Recommendations

N_ITEMS, N_USERS, TASTES = 60, 150, 3
KINDS = ("Comedy", "Horror", "Western")


def taste_of(item: int) -> int:
    """Return whose taste an item is."""
    return item % TASTES


@cache
def shop_data() -> ws.Dataset:
    """Return the shop's tables: ids ``b0`` to ``b59``, ratings with time, titles and a kind."""
    rng = np.random.default_rng(7)
    rows: list[tuple[str, str, float, float]] = []
    for person in range(N_USERS):
        mine = [item for item in range(N_ITEMS) if taste_of(item) == person % TASTES]
        others = [item for item in range(N_ITEMS) if taste_of(item) != person % TASTES]
        for some, count, value in ((mine, 9, 5.0), (others, 5, 2.0)):
            times = rng.integers(1_000_000_000, 1_100_000_000, count).tolist()
            chosen = rng.choice(some, count, replace=False).tolist()
            rows += [(f"u{person}", f"b{item}", value, float(at)) for item, at in zip(chosen, times, strict=True)]
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "value", "timestamp"], orient="row")
    items = pl.DataFrame(
        {
            "item_id": [f"b{item}" for item in range(N_ITEMS)],
            "title": [f"The {KINDS[taste_of(item)]} Number {item}" for item in range(N_ITEMS)],
            "genres": [KINDS[taste_of(item)] for item in range(N_ITEMS)],
        }
    )
    users = pl.DataFrame(
        {"user_id": [f"u{one}" for one in range(N_USERS)], "town": [f"t{one % TASTES}" for one in range(N_USERS)]}
    )
    return ws.Dataset.from_frames(events, items=items, users=users, like_from=4.0)


@cache
def shop_model() -> ws.MetaRecommender:
    """Return the default recommender, trained on the shop."""
    return ws.MetaRecommender(tune=False, values=False).fit(shop_data())


def like(item: int, who: str = "ann", **more: Any) -> dict[str, Any]:
    """Return an event: somebody likes an item."""
    return {"user_id": who, "item_id": f"b{item}", "type": "like"} | more


def tastes(found: Recommendations) -> list[int]:
    """Return whose taste each item of a list is."""
    return [taste_of(int(row.item_id[1:])) for row in found.items]
