"""Every error that Warmstart raises on purpose, in one tree.

WarmstartError
 ├─ BadInput (also ValueError)     what the caller gave cannot be used
 │   ├─ BadTable                   a table has faults; all of them are listed
 │   ├─ BadConfig                  settings are unknown, of the wrong type or out of range
 │   └─ UnknownItem                an item id that the catalogue does not hold
 ├─ BadModelFile                   a model folder is truncated, foreign or of another version
 ├─ NotFitted                      a question to a recommender that has not been fitted
 ├─ NotExplainable                 this recommender's score is no sum of contributions
 ├─ NotFound                       somebody or something that was asked for by name is not there
 ├─ Conflict                       the same name came with other content
 ├─ NotAllowed                     this key may not do that, or opens nothing
 ├─ Unsupported                    this language model cannot do that; another kind can
 ├─ ModelUnavailable               a language model's server does not answer, or not as agreed
 ├─ StoreUnavailable               the store does not answer; nothing was written
 │   └─ StoreFull                  its disk is full; nothing was written
 ├─ Overloaded                     more came than can be answered in time; nothing was done
 └─ MissingExtra (also ImportError) an optional package is absent; the message names the install line
"""

from collections.abc import Sequence
from dataclasses import dataclass


class WarmstartError(Exception):
    """Base of all errors that Warmstart raises on purpose."""


class BadInput(WarmstartError, ValueError):
    """What the caller gave cannot be used; the message says what came and what to do."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a table, with its place: ``where`` (file or table), ``column``, ``row`` (1-based, of the data)."""

    where: str
    problem: str
    cure: str
    column: str | None = None
    row: int | None = None
    value: str | None = None

    def __str__(self) -> str:
        place = self.where
        if self.column is not None:
            place += f", column {self.column!r}"
        if self.row is not None:
            place += f", row {self.row}"
        came = "" if self.value is None else f" (came: {self.value!r})"
        return f"{place}: {self.problem}{came}. {self.cure}"


class BadTable(BadInput):
    """A table has faults; ``faults`` lists them all.

    Example:
        >>> from warmstart.core.errors import BadTable, Fault
        >>> print(BadTable([Fault("ratings.csv", "column is missing", "Rename one to it.", column="item_id")]))
        ratings.csv, column 'item_id': column is missing. Rename one to it.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        lines = [str(fault) for fault in self.faults]
        head = [] if len(lines) == 1 else [f"{len(lines)} faults:"]
        super().__init__("\n  ".join(head + lines))


class BadConfig(BadInput):
    """Settings are unknown, of the wrong type or out of range; all of them are listed."""


class UnknownItem(BadInput):
    """An item id (or title) that the catalogue does not hold; ``nearest`` has the titles that come closest."""

    def __init__(self, item: object, nearest: Sequence[str] = ()) -> None:
        self.item = item
        self.nearest = tuple(nearest)
        close = f" Nearest: {', '.join(nearest)}." if nearest else ""
        super().__init__(f"Item {item!r} is not in the catalogue.{close} Set on_unknown to 'ignore' to skip it.")


class BadModelFile(WarmstartError):
    """A model folder is truncated, foreign or of another version; nothing of it was used."""


class NotFitted(WarmstartError):
    """A question to a recommender that has not been fitted; call ``fit(data)`` or ``ws.load(path)`` first."""


class NotExplainable(WarmstartError):
    """This recommender's score is no sum of contributions, so it has no exact explanation."""


class NotFound(WarmstartError):
    """Somebody or something that was asked for by name is not there."""


class Conflict(WarmstartError):
    """The same name, such as an ``event_id``, came before with other content; nothing was changed."""


class NotAllowed(WarmstartError):
    """The key that was given opens nothing, or may not do what was asked for."""


class Unsupported(WarmstartError):
    """This language model cannot do that, as vectors of words cannot write; the message says which kind can."""


class ModelUnavailable(WarmstartError):
    """A language model's server does not answer, or not as agreed; it may be tried again after a while."""


class StoreUnavailable(WarmstartError):
    """The store does not answer; nothing that was asked for is acknowledged, so it may be tried again."""


class StoreFull(StoreUnavailable):
    """The store's disk is full; nothing was written, and reading goes on."""


class Overloaded(WarmstartError):
    """More came than can be answered in time; nothing was done, and it may be tried again after a while."""


class MissingExtra(WarmstartError, ImportError):
    """An optional package is absent; the message names the line that installs it.

    Example:
        >>> from warmstart.core.errors import MissingExtra
        >>> print(MissingExtra("implicit", extra="als"))
        The package 'implicit' is not installed. Run: pip install "warmstart[als]"
    """

    def __init__(self, package: str, extra: str, line: str | None = None) -> None:
        self.extra = extra
        line = line or f'pip install "warmstart[{extra}]"'
        super().__init__(f"The package {package!r} is not installed. Run: {line}")
