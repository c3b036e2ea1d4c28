"""The models that a process answers with: the present one and the one before it."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from warmstart.core.errors import NotFound, WarmstartError
from warmstart.core.seal import version_of
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.table import load

LOG = logging.getLogger(__name__)
KEPT_MODELS = 2
"""Models that stay in memory: the present one, and the one to roll back to."""


@dataclass(frozen=True, slots=True)
class Served:
    """A model under the name of its version."""

    version: str
    model: Recommender


class Shelf:
    """The models of a process, swapped in one assignment, so that no request ever waits for one.

    Args:
        first: what answers to begin with.
        prepare: done to each model before it answers.
    """

    def __init__(self, first: Served, prepare: Callable[[Recommender], None] = lambda _model: None) -> None:
        prepare(first.model)
        self._prepare = prepare
        self._present = first
        self._models: OrderedDict[str, Served] = OrderedDict({first.version: first})
        self._loading: threading.Thread | None = None
        self._refused: set[str] = set()
        self._lock = threading.Lock()

    @property
    def present(self) -> Served:
        """The model that answers now."""
        return self._present

    def swap(self, version: str, path: str | Path) -> Served:
        """Let another model answer; one that is still in memory does so at once.

        Raises:
            BadModelFile: there is no model at ``path``; the present one goes on.
            NotFound: the model there has another version.
        """
        served = self.take(version, path)
        with self._lock:
            self._present = served
        return served

    def take(self, version: str, path: str | Path) -> Served:
        """Take a model into memory, without letting it answer; raises as ``swap`` does."""
        served = self._models.get(version) or self._opened(path)
        if served.version != version:
            raise NotFound(f"The model at {path} is version {served.version}, not {version}. Register it anew.")
        with self._lock:
            self._models[version] = served
            self._models.move_to_end(version)
            while len(self._models) > KEPT_MODELS:
                self._models.popitem(last=False)
        return served

    def _opened(self, path: str | Path) -> Served:
        served = open_model(path)
        self._prepare(served.model)
        return served

    def swap_later(self, version: str, path: str | Path) -> None:
        """Let another model answer as soon as it is loaded, which happens beside the answers of the present one."""
        if version in self._models:
            self.swap(version, path)
        elif version not in self._refused and (self._loading is None or not self._loading.is_alive()):
            self._loading = threading.Thread(target=self._load, args=(version, path), daemon=True)
            self._loading.start()

    def _load(self, version: str, path: str | Path) -> None:
        try:
            self.swap(version, path)
        except (WarmstartError, OSError):
            self._refused.add(version)
            LOG.exception("model %s cannot be loaded; going on with %s", version, self._present.version)


def open_model(path: str | Path) -> Served:
    """Load a model folder under its version.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import warmstart as ws
        >>> from warmstart.serving.shelf import open_model
        >>> with TemporaryDirectory() as room:
        ...     model = ws.recommender("popularity").fit(ws.load_dataset("movielens-small"))
        ...     served = open_model(model.save(f"{room}/model"))
        >>> len(served.version), served.model.name
        (12, 'popularity')
    """
    return Served(version_of(path), load(path))
