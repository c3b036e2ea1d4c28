"""The live engine: a model, a store and what is kept warm between them; every answer rests on the last event."""

import uuid
from pathlib import Path
from typing import Any, Self

import numpy as np

from warmstart.adaptation.glimpse import prepare
from warmstart.core.errors import NotFound
from warmstart.recommenders.base import Recommender
from warmstart.serving.knowing import Knowledge, looks_for_drift
from warmstart.serving.settings import LiveConfig
from warmstart.serving.shelf import Served, Shelf, open_model
from warmstart.serving.store import kept
from warmstart.serving.store.store import Store
from warmstart.serving.tenant import PATIENCE, Tenant

DEFAULT_TENANT = "default"


class Live:
    """A model that answers over a store; one for a process, whatever the number of tenants.

    Args:
        served: the model to begin with.
        store: the log of events.
        config: how to behave.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import warmstart as ws
        >>> from warmstart.serving.live import Live
        >>> model = ws.MetaRecommender(tune=False, values=False).fit(ws.load_dataset("movielens-small"))
        >>> with TemporaryDirectory() as folder:
        ...     live = Live.open(model, f"sqlite:///{folder}/w.db")
        ...     shop = live.tenant("shop")
        ...     before = shop.recommend("ann", n=3)
        ...     said = shop.record([{"event_id": "1", "user_id": "ann", "item_id": 1, "type": "like"}])
        ...     after = shop.recommend("ann", n=3)
        ...     live.close()
        >>> before.evidence, after.evidence, after.state_version == said.state_version
        ('prior', 'few-shot', True)
    """

    def __init__(self, served: Served, store: Store, config: LiveConfig | None = None) -> None:
        self.config = config or LiveConfig()
        self.shelf = Shelf(served, self._prepare)
        self.store = store
        self.knowledge = Knowledge(self.shelf, store, self.config)
        self.rng = np.random.default_rng(self.config.seed)

    @classmethod
    def open(cls, model: Any, store: str, config: LiveConfig | None = None) -> Self:
        """Open a model (a recommender or a folder) over a store, given as ``sqlite:///w.db`` or ``postgresql://...``."""
        served = open_model(model) if isinstance(model, str | Path) else Served(uuid.uuid4().hex[:12], model)
        return cls(served, Store.open(store), config)

    def tenant(self, name: str = DEFAULT_TENANT) -> Tenant:
        """Return the service of one tenant; nothing of another can be seen through it."""
        return Tenant(self, name)

    def activate(self, version: str) -> None:
        """Let a registered model answer, in this process now and in the others within a moment.

        Raises:
            NotFound: no model of that version is registered.
            BadModelFile: it cannot be loaded; nothing is changed.
        """
        rows = self.store.read(kept.models)
        wanted = next((row for row in rows if row.version == version), None)
        if wanted is None:
            raise NotFound(f"No model of version {version!r} is registered.")
        self.shelf.take(version, wanted.path)
        with self.knowledge.choosing:
            self.store.write(lambda connection: kept.activate_model(connection, version)).result(timeout=PATIENCE)
            self.shelf.swap(version, wanted.path)

    def _prepare(self, model: Recommender) -> None:
        if looks_for_drift(self.config, model):
            prepare(model)

    def check(self) -> None:
        """Raise ``StoreUnavailable`` unless the store answers."""
        self.store.database.fetch("SELECT 1", ())

    def close(self) -> None:
        """Write what waits, then close the store."""
        self.store.close()
