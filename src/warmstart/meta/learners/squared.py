"""The outer loss in torch, with its slope written out: it goes over all items of all tasks, so passes count."""

from functools import cache
from typing import Any

from warmstart.meta.learners.either import Array


def squared_error(scores: Array, query: Array, seen: Array) -> Array:
    """Return the squared error of each task over the items that it has not seen, [n]; its slope can be taken once.

    Autograd would keep the difference, its square and the mask, and go over them some eight times; written out the way
    forth and the way back are three passes and one.

    Args:
        scores: float [n, items], a tensor.
        query: float [n, items], what is wanted.
        seen: bool [n, items], what does not count.

    Example:
        >>> import torch
        >>> from warmstart.meta.learners.squared import squared_error
        >>> scores = torch.tensor([[0.5, 0.5, 9.0]], requires_grad=True)
        >>> loss = squared_error(scores, torch.tensor([[1.0, 0, 0]]), torch.tensor([[False, False, True]]))
        >>> loss.sum().backward()
        >>> loss.tolist(), scores.grad.tolist()
        ([0.5], [[-1.0, 1.0, 0.0]])
    """
    return _function().apply(scores, query, seen)


@cache
def _function() -> Any:
    import torch

    class SquaredError(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
        @staticmethod
        def forward(context: Any, scores: Any, query: Any, seen: Any) -> Any:
            error = (scores - query).masked_fill_(seen, 0.0)
            context.save_for_backward(error)
            return torch.linalg.vecdot(error, error)

        @staticmethod
        def backward(context: Any, *slopes: Any) -> Any:
            (error,) = context.saved_tensors
            return (2 * slopes[0])[:, None] * error, None, None

    return SquaredError
