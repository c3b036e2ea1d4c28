"""Meta-learning as the papers write it, a Python loop over tasks and steps: the vectorised learners are held to it."""

from typing import Any

import torch

from warmstart.meta.learners.gradient import MAML
from warmstart.meta.learners.reptile import Reptile
from warmstart.meta.learners.task_set import Batch

Prior = dict[str, torch.Tensor]


def loop_loss(learner: MAML, prior: Prior, batch: Batch) -> torch.Tensor:
    """Return the mean outer loss of a batch (Finn, Abbeel and Levine, 2017, algorithm 1), with its graph.

    Args:
        learner: MAML or one of its kin, with rates that do not look at the task.
        prior: leaves that require a gradient.
        batch: tasks.
    """
    total = torch.zeros(())
    for row in range(len(batch.shots)):
        events = batch.shots.weights[row] > 0
        items, weights = batch.shots.items[row][events], torch.tensor(batch.shots.weights[row][events])
        attributes = torch.tensor(batch.shots.attributes[row])
        told = torch.cat([attributes, torch.ones(1)])
        fast = {name: prior[name] for name in ("head", "body.in", "body.out")}
        for step in range(learner.config.inner_steps):
            logits = _logits(prior, fast, told)
            normal = torch.logsumexp(logits[prior["contrast"]], 0)
            inner = normal - (logits[items] * weights).sum() / weights.sum()
            graph = not learner.config.first_order
            slopes = torch.autograd.grad(inner, [fast[name] for name in learner.moved], create_graph=graph)
            for name, slope in zip(learner.moved, slopes, strict=True):
                fast = {**fast, name: fast[name] - _rate(prior, name, step) * slope}
        person = torch.cat([_vector(fast, told), torch.log1p(weights.sum())[None], torch.ones(1), attributes])
        error = prior["bias"] + prior["items"] @ person - torch.tensor(batch.query[row])
        total = total + error.masked_fill(torch.tensor(batch.seen[row]), 0).square().sum()
    return total / len(batch.shots)


def loop_slopes(learner: Reptile, prior: Prior, batch: Batch) -> dict[str, torch.Tensor]:
    """Return what Reptile moves its start and its keys by, per unit of rate (Nichol et al., 2018)."""
    names = (*learner.moved, "keys", "log_popularity")
    found = {name: torch.zeros_like(prior[name]) for name in names}
    count = len(batch.shots) * learner.config.inner_steps
    for row in range(len(batch.shots)):
        items, weights = torch.tensor(batch.shots.items[row]), torch.tensor(batch.shots.weights[row])
        likes = torch.tensor(batch.query[row]).index_add(0, items, weights)
        told = torch.cat([torch.tensor(batch.shots.attributes[row]), torch.ones(1)])
        way = {name: prior[name].detach().clone().requires_grad_() for name in names}
        for _ in range(learner.config.inner_steps):
            logits = _logits(way, way, told)
            loss = torch.logsumexp(logits[prior["contrast"]], 0) - (logits * likes).sum() / likes.sum()
            slopes = dict(zip(names, torch.autograd.grad(loss, list(way.values())), strict=True))
            for name, slope in slopes.items():
                found[name] += slope / count
            for name in learner.moved:
                moved = way[name] - learner.config.inner_rate * slopes[name]
                way[name] = moved.detach().requires_grad_()
    # the items read what is adapted to: their slope is that of the outer loss, with the person taken as she is
    plain = type(learner)(learner.config.model_copy(update={"first_order": True}))
    loop_loss(plain, prior, batch).backward()
    return found | {name: prior[name].grad for name in ("items", "bias")}


def _vector(fast: Prior, told: torch.Tensor) -> torch.Tensor:
    return fast["head"] + torch.tanh(told @ fast["body.in"]) @ fast["body.out"]


def _logits(prior: Prior, fast: Prior, told: torch.Tensor) -> torch.Tensor:
    return prior["log_popularity"] + prior["keys"] @ _vector(fast, told)


def _rate(prior: Prior, name: str, step: int) -> Any:
    rate = torch.exp(10 * prior["log_rates"][step])
    own = prior.get(f"log_scale.{name}")
    return rate if own is None else rate * torch.exp(10 * own)
