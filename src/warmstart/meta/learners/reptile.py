"""Reptile: adapt to a task by gradient descent, then move the start a little towards where that led."""

from typing import Any, ClassVar, Literal

from warmstart.meta.learners.either import Array
from warmstart.meta.learners.gradient import MAML, GradientConfig
from warmstart.meta.learners.learner import LearnerConfig, ranking_losses
from warmstart.meta.learners.shots import Shots


class ReptileConfig(GradientConfig):
    """Settings of ``reptile``."""

    rates: Literal["fixed"] = "fixed"
    """Rates are as given: Reptile has no slope along which to learn them."""


class Reptile(MAML):
    """Descends on all that is known of a task; the slopes met on the way, in the mean, move the start and the items.

    The way from the start to where the steps led is the sum of these slopes, so this is the published update; no
    support is split from a query, and nothing is differentiated twice.

    Source: Nichol, Achiam and Schulman (2018), On first-order meta-learning algorithms.
    """

    name: ClassVar[str] = "reptile"
    config_class: ClassVar[type[LearnerConfig]] = ReptileConfig

    def step(self, prior: dict[str, Array], shots: Shots, query: Array, seen: Array) -> float:
        """Leave the mean slope of the steps in the prior's tensors, and return the mean loss on the way."""
        import torch

        likes = query.scatter_add(1, shots.items, shots.weights)
        told = torch.cat([shots.attributes, torch.ones_like(likes[:, :1])], 1)
        unseen = torch.zeros_like(seen)
        away: dict[str, Any] = {name: torch.zeros(len(shots), *prior[name].shape) for name in self.moved}
        total: Any = 0.0
        for _ in range(self.config.inner_steps):
            fast = {name: prior[name] + away[name].to(likes.device) for name in self.moved}
            hidden = torch.tanh(torch.einsum("nc,nch->nh", told, fast["body.in"]))
            heads = fast["head"] + torch.einsum("nh,nhd->nd", hidden, fast["body.out"])
            losses = ranking_losses(prior["bias"] + heads @ prior["items"].T, likes, unseen)
            slopes = torch.autograd.grad(losses.sum(), list(fast.values()), retain_graph=True)
            away = {name: away[name] - self.config.inner_rate * one for name, one in zip(fast, slopes, strict=True)}
            total = total + losses.mean() / self.config.inner_steps
        total.backward()
        return float(total.detach())
