"""Composing the item side into a prior: items with few events borrow once, at training, and cost nothing to serve.

Everything that a prior says of an item is linear in its columns, so borrowing is done on the columns themselves and
a score stays the sum of what each event adds. An event on an item that nobody met in training speaks through the
items that it borrows from.
"""

from dataclasses import replace

import numpy as np
from scipy import sparse

from warmstart.core.histories import Floats, Ints
from warmstart.meta.item_side import ItemMap
from warmstart.meta.kshot import KShot
from warmstart.meta.maps import DenseMap, FactoredMap, factored
from warmstart.meta.prior import Anchor, Prior
from warmstart.meta.tastes import Tastes


def widened(prior: Prior, n_new: int) -> Prior:
    """Return the prior with ``n_new`` further items of which it says nothing yet."""
    old, n_items = np.arange(prior.n_items), prior.n_items + n_new
    few, many = (
        Anchor(
            KShot(_longer(anchor.prior.constant, n_new), anchor.prior.events.spread(old, n_items)),
            _longer(anchor.attributes, n_new),
        )
        for anchor in prior.anchors
    )
    tastes = None
    if prior.tastes is not None:
        place = np.concatenate([prior.tastes.place, np.full(n_new, -1, dtype=np.int64)])
        tastes = replace(prior.tastes, place=place, outputs=_longer(prior.tastes.outputs, n_new))
    popularity, greeting = _longer(prior.popularity, n_new), _longer(prior.greeting, n_new)
    return replace(prior, popularity=popularity, greeting=greeting, few=few, many=many, tastes=tastes)


def lent(prior: Prior, borrows: ItemMap, unmet: Ints) -> Prior:
    """Return the prior in which the items of ``borrows`` have borrowed their columns.

    Args:
        prior: what is said of all items.
        borrows: who borrows from whom.
        unmet: int64, those of its items without any event in training: their events speak through their lenders.
    """
    if not len(borrows) or not len(borrows.anchors):
        return prior
    few, many = (
        Anchor(
            KShot(_borrowed(anchor.prior.constant, borrows), _borrowed_map(anchor.prior.events, borrows, unmet)),
            _borrowed(anchor.attributes, borrows),
        )
        for anchor in prior.anchors
    )
    tastes = None if prior.tastes is None else _borrowed_tastes(prior.tastes, borrows, unmet)
    popularity, greeting = _borrowed(prior.popularity, borrows), _borrowed(prior.greeting, borrows)
    return replace(prior, popularity=popularity, greeting=greeting, few=few, many=many, tastes=tastes)


def _borrowed(columns: Floats, borrows: ItemMap) -> Floats:
    """Blend the last axis: own columns and those of the lenders."""
    found = columns.copy()
    theirs = np.asarray(borrows.weights @ columns[..., borrows.anchors].T).T
    own = found[..., borrows.items]
    found[..., borrows.items] = (1 - borrows.shares) * own + borrows.shares * theirs
    return found


def _borrowed_sparse(columns: sparse.csr_matrix, borrows: ItemMap) -> sparse.csr_matrix:
    """Do what ``_borrowed`` does and leave all other columns sparse."""
    kept = np.ones(columns.shape[1], dtype=np.float32)
    kept[borrows.items] = 1 - borrows.shares
    theirs = sparse.csr_matrix(borrows.weights) @ columns[:, borrows.anchors].T  # [borrowing, r]
    scattered = sparse.csr_matrix(
        (borrows.shares, (borrows.items, np.arange(len(borrows)))), shape=(columns.shape[1], len(borrows))
    )
    found = columns @ sparse.diags(kept) + (scattered @ theirs).T
    return found.tocsr().astype(np.float32)


def _borrowed_map(events: DenseMap | FactoredMap, borrows: ItemMap, unmet: Ints) -> DenseMap | FactoredMap:
    if isinstance(events, DenseMap):
        rows = _borrowed(events.rows, borrows)
        marks = (borrows.own * sparse.diags(borrows.shares) @ sparse.csr_matrix(borrows.weights)).T.toarray()
        rows[np.ix_(borrows.anchors, borrows.items)] += marks.astype(np.float32)
        _speak_through(rows, borrows, unmet)
        np.fill_diagonal(rows, 0)
        return DenseMap(rows)
    left = events.left.copy()
    _speak_through(left, borrows, unmet)
    if isinstance(events.right, np.ndarray):
        return factored(left, _borrowed(events.right, borrows))
    return factored(left, _borrowed_sparse(events.right, borrows))


def _borrowed_tastes(tastes: Tastes, borrows: ItemMap, unmet: Ints) -> Tastes:
    lenders = tastes.keys[np.maximum(tastes.place[borrows.anchors], 0)]
    lenders[tastes.place[borrows.anchors] < 0] = 0
    chosen = np.isin(borrows.items, unmet)
    keys = np.asarray(borrows.weights[chosen] @ lenders, dtype=np.float32)
    place = tastes.place.copy()
    place[borrows.items[chosen]] = len(tastes.keys) + np.arange(len(keys))
    return replace(tastes, keys=np.vstack([tastes.keys, keys]), place=place, outputs=_borrowed(tastes.outputs, borrows))


def _speak_through(rows: Floats, borrows: ItemMap, unmet: Ints) -> None:
    """Fill the rows of items that nobody met: an event on them counts as their lenders' would."""
    chosen = np.isin(borrows.items, unmet)
    rows[borrows.items[chosen]] = borrows.weights[chosen] @ rows[borrows.anchors]


def _longer(columns: Floats, n_new: int) -> Floats:
    padding = [(0, 0)] * (columns.ndim - 1) + [(0, n_new)]
    return np.pad(columns, padding)
