"""Fits other libraries' recommenders and asks them, in an environment of its own; one JSON object a line in and out.

Arrays travel in files. Every class does what its library offers for a person whom it was not trained on.
"""

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

Matrix: TypeAlias = sparse.csr_matrix
SAMPLE = 20
"""Likes of a user that LightFM reads as features of hers, drawn at random: as many as are ever shown of a new one."""


class ImplicitALS:
    """``AlternatingLeastSquares`` of implicit; new people through its ``recalculate_user``."""

    def __init__(self, train: Matrix, genres: Matrix | None, settings: dict[str, Any], seed: int) -> None:
        self.settings = settings
        self.model = als_of(settings, seed)
        self.model.fit(train, show_progress=False)
        self.parts = [self.model.item_factors]

    def scores(self, support: Matrix) -> Any:
        """Score all items for new people, [n, n_items]."""
        return sum(folded(part, support, self.settings) @ part.T for part in self.parts)


class ImplicitBM25:
    """``BM25Recommender`` of implicit: a history times its item-item matrix, as its ``recommend`` does."""

    def __init__(self, train: Matrix, genres: Matrix | None, settings: dict[str, Any], seed: int) -> None:
        knn = import_module("implicit.nearest_neighbours").BM25Recommender
        self.model = knn(K=settings["neighbours"], K1=settings["k1"], B=settings["b"], num_threads=1)
        self.model.fit(train, show_progress=False)

    def scores(self, support: Matrix) -> Any:
        """Score all items for new people, [n, n_items]."""
        return (support @ self.model.similarity).toarray()


class RecToolsEASE:
    """``EASEModel`` of RecTools: a history times its item-item matrix, as its ``recommend`` does."""

    def __init__(self, train: Matrix, genres: Matrix | None, settings: dict[str, Any], seed: int) -> None:
        self.model = import_module("rectools.models").EASEModel(regularization=settings["regularisation"])
        self.known, data = rectools_data(train, None)
        self.model.fit(data)

    def scores(self, support: Matrix) -> Any:
        """Score all items for new people, [n, n_items]."""
        found = np.zeros(support.shape, dtype=np.float32)
        found[:, self.known] = support[:, self.known] @ self.model.weight
        return found


class RecToolsALS(ImplicitALS):
    """``ImplicitALSWrapperModel`` of RecTools, with genres as features of the items or without.

    It recommends to nobody whom it was not trained on, but it fits with the ALS of implicit, so people are folded in by
    that library's ``recalculate_user``: over the latent vectors, and over the genres' as the model does for its own.
    """

    def __init__(self, train: Matrix, genres: Matrix | None, settings: dict[str, Any], seed: int) -> None:
        self.settings, used = settings, genres if settings["genres"] else None
        wrapper = import_module("rectools.models").ImplicitALSWrapperModel
        self.known, data = rectools_data(train, used)
        model = wrapper(als_of(settings, seed), fit_features_together=False).fit(data)
        factors = model.get_vectors()[1]
        self.parts = [factors[:, : settings["factors"]], factors[:, settings["factors"] :]]
        self.parts = [np.ascontiguousarray(part) for part in self.parts if part.shape[1]]

    def scores(self, support: Matrix) -> Any:
        """Score all items for new people, [n, n_items]."""
        found = np.zeros(support.shape, dtype=np.float32)
        found[:, self.known] = super().scores(support[:, self.known].tocsr())
        return found


class LensKit:
    """What both scorers of LensKit share: each takes the history of anybody in its query."""

    def __init__(self, train: Matrix, genres: Matrix | None, settings: dict[str, Any], seed: int) -> None:
        pandas, data = import_module("pandas"), import_module("lenskit.data")
        # neither takes an item without events, in a history or among those to be scored
        self.known = np.flatnonzero(train.getnnz(axis=0))
        pairs = train.tocsc()[:, self.known].tocoo()
        frame = pandas.DataFrame({"user_id": pairs.row, "item_id": pairs.col})
        self.scorer = self.built(settings)
        self.scorer.train(data.from_interactions_df(frame), import_module("lenskit.training").TrainingOptions(rng=seed))
        self.items = data.ItemList(item_ids=np.arange(len(self.known)))
        self.data = data

    def built(self, settings: dict[str, Any]) -> Any:
        """Return the scorer, not yet trained."""
        raise NotImplementedError

    def scores(self, support: Matrix) -> Any:
        """Score all items for new people, [n, n_items]."""
        found = np.zeros(support.shape, dtype=np.float32)
        met = support[:, self.known].tocsr()
        for row in np.flatnonzero(np.diff(met.indptr)):
            history = self.data.ItemList(item_ids=met.indices[met.indptr[row] : met.indptr[row + 1]])
            query = self.data.RecQuery(user_items=history)
            found[row, self.known] = np.nan_to_num(self.scorer(query, self.items).scores("numpy"), nan=0.0)
        return found


class LensKitKNN(LensKit):
    """``ItemKNNScorer`` of LensKit for implicit feedback."""

    def built(self, settings: dict[str, Any]) -> Any:
        """Return the scorer, not yet trained."""
        scorer = import_module("lenskit.knn").ItemKNNScorer
        return scorer(
            feedback="implicit",
            max_nbrs=settings["neighbours"],
            min_sim=settings["least_similarity"],
            save_nbrs=settings["saved"],
        )


class LensKitMF(LensKit):
    """``ImplicitMFScorer`` of LensKit."""

    def built(self, settings: dict[str, Any]) -> Any:
        """Return the scorer, not yet trained."""
        scorer = import_module("lenskit.als").ImplicitMFScorer
        return scorer(
            embedding_size=settings["factors"],
            regularization=settings["regularisation"],
            weight=settings["confidence"],
            epochs=settings["iterations"],
        )


