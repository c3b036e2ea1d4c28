"""One setting that was tried."""

from dataclasses import dataclass, field

from warmstart.meta.optimisers.space import Settings


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting that was judged.

    Args:
        settings: what was tried.
        tasks: on which tasks; None means all.
        quality: mean over the tasks, higher is better; -inf where it failed. With a slope, the loss with its sign
            turned.
        spent: task evaluations made up to and with this trial.
        slope: gradient of the loss, where that was asked for.
        seconds: wall time; two trials that differ in nothing else are equal.
    """

    settings: Settings
    tasks: tuple[int, ...] | None
    quality: float
    spent: int
    slope: tuple[float, ...] | None = None
    seconds: float = field(default=0.0, compare=False)

    @property
    def whole(self) -> bool:
        """Whether it was judged on all tasks by the quality itself, so that it may be called the best."""
        return self.tasks is None and self.slope is None
