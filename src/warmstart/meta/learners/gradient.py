"""Learners that adapt by a few steps of gradient descent: MAML, its first-order form, ANIL and Meta-SGD.

The network is small: a person's attributes pass a hidden layer (the body) to a vector (the head), whose products with
the items' keys are logits over the catalogue,

    h = head + tanh([x, 1] W_in) W_out,     logits = log popularity + Z h
    L_inner = log sum_c exp(logits_c) - mean_s logits_s

``c`` runs over the contrast items (all of a small catalogue), ``s`` over the support. MAML steps along the gradient
of L_inner in head and body, ANIL in the head alone, Meta-SGD with a rate of its own for each number. The items'
keys are the representation: they are learned outside and stay while adapting, as in MeLU (Lee et al., 2019).

While training, ``torch.func`` takes the gradients and ``vmap`` all tasks at once, through the steps or, first-order,
past them. Answering uses the same gradient written out in numpy; a test holds the two to each other.
"""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from warmstart.core.artefact import Arrays
from warmstart.core.config import Tunable
from warmstart.core.histories import Floats, Ints
from warmstart.core.run import Run
from warmstart.meta.learners.either import Array, constant, library_of, softmax, weighted_mean
from warmstart.meta.learners.learner import SCALARS, LearnerConfig, VectorLearner
from warmstart.meta.learners.pace import fixed_rates, pace_arrays, paced
from warmstart.meta.learners.shots import Shots
from warmstart.meta.learners.task_set import TaskSet

HIDDEN = 16
REACH = 3.0
"""Length of the items' vectors at first: long enough that a step of common size moves the ranking."""
Fast = dict[str, Array]


class GradientConfig(LearnerConfig):
    """Settings of learners that adapt by gradient descent."""

    learning_rate: Annotated[float, Field(gt=0), Tunable(1e-3, 1e-2, log=True)] = 3e-3
    """Highest step of the outer loop (Adam)."""
    inner_steps: Annotated[int, Field(ge=1, le=20), Tunable(choices=(1, 3, 5))] = 3
    """Steps of gradient descent that adapt to one person."""
    inner_rate: Annotated[float, Field(gt=0), Tunable(0.02, 0.5, log=True)] = 0.1
    """Size of these steps at first."""
    rates: Annotated[Literal["fixed", "learned", "adaptive"], Tunable(choices=("fixed", "learned", "adaptive"))] = (
        "adaptive"
    )
    """Rates as given, one learned for each step, or foretold, like steps and loss weights, from the person's events."""
    first_order: bool = False
    """Whether the outer gradient passes over the inner one's own slope."""
    contrast: Annotated[int, Field(ge=1)] = 1000
    """Most popular items that the events are held against."""


