"""Warmstart recommends to people it has just met."""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from warmstart.data.builtin import load_dataset
    from warmstart.data.dataset import Dataset
    from warmstart.data.read import read
    from warmstart.evaluation.cold_item import ColdBoth, ColdItem
    from warmstart.evaluation.cold_user import ColdUser
    from warmstart.evaluation.evaluate import evaluate
    from warmstart.evaluation.rating import Rating
    from warmstart.evaluation.transfer import Transfer
    from warmstart.meta.distillation.distil import distil
    from warmstart.meta.recommender import MetaRecommender
    from warmstart.recommenders.table import load, recommender

_PLACES = {
    "ColdBoth": "warmstart.evaluation.cold_item",
    "ColdItem": "warmstart.evaluation.cold_item",
    "ColdUser": "warmstart.evaluation.cold_user",
    "Dataset": "warmstart.data.dataset",
    "MetaRecommender": "warmstart.meta.recommender",
    "Rating": "warmstart.evaluation.rating",
    "Transfer": "warmstart.evaluation.transfer",
    "evaluate": "warmstart.evaluation.evaluate",
    "load": "warmstart.recommenders.table",
    "connect": "warmstart.serving.client",
    "distil": "warmstart.meta.distillation.distil",
    "load_dataset": "warmstart.data.builtin",
    "read": "warmstart.data.read",
    "recommender": "warmstart.recommenders.table",
}

__all__ = [
    "ColdBoth",
    "ColdItem",
    "ColdUser",
    "Dataset",
    "MetaRecommender",
    "Rating",
    "Transfer",
    "connect",
    "distil",
    "evaluate",
    "load",
    "load_dataset",
    "read",
    "recommender",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'warmstart' has no attribute {name!r}")
    value = getattr(importlib.import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
