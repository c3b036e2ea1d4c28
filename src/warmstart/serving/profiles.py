"""Profiles kept warm: a cache of folded histories that costs a few hundred bytes a person and may be lost any time."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from warmstart.adaptation.fold import Folded
from warmstart.core.histories import Histories
from warmstart.representation.context import Context

Key = tuple[str, str]
MOST_PROFILES = 100_000
MOST_OPEN = 1_000
"""Profiles that stay unpacked, which takes several times the room."""
MOST_SPOKEN = 1 << 24
"""Numbers that what sentences say may take, one for each item and sentence."""
_ROW = np.dtype([("item", "<i4"), ("value", "<f4"), ("weight", "<f4"), ("time", "<f8")])


@dataclass(frozen=True, slots=True)
class Warm:
    """Somebody's profile as it was folded, in bytes: arrays of their own would be larger than what they hold.

    Args:
        version: of the subject when it was folded.
        catalogue: number that names the catalogue it was folded over.
        rows: one record an event: item, value, weight, time.
        seen: int32, items she met.
        context: her attributes as the model reads them.
        whole: every event counts whole.
        sentence: what she says of herself; empty for nothing. What it does to the items is too large to be kept.
    """

    version: int
    catalogue: tuple[str, int]
    rows: bytes
    seen: bytes
    context: Context
    whole: bool
    sentence: str = ""

    @classmethod
    def of(
        cls, version: int, catalogue: tuple[str, int], folded: Folded, context: Context, sentence: str = ""
    ) -> "Warm":
        """Pack a folded history."""
        history = folded.history
        rows = np.zeros(len(history.items), dtype=_ROW)
        rows["item"], rows["value"] = history.items, history.values
        rows["time"] = 0 if history.times is None else history.times
        rows["weight"] = 1 if history.weights is None else history.weights
        whole = history.weights is None
        seen = folded.seen.astype("<i4").tobytes()
        return cls(version, catalogue, rows.tobytes(), seen, context, whole, sentence)

    def folded(self) -> Folded:
        """Return what was packed."""
        rows = np.frombuffer(self.rows, dtype=_ROW)
        history = Histories(
            np.array([0, len(rows)], dtype=np.int64),
            np.ascontiguousarray(rows["item"]),
            np.ascontiguousarray(rows["value"]),
            np.ascontiguousarray(rows["time"]),
            None if self.whole else np.ascontiguousarray(rows["weight"]),
        )
        return Folded(history, np.frombuffer(self.seen, dtype="<i4"))


class Profiles:
    """The most recently asked-for profiles.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int = MOST_PROFILES) -> None:
        self._most = most
        self._kept: OrderedDict[Key, Warm] = OrderedDict()
        self._open: OrderedDict[Key, tuple[Warm, Folded]] = OrderedDict()
        self._spoken: OrderedDict[Key, tuple[Warm, Context]] = OrderedDict()
        self._erasures: dict[str, int] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, tenant: str, subject: str) -> Warm | None:
        """Return somebody's profile if it is kept; whether it is current is for the caller to see."""
        return self._kept.get((tenant, subject))

    def opened(self, tenant: str, subject: str, warm: Warm) -> Folded:
        """Return what a profile holds; of those asked for last it stays unpacked."""
        found = self._open.get((tenant, subject))
        if found is not None and found[0] is warm:
            return found[1]
        folded = warm.folded()
        with self._lock:
            if self._kept.get((tenant, subject)) is warm:  # nobody was erased in the meantime
                self._open[tenant, subject] = warm, folded
            while len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)
        return folded

    def spoken(self, tenant: str, subject: str, warm: Warm, read: Callable[[str], Context]) -> Context:
        """Return a profile's context with what its sentence says; of those asked for last it stays read.

        Args:
            tenant: whose person she is.
            subject: who.
            warm: her profile.
            read: returns what a sentence says.
        """
        if not warm.sentence:
            return warm.context
        found = self._spoken.get((tenant, subject))
        if found is not None and found[0] is warm:
            return found[1]
        text = read(warm.sentence).text
        context = replace(warm.context, text=text)
        with self._lock:
            if self._kept.get((tenant, subject)) is warm:  # nobody was erased in the meantime
                self._spoken[tenant, subject] = warm, context
            while len(self._spoken) > max(1, MOST_SPOKEN // max(1, 0 if text is None else text.size)):
                self._spoken.popitem(last=False)
        return context

    def put(self, tenant: str, subject: str, warm: Warm) -> None:
        """Keep a profile in the place of an older one."""
        with self._lock:
            self._kept[tenant, subject] = warm
            self._kept.move_to_end((tenant, subject))
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def drop(self, tenant: str, subject: str) -> None:
        """Forget somebody's profile."""
        with self._lock:
            for kept in (self._kept, self._open, self._spoken):
                kept.pop((tenant, subject), None)

    def erased(self, tenant: str, count: int) -> None:
        """Forget a tenant's profiles when somebody was erased since the last time, be it by another process."""
        if self._erasures.get(tenant, 0) != count:
            with self._lock:
                self._erasures[tenant] = count
                for kept in (self._kept, self._open, self._spoken):
                    for key in [key for key in kept if key[0] == tenant]:
                        del kept[key]
