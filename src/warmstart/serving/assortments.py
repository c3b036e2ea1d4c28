"""Every tenant's assortment, put together beside the answers when its items or the model have changed."""

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from warmstart.core.errors import StoreUnavailable
from warmstart.serving.assortment import Assortment
from warmstart.serving.shelf import Served, Shelf
from warmstart.serving.store import kept, log
from warmstart.serving.store.entries import ITEMS_CHANGED
from warmstart.serving.store.store import Store

LOG = logging.getLogger(__name__)
T = TypeVar("T")
KEPT = 64
"""Tenants whose assortments stay in memory."""
PATIENCE = 1.0
"""Seconds that an answer waits for items that were just put; then it goes without them, but never with removed ones."""
PATIENCE_AT_FIRST = 5.0
"""The same where nothing is there yet that the answer could go on with."""
PATIENCE_OF_WRITERS = 30.0
"""Seconds that whoever puts items waits for them to be there."""
TRIES_AGAIN_AFTER = 5.0
"""Seconds until what could not be put together is tried again."""


@dataclass(frozen=True, slots=True)
class Build:
    """A thread that puts an assortment together.

    Args:
        deadline: until when an answer waits for it, of ``time.monotonic``.
        done: whether the assortment is there; False where it could not be put together.
        began: when that was.
    """

    deadline: float
    done: "Future[bool]" = field(default_factory=Future)
    began: float = field(default_factory=time.monotonic)

    @property
    def patience(self) -> float:
        """Seconds that an answer still waits."""
        return 0.0 if self.done.done() else max(0.0, self.deadline - time.monotonic())

    def wait(self, seconds: float | None) -> None:
        """Wait until it is over, or for so long; None for as long as it takes."""
        with suppress(TimeoutError):
            self.done.result(timeout=seconds)


class Unsettled(Exception):
    """An answer has to wait for items that were just put, on a thread that may not; see ``settled``."""

    def __init__(self, build: Build) -> None:
        super().__init__("The items are being put together.")
        self.build = build


async def settled(work: Callable[[], T]) -> T:
    """Return what ``work`` does, trying again when what it waits for is there; others are answered meanwhile."""
    while True:
        try:
            return work()
        except Unsettled as wait:
            await asyncio.wait([asyncio.wrap_future(wait.build.done)], timeout=wait.build.patience)


