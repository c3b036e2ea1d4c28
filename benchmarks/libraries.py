"""Other libraries' recommenders behind our contract; they run in an environment of their own."""

import itertools
import json
import subprocess
import tempfile
import weakref
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from scipy import sparse

from warmstart.core.artefact import Arrays
from warmstart.core.config import Tunable
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.reading import ReadsEvents, learned, popularity_of, seen, with_popularity
from warmstart.representation.context import Context

ROOT = Path(__file__).parents[1]
ENVIRONMENT = ROOT / "build" / "bench"
PYTHON = ENVIRONMENT / "bin" / "python"


class LibraryFailed(RuntimeError):
    """The other library raised an error, or its environment is broken."""


class Worker:
    """A process that holds the other libraries' models."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("library_worker.py")
        self.room = tempfile.TemporaryDirectory(prefix="warmstart-bench-")
        self.log = (Path(self.room.name) / "log.txt").open("w", encoding="utf-8")
        self.process = subprocess.Popen(
            [str(PYTHON), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self.numbers = itertools.count()

    def call(self, do: str, **request: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer."""
        if self.process.stdin is None or self.process.stdout is None:
            raise LibraryFailed("The worker has no pipes.")
        self.process.stdin.write(json.dumps({"do": do} | request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "the worker ended"}
        if "error" in answer:
            raise LibraryFailed(f"{request.get('model', do)}: {answer['error']}")
        return answer

    def file(self, ending: str) -> str:
        """Return a new path for an array."""
        return str(Path(self.room.name) / f"{next(self.numbers)}{ending}")

    def sent(self, matrix: sparse.csr_matrix) -> str:
        """Write a matrix for the worker to read."""
        path = self.file(".npz")
        sparse.save_npz(path, matrix, compressed=False)
        return path


@cache
def worker() -> Worker:
    """Return the one worker of this process."""
    return Worker()


def installed() -> bool:
    """Say whether the environment of the other libraries is there (``make bench`` builds it)."""
    return (ENVIRONMENT / ".ready").exists()


class LibraryRecommender(Recommender):
    """A recommender of another library; what it leaves without evidence is ranked by popularity."""

    config: ReadsEvents

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        matrix = learned(data, self.config.train_on)
        self._popularity = popularity_of(matrix)
        self._number = next(worker().numbers)
        train, genres = worker().sent(matrix), genres_of(data)
        seed = int(run.rng(self.name).integers(2**31))
        told = None if genres is None else worker().sent(genres)
        settings = self.config.model_dump(mode="json")
        worker().call("fit", id=self._number, model=self.name, train=train, genres=told, settings=settings, seed=seed)
        Path(train).unlink()
        # copies share the one fitted model, which is dropped with the last of them
        self._kept = Kept(self._number)

    def _score(self, histories: Histories, context: Context) -> Floats:
        support, out = seen(histories, self.catalogue, self.config.events), worker().file(".npy")
        asked = worker().sent(support)
        worker().call("score", id=self._number, support=asked, out=out)
        found = np.nan_to_num(np.load(out))
        Path(asked).unlink()
        Path(out).unlink()
        found[support.getnnz(axis=1) == 0] = 0
        return with_popularity(found, self._popularity)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        raise NotImplementedError("Other libraries' models are not saved.")

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        raise NotImplementedError("Other libraries' models are not saved.")


class Kept:
    """Keeps a fitted model in the worker for as long as somebody here refers to it."""

    def __init__(self, number: int) -> None:
        weakref.finalize(self, _forget, number)


def _forget(number: int) -> None:
    if worker().process.poll() is None:
        with suppress(LibraryFailed, OSError):
            worker().call("forget", id=number)


def genres_of(data: Dataset) -> sparse.csr_matrix | None:
    """Return the items' genres, float32 [n_items, genres], or None where there are none."""
    if data.items is None or "genres" not in data.items.columns:
        return None
    lists = [str(text).split("|") if text else [] for text in data.items["genres"].to_list()]
    names = sorted({name for row in lists for name in row})
    place = {name: column for column, name in enumerate(names)}
    rows = [row for row, told in enumerate(lists) for _ in told]
    columns = [place[name] for told in lists for name in told]
    return sparse.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=(len(lists), len(names)))


class FactorsConfig(ReadsEvents):
    """Settings of matrix factorisation."""

    factors: Annotated[int, Tunable(choices=(8, 16, 32, 64, 128))] = 64
    regularisation: Annotated[float, Tunable(0.01, 100, log=True)] = 0.01
    confidence: Annotated[float, Tunable(1, 40, log=True)] = 1.0
    iterations: Annotated[int, Tunable(choices=(10, 15, 20))] = 15


class RecToolsALSConfig(FactorsConfig):
    """Settings of RecTools' ALS."""

    genres: Annotated[bool, Tunable(choices=(True, False))] = True


class BM25Config(ReadsEvents):
    """Settings of implicit's BM25."""

    neighbours: Annotated[int, Tunable(choices=(20, 50, 100, 200, 500, 1000))] = 20
    k1: Annotated[float, Tunable(0.5, 200, log=True)] = 1.2
    b: Annotated[float, Tunable(0, 1)] = 0.75


class EASEConfig(ReadsEvents):
    """Settings of RecTools' EASE."""

    regularisation: Annotated[float, Tunable(10, 10_000, log=True)] = 500.0


class LensKitKNNConfig(ReadsEvents):
    """Settings of LensKit's item-kNN."""

    neighbours: Annotated[int, Tunable(choices=(5, 10, 20, 50, 100, 500))] = 20
    least_similarity: Annotated[float, Tunable(1e-6, 0.1, log=True)] = 1e-6
    saved: Annotated[int | None, Tunable(choices=(None, 100, 300, 1000))] = None


class LightFMConfig(ReadsEvents):
    """Settings of LightFM."""

    factors: Annotated[int, Tunable(choices=(16, 32, 64))] = 32
    learning_rate: Annotated[float, Tunable(0.01, 0.1, log=True)] = 0.05
    item_penalty: Annotated[float, Tunable(1e-7, 1e-4, log=True)] = 1e-6
    epochs: Annotated[int, Tunable(choices=(5, 10, 20))] = 10
    genres: Annotated[bool, Tunable(choices=(True, False))] = True


class ImplicitALS(LibraryRecommender):
    """ALS of implicit."""

    name, config_class = "implicit_als", FactorsConfig


class ImplicitBM25(LibraryRecommender):
    """BM25 neighbours of implicit."""

    name, config_class = "implicit_bm25", BM25Config


class RecToolsEASE(LibraryRecommender):
    """EASE of RecTools."""

    name, config_class = "rectools_ease", EASEConfig


class RecToolsALS(LibraryRecommender):
    """ALS of RecTools."""

    name, config_class = "rectools_als", RecToolsALSConfig


class LensKitKNN(LibraryRecommender):
    """Item-kNN of LensKit."""

    name, config_class = "lenskit_item_knn", LensKitKNNConfig


class LensKitMF(LibraryRecommender):
    """Implicit matrix factorisation of LensKit."""

    name, config_class = "lenskit_mf", FactorsConfig


class LightFM(LibraryRecommender):
    """LightFM with people as bags of the items they liked."""

    name, config_class = "lightfm", LightFMConfig


LIBRARIES: dict[str, type[LibraryRecommender]] = {
    one.name: one for one in (ImplicitALS, ImplicitBM25, RecToolsEASE, RecToolsALS, LensKitKNN, LensKitMF, LightFM)
}
