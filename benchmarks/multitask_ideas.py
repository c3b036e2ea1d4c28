"""Other ways to learn several tasks at once, tried by ``multitask.py`` on validation users."""

from dataclasses import replace
from typing import Any

import numpy as np

from warmstart.meta.learners.either import Array
from warmstart.meta.learners.multitask import MultiTask, Task, Together
from warmstart.meta.learners.task_set import Batch


class Detached(MultiTask):
    """Values and what comes next are read off a person's vector and do not move it: only likes do."""

    def task_losses(self, people: Together, batch: Batch) -> dict[Task, Array]:
        """Return the losses, likes alone with a gradient by what is shared."""
        found = super().task_losses(people, batch)
        if isinstance(people.told, np.ndarray):
            return found
        apart = super().task_losses(replace(people, told=people.told.detach()), batch)
        return apart | {"like": found["like"]}


class Logarithms(MultiTask):
    """The sum of the losses' logarithms: weights by uncertainty at their optimum (Kendall et al., 2018)."""

    def task_losses(self, people: Together, batch: Batch) -> dict[Task, Array]:
        """Return the losses over what they are, so that their slopes are those of the logarithms."""
        found = super().task_losses(people, batch)
        return (
            found if isinstance(people.told, np.ndarray) else {task: one / one.detach() for task, one in found.items()}
        )


IDEAS: dict[str, tuple[type[MultiTask], dict[str, Any]]] = {
    "detached heads": (Detached, {"balance": "sum"}),
    "logarithms of losses": (Logarithms, {"balance": "sum"}),
    "vectors of 256": (MultiTask, {"dimension": 256}),
    "vectors of 64": (MultiTask, {"dimension": 64}),
    "dropout of a tenth": (MultiTask, {"dropout": 0.1}),
    "three times the rate": (MultiTask, {"learning_rate": 3e-3}),
}
"""What else was tried, on validation users only."""