class Assortments:
    """What each tenant's users can be recommended, by the version of its items.

    Args:
        shelf: the models.
        store: where the items are.
    """

    def __init__(self, shelf: Shelf, store: Store) -> None:
        self._shelf = shelf
        self._store = store
        self._built: OrderedDict[tuple[str, str], Assortment] = OrderedDict()
        self._standing_in: OrderedDict[tuple[str, str], Assortment] = OrderedDict()
        self._builds: dict[str, Build] = {}
        self._bare_one: Assortment | None = None
        self._hurried: int | None = None
        self._lock = threading.Lock()

    def spare(self, thread: int | None) -> None:
        """Raise ``Unsettled`` on a thread (of ``threading.get_ident``) where others would wait; None for no thread."""
        self._hurried = thread

    def of(self, tenant: str, items_version: int) -> Assortment:
        """Return the present model with a tenant's items as of a version, or newer ones.

        Items that were put a moment ago may still be missing in a server under load; what was removed or is out of
        stock never comes.

        Raises:
            Unsettled: they are being put together, and this thread may not wait for it.
        """
        if not items_version:
            return self._bare()
        found = self._current(tenant, items_version)
        if found is not None:
            return found
        while True:
            build = self._build(tenant)
            if not self._waits_for(build):
                return self._current(tenant, items_version) or self._stand_in(tenant, items_version)
            if threading.get_ident() == self._hurried:
                raise Unsettled(build)
            build.wait(None if self._hurried is None else build.patience)
            found = self._current(tenant, items_version)
            if found is not None:
                return found

    def _current(self, tenant: str, items_version: int) -> Assortment | None:
        found = self._built.get((tenant, self._shelf.present.version))
        return found if found is not None and found.items_version >= items_version else None

    def _waits_for(self, build: Build) -> bool:
        """Whether an answer waits: where nobody else is kept from one, as long as it takes."""
        return not build.done.done() and (self._hurried is None or build.patience > 0)

    def latest(self, tenant: str) -> Assortment:
        """Return what was last put together for a tenant, or the bare model; asks no store."""
        return self._built.get((tenant, self._shelf.present.version)) or self._bare()

    def settle(self, tenant: str, items_version: int) -> None:
        """Wait until a tenant's items of a version are there, in this process."""
        until = time.monotonic() + PATIENCE_OF_WRITERS
        while self.latest(tenant).items_version < items_version and time.monotonic() < until:
            build = self._build(tenant)
            build.wait(until - time.monotonic())
            if build.done.done() and not build.done.result():
                return  # it could not be put together; the log says why

    def begin(self, tenant: str) -> None:
        """Begin to put a tenant's items together, if there are any."""
        if log.states(self._store.database, tenant, "")[1]:
            self._build(tenant)

    def _bare(self) -> Assortment:
        """Return the present model as it is; one for all, so that what it works out is worked out once."""
        kept_one, present = self._bare_one, self._shelf.present
        if kept_one is None or kept_one.served is not present:
            kept_one = self._bare_one = Assortment(present)
        return kept_one

    def _build(self, tenant: str) -> Build:
        """Return what puts a tenant's items together now, beginning if nothing does."""
        with self._lock:
            build = self._builds.get(tenant)
            if build is not None and (not build.done.done() or time.monotonic() < build.began + TRIES_AGAIN_AFTER):
                return build
            first = (tenant, self._shelf.present.version) not in self._built
            build = Build(time.monotonic() + (PATIENCE_AT_FIRST if first else PATIENCE))
            self._builds[tenant] = build
        threading.Thread(target=self._put_together, args=(tenant, build), daemon=True).start()
        return build

    def _put_together(self, tenant: str, build: Build) -> None:
        bare, there = self._shelf.present, False
        try:
            found = self._found(tenant, bare)
            with self._lock:
                self._built[tenant, bare.version] = found
                self._built.move_to_end((tenant, bare.version))
                while len(self._built) > KEPT:
                    self._built.popitem(last=False)
                # the next change is another build; one that failed stays, and is not tried again at once
                del self._builds[tenant]
            there = True
        except StoreUnavailable:
            LOG.warning("items cannot be read, for the store does not answer")
        except Exception:
            LOG.exception("items cannot be put together; going on without what was changed")
        finally:
            build.done.set_result(there)

    def _found(self, tenant: str, bare: Served) -> Assortment:
        # the version is read before the items, so that they are never older than it says
        version = self._store.read(lambda connection: log.state(connection, tenant, ITEMS_CHANGED).version)
        rows = self._store.read(lambda connection: kept.items(connection, tenant))
        removed = self._store.read(lambda connection: kept.removed(connection, tenant))
        before = self._built.get((tenant, bare.version)) or Assortment(bare)
        found = before.of_items(rows, removed, version, bare)
        # worked out here, and not by the first who asks
        _ = found.shelves, found.model.catalogue.find("")
        return found

    def _stand_in(self, tenant: str, items_version: int) -> Assortment:
        """Return what was put together last, without what is out of stock or removed by now."""
        latest = self.latest(tenant)
        key = (tenant, latest.served.version)
        found = self._standing_in.get(key)
        if found is None or found.items_version < items_version or found.model is not latest.model:
            hidden = self._store.read(lambda connection: kept.hidden(connection, tenant))
            found = self._standing_in[key] = latest.without(hidden, items_version)
            while len(self._standing_in) > KEPT:
                self._standing_in.popitem(last=False)
        return found
