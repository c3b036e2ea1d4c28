"""The one door to evaluation: recommenders, data and a protocol in, a report out."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.core.config import tunables
from warmstart.core.errors import BadInput
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.evaluation.cold_user import ColdUser
from warmstart.evaluation.cost import Cost, Stopwatch, adapt_microseconds
from warmstart.evaluation.measure import direction
from warmstart.evaluation.panel import Split
from warmstart.evaluation.protocol import Measurer, Protocol
from warmstart.evaluation.report import Report
from warmstart.evaluation.results import Key
from warmstart.evaluation.statistics import Measured, estimate
from warmstart.evaluation.tuning import Settings, Tuning, fresh, tune
from warmstart.recommenders.base import Recommender

Models = Sequence[str | Recommender] | Mapping[str, str | Recommender]
ORACLE = " (tuned at each k)"
"""What the label of a row ends in that has another setting at every k, which nobody could deploy."""
SHIFT = 97
"""Keeps the bootstrap's seed apart from the split's."""


def evaluate(
    models: Models,
    data: Dataset | None,
    protocol: Protocol | None = None,
    *,
    trials: int = 0,
    oracle: bool = True,
    file: str | Path | None = None,
    run: Run | None = None,
) -> Report:
    """Measure recommenders side by side on the same split.

    Every recommender is fitted on the protocol's training data with ``fit(train, validation=...)``. A fitted instance
    is never used as it is, for it may have seen the test users: a fresh copy of its settings is fitted instead.
    Nothing is chosen on test users.

    Args:
        models: names of the table or instances, or a mapping from row labels to either.
        data: the data set; None for a ready-made split, which brings its own.
        protocol: default ``ColdUser()``.
        trials: settings tried for every competitor on validation users, its own among them; 0 tunes none. A recommender
            that tunes itself (``tunes_itself = True``) is fitted once.
        oracle: with trials, add a second row a competitor that has the best setting at each k.
        file: JSON lines of finished trials, to go on after a break.
        run: seed of tuning and fitting, and progress display.

    Raises:
        BadInput: no models, two rows of the same name, data too small for the protocol, or nothing to tune on.

    Example:
        >>> import warmstart as ws
        >>> report = ws.evaluate(["popularity"], ws.load_dataset("movielens-small"), ws.ColdUser(shots=(0, 5)))
        >>> report.frame.columns
        ['model', 'k', 'measure', 'mean', 'low', 'high', 'n']
        >>> report.mean("popularity", shots=[0]) == report.mean("popularity", shots=[5])
        True
    """
    entries = _entries(models)
    protocol, run = protocol or ColdUser(), run or Run()
    split = protocol.split(data)
    if trials and not any(len(panel) for panel in split.validate):
        raise BadInput("There are no validation tasks to tune on. Give validation data, or trials=0.")
    bench = _Bench(protocol, split, run, trials, oracle, file)
    for label, model in run.progress.track(entries.items(), "models", len(entries)):
        bench.add(label, model)
    for label, measurer in protocol.extra_rows(split).items():
        bench.values |= _measured(label, measurer, split)
    about = _about(protocol, split, data, bench, trials)
    return Report.of(about, bench.values, bench.costs, bench.settings)


@dataclass
class _Bench:
    """Fits and measures one row after the other, and keeps what was found."""

    protocol: Protocol
    split: Split
    run: Run
    trials: int
    oracle: bool
    file: str | Path | None
    values: dict[Key, Measured] = field(default_factory=dict)
    costs: dict[str, Cost] = field(default_factory=dict)
    settings: dict[str, Settings] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    ours: list[str] = field(default_factory=list)
    oracles: list[str] = field(default_factory=list)

    def add(self, label: str, model: str | Recommender) -> None:
        """Tune, fit and measure one recommender."""
        template = fresh(model)
        if getattr(template, "tunes_itself", False):
            self.ours.append(label)
            self._row(label, template, template.config.model_dump(mode="json"))
            return
        tuning = self._tuned(template)
        best = template.config.model_dump(mode="json") if tuning is None else tuning.best
        self._row(label, template, best)
        if tuning is not None and self.trials and self.oracle and tunables(template.config_class):
            self._oracle_row(label, template, tuning)

    def _tuned(self, template: Recommender) -> Tuning | None:
        if not self.split.validate:
            return None
        starts = [start for start in self.protocol.starts if set(start) <= set(template.config_class.model_fields)]
        trials = max(self.trials, len(starts) if len(starts) > 1 else 0)
        if not trials:
            return None
        found = tune(
            template,
            self.split.train,
            lambda model: headline_by_k(self.protocol, model, self.split),
            trials,
            self.run,
            validation=self.split.validation,
            starts=starts,
            file=self.file,
            purpose=repr(self.protocol),
        )
        self.tried[template.name] = len(found.trials)
        return found

    def _fit(self, template: Recommender, settings: Settings, watch: Stopwatch) -> Recommender:
        model = type(template)(**settings)
        with watch.running():
            return model.fit(self.split.train, validation=self.split.validation, run=self.run)

    def _row(self, label: str, template: Recommender, settings: Settings) -> None:
        fitting, scoring = Stopwatch(), Stopwatch()
        model = self._fit(template, settings, fitting)
        self.values |= _measured(label, self.protocol.measurer(model, self.split), self.split, scoring)
        self.settings[label] = settings
        self.costs[label] = _cost(model, self.split, fitting, scoring)

    def _oracle_row(self, label: str, template: Recommender, tuning: Tuning) -> None:
        best = {panel.k: tuning.best_at(panel.k) for panel in self.split.test}
        settled = []
        for settings in best.values():
            if settings not in settled:
                settled.append(settings)
        for settings in settled:
            model = self._fit(template, settings, Stopwatch())
            measurer = self.protocol.measurer(model, self.split)
            shots = [k for k, chosen in best.items() if chosen == settings]
            self.values |= _measured(label + ORACLE, measurer, self.split, shots=shots)
        self.oracles.append(label + ORACLE)
        self.settings[label + ORACLE] = {f"k={k}": settings for k, settings in best.items()}


def headline_by_k(protocol: Protocol, model: Recommender, split: Split) -> dict[int, float]:
    """Return the mean headline on the validation panels by k, turned so that higher is better.

    Args:
        protocol: what is measured.
        model: a fitted recommender.
        split: what ``protocol.split`` returned.
    """
    name, measurer = protocol.measures[0], protocol.measurer(model, split)
    found = {}
    for panel in split.validate:
        [measured] = measurer(panel, [name]).values()
        found[panel.k] = estimate([measured], draws=1)[0].mean * direction(name)
    return found


def _entries(models: Models) -> dict[str, str | Recommender]:
    if isinstance(models, Mapping):
        entries = list(models.items())
    else:
        listed = [models] if isinstance(models, str | Recommender) else list(models)
        entries = [(model if isinstance(model, str) else model.name, model) for model in listed]
    labels = [label for label, _ in entries]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise BadInput(f"Two rows would be called {', '.join(twice)}. Give a mapping from labels to recommenders.")
    if not entries:
        raise BadInput("There is nothing to evaluate: models is empty. Give names such as ['popularity', 'ease'].")
    return dict(entries)


def _measured(
    label: str,
    measurer: Measurer,
    split: Split,
    watch: Stopwatch | None = None,
    shots: Sequence[int] | None = None,
) -> dict[Key, Measured]:
    found = {}
    for panel in split.test:
        if shots is None or panel.k in shots:
            for name, measured in measurer(panel, watch=watch).items():
                found[label, panel.k, name + panel.label] = measured
    return found


def _cost(model: Recommender, split: Split, fitting: Stopwatch, scoring: Stopwatch) -> Cost:
    n_tasks = sum(len(panel) for panel in split.test)
    longest = max(split.test, key=lambda panel: panel.k)
    return Cost(
        fitting.wall,
        fitting.cpu,
        scoring.wall,
        scoring.cpu,
        n_tasks / scoring.wall if scoring.wall else float("nan"),
        max(fitting.peak_mb, scoring.peak_mb),
        adapt_microseconds(model, longest.tasks.support),
    )


def _about(protocol: Protocol, split: Split, data: Dataset | None, bench: _Bench, trials: int) -> dict[str, Any]:
    learned = split.train
    source = learned if data is None else data
    sizes = {"users": source.n_users, "items": source.n_items, "events": len(source.histories.items)}
    return {
        "protocol": protocol.title,
        "settings": protocol.model_dump(mode="json"),
        "headline": protocol.measures[0],
        "data": {"name": source.name, "like_from": learned.like_from} | sizes,
        "split": {name: _plain(fact) for name, fact in split.facts.items()},
        "ours": bench.ours,
        "oracles": bench.oracles,
        "run_seed": bench.run.seed,
        "bootstrap_seed": protocol.seed + SHIFT,
        "trials": trials,
        "trials made": bench.tried,
        "notes": [*protocol.notes, *_notes(protocol)],
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": dict(_machine()),
    }


def _notes(protocol: Protocol) -> Iterator[str]:
    yield "Every recommender was fitted on the training part of this split; fitted instances were fitted again."
    yield "Items of the same score are ranked in a seeded random order, for a catalogue's own order tells of fame."
    if protocol.attributes:
        yield "Recommenders were given the users' attributes."


def _machine() -> Iterator[tuple[str, Any]]:
    yield "cores", os.cpu_count()
    yield "platform", f"{platform.system()} {platform.machine()}"
    yield "python", platform.python_version()
    for package in ("numpy", "scipy", "polars"):
        yield package, version(package)
    from warmstart import __version__

    yield "warmstart", __version__


def _plain(fact: Any) -> Any:
    return fact.item() if isinstance(fact, np.generic) else fact
