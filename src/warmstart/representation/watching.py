"""Who looks over the shoulder of a training: TensorBoard and torch's profiler, where folders are given for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from warmstart.core.errors import MissingExtra

PROFILED = 10
"""Steps that are profiled: more make a trace that no browser opens."""


class Folders(Protocol):
    """Where to write, if anywhere."""

    @property
    def log(self) -> str | None:
        """A folder for TensorBoard."""
        ...

    @property
    def profile(self) -> str | None:
        """A folder for the profiler's trace."""
        ...


class Watcher:
    """Writes down what happens; see ``watched``."""

    def __init__(self, board: Any | None, profiler: Any | None, folder: Path) -> None:
        self._board, self._profiler, self._folder, self._taken = board, profiler, folder, 0

    def stepped(self, step: int, loss: float, rate: float) -> None:
        """Note a step of training."""
        if self._board is not None:
            self._board.add_scalar("loss", loss, step)
            self._board.add_scalar("rate", rate, step)
        self._taken += 1
        if self._taken == PROFILED:
            self._end_profile()

    def looked(self, step: int, validation: float | None) -> None:
        """Note a look at validation."""
        if self._board is not None and validation is not None:
            self._board.add_scalar("validation", validation, step)

    def close(self) -> None:
        """Write what is not written yet."""
        self._end_profile()
        if self._board is not None:
            self._board.close()

    def _end_profile(self) -> None:
        if self._profiler is not None:
            self._profiler.stop()
            self._profiler.export_chrome_trace(str(self._folder / "trace.json"))
            self._profiler = None


@contextmanager
def watched(folders: Folders, what: str) -> Iterator[Watcher]:
    """Watch a training, in a folder of its name below those that are given.

    Args:
        folders: where to write.
        what: the name of the training.

    Example:
        >>> from warmstart.representation.training_loop import LoopConfig
        >>> from warmstart.representation.watching import watched
        >>> with watched(LoopConfig(), "training") as watcher:
        ...     watcher.stepped(1, 0.5, 0.1)
    """
    board = None if folders.log is None else _board(Path(folders.log) / what)
    place = Path(folders.profile or "") / what
    watcher = Watcher(board, None if folders.profile is None else _profiler(place), place)
    try:
        yield watcher
    finally:
        watcher.close()


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise MissingExtra("tensorboard", extra="tensorboard") from None
    return SummaryWriter(str(folder))


def _profiler(folder: Path) -> Any:
    from torch.profiler import ProfilerActivity, profile
    from torch.profiler import supported_activities as supported

    folder.mkdir(parents=True, exist_ok=True)
    wanted = {ProfilerActivity.CPU, ProfilerActivity.CUDA} & set(supported())
    profiler = profile(activities=sorted(wanted, key=str), record_shapes=True)
    profiler.start()
    return profiler
