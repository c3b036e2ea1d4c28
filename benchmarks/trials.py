"""Tunes and measures one recommender on one split, and keeps what was found in a file, so that work can go on later."""

import copy
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.competitors import Competitor, Settings, blends
from warmstart.core.artefact import Arrays
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.evaluation.cold_user import ColdUser
from warmstart.evaluation.cost import Stopwatch, adapt_microseconds
from warmstart.evaluation.files import write_whole
from warmstart.evaluation.panel import Panel, Split
from warmstart.evaluation.protocol import Measurer, revealing
from warmstart.evaluation.tuning import Trial, Tuning
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.hybrid import Hybrid
from warmstart.recommenders.table import recommender, recommender_class

ROOT = Path(__file__).parents[1]
CACHE = ROOT / "build" / "benchmarks"
HEADLINE = "ndcg@10"
MEASURES = (HEADLINE, "recall@20", "hr@10", "coverage@10", "novelty@10")
CURVES = ("likes", "events")
CHOSEN = ROOT / "benchmarks" / "results" / "cold_user.json"
"""Where the settings that earlier runs chose are kept."""

Found = dict[str, Any]


@dataclass
class Room:
    """One data set, split by one seed: both curves have the same training users.

    Args:
        data: the data set.
        seed: of the split, of tuning and of fitting.
        trials: settings tried for each competitor.
        again: whether the settings that led in the committed results are tried instead: a tenth of the work.
    """

    data: Dataset
    seed: int
    trials: int
    again: bool = False
    splits: dict[tuple[str, bool], Split] = field(default_factory=dict)
    members: dict[str, Recommender] = field(default_factory=dict)

    def split(self, curve: str, attributes: bool = False) -> Split:
        """Return the split for one curve."""
        if (curve, attributes) not in self.splits:
            protocol = ColdUser(seed=self.seed, support=curve, attributes=attributes)
            self.splits[curve, attributes] = protocol.split(self.data)
        return self.splits[curve, attributes]

    @property
    def run(self) -> Run:
        """Return seed and progress."""
        return Run(seed=self.seed)

    def file(self, label: str) -> Path:
        """Return where the findings of one recommender are kept."""
        plain = "".join(letter if letter.isalnum() else "-" for letter in label.lower())
        return CACHE / self.data.name / str(self.seed) / f"{plain}.json"

    def known(self, label: str) -> Found:
        """Return what was found so far; empty where nothing was."""
        file = self.file(label)
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}

    def chosen_before(self, label: str) -> Found:
        """Return what the committed results say of one row on this split; empty where they say nothing."""
        found = json.loads(CHOSEN.read_text(encoding="utf-8"))["data"].get(self.data.name, {"seeds": ()})
        known = found["models"].get(label) if self.seed in found["seeds"] else None
        return dict(known["seeds"][found["seeds"].index(self.seed)]) if known else {}

    def keep(self, label: str, found: Found) -> None:
        """Write what was found."""
        self.file(label).parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.file(label), json.dumps(found).encode())


def measured_competitor(room: Room, competitor: Competitor) -> Found:
    """Return the findings of one competitor, from its file where they are there already."""
    found = room.known(competitor.label)
    if found.get("trials_asked", 0) >= room.trials and "curves" in found:
        return found
    bench = _Bench(room, competitor, {})
    tuning = bench.tuned(list(found.get("trials", [])))
    found = {
        "label": competitor.label,
        "note": competitor.note,
        "trials_asked": room.trials,
        "trials": [_trial(one) for one in tuning.trials],
        "curves": {"likes": bench.likes(tuning), "events": bench.events(tuning)},
        "cost": bench.cost(tuning.best),
    }
    if room.again and (before := room.chosen_before(competitor.label)):
        found["tuned before"] = {name: before[name] for name in ("trials", "tuning seconds")}
    room.keep(competitor.label, found)
    return found


