"""One plain loop for all that is trained by gradients: a schedule, early stopping, checkpoints, resuming, a curve."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from pydantic import Field

from warmstart.core.config import Config
from warmstart.core.errors import BadConfig, BadInput, MissingExtra
from warmstart.core.run import Run
from warmstart.representation.watching import watched

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
CHECKPOINT = "checkpoint.pt"
Weights = Mapping[str, "torch.Tensor"]


class LoopConfig(Config):
    """How long and how fast weights are trained."""

    epochs: int = Field(default=1, ge=1)
    """Times at most that all batches are gone through."""
    steps: int | None = Field(default=None, ge=1)
    """Batches at most, however many epochs these are; None goes by epochs."""
    rate: float = Field(default=1e-3, gt=0)
    """The highest step of Adam; it rises in a line and falls along a cosine to nothing."""
    warmup: float = Field(default=0.1, ge=0, le=1)
    """Share of all steps in which the rate rises."""
    decay: float = Field(default=0.0, ge=0)
    """Share of a weight, times the rate, that each step takes off it (Loshchilov and Hutter, 2019)."""
    clip: float = Field(default=1.0, gt=0)
    """Length to which a longer gradient is cut."""
    every: int | None = Field(default=None, ge=1)
    """Steps between two looks at validation, each of which is kept on disk; None looks after every epoch."""
    patience: int = Field(default=2, ge=1)
    """Looks in a row that may bring nothing before training stops."""
    seconds: float | None = Field(default=None, gt=0)
    """Time after which training ends, by when the rate has fallen to nothing; None takes what it takes."""
    log: str | None = Field(default=None, exclude=True)
    """A folder for TensorBoard, which shows loss, validation and rate (extra ``tensorboard``); None writes nothing."""
    profile: str | None = Field(default=None, exclude=True)
    """A folder for ``trace.json``, torch's profile of the first steps, for chrome://tracing; None takes none."""


@dataclass(frozen=True, slots=True)
class Look:
    """One point of the curve: steps so far, mean loss since the last look, loss in validation, seconds in all."""

    step: int
    loss: float | None
    validation: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Curve:
    """How training went.

    Args:
        looks: the first is before any step, where there is validation.
        best: the step whose weights were taken.
        ended: ``epochs`` (or steps) ran out, ``patience`` did, or the ``seconds``.
    """

    looks: tuple[Look, ...]
    best: int
    ended: Literal["epochs", "patience", "seconds"]

    def document(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)


def descend(
    weights: Weights,
    slope: Callable[[T], float],
    batches: Callable[[int], Sequence[T]],
    config: LoopConfig,
    run: Run | None = None,
    *,
    validate: Callable[[], float] | None = None,
    folder: Path | None = None,
    identity: str = "",
    what: str = "training",
) -> Curve:
    """Train weights in place; they end as they were where validation was best, or at the end without it.

    Args:
        weights: leaves that require a gradient, by name.
        slope: leaves the gradient of a batch in the weights and returns its loss.
        batches: the batches of an epoch, counted from 0; the same ones whenever it is asked, and as many each time.
        config: settings.
        run: progress.
        validate: returns a loss, lower is better, of the weights as they are.
        folder: where checkpoints go, and from where an interrupted training goes on; None keeps none.
        identity: tells what is trained on what; a checkpoint of another one is refused.
        what: the name of the bar.

    Raises:
        BadConfig: the loss is no finite number.
        BadInput: the folder holds a checkpoint of other settings or data.

    Example:
        >>> import torch
        >>> from warmstart.representation.training_loop import LoopConfig, descend
        >>> w = torch.zeros(1, requires_grad=True)
        >>> def slope(target):
        ...     loss = (w - target).square().sum()
        ...     loss.backward()
        ...     return loss.item()
        >>> curve = descend({"w": w}, slope, lambda _: [3.0] * 100, LoopConfig(rate=0.2, epochs=2))
        >>> abs(w.item() - 3) < 0.1, len(curve.looks)
        (True, 2)
    """
    loop = _Loop(weights, config, batches, identity, folder)
    state = loop.begun(validate)
    steps = range(state.step, loop.steps) if state.ended is None else range(0)
    with watched(config, what) as watcher:
        for _ in (run or Run()).progress.track(steps, what):
            loop.go(state, slope)
            watcher.stepped(state.step, state.losses[-1], loop.rate(state))
            if state.step % loop.every == 0 or state.step == loop.steps or loop.is_late(state):
                loop.look(state, validate)
                watcher.looked(state.step, state.looks[-1].validation)
            if state.ended is not None:
                break
    if state.best is not None:
        loop.put(state.best)
    return Curve(tuple(state.looks), state.best_step, state.ended or "epochs")


def shuffled_batches(rows: Sequence[T], size: int, rng: np.random.Generator) -> list[list[T]]:
    """Return rows in a random order, some at a time.

    Example:
        >>> import numpy as np
        >>> from warmstart.representation.training_loop import shuffled_batches
        >>> [len(some) for some in shuffled_batches("abcde", 2, np.random.default_rng(0))]
        [2, 2, 1]
    """
    order = rng.permutation(len(rows)).tolist()
    return [[rows[place] for place in order[start : start + size]] for start in range(0, len(order), size)]


def digest_of(*parts: object) -> str:
    """Return what tells apart what is trained on: a hash of the parts, of bytes as they are, of others as they show.

    Example:
        >>> from warmstart.representation.training_loop import digest_of
        >>> digest_of([(1, 2)], "a") == digest_of([(1, 2)], "a") != digest_of([(1, 3)], "a")
        True
    """
    found = blake2b(digest_size=16)
    for part in parts:
        told = part if isinstance(part, bytes) else repr(part).encode()
        found.update(len(told).to_bytes(8, "big") + told)
    return found.hexdigest()


