"""One step for several tasks at once: what they share follows a direction that no task is against.

The gradients of the tasks by what they share are the rows of a Jacobian ``J``; an aggregator makes one direction of
them (Jacobian descent). Under UPGrad each row is projected onto the cone of directions that no task is against before
they are averaged, so ``J direction >= 0`` whatever the rows are. The head of a task follows that task's gradient.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
from scipy.optimize import nnls

from warmstart.core.errors import MissingExtra
from warmstart.meta.learners.either import Array

Balance = Literal["upgrad", "dualproj", "pcgrad", "mgda", "imtl_g", "aligned_mtl", "sum"]
"""UPGrad (Quinton and Rey, 2024), DualProj (Lopez-Paz and Ranzato, 2017), PCGrad (Yu et al., 2020), MGDA (Désidéri,
2012), IMTL-G (Liu et al., 2021), Aligned-MTL (Senushkin et al., 2023), or the plain sum."""
BALANCES: tuple[Balance, ...] = get_args(Balance)


def balanced_step(
    losses: Sequence[Array],
    features: Array,
    shared: Sequence[Array],
    heads: Sequence[Sequence[Array]],
    balance: Balance,
) -> None:
    """Leave the gradients of several losses in their tensors: one direction in what is shared, each task's in its head.

    Args:
        losses: one number a task.
        features: what of the shared tensors the heads read; every loss depends on it.
        shared: leaves from which the features are made.
        heads: leaves of each task alone.
        balance: how the directions of the tasks become one.

    Raises:
        MissingExtra: torchjd is absent, and gradients of more than one task are to be balanced.
    """
    if balance == "sum" or len(losses) == 1:
        total: Any = sum(losses[1:], losses[0])
        total.backward()
        return
    autojac = _torchjd().autojac
    autojac.mtl_backward(losses, features=[features], tasks_params=heads, shared_params=shared)
    autojac.jac_to_grad(shared, aggregator(balance), optimize_gramian_computation=True)


def aggregator(balance: Balance) -> Callable[[Array], Array]:
    """Return what makes one direction, [n], of a Jacobian of one row a task, [tasks, n].

    Example:
        >>> import torch
        >>> from warmstart.meta.learners.balance import aggregator
        >>> rows = torch.tensor([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]])
        >>> [round(one, 2) for one in aggregator("upgrad")(rows).tolist()]
        [0.29, 1.9, 1.9]
    """
    kinds = _torchjd().aggregation
    plain = {"pcgrad": "PCGrad", "mgda": "MGDA", "imtl_g": "IMTLG", "aligned_mtl": "AlignedMTL", "sum": "Sum"}
    projecting = {"upgrad": "UPGrad", "dualproj": "DualProj"}
    if balance in projecting:
        return getattr(kinds, projecting[balance])(projector=onto_dual_cone)  # type: ignore[no-any-return]
    return getattr(kinds, plain[balance])()  # type: ignore[no-any-return]


def onto_dual_cone(weights: Array, gramian: Array) -> Array:
    """Return the weights of the projections of ``J'u`` onto the cone of directions that no row of ``J`` is against.

    That is ``min v'Gv`` with ``v >= u``, with ``v = u + w`` a least-squares problem in ``w >= 0``: exact, without the
    solver of quadratic programmes that torchjd would ask for.

    Args:
        weights: the ``u``, tensor [..., tasks].
        gramian: ``G = JJ'``, tensor [tasks, tasks].
    """
    import torch

    values, directions = np.linalg.eigh(gramian.detach().cpu().numpy().astype(np.float64))
    root = np.sqrt(np.maximum(values, 0))[:, None] * directions.T
    asked = weights.detach().cpu().numpy().astype(np.float64)
    found = [one + nnls(root, -root @ one)[0] for one in asked.reshape(-1, asked.shape[-1])]
    return torch.as_tensor(np.reshape(found, asked.shape), device=gramian.device, dtype=gramian.dtype)


def _torchjd() -> Any:
    try:
        import torchjd.aggregation
        import torchjd.autojac
    except ImportError:
        raise MissingExtra("torchjd", extra="multitask") from None
    return torchjd