class MAML(VectorLearner):
    """Learns a start from which a few steps of gradient descent adapt body and head to a person.

    Source: Finn, Abbeel and Levine (2017), Model-agnostic meta-learning; rates per step by Antoniou et al. (2019).

    Example:
        >>> import numpy as np
        >>> import warmstart as ws
        >>> from warmstart.meta.learners.gradient import MAML, GradientConfig
        >>> from warmstart.meta.learners.task_set import TaskSet
        >>> from warmstart.meta.prior import Support
        >>> learner = MAML(GradientConfig(epochs=0, dimension=16))
        >>> prior = learner.fit(TaskSet.of(ws.load_dataset("movielens-small")))
        >>> event = Support(np.array([0, 1]), np.array([224]), np.ones(1, np.float32))
        >>> learner.adapt(prior, event).scores().shape
        (1, 9742)
    """

    name: ClassVar[str] = "maml"
    config_class: ClassVar[type[LearnerConfig]] = GradientConfig
    item_arrays: ClassVar[tuple[str, ...]] = ("keys", "log_popularity", "items", "bias")
    moved: ClassVar[tuple[str, ...]] = ("head", "body.in", "body.out")
    """Arrays that adapting moves."""

    def beginning(self, vectors: Floats, tasks: TaskSet, run: Run) -> Arrays:
        """Begin at popularity: the head is 0, and so is what the body adds."""
        rng = run.rng(self.name, "beginning")
        columns, dimension = tasks.attributes.shape[1], vectors.shape[1]
        return {
            "keys": REACH * vectors,
            "log_popularity": tasks.log_popularity,
            "head": np.zeros(dimension, np.float32),
            "body.in": (0.3 * rng.standard_normal((columns + 1, HIDDEN))).astype(np.float32),
            "body.out": np.zeros((HIDDEN, dimension), np.float32),
            "contrast": most_popular(tasks.log_popularity, self.config.contrast),
        } | pace_arrays(self.config.inner_steps, self.config.inner_rate, rng)

    @property
    def fixed(self) -> tuple[str, ...]:
        """Arrays that the outer loop leaves as they are."""
        return ("log_rates",) if self.config.rates == "fixed" else ()

    def vectors(self, prior: dict[str, Array], shots: Shots) -> Array:
        """Take the inner steps from the prior, each person's own."""
        rates, weights = (paced if self.config.rates == "adaptive" else fixed_rates)(prior, shots)
        rates = rates * (shots.counts > 0)[:, None]
        paced_shots = Shots(shots.items, weights, shots.attributes)
        descend = self._descended_by_autograd if self._needs_slopes(shots) else self._descended
        return descend(prior, paced_shots, rates)

    def _needs_slopes(self, shots: Shots) -> bool:
        """Return whether the slope of the steps themselves will be asked for."""
        library = library_of(shots.weights)
        return library is not np and not self.config.first_order and bool(library.is_grad_enabled())

    def scale(self, prior: dict[str, Array], name: str) -> Array:
        """Return the factor on the rates of one moved array."""
        return 1.0

    def _descended(self, prior: dict[str, Array], shots: Shots, rates: Array) -> Array:
        """Return the heads after the inner steps, [n, d], by slopes written out, which count as constants."""
        xp, n = library_of(rates), len(shots)
        told = xp.concatenate([shots.attributes, xp.ones_like(shots.counts)[:, None]], 1)
        fast = {name: xp.broadcast_to(prior[name], (n, *prior[name].shape)) for name in PARTS}
        kept = {name: constant(prior[name]) for name in ("keys", "log_popularity")}
        contrast, bias = (one[prior["contrast"]] for one in kept.values())
        # the events' mean key is all that the slope asks of them
        met, told_still = weighted_mean(kept["keys"][shots.items], constant(shots.weights)), constant(told)
        for step in range(rates.shape[1]):
            slopes = _slopes({name: constant(one) for name, one in fast.items()}, told_still, contrast, bias, met)
            for name in self.moved:
                rate = rates[:, step].reshape(-1, *[1] * prior[name].ndim)
                fast[name] = fast[name] - rate * self.scale(prior, name) * slopes[name]
        return _heads(fast, told)[1]

    def _descended_by_autograd(self, prior: dict[str, Any], shots: Shots, rates: Any) -> Any:
        from torch.func import vmap

        task = TaskMathematics(prior, self.moved, {name: self.scale(prior, name) for name in self.moved})
        own, own_bias = prior["keys"][shots.items], prior["log_popularity"][shots.items]

        def one(*told: Any) -> Any:
            return task.head(task.descended(*told), told[3])

        return vmap(one)(own, own_bias, shots.weights, shots.attributes, rates)


PARTS = ("head", "body.in", "body.out")


