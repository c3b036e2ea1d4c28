"""Settings by a meta-optimiser, the same number of trials for everybody; random search where none is named."""

import json
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.core.config import Config, Tunable, tunables
from warmstart.core.errors import BadConfig, BadInput
from warmstart.core.histories import Ints
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.evaluation.protocol import revealing
from warmstart.meta.optimisers.optimiser import Optimiser
from warmstart.meta.optimisers.space import Doubles, Space, space_of
from warmstart.meta.optimisers.study import optimise
from warmstart.recommenders.base import Recommender

Settings = dict[str, Any]
Validate = Callable[[Recommender], Mapping[int, float]]


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting that was tried: its quality on validation tasks by k (higher is better), and the seconds it took."""

    settings: Settings
    quality: dict[int, float]
    seconds: float

    @property
    def mean(self) -> float:
        """Mean quality over the k that reveal events; -inf where it is no number."""
        mean = float(np.mean([self.quality[k] for k in revealing(self.quality)]))
        return mean if np.isfinite(mean) else -np.inf


@dataclass(frozen=True, slots=True)
class Tuning:
    """All trials of one recommender, in order; the first has its own settings."""

    name: str
    trials: tuple[Trial, ...]
    optimiser: str = "random"

    @property
    def best(self) -> Settings:
        """The one setting that is best in the mean over k, as somebody would deploy it."""
        return max(self.trials, key=lambda trial: trial.mean).settings

    @property
    def curve(self) -> tuple[float, ...]:
        """The best mean quality after each trial."""
        means = np.array([trial.mean for trial in self.trials])
        return tuple(np.maximum.accumulate(means).tolist())

    def best_at(self, k: int) -> Settings:
        """Return the setting that is best at ``k``: an oracle, for nobody deploys one setting a k."""
        return max(self.trials, key=lambda trial: trial.quality.get(k, -np.inf)).settings


def tune(
    model: str | Recommender,
    train: Dataset,
    validate: Validate,
    trials: int,
    run: Run | None = None,
    *,
    validation: Dataset | None = None,
    starts: Sequence[Mapping[str, Any]] = ({},),
    file: str | Path | None = None,
    purpose: str = "",
    meta_optimiser: str | Optimiser = "random",
) -> Tuning:
    """Try settings of a recommender: its own first, then ``starts``, then what a meta-optimiser asks for.

    Args:
        model: a name of the table, or an instance whose settings are where to start; it is never fitted itself.
        train: what every trial is fitted on.
        validate: gives the quality of a fitted recommender by k, higher is better; called once a trial.
        trials: how many settings are tried, at least 1; fewer where a recommender has nothing to tune. Each is fitted
            once and judged on all validation tasks, so a budget of trials is one of task evaluations.
        run: seed and progress display.
        validation: users handed to ``fit(validation=...)``.
        starts: settings to try before any is drawn; those that a recommender does not have are passed over.
        file: JSON lines of finished trials; a search that was broken off goes on where it stood.
        purpose: what the search is for; trials in the file for another purpose are not reused.
        meta_optimiser: a name of ``OPTIMISERS`` or an instance; ``random`` draws evenly, no two alike.

    Raises:
        BadConfig: fewer than 1 trial, or a meta-optimiser that needs a slope: measures of rankings have none.
        BadInput: ``file`` holds something else.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.evaluation.tuning import tune
        >>> data = ws.load_dataset("movielens-small")
        >>> found = tune("ease", data, lambda model: {1: -abs(model.config.regularisation - 100)}, trials=3)
        >>> len(found.trials), found.best == found.best_at(1)
        (3, True)
    """
    if trials < 1:
        raise BadConfig(f"trials must be at least 1; came: {trials}.")
    run = run or Run()
    template = fresh(model)
    log = _Log(Path(file) if file is not None else None, template.name, train, purpose)
    problem = _Fits(template, train, validation, validate, run, log)
    study = optimise(
        problem, meta_optimiser, trials, run, starts=problem.starts(starts), purpose=("tune", template.name)
    )
    return Tuning(template.name, tuple(problem.trials), study.optimiser)


def fresh(model: str | Recommender, settings: Mapping[str, Any] | None = None) -> Recommender:
    """Return an unfitted recommender of that name, or with the settings of that instance, changed by ``settings``."""
    if isinstance(model, str):
        from warmstart.recommenders.table import recommender

        return recommender(model, **(settings or {}))
    return type(model)(**(model.config.model_dump() | dict(settings or {})))


def draw(config: type[Config], rng: np.random.Generator) -> Settings:
    """Draw a value for every tunable setting.

    Example:
        >>> from typing import Annotated
        >>> import numpy as np
        >>> from warmstart.core.config import Config, Tunable
        >>> from warmstart.evaluation.tuning import draw
        >>> class Smoothing(Config):
        ...     neighbours: Annotated[int, Tunable(1, 50)] = 10
        >>> type(draw(Smoothing, np.random.default_rng(0))["neighbours"])
        <class 'int'>
    """
    return {name: _value(config, name, mark, rng) for name, mark in tunables(config).items()}


def _value(config: type[Config], name: str, mark: Tunable, rng: np.random.Generator) -> Any:
    value = mark.draw(rng)
    whole = config.model_fields[name].annotation is int and not mark.choices
    return round(value) if whole else value


@dataclass
class _Fits:
    """A problem whose one task is to be fitted and measured; what was tried before is not fitted again."""

    template: Recommender
    train: Dataset
    validation: Dataset | None
    validate: Validate
    run: Run
    log: "_Log"
    trials: list[Trial] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.own: Settings = self.template.config.model_dump(mode="json")
        found = space_of(self.template.config_class, self.own)
        self.space = Space(found.dimensions, lambda settings: self._whole(settings) is not None)
        self.weights: Doubles = np.ones(1)

    def evaluate(self, settings: Settings, tasks: Ints) -> Doubles:
        whole = self._whole(settings) or self.own
        before = next((trial for trial in self.trials if trial.settings == whole), None)
        self.trials.append(before or self.log.find(whole) or self._try(whole))
        return np.array([self.trials[-1].mean])

    def starts(self, given: Sequence[Mapping[str, Any]]) -> list[Settings]:
        """Return the settings to try first beside the recommender's own: no two alike, none that is refused."""
        found, wholes = [], [self.own]
        for start in given:
            changes = {name: value for name, value in start.items() if name in self.own}
            whole = self._whole(changes)
            if whole is not None and whole not in wholes:
                found.append(changes)
                wholes.append(whole)
        return found

    def _whole(self, changes: Mapping[str, Any]) -> Settings | None:
        """Return all settings as plain values that JSON can hold; None where two exclude each other."""
        try:
            return fresh(self.template, changes).config.model_dump(mode="json")
        except BadConfig:
            return None

    def _try(self, settings: Settings) -> Trial:
        start = time.perf_counter()
        model = type(self.template)(**settings).fit(self.train, validation=self.validation, run=self.run)
        quality = {int(k): float(amount) for k, amount in self.validate(model).items()}
        trial = Trial(settings, quality, time.perf_counter() - start)
        self.log.add(trial)
        return trial


