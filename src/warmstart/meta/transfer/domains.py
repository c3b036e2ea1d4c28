"""Several catalogues as one: an item that stands in two of them under the same title and year is one item."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from warmstart.core.errors import BadInput
from warmstart.core.histories import Histories, Ints
from warmstart.data.dataset import Dataset
from warmstart.meta.transfer.passage import twins_of

LIKED, NOT_LIKED = 1.0, 0.0
"""Values of domains whose scales of values cannot be compared."""


def joined(domains: Sequence[Dataset] | Mapping[str, Dataset]) -> Dataset:
    """Join data sets; their order does not matter.

    Ids become ``NAME:ID``. Values stay where every domain calls the same value a like; else an event is a like or
    none, and its value is 1 or 0. Attributes of people stay behind, for each domain tells others.

    Args:
        domains: data sets by name; a sequence takes each set's own name.

    Raises:
        BadInput: there are no domains, or two have the same name.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.meta.transfer.domains import joined
        >>> data = ws.load_dataset("movielens-small")
        >>> both = joined({"here": data, "there": data})
        >>> both.n_users == 2 * data.n_users, both.n_items < 1.01 * data.n_items
        (True, True)
    """
    named = sorted(_named(domains).items(), key=lambda entry: (_digest(entry[1]), entry[0]))
    found = [_renamed(name, domain) for name, domain in named]
    if len({domain.like_from for domain in found}) > 1:
        found = [_liked_or_not(domain) for domain in found]
    places, first, length = [np.arange(found[0].n_items)], [np.arange(found[0].n_items)], found[0].n_items
    titles = list(found[0].catalogue.titles)
    for domain in found[1:]:
        place = twins_of(titles, domain.catalogue.titles)
        new = np.flatnonzero(place < 0)
        place[new] = length + np.arange(len(new))
        places, first, length = [*places, place], [*first, new], length + len(new)
        titles += [domain.catalogue.titles[item] for item in new.tolist()]
    return _whole(found, places, first)


def stacked(parts: Sequence[Dataset]) -> Dataset:
    """Return the users of several parts of one data set, one part after the other.

    Example:
        >>> import numpy as np
        >>> import warmstart as ws
        >>> from warmstart.meta.transfer.domains import stacked
        >>> data = ws.load_dataset("movielens-small")
        >>> stacked([data.take_users(np.arange(5)), data.take_users(np.arange(9))]).n_users
        14
    """
    first, every = parts[0], np.arange(parts[0].n_items)
    histories = _side_by_side([part.histories for part in parts], [every] * len(parts))
    told = [part.users for part in parts if part.users is not None]
    users = pl.concat(told) if len(told) == len(parts) else None
    return replace(first, histories=histories, user_ids=np.concatenate([part.user_ids for part in parts]), users=users)


def _named(domains: Sequence[Dataset] | Mapping[str, Dataset]) -> dict[str, Dataset]:
    listed = list(domains.items() if isinstance(domains, Mapping) else ((one.name, one) for one in domains))
    names = [name for name, _ in listed]
    if not names:
        raise BadInput("domains is empty. Give data sets, such as fit(domains=[films, series]).")
    if len(set(names)) < len(names):
        raise BadInput(f"Two domains are called alike: {', '.join(names)}. Give a mapping from names to data sets.")
    return dict(listed)


def _digest(domain: Dataset) -> int:
    """Return a number that depends on all but the ids and the name."""
    found = zlib.crc32("\n".join(domain.catalogue.titles).encode())
    for part in (domain.histories.indptr, domain.histories.items, domain.histories.values):
        found = zlib.crc32(part.tobytes(), found)
    return found


def _renamed(name: str, domain: Dataset) -> Dataset:
    items, users = ([f"{name}:{one}" for one in ids] for ids in (domain.item_ids, domain.user_ids.tolist()))
    catalogue = replace(domain.catalogue, item_ids=items)
    frame = pl.DataFrame({"item_id": items}) if domain.items is None else domain.items
    described = frame.with_columns(pl.Series("item_id", items))
    if "title" not in described.columns:
        described = described.with_columns(pl.Series("title", domain.catalogue.titles, dtype=pl.String))
    return replace(domain, catalogue=catalogue, user_ids=np.array(users, dtype=object), items=described, users=None)


def _liked_or_not(domain: Dataset) -> Dataset:
    values = np.where(domain.liked, LIKED, NOT_LIKED).astype(np.float32)
    catalogue = replace(domain.catalogue, like_from=LIKED, like_value=LIKED, dislike_value=NOT_LIKED)
    return replace(domain, catalogue=catalogue, histories=replace(domain.histories, values=values))


def _whole(domains: Sequence[Dataset], places: Sequence[Ints], new: Sequence[Ints]) -> Dataset:
    """Put domains one after the other: ``places`` says where each one's items stand, ``new`` which are its own."""
    items = pl.concat(
        [domain.items[own] for domain, own in zip(domains, new, strict=True) if domain.items is not None],
        how="diagonal_relaxed",
    )
    described = [domain.catalogue for domain in domains]
    catalogue = replace(
        described[0],
        item_ids=items["item_id"].to_list(),
        titles=[one.titles[item] for one, own in zip(described, new, strict=True) for item in own.tolist()],
    )
    kinds = {name: kind for domain in reversed(domains) for name, kind in domain.item_kinds.items()}
    users = np.concatenate([domain.user_ids for domain in domains])
    histories = _side_by_side([domain.histories for domain in domains], places)
    return Dataset(" + ".join(domain.name for domain in domains), catalogue, users, histories, items, item_kinds=kinds)


def _side_by_side(histories: Sequence[Histories], places: Sequence[Ints]) -> Histories:
    lengths = np.concatenate([one.lengths for one in histories])
    times = [one.times for one in histories if one.times is not None]
    return Histories(
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.concatenate([place[one.items] for one, place in zip(histories, places, strict=True)]).astype(np.int32),
        np.concatenate([one.values for one in histories]),
        np.concatenate(times) if len(times) == len(histories) else None,
    )