class TaskMathematics:
    """One task in torch: its network, its inner loss, and the steps along its gradient; made to be vectorised."""

    def __init__(self, prior: dict[str, Any], moved: tuple[str, ...], scales: dict[str, Any]) -> None:
        self.start = {name: prior[name] for name in PARTS}
        self.moved, self.scales = moved, scales
        self.contrast, self.bias = prior["keys"][prior["contrast"]], prior["log_popularity"][prior["contrast"]]

    def head(self, fast: Fast, attributes: Any) -> Any:
        """Return the vector of one person, [d]."""
        import torch

        told = torch.cat([attributes, torch.ones_like(fast["head"][:1])])
        return fast["head"] + torch.tanh(told @ fast["body.in"]) @ fast["body.out"]

    def inner_loss(self, fast: Fast, own: Any, own_bias: Any, weights: Any, attributes: Any) -> Any:
        """Return the cross-entropy of the support among the contrast items."""
        import torch

        head = self.head(fast, attributes)
        normal = torch.logsumexp(self.bias + self.contrast @ head, 0)
        total = weights.sum()
        return normal - ((own_bias + own @ head) * weights).sum() / torch.where(total > 0, total, 1.0)

    def descended(self, own: Any, own_bias: Any, weights: Any, attributes: Any, rates: Any) -> Fast:
        """Return the network after the inner steps."""
        from torch.func import grad

        moving, still = {name: self.start[name] for name in self.moved}, dict(self.start)
        for rate in rates.unbind(0):
            slopes = grad(lambda fast: self.inner_loss({**still, **fast}, own, own_bias, weights, attributes))(moving)
            for name in self.moved:
                moving = {**moving, name: moving[name] - rate * self.scales[name] * slopes[name]}
        return {**still, **moving}


def _heads(fast: dict[str, Array], told: Array) -> tuple[Array, Array]:
    """Return what the body makes of people, [n, h], and their heads, [n, d]."""
    xp = library_of(told)
    hidden = xp.tanh(xp.einsum("nc,nch->nh", told, fast["body.in"]))
    return hidden, fast["head"] + xp.einsum("nh,nhd->nd", hidden, fast["body.out"])


def _slopes(fast: dict[str, Array], told: Array, contrast: Array, bias: Array, met: Array) -> dict[str, Array]:
    """Return the slope of each task's inner loss along its own network."""
    xp = library_of(told)
    hidden, heads = _heads(fast, told)
    slope = softmax(bias + heads @ contrast.T) @ contrast - met
    back = xp.einsum("nd,nhd->nh", slope, fast["body.out"]) * (1 - hidden**2)
    return {
        "head": slope,
        "body.out": hidden[:, :, None] * slope[:, None, :],
        "body.in": told[:, :, None] * back[:, None, :],
    }


class FirstOrderMAML(MAML):
    """MAML whose outer gradient takes the inner one as a constant.

    What only the inner loss reads, the keys and the rates, has no slope then and stays as it began.

    Source: Finn, Abbeel and Levine (2017); Nichol, Achiam and Schulman (2018).
    """

    name: ClassVar[str] = "fomaml"

    def __init__(self, config: LearnerConfig | None = None) -> None:
        super().__init__(config)
        self.config = self.config.model_copy(update={"first_order": True})


class ANIL(MAML):
    """MAML that adapts the head alone: almost no inner loop.

    Source: Raghu et al. (2020), Rapid learning or feature reuse?
    """

    name: ClassVar[str] = "anil"
    moved: ClassVar[tuple[str, ...]] = ("head",)


class MetaSGD(MAML):
    """MAML with a learned rate for each number that adapting moves.

    Source: Li et al. (2017), Meta-SGD.
    """

    name: ClassVar[str] = "meta_sgd"

    def beginning(self, vectors: Floats, tasks: TaskSet, run: Run) -> Arrays:
        """Begin with equal rates."""
        begun = super().beginning(vectors, tasks, run)
        return begun | {f"log_scale.{name}": np.zeros_like(begun[name]) for name in self.moved}

    def scale(self, prior: dict[str, Array], name: str) -> Array:
        """Return each number's own factor."""
        exponents = SCALARS * prior[f"log_scale.{name}"]
        return np.exp(exponents) if isinstance(exponents, np.ndarray) else exponents.exp()


def most_popular(log_popularity: Floats, count: int) -> Ints:
    """Return the ``count`` most popular items, int64, in the order of the catalogue.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.learners.gradient import most_popular
        >>> most_popular(np.array([0.0, 2.0, 1.0]), 2).tolist()
        [1, 2]
    """
    return np.sort(np.argsort(-log_popularity, kind="stable")[:count]).astype(np.int64)