def measured_ours(room: Room, label: str, name: str, attributes: bool) -> Found:
    """Return the findings of a recommender that tunes itself; found again when our code has changed."""
    found = room.known(label)
    if found.get("code") == (code := code_version()):
        return found
    split, fitting = room.split("likes", attributes), Stopwatch()
    with fitting.running():
        model = recommender(name).fit(split.train, validation=split.validation, run=room.run)
    curves = {}
    for curve in CURVES:
        single = measured(model, room.split(curve, attributes).test)
        curves[curve] = {"settings": model.config.model_dump(mode="json"), "single": single}
    cost = _cost(model, split, fitting)
    found = {"label": label, "code": code, "curves": curves, "cost": cost}
    room.keep(label, found)
    return found


def measured(model: Recommender, panels: Sequence[Panel]) -> Found:
    """Return the measures on each panel, by k; of the headline every user's value."""
    found: Found = {}
    for panel in panels:
        values = Measurer(model, MEASURES)(panel, MEASURES)
        means = {name: float(np.nanmean(one.values)) for name, one in values.items()}
        found[str(panel.k)] = {"means": means, "users": [round(float(one), 6) for one in values[HEADLINE].values]}
    return found


def headline(model: Recommender, panels: Sequence[Panel]) -> dict[int, float]:
    """Return the mean headline on each panel, by k."""
    measurer = Measurer(model, MEASURES)
    return {panel.k: float(np.nanmean(measurer(panel, [HEADLINE])[HEADLINE].values)) for panel in panels}


def seeing(model: Recommender, events: str) -> Recommender:
    """Return the same fitted recommender, reading the likes or all events of a history."""
    changed = copy.copy(model)
    if "events" in type(model.config).model_fields:
        changed.config = model.config.model_copy(update={"events": events})
    if isinstance(model, Hybrid) and isinstance(changed, Hybrid):
        changed._bind([seeing(member, events) for member in model._models])  # noqa: SLF001
    return changed


