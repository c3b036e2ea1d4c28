"""What every trained model remembers of its data: the items' ids and titles, and what counts as a like."""

import difflib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any, Literal

import numpy as np

from warmstart.core.errors import BadInput, UnknownItem
from warmstart.core.histories import Histories

OnUnknown = Literal["raise", "ignore"]
MOST_COMPARED = 20_000
"""Titles whose spelling is compared with one that is not found."""


@dataclass(frozen=True)
class Catalogue:
    """The items that can be recommended, in the order of all score columns.

    Args:
        item_ids: ids as they came (all strings or all integers); matched by their text.
        titles: one a item; the id's text where the data have none.
        like_from: the value from which an event is a like; None when every event is one.
        like_value: the value that a bare "likes it" stands for.
        dislike_value: the value that a bare "dislikes it" stands for.

    Example:
        >>> from warmstart.data.catalogue import Catalogue
        >>> two = Catalogue([1, 2], ["Heat", "Alien"], like_from=4.0, like_value=4.5, dislike_value=2.0)
        >>> two.index("2"), two.nearest("Alein")
        (1, ['Alien'])
    """

    item_ids: Sequence[Any]
    titles: Sequence[str]
    like_from: float | None = None
    like_value: float = 1.0
    dislike_value: float = 0.0

    def __len__(self) -> int:
        return len(self.item_ids)

    @cached_property
    def _by_text(self) -> dict[str, int]:
        return {str(item): place for place, item in enumerate(self.item_ids)}

    @cached_property
    def _by_title(self) -> dict[str, int]:
        return {title.casefold(): place for place, title in reversed(list(enumerate(self.titles)))}

    def index(self, item: Any) -> int:
        """Return the index of an item id; raises ``UnknownItem`` naming the nearest titles."""
        found = self.find(item)
        if found is None:
            raise UnknownItem(item, self.nearest(str(item)))
        return found

    def find(self, item: Any) -> int | None:
        """Return the index of an item id, or None where the catalogue does not hold it."""
        return self._by_text.get(str(item))

    def index_of_title(self, title: str) -> int:
        """Return the index of a title (case and outer spaces do not matter) or of an id given as text."""
        found = self._by_title.get(title.strip().casefold(), self._by_text.get(title.strip()))
        if found is None:
            raise UnknownItem(title, self.nearest(title))
        return found

    def nearest(self, text: str, n: int = 3) -> list[str]:
        """Return the ``n`` titles that are spelt most like ``text``: those that hold it, then by similarity."""
        wanted = text.strip().casefold()[:200]
        if not wanted:
            return []
        holding = [title for title in self._by_title if wanted in title]
        close = difflib.get_close_matches(wanted, self._comparable(wanted), n=n, cutoff=0.5)
        found = list(dict.fromkeys(sorted(holding, key=len)[:n] + close))[:n]
        return [self.titles[self._by_title[title]] for title in found]

    def _comparable(self, wanted: str) -> list[str]:
        titles = list(self._by_title)
        if len(titles) <= MOST_COMPARED:
            return titles
        # comparing letter by letter is slow, so of many titles only those that begin alike are
        return [title for title in titles if title[:2] == wanted[:2]][:MOST_COMPARED]

    def history(self, entries: Iterable[Any], on_unknown: OnUnknown = "raise") -> tuple[Histories, tuple[Any, ...]]:
        """Turn ``item_id``, ``(item_id, value)`` or ``(item_id, value, time)`` entries into one history.

        Returns:
            the history (one row) and the entries that were skipped as unknown.
        """
        if isinstance(entries, str | bytes):
            raise BadInput(f"A history is a list of entries: write [{entries!r}].")
        found: list[tuple[int, float, float]] = []
        ignored: list[Any] = []
        for entry in entries:
            item, value, time = self._parts(entry)
            try:
                found.append((self.index(item), value, time))
            except UnknownItem:
                if on_unknown == "raise":
                    raise
                ignored.append(item)
        timed = bool(found) and all(not math.isnan(time) for *_, time in found)
        if timed:
            found.sort(key=lambda event: event[2])
        items, values, times = zip(*found, strict=True) if found else ((), (), ())
        history = Histories(
            np.array([0, len(items)], dtype=np.int64),
            np.array(items, dtype=np.int32),
            np.array(values, dtype=np.float32),
            np.array(times, dtype=np.float64) if timed else None,
        )
        return history, tuple(ignored)

    def _parts(self, entry: Any) -> tuple[Any, float, float]:
        parts = entry if type(entry) is tuple else tuple(entry) if isinstance(entry, list) else (entry,)
        if not 1 <= len(parts) <= 3:
            raise BadInput(f"A history entry is an item id, (id, value) or (id, value, time); came: {entry!r}.")
        item, value, time = (*parts, None, None)[:3]
        if time is not None and (not isinstance(time, Real) or not math.isfinite(time)):
            raise BadInput(f"A time must be seconds since 1970, a finite number; came: {time!r}.")
        return item, self.checked_value(value), math.nan if time is None else float(time)

    def checked_value(self, value: Any) -> float:
        """Return a value as a float, ``like_value`` for None; raises ``BadInput`` when it is no finite number."""
        if value is None:
            return self.like_value
        # asking an abstract class is slow, and this is asked of every event
        if not (type(value) is float or isinstance(value, Real)) or not math.isfinite(value):
            raise BadInput(f"A value must be a finite number, such as {self.like_value:g}; came: {value!r}.")
        return float(value)
