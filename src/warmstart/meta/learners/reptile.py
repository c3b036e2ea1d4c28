"""Reptile: adapt to a task by gradient descent, then move the start a little towards where that led."""

from typing import Any, ClassVar, Literal

from warmstart.meta.learners.either import Array, logsumexp
from warmstart.meta.learners.gradient import MAML, GradientConfig
from warmstart.meta.learners.learner import LearnerConfig, Vectors, known, squared_losses
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
        """Leave the mean slope of the steps in the prior's tensors, and return the mean outer loss."""
        import torch

        likes = query.scatter_add(1, shots.items, shots.weights)
        many = likes.sum(1)
        # of the likes a task's loss knows their mean alone: it is worked out once, and so is its slope
        met, met_common = likes @ prior["keys"] / many[:, None], likes @ prior["log_popularity"] / many
        contrast, common = prior["keys"][prior["contrast"]], prior["log_popularity"][prior["contrast"]]
        shared = [met, met_common, contrast, common]
        leaves = [one.detach().requires_grad_() for one in shared]
        told = torch.cat([shots.attributes, torch.ones_like(likes[:, :1])], 1)
        fast = {name: prior[name].detach().expand(len(shots), *prior[name].shape) for name in self.moved}
        summed = [torch.zeros_like(one) for one in (*fast.values(), *leaves)]
        for _ in range(self.config.inner_steps):
            fast = {name: one.detach().requires_grad_() for name, one in fast.items()}
            slopes = torch.autograd.grad(_losses(fast, told, *leaves).sum(), [*fast.values(), *leaves])
            moved = zip(fast.items(), slopes, strict=False)
            fast = {name: one - self.config.inner_rate * slope for (name, one), slope in moved}
            summed = [one + by for one, by in zip(summed, slopes, strict=True)]
        means = [one / (len(shots) * self.config.inner_steps) for one in summed]
        start, own = [prior[name] for name in self.moved], len(self.moved)
        torch.autograd.backward([*start, *shared], [*(one.sum(0) for one in means[:own]), *means[own:]])
        return self._read(prior, shots, query, seen)

    def _read(self, prior: dict[str, Array], shots: Shots, query: Array, seen: Array) -> float:
        """Leave the slope of the items, which read what is adapted to but take no part in adapting."""
        import torch

        with torch.no_grad():
            vectors = known(self.vectors(prior, shots), shots)
        loss = squared_losses(Vectors(prior["bias"], vectors, prior["items"]).scores(), query, seen).mean()
        loss.backward()
        return float(loss.detach())


def _losses(fast: dict[str, Any], told: Any, met: Any, met_common: Any, contrast: Any, common: Any) -> Any:
    """Return the cross-entropy of each task's likes among the contrast items, [n]."""
    import torch

    hidden = torch.tanh(torch.einsum("nc,nch->nh", told, fast["body.in"]))
    heads = fast["head"] + torch.einsum("nh,nhd->nd", hidden, fast["body.out"])
    return logsumexp(common + heads @ contrast.T) - (heads * met).sum(-1) - met_common
