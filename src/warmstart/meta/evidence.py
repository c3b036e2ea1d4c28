"""From histories to graded evidence: what each event weighs."""

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.histories import Floats, Histories
from warmstart.data.dataset import Dataset
from warmstart.meta.kshot import Episodes
from warmstart.meta.parameters import MetaParameters
from warmstart.meta.prior import Support

TRAINING_DISLIKE = 0.6
"""Weight of an event that is no like in the training episodes."""


def weights_of(histories: Histories, like_from: float | None, parameters: MetaParameters) -> Floats:
    """Return the weight of each event, float32 [events]: 1 for the latest like, less for others.

    What the histories' own weights say is multiplied in.

    Example:
        >>> from warmstart.core.histories import Histories
        >>> from warmstart.meta.evidence import weights_of
        >>> from warmstart.meta.parameters import MetaParameters
        >>> one = Histories.of([[0, 1]], [[5.0, 1.0]])
        >>> weights_of(one, 4.0, MetaParameters(dislike_weight=0.5)).tolist()
        [1.0, 0.5]
    """
    weights = np.ones(len(histories.items), dtype=np.float32)
    if like_from is not None:
        weights[histories.values < like_from] = parameters.dislike_weight
    if parameters.half_life is not None and histories.times is not None:
        weights *= np.exp2(-_ages(histories) / parameters.half_life).astype(np.float32)
    if histories.weights is not None:
        weights *= histories.weights
    return weights


def support_of(
    histories: Histories,
    like_from: float | None,
    parameters: MetaParameters,
    attributes: Floats | None = None,
) -> Support:
    """Return the graded evidence of a batch; events keep their order within a row."""
    whole = None
    if histories.weights is not None:
        whole = np.bincount(histories.rows, histories.weights, minlength=len(histories)).astype(np.float64)
    weights = weights_of(histories, like_from, parameters)
    return Support(histories.indptr, histories.items, weights, attributes, whole)


def episodes_of(data: Dataset, early: float = 0.0) -> Episodes:
    """Return the training users' graded events and likes.

    Args:
        data: training users.
        early: share of the tasks that reveal what came first; without times it counts for nothing.
    """
    liked = data.liked.astype(np.float32)
    graded = np.where(liked > 0, 1, TRAINING_DISLIKE).astype(np.float32)
    query = data.histories.matrix(data.n_items, liked)
    query.eliminate_zeros()
    support = data.histories.matrix(data.n_items, graded)
    for matrix in (support, query):
        np.minimum(matrix.data, 1, out=matrix.data)
    return Episodes(support, query, places_of(data) if early else None, early)


def places_of(data: Dataset) -> sparse.csr_matrix | None:
    """Return the place in time of each event among its user's, from 1 on, float32 [users, items]; None without times.

    An item that somebody met more than once stands where she met it first.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.meta.evidence import places_of
        >>> data = ws.load_dataset("movielens-small")
        >>> first = places_of(data)[0]
        >>> int(first.data.min()), int(first.data.max()) == int(data.histories.lengths[0])
        (1, True)
    """
    histories = data.histories
    if histories.times is None:
        return None
    order = np.lexsort((histories.times, histories.rows))
    places = np.empty(len(order), dtype=np.float32)
    places[order] = 1 + np.arange(len(order)) - histories.indptr[:-1][histories.rows]
    found = histories.matrix(data.n_items, places)
    return found if found.nnz == len(places) else _first_places(histories, places, data.n_items)


def _first_places(histories: Histories, places: Floats, n_items: int) -> sparse.csr_matrix:
    cells = histories.rows.astype(np.int64) * n_items + histories.items
    order = np.lexsort((places, cells))
    first = order[np.diff(cells[order], prepend=-1) > 0]
    shape = (len(histories), n_items)
    return sparse.csr_matrix((places[first], (histories.rows[first], histories.items[first])), shape=shape)


def _ages(histories: Histories) -> npt.NDArray[np.float64]:
    """Return how many events of the same user came after each, float64 [events]."""
    ends = np.repeat(histories.indptr[1:], histories.lengths)
    ages: npt.NDArray[np.float64] = (ends - 1 - np.arange(len(histories.items))).astype(np.float64)
    return ages