def mixed_precision(device: "torch.device") -> AbstractContextManager[Any]:
    """Return the context in which a GPU computes in bfloat16 what can be; elsewhere nothing changes."""
    if device.type != "cuda":
        return nullcontext()
    import torch

    mixed: AbstractContextManager[Any] = torch.autocast("cuda", dtype=torch.bfloat16)
    return mixed


@dataclass
class _State:
    """What a checkpoint holds."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    best: dict[str, Any] | None = None
    best_step: int = 0
    best_loss: float = math.inf
    idle: int = 0
    ended: Literal["epochs", "patience", "seconds"] | None = None
    spent: float = 0.0


class _Loop:
    def __init__(
        self,
        weights: Weights,
        config: LoopConfig,
        batches: Callable[[int], Sequence[Any]],
        identity: str,
        folder: Path | None,
    ) -> None:
        torch = _torch()
        self.weights, self.config, self.batches, self.folder = dict(weights), config, batches, folder
        self.optimiser = torch.optim.AdamW(self.weights.values(), lr=config.rate, weight_decay=config.decay)
        self._epoch, self._of = 0, batches(0)
        if not self._of:
            raise BadInput("There is nothing to train on.")
        self.steps = config.steps or len(self._of) * config.epochs
        self.every = min(config.every or len(self._of), self.steps)
        self.identity = f"{identity}; {config.model_dump_json()}; {len(self._of)} batches"
        self._since = time.monotonic()

    def begun(self, validate: Callable[[], float] | None) -> _State:
        state = self._resumed()
        if state is None:
            state = _State()
            if validate is not None:
                self.look(state, validate)
        return state

    def go(self, state: _State, slope: Callable[[Any], float]) -> None:
        """Take one step."""
        torch = _torch()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(state)
        self.optimiser.zero_grad(set_to_none=True)
        loss = slope(self._batch(state.step))
        if not math.isfinite(loss):
            raise BadConfig(f"The loss is {loss} at step {state.step + 1}. Lower the rate ({self.config.rate:g}).")
        torch.nn.utils.clip_grad_norm_(self.weights.values(), self.config.clip)
        self.optimiser.step()
        state.losses.append(loss)
        state.step += 1

    def look(self, state: _State, validate: Callable[[], float] | None) -> None:
        """Write down where training stands, keep the weights if they are the best, and decide whether to go on."""
        found = None if validate is None else validate()
        loss = sum(state.losses) / len(state.losses) if state.losses else None
        state.looks.append(Look(state.step, loss, found, round(self._seconds(state), 2)))
        state.losses = []
        if found is None or found < state.best_loss:
            state.best_step, state.idle = state.step, 0
            if found is not None:
                state.best_loss, state.best = found, self.taken()
        else:
            state.idle += 1
        if state.step == self.steps:
            state.ended = "epochs"
        elif state.idle >= self.config.patience:
            state.ended = "patience"
        elif self.is_late(state):
            state.ended = "seconds"
        self._keep(state)

    def is_late(self, state: _State) -> bool:
        return self.config.seconds is not None and self._seconds(state) >= self.config.seconds

    def taken(self) -> dict[str, Any]:
        return {name: one.detach().clone() for name, one in self.weights.items()}

    def put(self, values: Mapping[str, Any]) -> None:
        with _torch().no_grad():
            for name, one in self.weights.items():
                one.copy_(values[name])

    def _batch(self, step: int) -> Any:
        epoch, place = divmod(step, len(self._of))
        if epoch != self._epoch:
            self._epoch, self._of = epoch, self.batches(epoch)
        return self._of[place]

    def rate(self, state: _State) -> float:
        """Return the step that Adam takes now."""
        return self.config.rate * self._share(state)

    def _share(self, state: _State) -> float:
        """Return which share of the highest rate is taken now."""
        done = (state.step + 0.5) / self.steps  # the middle of a step, so that a single one moves too
        if self.config.seconds is not None:
            done = max(done, self._seconds(state) / self.config.seconds)
        if done < self.config.warmup:
            return done / self.config.warmup
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (done - self.config.warmup) / max(1 - self.config.warmup, 1e-9))))

    def _seconds(self, state: _State) -> float:
        return state.spent + time.monotonic() - self._since

    def _keep(self, state: _State) -> None:
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        plain = asdict(state) | {"spent": self._seconds(state)}
        whole = {"identity": self.identity, "state": plain, "weights": self.taken()}
        fresh = self.folder / f".{CHECKPOINT}.new"
        _torch().save(whole | {"optimiser": self.optimiser.state_dict()}, fresh)
        fresh.replace(self.folder / CHECKPOINT)

    def _resumed(self) -> _State | None:
        file = None if self.folder is None else self.folder / CHECKPOINT
        if file is None or not file.is_file():
            return None
        try:
            found = _torch().load(file, weights_only=True)
        except Exception as error:  # noqa: BLE001 -- torch raises anything for a file that is no checkpoint
            raise BadInput(f"{file} cannot be read: {error}. Remove it to begin anew.") from None
        if found["identity"] != self.identity or found["weights"].keys() != self.weights.keys():
            raise BadInput(f"{file} is of a training with other settings or data. Remove it, or take another folder.")
        self.put(found["weights"])
        self.optimiser.load_state_dict(found["optimiser"])
        told = found["state"]
        return _State(**told | {"looks": [Look(**one) for one in told["looks"]]})


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise MissingExtra("torch", extra="torch") from None
    return torch