class _Log:
    """Finished trials in a file of JSON lines; only those of the same recommender and training data are reused."""

    def __init__(self, path: Path | None, name: str, train: Dataset, purpose: str) -> None:
        self.path = path
        self.key = {"name": name, "data": _fingerprint(train), "purpose": purpose}
        self.known = list(self._read(path)) if path is not None and path.exists() else []

    def find(self, settings: Settings) -> Trial | None:
        return next((trial for trial in self.known if trial.settings == settings), None)

    def add(self, trial: Trial) -> None:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(self.key | asdict(trial)) + "\n")

    def _read(self, path: Path) -> Iterable[Trial]:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        for number, line in enumerate(lines, start=1):
            if not line.endswith("\n"):
                # broken off in the middle of a write; that trial is made again
                path.write_text("".join(lines[:-1]), encoding="utf-8")
                return
            one = self._parsed(line, number)
            if all(one.get(name) == value for name, value in self.key.items()):
                quality = {int(k): amount for k, amount in one["quality"].items()}
                yield Trial(one["settings"], quality, one["seconds"])

    def _parsed(self, line: str, number: int) -> dict[str, Any]:
        try:
            one = json.loads(line)
        except json.JSONDecodeError:
            one = None
        if not isinstance(one, dict) or not {"settings", "quality", "seconds"} <= set(one):
            raise BadInput(f"{self.path}, line {number} is no finished trial. Name another file, or remove the line.")
        return one


def _fingerprint(train: Dataset) -> str:
    events = train.histories
    parts = (events.indptr, events.items, events.values)
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(np.ascontiguousarray(part).tobytes(), checksum)
    return f"{train.n_users} users, {train.n_items} items, {checksum:08x}"
