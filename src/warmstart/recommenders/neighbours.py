"""Finding the nearest among many: exact, with ties that depend on no order of users."""

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.histories import Floats


def nearest_and_ties(alike: npt.NDArray[np.floating], k: int) -> sparse.csr_matrix:
    """Keep the ``k`` largest positive entries of each row, and those equal to the last of them.

    Args:
        alike: similarities [n, m].
        k: at least 1.

    Example:
        >>> import numpy as np
        >>> from warmstart.recommenders.neighbours import nearest_and_ties
        >>> nearest_and_ties(np.array([[0.5, 0.9, 0.5, 0.1]]), 2).toarray().tolist()
        [[0.5, 0.9, 0.5, 0.0]]
    """
    least = np.zeros(len(alike), dtype=alike.dtype)
    if k < alike.shape[1]:
        least = np.partition(alike, -k, axis=1)[:, -k]
    kept = np.flatnonzero((alike > 0) & (alike >= least[:, None]))
    rows, columns = np.divmod(kept, alike.shape[1]) if alike.shape[1] else (kept, kept)
    ends = np.cumsum(np.bincount(rows, minlength=len(alike)))
    return sparse.csr_matrix((alike.ravel()[kept], columns, np.concatenate([[0], ends])), shape=alike.shape)


def nearest(alike: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """Keep the ``k`` largest positive entries of each row, ties in order of column.

    Example:
        >>> from scipy import sparse
        >>> from warmstart.recommenders.neighbours import nearest
        >>> nearest(sparse.csr_matrix([[0.5, 0.9, 0.5, 0.1]]), 2).toarray().tolist()
        [[0.5, 0.9, 0.0, 0.0]]
    """
    if alike.nnz * 10 > alike.shape[0] * alike.shape[1]:
        alike = nearest_and_ties(alike.toarray(), k)  # much less to sort
    lengths = np.diff(alike.indptr)
    rows = np.repeat(np.arange(alike.shape[0]), lengths)
    order = np.lexsort((alike.indices, -alike.data, rows))
    place = np.arange(len(order)) - np.repeat(alike.indptr[:-1], lengths)
    kept = order[(place < k) & (alike.data[order] > 0)]
    return sparse.csr_matrix((alike.data[kept], (rows[kept], alike.indices[kept])), shape=alike.shape)


def dense_product(left: sparse.csr_matrix, right: sparse.csr_matrix, right_turned: sparse.csr_matrix) -> Floats:
    """Return ``left @ right`` as a dense matrix, by whichever way is faster.

    Both ways add the same numbers in the same order, so that a row is the same in every batch.

    Args:
        left: float32 [n, m].
        right: float32 [m, p].
        right_turned: the transpose of ``right`` in compressed rows.

    Example:
        >>> from scipy import sparse
        >>> from warmstart.recommenders.neighbours import dense_product
        >>> row, column = sparse.csr_matrix([[1.0, 2.0]]), sparse.csr_matrix([[3.0], [4.0]])
        >>> dense_product(row, column, column.T.tocsr()).tolist()
        [[11.0]]
    """
    if left.nnz * 50 < left.shape[0] * left.shape[1]:
        return np.asarray((left @ right).toarray())
    return np.ascontiguousarray((right_turned @ left.T.tocsr().toarray()).T)
