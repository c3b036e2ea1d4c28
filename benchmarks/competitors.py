"""Who is compared, and the settings that each is tried with before any is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.libraries import LIBRARIES, installed
from warmstart.core.errors import BadConfig
from warmstart.core.run import Run
from warmstart.evaluation.tuning import draw
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.hybrid import BLENDS
from warmstart.recommenders.table import recommender_class

Settings = dict[str, Any]
_ATTEMPTS = 10_000


@dataclass(frozen=True)
class Competitor:
    """One row of a comparison.

    Args:
        label: what the row is called.
        name: of our table, or of another library's recommender.
        narrow: settings that may take these values only.
        starts: settings known to be good on data of this kind, tried before any is drawn.
        tunable: whether settings are drawn at all.
        note: what a reader must know of how it was asked.
    """

    label: str
    name: str
    narrow: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    starts: Sequence[Mapping[str, Any]] = ()
    tunable: bool = True
    note: str = ""

    @property
    def kind(self) -> type[Recommender]:
        """Return its class."""
        return LIBRARIES[self.name] if self.name in LIBRARIES else recommender_class(self.name)

    def candidates(self, trials: int, seed: int, starts: Sequence[Mapping[str, Any]] = ()) -> list[Settings]:
        """Return the settings to try: its own, those known to be good, then seeded draws; no two alike."""
        own = self.kind.config_class().model_dump(mode="json")
        own |= {name: values[0] for name, values in self.narrow.items() if own[name] not in values}
        found = [own]
        rng = Run(seed=seed).rng("benchmark", self.label)
        drawn = (draw(self.kind.config_class, rng) for _ in range(_ATTEMPTS if self.tunable else 0))
        for changes in (*starts, *self.starts, *drawn):
            if len(found) >= trials:
                break
            settings = self._whole(own, changes)
            if settings is not None and settings not in found:
                found.append(settings)
        return found

    def _whole(self, own: Settings, changes: Mapping[str, Any]) -> Settings | None:
        try:
            settings = self.kind.config_class.of(**(own | dict(changes))).model_dump(mode="json")
        except BadConfig:
            # two settings that exclude each other
            return None
        return settings if all(settings[name] in values for name, values in self.narrow.items()) else None


ALS_STARTS = (
    {"factors": 32, "regularisation": 30.0, "confidence": 5.0},
    {"factors": 16, "regularisation": 10.0, "confidence": 10.0},
    {"factors": 64, "regularisation": 30.0, "confidence": 2.5},
    {"factors": 16, "regularisation": 50.0, "confidence": 5.0},
)
LENSKIT_STARTS = (
    # its penalty is not multiplied by confidence or counts, as that of implicit
    {"factors": 32, "regularisation": 30.0, "confidence": 5.0},
    {"factors": 16, "regularisation": 10.0, "confidence": 10.0},
    {"factors": 32, "regularisation": 0.1, "confidence": 40.0},
    {"factors": 16, "regularisation": 50.0, "confidence": 5.0},
)
EASE_STARTS = tuple({"regularisation": value} for value in (100.0, 300.0, 1000.0, 2000.0, 5000.0))
USER_KNN_STARTS = (
    {"length_power": 0.5, "amplify": 3.0, "neighbours": 2000},
    {"length_power": 0.4, "amplify": 4.0, "neighbours": 2000},
    {"length_power": 0.5, "amplify": 4.0, "neighbours": 1000},
    {"length_power": 0.4, "amplify": 3.0, "neighbours": 1000},
    {"length_power": 0.45, "amplify": 5.0, "neighbours": 2000},
)
ITEM_KNN_STARTS = (
    {"similarity": "idf", "neighbours": 1000, "power": 0.3, "shrinkage": 5.0},
    {"similarity": "cosine", "neighbours": 1000, "power": 0.3, "shrinkage": 20.0},
    {"similarity": "idf", "neighbours": 1000, "power": 0.35, "shrinkage": 1.0, "amplify": 1.5},
    {"similarity": "idf", "neighbours": 1000, "power": 0.3, "shrinkage": 50.0, "amplify": 0.7},
    {"similarity": "cosine", "neighbours": 200, "power": 0.5, "shrinkage": 100.0},
)
BM25_STARTS = (
    {"neighbours": 1000, "bm25_k1": 100.0, "bm25_b": 0.3},
    {"neighbours": 1000, "bm25_k1": 100.0, "bm25_b": 0.6},
    {"neighbours": 1000, "bm25_k1": 20.0, "bm25_b": 0.3},
    {"neighbours": 500, "bm25_k1": 200.0, "bm25_b": 0.8},
)
LIBRARY_BM25_STARTS = (
    {"neighbours": 1000, "k1": 100.0, "b": 0.3},
    {"neighbours": 200, "k1": 100.0, "b": 0.6},
    {"neighbours": 1000, "k1": 1.2, "b": 0.3},
    {"neighbours": 500, "k1": 200.0, "b": 0.8},
)
LENSKIT_KNN_STARTS = (
    {"neighbours": 100},
    {"neighbours": 500},
    {"neighbours": 20, "least_similarity": 0.01},
    {"neighbours": 20, "least_similarity": 0.05, "saved": 300},
)
CONTENT_STARTS = ({"popularity": 1.0}, {"popularity": 0.7}, {"popularity": 1.0, "words": 1.0})
NETWORK_STARTS = ({"dropout": 0.5}, {"rate": 2e-3}, {"factors": 64, "dropout": 0.2})
NETWORK_NOTE = "Trained with torch on the training users, ended by the validation users; answers with numpy."
LIGHTFM_STARTS = ({"learning_rate": 0.03, "epochs": 20}, {"learning_rate": 0.03, "genres": False, "epochs": 20})

NETWORKS = ("embedding_mlp", "two_tower", "neural_cf", "gru", "lstm", "sasrec", "cross_attention", "text_cnn")
COMPETITORS: tuple[Competitor, ...] = (
    Competitor("random", "random", tunable=False),
    Competitor("popularity", "popularity", {"latest_share": (1.0,)}),
    Competitor("popularity, recent", "popularity", {"latest_share": (0.3, 0.1)}),
    Competitor("item-kNN", "item_knn", {"similarity": ("idf", "cosine")}, ITEM_KNN_STARTS),
    Competitor("item-kNN, BM25", "item_knn", {"similarity": ("bm25",)}, BM25_STARTS),
    Competitor("user-kNN", "user_knn", {}, USER_KNN_STARTS),
    Competitor("EASE", "ease", {}, EASE_STARTS),
    Competitor("ALS", "als", {}, ALS_STARTS),
    Competitor("item2vec", "item2vec"),
    Competitor("content", "content", {}, CONTENT_STARTS),
    *(Competitor(name, name, {}, NETWORK_STARTS, note=NETWORK_NOTE) for name in NETWORKS),
    Competitor(
        "hybrid",
        "hybrid",
        note="A blend of our recommenders, tried with their own settings and with those tuned here; weights are tuned.",
    ),
    Competitor("implicit ALS", "implicit_als", {}, ALS_STARTS, note="New users by recalculate_user."),
    Competitor("implicit BM25", "implicit_bm25", {}, LIBRARY_BM25_STARTS, note="A history times the item-item matrix."),
    Competitor("RecTools EASE", "rectools_ease", {}, EASE_STARTS, note="A history times the item-item matrix."),
    Competitor(
        "RecTools ALS",
        "rectools_als",
        {},
        ALS_STARTS,
        note="Refuses users it was not trained on; implicit, on which it stands, folds them in, genres included.",
    ),
    Competitor("LensKit item-kNN", "lenskit_item_knn", {}, LENSKIT_KNN_STARTS, note="Takes the history in its query."),
    Competitor("LensKit implicit MF", "lenskit_mf", {}, LENSKIT_STARTS, note="Takes the history in its query."),
    Competitor(
        "LightFM",
        "lightfm",
        {},
        LIGHTFM_STARTS,
        note="Cannot fold in; people are bags of the items they liked (at most 20 in training), items have genres.",
    ),
)
MEMBERS = {"user-kNN": "user_knn", "item-kNN": "item_knn", "EASE": "ease", "content": "content"}


def available() -> list[Competitor]:
    """Return the competitors that can run here: other libraries need their environment."""
    return [one for one in COMPETITORS if one.name not in LIBRARIES or installed()]


def blends(tuned: Mapping[str, Settings]) -> list[Settings]:
    """Return where the tuning of ``hybrid`` starts: its blends, with the settings tuned for its members alone.

    Args:
        tuned: chosen settings by the label of a competitor.
    """
    settings = {MEMBERS[label]: chosen for label, chosen in tuned.items() if label in MEMBERS}
    return [{"weights": blend, "settings": {n: settings[n] for n in blend if n in settings}} for blend in BLENDS]
