"""What a data set is like: what came, what was dropped and why, how sparse it is, how long its tail."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from warmstart.data.dataset import Dataset
from warmstart.data.kinds import IDS, Kind, find_kinds
from warmstart.data.report import CleaningReport

if TYPE_CHECKING:
    import polars as pl

FEW = 5
"""A user or item with fewer events than this counts as nearly cold."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How many events users or items have."""

    least: int
    median: float
    mean: float
    most: int
    none: float
    """Share without any event."""
    few: float
    """Share with fewer than five events, those without any included."""


@dataclass(frozen=True, slots=True)
class Description:
    """A data set in numbers.

    Args:
        name: what reports call the data.
        n_users: users with events.
        n_items: items, those without events included.
        n_events: events after cleaning.
        density: events a cell of the users by items matrix, 0 to 1.
        like_rule: from which value on an event is a like, in words.
        likes: share of events that are likes.
        first: day of the first event, or None without time.
        last: day of the last event.
        users: events a user.
        items: events an item.
        top_1: share of events on the one percent most popular items.
        top_10: the same for ten percent.
        top_20: the same for twenty percent.
        gini: inequality of the items' popularity, 0 (all equal) to 1.
        item_kinds: kinds of the items' attributes.
        user_kinds: kinds of the users' attributes.
        cleaning: what was dropped and why.
    """

    name: str
    n_users: int
    n_items: int
    n_events: int
    density: float
    like_rule: str
    likes: float
    first: str | None
    last: str | None
    users: Spread
    items: Spread
    top_1: float
    top_10: float
    top_20: float
    gini: float
    item_kinds: Mapping[str, Kind]
    user_kinds: Mapping[str, Kind]
    cleaning: CleaningReport

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return {**asdict(self), "cleaning": self.cleaning.to_dict()}

    def rows(self) -> list[tuple[str, str]]:
        """Return what there is to know as pairs of a name and a text, what was dropped last."""
        return [
            ("data", self.name),
            ("users", f"{self.n_users:,}"),
            ("items", f"{self.n_items:,}"),
            ("events", f"{self.n_events:,} of {max(self.cleaning.events_read, self.n_events):,} rows"),
            ("density", f"{self.density:.3%} of all user-item pairs"),
            ("likes", f"{self.likes:.1%} of the events; {self.like_rule}"),
            ("time", "none" if self.first is None else f"{self.first} to {self.last}"),
            ("events a user", _in_words(self.users)),
            ("events an item", _in_words(self.items)),
            ("cold", f"{self.items.none:.1%} of the items without an event, {self.items.few:.1%} under {FEW}"),
            ("new", f"{self.users.few:.1%} of the users under {FEW} events"),
            ("long tail", f"the top 1%, 10%, 20% of items hold {self.top_1:.0%}, {self.top_10:.0%}, {self.top_20:.0%}"),
            ("inequality", f"Gini {self.gini:.2f}"),
            ("item attributes", _listed(self.item_kinds)),
            ("user attributes", _listed(self.user_kinds)),
            *[("columns", f"{where}: {_listed(found)}") for where, found in self.cleaning.columns.items()],
            *[(finding.treatment, _after(str(finding), finding.treatment)) for finding in self.cleaning],
        ]

    def lines(self) -> list[str]:
        """Return the rows as lines of text, aligned."""
        wide = max(len(name) for name, _ in self.rows())
        return [f"{name:<{wide}}  {text}" for name, text in self.rows()]


def describe(data: Dataset) -> Description:
    """Describe a data set.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.data.describe import describe
        >>> for line in describe(ws.load_dataset("movielens-small")).lines()[:6]:
        ...     print(line)
        data             movielens-small
        users            610
        items            9,742
        events           100,836 of 100,836 rows
        density          1.697% of all user-item pairs
        likes            48.2% of the events; a like from 4 on: three quarters up the scale of 0.5 to 5
    """
    counts = np.bincount(data.histories.items, minlength=data.n_items)
    n_events = len(data.histories.items)
    tail = np.sort(counts)[::-1]
    report = data.report or CleaningReport(events_kept=n_events, like_rule=_rule(data))
    first, last = _days(data.histories.times)
    return Description(
        name=data.name,
        n_users=data.n_users,
        n_items=data.n_items,
        n_events=n_events,
        density=n_events / max(data.n_users * data.n_items, 1),
        like_rule=report.like_rule,
        likes=float(data.liked.mean()) if n_events else 0.0,
        first=first,
        last=last,
        users=_spread(data.histories.lengths),
        items=_spread(counts),
        top_1=_top(tail, 0.01),
        top_10=_top(tail, 0.1),
        top_20=_top(tail, 0.2),
        gini=_gini(tail),
        item_kinds=_kinds(data.items, data.item_kinds),
        user_kinds=_kinds(data.users, data.user_kinds),
        cleaning=report,
    )


def _rule(data: Dataset) -> str:
    return "every event is a like" if data.like_from is None else f"a like from {data.like_from:g} on"


def _spread(counts: npt.NDArray[np.int64]) -> Spread:
    if not len(counts):
        return Spread(0, 0.0, 0.0, 0, 0.0, 0.0)
    none, few = float((counts == 0).mean()), float((counts < FEW).mean())
    return Spread(int(counts.min()), float(np.median(counts)), float(counts.mean()), int(counts.max()), none, few)


def _top(tail: npt.NDArray[np.int64], share: float) -> float:
    return float(tail[: max(1, round(share * len(tail)))].sum() / max(tail.sum(), 1))


def _gini(tail: npt.NDArray[np.int64]) -> float:
    rising = tail[::-1].astype(np.float64)
    places = np.arange(1, len(rising) + 1)
    total = len(rising) * rising.sum()
    return float(((2 * places - len(rising) - 1) * rising).sum() / total) if total else 0.0


def _days(times: npt.NDArray[np.float64] | None) -> tuple[str | None, str | None]:
    if times is None or not len(times):
        return None, None
    start = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    first, last = (start + dt.timedelta(seconds=float(seconds)) for seconds in (times.min(), times.max()))
    return first.date().isoformat(), last.date().isoformat()


def _kinds(frame: "pl.DataFrame | None", told: Mapping[str, str]) -> dict[str, Kind]:
    return {} if frame is None else {name: kind for name, kind in find_kinds(frame, told).items() if name not in IDS}


def _in_words(spread: Spread) -> str:
    return f"{spread.least:,} to {spread.most:,}, half at most {spread.median:,g}, mean {spread.mean:,.1f}"


def _listed(pairs: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({what})" for name, what in pairs.items()) or "none"


def _after(text: str, word: str) -> str:
    # the treatment stands in the first column already
    return text.replace(f" {word}", "", 1)