class LightFM:
    """LightFM with features on both sides: items are themselves and their genres, people the bags of items they liked.

    It has no folding in; a new person can only be told by features. Her likes are those features, normalised, and in
    training at most ``SAMPLE`` of each user's likes, drawn at random.
    """

    def __init__(self, train: Matrix, genres: Matrix | None, settings: dict[str, Any], seed: int) -> None:
        own = sparse.identity(train.shape[1], format="csr", dtype=np.float32)
        use = genres is not None and settings["genres"]
        self.items = sparse.hstack([own, genres], format="csr", dtype=np.float32) if use else own
        self.model = import_module("lightfm").LightFM(
            no_components=settings["factors"],
            learning_rate=settings["learning_rate"],
            item_alpha=settings["item_penalty"],
            loss="warp",
            random_state=seed,
        )
        bags = normalised(sampled(train, np.random.default_rng(seed)))
        self.model.fit(train.tocoo(), user_features=bags, item_features=self.items, epochs=settings["epochs"])

    def scores(self, support: Matrix) -> Any:
        """Score all items for new people, [n, n_items]."""
        biases, vectors = self.model.get_item_representations(self.items)
        _, people = self.model.get_user_representations(normalised(support))
        return people @ vectors.T + biases


MODELS: dict[str, Callable[..., Any]] = {
    "implicit_als": ImplicitALS,
    "implicit_bm25": ImplicitBM25,
    "rectools_ease": RecToolsEASE,
    "rectools_als": RecToolsALS,
    "lenskit_item_knn": LensKitKNN,
    "lenskit_mf": LensKitMF,
    "lightfm": LightFM,
}
PACKAGES = ("implicit", "rectools", "lenskit", "lightfm-next", "numpy", "scipy")


def als_of(settings: dict[str, Any], seed: int) -> Any:
    """Return an unfitted ALS of implicit."""
    return import_module("implicit.cpu.als").AlternatingLeastSquares(
        factors=settings["factors"],
        regularization=settings["regularisation"],
        alpha=settings["confidence"],
        iterations=settings["iterations"],
        random_state=seed,
        num_threads=1,
    )


def folded(factors: Any, support: Matrix, settings: dict[str, Any]) -> Any:
    """Return the vectors that implicit's ALS gives new people, [n, factors]."""
    model = als_of(settings | {"factors": factors.shape[1]}, 0)
    model.item_factors = factors.astype(np.float32)
    return model.recalculate_user(np.arange(support.shape[0]), support.astype(np.float32))


def rectools_data(train: Matrix, genres: Matrix | None) -> tuple[Any, Any]:
    """Return the items with events, in order, and RecTools' own form of the data."""
    pandas, columns = import_module("pandas"), import_module("rectools").Columns
    known = np.flatnonzero(train.getnnz(axis=0))
    pairs = train.tocsc()[:, known].tocoo()
    frame = pandas.DataFrame({columns.User: pairs.row, columns.Item: pairs.col}).sort_values(columns.Item)
    frame[columns.Weight], frame[columns.Datetime] = 1.0, pandas.Timestamp("2000-01-01")
    features = None
    if genres is not None:
        told = genres[known].tocoo()
        features = pandas.DataFrame({"id": told.row, "feature": "genre", "value": told.col})
    build = import_module("rectools.dataset").Dataset.construct
    data = build(frame, item_features_df=features, cat_item_features=() if features is None else ("genre",))
    # items are numbered as they come in the frame, which was sorted by item
    return known, data


def sampled(train: Matrix, rng: np.random.Generator) -> Matrix:
    """Keep at most ``SAMPLE`` events of each row, drawn at random."""
    rows = np.repeat(np.arange(train.shape[0]), np.diff(train.indptr))
    order = np.lexsort((rng.random(train.nnz), rows))
    kept = order[np.arange(train.nnz) - train.indptr[rows] < SAMPLE]
    ones = np.ones(len(kept), dtype=np.float32)
    return sparse.csr_matrix((ones, (rows[kept], train.indices[kept])), shape=train.shape)


def normalised(matrix: Matrix) -> Matrix:
    """Divide each row by the number of its events."""
    counts = np.maximum(np.diff(matrix.indptr), 1).astype(np.float32)
    return (sparse.diags(1 / counts) @ matrix).tocsr().astype(np.float32)


def main() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print; only answers may stand on the standard output
    fitted: dict[int, Any] = {}
    for line in sys.stdin:
        try:
            answer = answered(json.loads(line), fitted)
        except Exception as error:  # noqa: BLE001  the parent reports whatever happened here
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def answered(request: dict[str, Any], fitted: dict[int, Any]) -> dict[str, Any]:
    """Do what one request asks for."""
    if request["do"] == "fit":
        genres = sparse.load_npz(request["genres"]) if request["genres"] else None
        train = sparse.load_npz(request["train"]).tocsr()
        fitted[request["id"]] = MODELS[request["model"]](train, genres, request["settings"], request["seed"])
    elif request["do"] == "score":
        found = fitted[request["id"]].scores(sparse.load_npz(request["support"]).tocsr())
        np.save(request["out"], np.asarray(found, dtype=np.float32))
    elif request["do"] == "forget":
        fitted.pop(request["id"], None)
    return {"versions": {name: version(name) for name in PACKAGES}} if request["do"] == "versions" else {}


if __name__ == "__main__":
    main()
