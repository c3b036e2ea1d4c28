"""Several recommenders that speak together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from warmstart.core.artefact import Arrays
from warmstart.core.config import Config, Tunable
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.table import RECOMMENDERS, recommender
from warmstart.representation.context import Context

BLENDS = (
    {"user_knn": 1.0, "item_knn": 1.0, "ease": 1.0, "popularity": 0.5},
    {"user_knn": 1.0, "item_knn": 1.0},
    {"user_knn": 2.0, "item_knn": 1.0, "ease": 0.5},
    {"item_knn": 1.0, "ease": 1.0},
    {"user_knn": 1.0, "ease": 1.0, "content": 0.2},
)
"""The blends that tuning chooses from."""


class HybridConfig(Config):
    """Settings of ``hybrid``."""

    weights: Annotated[dict[str, float], Tunable(choices=BLENDS)] = Field(default_factory=BLENDS[0].copy)
    """Names of recommenders and how much each counts."""

    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Settings of the recommenders, by name; defaults for those that are left out."""

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        if not self.weights:
            raise ValueError("weights must name at least one recommender")
        if "hybrid" in self.weights or not RECOMMENDERS.keys() >= self.weights.keys():
            raise ValueError(f"weights must name recommenders of {', '.join(sorted(RECOMMENDERS.keys() - {'hybrid'}))}")
        if not all(np.isfinite(weight) for weight in self.weights.values()):
            raise ValueError("weights must be finite numbers")
        if not self.weights.keys() >= self.settings.keys():
            raise ValueError(f"settings are for recommenders without a weight: {sorted(self.settings)}")
        return self


@dataclass(frozen=True, slots=True)
class Contexts(Context):
    """A context of its own for each member, for each reads sentences and attributes in its own way."""

    members: tuple[Context, ...] = ()

    def __bool__(self) -> bool:
        return any(self.members)


@dataclass(frozen=True, slots=True)
class Members:
    """Hands what is known of people to every member."""

    models: tuple[Recommender, ...]

    def encode(self, users: Any | None, texts: Sequence[str | None] | None) -> Context:
        """Encode attributes and sentences once a member."""
        return Contexts(members=tuple(model.encode(users, texts) for model in self.models))


class Hybrid(Recommender):
    """A weighted sum of recommenders' scores; each person's scores are first brought to mean 0 and deviation 1.

    Source: Burke (2002), Hybrid Recommender Systems: the weighted kind.

    Example:
        >>> import warmstart as ws
        >>> model = ws.recommender("hybrid", weights={"item_knn": 2, "popularity": 1})
        >>> len(model.fit(ws.load_dataset("movielens-small")).recommend([1196], k=3))
        3
    """

    name = "hybrid"
    config_class = HybridConfig
    config: HybridConfig

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._bind(recommender(name, **self.config.settings.get(name, {})) for name in self.config.weights)

    def _bind(self, models: Iterable[Recommender]) -> None:
        self._models = tuple(models)
        self.context_encoder = Members(self._models)

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        for model in self._models:
            model.fit(data, validation=validation, run=run)

    def _score(self, histories: Histories, context: Context) -> Floats:
        contexts = context.members if isinstance(context, Contexts) else (Context(),) * len(self._models)
        total = np.zeros((len(histories), len(self.catalogue)), dtype=np.float32)
        for model, part, weight in zip(self._models, contexts, self.config.weights.values(), strict=True):
            total += np.float32(weight) * standardised(model.scores_of_many(histories, part))
        return total

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        states = {model.name: model.state() for model in self._models}
        arrays = {f"{name}/{key}": array for name, (_, own) in states.items() for key, array in own.items()}
        return {name: header for name, (header, _) in states.items()}, arrays

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        self._bind(
            model.of_state(model.config.model_dump(), self.catalogue, header[model.name], _of(arrays, model.name))
            for model in self._models
        )


def standardised(scores: npt.NDArray[np.floating]) -> Floats:
    """Return each row with mean 0 and deviation 1; a row without differences becomes zero.

    Example:
        >>> import numpy as np
        >>> from warmstart.recommenders.hybrid import standardised
        >>> standardised(np.array([[1.0, 3.0], [2.0, 2.0]])).tolist()
        [[-1.0, 1.0], [0.0, 0.0]]
    """
    centred = scores - scores.mean(axis=1, keepdims=True, dtype=np.float64)
    deviations = centred.std(axis=1, keepdims=True)
    return np.asarray(centred / np.where(deviations > 1e-12, deviations, 1), dtype=np.float32)


def _of(arrays: Arrays, name: str) -> Arrays:
    return {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}