def code_version() -> str:
    """Return a fingerprint of the code that our own model runs on."""
    digest = hashlib.sha256()
    for room in ("core", "data", "representation", "recommenders", "meta"):
        for file in sorted((ROOT / "src" / "warmstart" / room).glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@dataclass
class _Bench:
    """Tries the settings of one competitor; models that lead at some k stay in memory until they are measured."""

    room: Room
    competitor: Competitor
    fitted: dict[str, Recommender]

    def tuned(self, known: list[Found]) -> Tuning:
        split, trials = self.room.split("likes"), list[Trial]()
        tried = {_key(one["settings"]): one for one in known}
        for settings in self._candidates():
            old = tried.get(_key(settings))
            trials.append(self._again(old) if old else self._try(settings, split))
            self._let_go(Tuning(self.competitor.label, tuple(trials)))
            kept = {"label": self.competitor.label, "trials": [_trial(one) for one in trials]}
            self.room.keep(self.competitor.label, kept)
        return Tuning(self.competitor.label, tuple(trials))

    def _candidates(self) -> list[Settings]:
        if self.room.again and (before := self.room.chosen_before(self.competitor.label)):
            return _led(before)
        starts = blends(self._chosen()) if self.competitor.name == "hybrid" else []
        return self.competitor.candidates(self.room.trials, self.room.seed, starts)

    def likes(self, tuning: Tuning) -> Found:
        """Measure the setting chosen on the mean over k, and the ones chosen at each k."""
        split = self.room.split("likes")
        at = {panel.k: tuning.best_at(panel.k) for panel in split.test}
        return self._curve(split, tuning.best, at)

    def events(self, tuning: Tuning) -> Found:
        """Do the same for histories of events; candidates are the settings that lead, with likes and with all events.

        Nobody is tuned anew for this curve: it asks what the same recommender makes of dislikes.
        """
        split = self.room.split("events")
        trials = []
        for settings in _leading(tuning):
            for events in ("likes", "all") if self._reads_events() else ("likes",):
                quality = headline(seeing(self._fit(settings), events), split.validate)
                trials.append(Trial(settings | {"seeing": events}, quality, 0.0))
        found = Tuning(tuning.name, tuple(trials))
        return self._curve(split, found.best, {panel.k: found.best_at(panel.k) for panel in split.test})

    def cost(self, settings: Settings) -> Found:
        fitting = Stopwatch()
        self.fitted.clear()
        self.room.members.clear()
        with fitting.running():
            model = self._fit(settings)
        return _cost(model, self.room.split("likes"), fitting)

    def _curve(self, split: Split, best: Settings, at: Mapping[int, Settings]) -> Found:
        found: Found = {"settings": best, "settings_at": {str(k): one for k, one in at.items()}}
        found["single"] = measured(self._asked(best), split.test)
        found["oracle"] = {
            str(panel.k): measured(self._asked(at[panel.k]), [panel])[str(panel.k)]
            for panel in split.test
            if at[panel.k] != best
        }
        return found

    def _asked(self, settings: Settings) -> Recommender:
        plain = {name: value for name, value in settings.items() if name != "seeing"}
        model = self._fit(plain)
        return seeing(model, settings["seeing"]) if "seeing" in settings else model

    def _try(self, settings: Settings, split: Split) -> Trial:
        start = time.perf_counter()
        quality = headline(self._fit(settings), split.validate)
        return Trial(settings, quality, time.perf_counter() - start)

    def _again(self, old: Found) -> Trial:
        return Trial(old["settings"], {int(k): value for k, value in old["quality"].items()}, old["seconds"])

    def _fit(self, settings: Settings) -> Recommender:
        key = _key(settings)
        if key not in self.fitted:
            split = self.room.split("likes")
            if self.competitor.name == "hybrid":
                self.fitted[key] = self._blend(settings)
            else:
                model = self.competitor.kind(**settings)
                self.fitted[key] = model.fit(split.train, validation=split.validation, run=self.room.run)
        return self.fitted[key]

    def _blend(self, settings: Settings) -> Recommender:
        """Build a hybrid of members that are fitted once, for blends differ in their weights only."""
        model, train = Hybrid(**settings), self.room.split("likes").train
        headers: dict[str, Any] = {}
        arrays: Arrays = {}
        for name in model.config.weights:
            own = model.config.settings.get(name, {})
            key = name + _key(own)
            if key not in self.room.members:
                self.room.members[key] = recommender_class(name)(**own).fit(train, run=self.room.run)
            headers[name], parts = self.room.members[key].state()
            arrays |= {f"{name}/{part}": array for part, array in parts.items()}
        return Hybrid.of_state(settings, train.catalogue, headers, arrays)

    def _let_go(self, tuning: Tuning) -> None:
        leading = {_key(settings) for settings in _leading(tuning)}
        for key in [key for key in self.fitted if key not in leading]:
            del self.fitted[key]

    def _reads_events(self) -> bool:
        return self.competitor.name == "hybrid" or "events" in self.competitor.kind.config_class.model_fields

    def _chosen(self) -> dict[str, Settings]:
        labels = ("user-kNN", "item-kNN", "EASE", "content")
        known = {label: self.room.known(label) for label in labels}
        return {label: one["curves"]["likes"]["settings"] for label, one in known.items() if "curves" in one}


def _led(before: Found) -> list[Settings]:
    """Return the settings that an earlier run chose, for either curve or for some k."""
    found: list[Settings] = []
    for settings in (*before["settings"].values(), *(before["settings at each k"] or {}).values()):
        plain = {name: value for name, value in settings.items() if name != "seeing"}
        if plain not in found:
            found.append(plain)
    return found


def _leading(tuning: Tuning) -> list[Settings]:
    """Return the settings that are best in the mean or at some k that reveals events, no two alike."""
    found = [tuning.best]
    for k in revealing(tuning.trials[0].quality):
        if (best := tuning.best_at(k)) not in found:
            found.append(best)
    return found


def _cost(model: Recommender, split: Split, fitting: Stopwatch) -> Found:
    panel, scoring = split.test[-1], Stopwatch()
    with scoring.running():
        for _ in model.iter_scores(panel.tasks.support, users=panel.users):
            pass
    adapting = adapt_microseconds(model, panel.tasks.support, sample=10)
    numbers = {"fit_wall": fitting.wall, "fit_cpu": fitting.cpu, "adapt_us": adapting}
    return numbers | {"users_per_second": len(panel) / scoring.wall}


def _trial(one: Trial) -> Found:
    quality = {str(k): round(value, 6) for k, value in one.quality.items()}
    return {"settings": one.settings, "quality": quality, "seconds": round(one.seconds, 2)}


def _key(settings: Mapping[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True)
