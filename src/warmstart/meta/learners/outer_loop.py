"""The outer loop of all learners: tasks are drawn, adapted and asked, and what is common to them is moved by Adam."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from warmstart.core.artefact import Arrays
from warmstart.core.errors import MissingExtra
from warmstart.core.histories import Ints
from warmstart.core.run import Run
from warmstart.meta.learners.either import Array
from warmstart.meta.learners.shots import Shots
from warmstart.meta.learners.task_set import TaskSet
from warmstart.representation.training_loop import LoopConfig, descend, digest_of

Step = tuple[Ints, int]
"""Users of a batch, and the seed of its draw."""
Validate = Callable[[Arrays], float]
"""Returns a loss, lower is better, of a prior on users who were not trained on."""


class Trainable(Protocol):
    """What the outer loop asks of a learner."""

    name: ClassVar[str]
    config: Any

    @property
    def fixed(self) -> tuple[str, ...]:
        """Arrays that stay as they are."""
        ...

    def step(self, prior: dict[str, Array], shots: Shots, query: Array, seen: Array) -> float:
        """Leave the gradient of a batch in the prior's tensors, and return its mean loss."""
        ...


def trained(learner: Trainable, begun: Arrays, tasks: TaskSet, validate: Validate | None, run: Run) -> Arrays:
    """Return the prior after the outer loop; ``begun`` stays as it is.

    Args:
        learner: what is trained.
        begun: its prior before.
        tasks: training users.
        validate: returns a loss of a prior on other users; its best prior is taken.
        run: seed and progress.
    """
    torch = _torch()
    config = learner.config
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    weights = {name: torch.tensor(array, device=device) for name, array in begun.items()}
    free = {name: one.requires_grad_() for name, one in weights.items() if _moves(name, one, learner)}

    def slope(step: Step) -> float:
        batch = tasks.draw(step[0], np.random.default_rng(step[1]))
        shots = batch.shots.to(lambda array: torch.from_numpy(array).to(device))
        query, seen = (torch.from_numpy(array).to(device) for array in (batch.query, batch.seen))
        with torch.random.fork_rng():  # what is dropped follows the step, and nobody else's randomness is touched
            torch.manual_seed(step[1])
            return float(learner.step(weights, shots, query, seen))

    def judged() -> float:
        assert validate is not None  # noqa: S101  narrows the type
        return validate({name: one.detach().cpu().numpy() for name, one in weights.items()})

    loop = LoopConfig(
        epochs=config.epochs,
        rate=config.learning_rate,
        decay=config.weight_decay,
        patience=config.patience,
        warmup=0.1,
    )
    with _one_thread(torch):
        descend(
            free,
            slope,
            lambda epoch: _steps(tasks, config.batch, run.rng(learner.name, epoch)),
            loop,
            run,
            validate=None if validate is None else judged,
            folder=None if config.checkpoints is None else Path(config.checkpoints),
            identity=digest_of(learner.name, run.seed, config.model_dump_json(exclude={"checkpoints"}), *_told(tasks)),
            what=learner.name,
        )
    return {name: one.detach().cpu().numpy() for name, one in weights.items()}


def _moves(name: str, weight: Any, learner: Trainable) -> bool:
    return bool(weight.is_floating_point()) and name not in learner.fixed


def _steps(tasks: TaskSet, size: int, rng: np.random.Generator) -> list[Step]:
    users = rng.permutation(tasks.usable)
    parts = np.array_split(users, max(1, round(len(users) / size)))
    return [(part, int(rng.integers(1 << 31))) for part in parts]


def _told(tasks: TaskSet) -> tuple[object, ...]:
    """Return what makes tasks other tasks: who has which event, and what it weighs."""
    support = tasks.episodes.support
    return (support.shape, *(part.tobytes() for part in (support.indptr, support.indices, support.data)))


@contextmanager
def _one_thread(torch: Any) -> Iterator[None]:
    """Keep torch to one thread while training, as numpy is: see ``core.threads``."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise MissingExtra("torch", extra="torch") from None
    return torch
