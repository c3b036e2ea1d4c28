"""What becomes of a person whose taste changes, and of one whose taste does not; writes ``results/drift.json``."""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import numpy.typing as npt

from benchmarks.tables import rounded, run, write
from benchmarks.trials import CACHE, ROOT, code_version
from warmstart.adaptation.drift import faded
from warmstart.adaptation.settings import DriftConfig
from warmstart.core.histories import Histories
from warmstart.core.tasks import Tasks
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.data.split import split_users
from warmstart.evaluation.files import write_whole
from warmstart.evaluation.statistics import Measured, compare
from warmstart.meta.exam import ndcg_of_each
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.table import recommender
from warmstart.representation.context import Context

Doubles = npt.NDArray[np.float64]
Items = npt.NDArray[np.integer]
Fade = Callable[[Recommender, Histories], Histories]
Pair = tuple[int, int]

BEFORE, SINCE, QUERY = (20, 40), tuple(range(1, 11)), 10
WITHIN = 5
STEADY = (5, 10, 20, 40)
RULES = {"random": "at random", "different": "most different"}
ORDERS = {"time": "in order of time", "shuffled": "in random order"}
CAUTIONS = (0.5, 1.0, 2.0)
"""Beside the default of none."""
ADWIN = {"delta": 0.8, "clock": 1, "grace_period": 4, "min_window_length": 2}
"""Chosen on validation users; with river's own settings it looks at every 32nd event and never speaks here."""
PARTNERS = {"movielens-small": 3}
DRAWS, BLOCK, ROUNDS, WARMING = 2000, 500, 200, 20
COSTED = (10, 20, 30, 40)
NAMES = {"movielens-small": "MovieLens small", "ml-1m": "MovieLens-1M"}


def main(arguments: list[str]) -> int:
    """Measure every data set that was asked for, a seed at a time, and write the tables."""
    asked = _parser().parse_args(arguments)
    found = {}
    for name in asked.datasets:
        data = load_dataset(name)
        found[name] = _pooled([kept(data, seed, asked.partners or PARTNERS.get(name, 1)) for seed in asked.seeds])
    whole = {
        "readme": [_switch_part(found), _steady_part(found)],
        "about": _ABOUT,
        "adwin": ADWIN,
        "seeds": asked.seeds,
        "data": found,
    }
    write("drift", whole, asked.out)
    return 0


def kept(data: Dataset, seed: int, partners: int) -> dict[str, Any]:
    """Return what one seed's test users make of it, from its file where code and question are the same."""
    digest = hashlib.sha256(code_version().encode())
    rooms = ROOT / "src/warmstart/adaptation"
    for file in (rooms / "drift.py", rooms / "glimpse.py", Path(__file__)):
        digest.update(file.read_bytes())
    path = CACHE / "drift" / f"{data.name}-{seed}-{partners}-{digest.hexdigest()[:16]}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(measured(data, seed, partners)).encode())
    return dict(json.loads(path.read_text(encoding="utf-8")))


def measured(data: Dataset, seed: int, partners: int) -> dict[str, Any]:
    """Train on the training users and return nDCG@10 of the test users, person by person."""
    train, validation, test = split_users(data.n_users, seed)
    model = recommender("meta", values=False).fit(data.take_users(train), validation=data.take_users(validation))
    room = Room(model, likes_of(data, test), np.random.default_rng(seed))
    switch, steady = {}, {}
    for rule in RULES:
        for before in BEFORE:
            switch[f"{rule}, {before}"] = room.switched(rule, before, partners)
            rows = switch[f"{rule}, {before}"]["rows"]
            print(data.name, seed, rule, before, {k: rounded(float(np.mean(v["5"])), 3) for k, v in rows.items()})
    for order in ORDERS:
        for n in STEADY:
            steady[f"{order}, {n}"] = room.steady(order, n)
            print(
                data.name, seed, order, n, {k: rounded(float(np.mean(v))) for k, v in steady[f"{order}, {n}"].items()}
            )
    return {"switch": switch, "steady": steady, "milliseconds": room.milliseconds()}


def likes_of(data: Dataset, users: Items) -> list[Histories]:
    """Return the likes of each user, in order of time."""
    likes = data.histories.where(data.liked)
    return [likes[int(user)] for user in users]


@dataclass(frozen=True)
class Room:
    """A model and people whom it has not met.

    Args:
        model: trained on others.
        people: the likes of each, one row each.
        rng: draws partners and orders.
    """

    model: Recommender
    people: list[Histories]
    rng: np.random.Generator

    def switched(self, rule: str, before: int, partners: int) -> dict[str, Any]:
        """Let people take over the histories of others, and return nDCG@10 of each by row and events since.

        A person's value is the mean over her partners, so that intervals are over people.
        """
        pairs = self.pairs(rule, before, partners)
        owners = np.array([new for _, new in pairs])
        joined = [_joined(self.people[old].items[:before], self.people[new].items) for old, new in pairs]
        bounds = [self.adwin_cuts(history) for history, _ in joined]
        found: dict[str, Any] = {"people": len(set(owners.tolist())), "pairs": len(pairs), "noticed": {}}
        rows: dict[str, dict[str, list[float]]] = {}
        for j in SINCE:
            some = [history[: len(history) - SINCE[-1] + j] for history, _ in joined]
            tasks = self.tasks(joined)
            treated = self.treated(some, j, bounds)
            found["noticed"][str(j)] = float(np.mean([one.weights is not None for one in treated["ours"]]))
            for label, histories in treated.items():
                values = self.ndcg(histories, tasks)
                rows.setdefault(label, {})[str(j)] = _by_owner(values, owners)
        return found | {"rows": rows}

    def treated(self, histories: list[Items], j: int, bounds: list[list[int]]) -> dict[str, list[Histories]]:
        """Return the same histories as each row reads them, ``j`` events after a switch."""
        plain = [_row(one) for one in histories]
        found = {"static": plain, "oracle": [_row(one[-j:]) for one in histories]}
        found["ours"] = [faded(self.model, one) for one in plain]
        least = DriftConfig().least_weight
        found["adwin"] = [_cut(one, cuts[len(one.items) - 1], least) for one, cuts in zip(plain, bounds, strict=True)]
        if j == WITHIN:
            found |= {f"caution {one}": [faded(self.model, h, _careful(one)) for h in plain] for one in CAUTIONS}
        return found

    def steady(self, order: str, n: int) -> dict[str, list[float]]:
        """Return nDCG@10 of people who stay themselves, by row, and whether a change was noticed."""
        people = [one.items for one in self.people if len(one.items) >= n + QUERY]
        if order == "shuffled":
            people = [self.rng.permutation(items) for items in people]
        tasks = self.tasks([(items[:n], items[n:]) for items in people])
        plain = [_row(items[:n]) for items in people]
        found = {"static": self.ndcg(plain, tasks).tolist()}
        for label, fade in self.fades().items():
            treated = [fade(self.model, one) for one in plain]
            found[label] = self.ndcg(treated, tasks).tolist()
            found[f"{label}, noticed"] = [float(a is not b) for a, b in zip(treated, plain, strict=True)]
        return found

    def fades(self) -> dict[str, Fade]:
        """Return everything that fades, by name."""
        found: dict[str, Fade] = {"ours": faded, "adwin": self.by_adwin}
        return found | {f"caution {one}": partial(faded, config=_careful(one)) for one in CAUTIONS}

    def pairs(self, rule: str, before: int, partners: int) -> list[Pair]:
        """Return (whose history is taken over, who takes it over), ``partners`` for each of those with enough likes.

        Partners are drawn at random, or they are the people whose scores, given all their likes, have the lowest
        cosine with hers, both less the mean over people.
        """
        olds = [place for place, one in enumerate(self.people) if len(one.items) >= before]
        news = [place for place, one in enumerate(self.people) if len(one.items) >= SINCE[-1] + QUERY]
        near = self.nearness()
        found = []
        for new in news:
            others = np.array([old for old in olds if old != new])
            chosen = self.rng.choice(others, min(partners, len(others)), replace=False)
            if rule == "different":
                chosen = others[np.argsort(near[new, others], kind="stable")[:partners]]
            found += [(int(old), new) for old in chosen]
        return found

    def nearness(self) -> Doubles:
        """Return how alike any two tastes are, float64 [people, people]."""
        scores = np.concatenate([self.model.scores_of_many(_row(one.items), Context()) for one in self.people])
        scores -= scores.mean(axis=0)
        scores /= np.maximum(np.linalg.norm(scores, axis=1, keepdims=True), 1e-12)
        return np.asarray(scores @ scores.T, dtype=np.float64)

    def tasks(self, joined: Sequence[tuple[Items, Items]]) -> Tasks:
        """Return tasks whose query is never in the history, and whose history is never ranked."""
        shown, asked = (_rows([pair[side] for pair in joined]) for side in (0, 1))
        return Tasks(shown, asked, shown, np.arange(len(joined)))

    def ndcg(self, histories: Sequence[Histories], tasks: Tasks) -> Doubles:
        """Return nDCG@10 of each."""
        found = []
        for start in range(0, len(histories), BLOCK):
            part = slice(start, start + BLOCK)
            some = Tasks(tasks.support[part], tasks.query[part], tasks.hidden[part], tasks.users[part])
            found.append(ndcg_of_each(self.model.scores_of_many(_together(histories[part]), Context()), some))
        return np.concatenate(found)

    def adwin_cuts(self, items: Items) -> list[int]:
        """Return, after each event, where the window that ADWIN keeps begins (Bifet and Gavalda, 2007).

        It watches the surprise of each event: the log of its rank in the profile of all events before it, less that
        for nobody in particular.
        """
        from river import drift

        seen = _rows([items[:place] for place in range(len(items))])
        scores = self.model.scores_of_many(seen, Context())
        scores[:, items] = np.where(np.tri(len(items), k=-1, dtype=bool), -np.inf, scores[:, items])
        adwin: Any = drift.ADWIN
        watch, cuts = adwin(**ADWIN), []
        for place, item in enumerate(items.tolist()):
            ranks = [np.log(5.0 + np.count_nonzero(scores[row] > scores[row, item])) for row in (place, 0)]
            watch.update(float(ranks[0] - ranks[1]))
            cuts.append(place + 1 - int(watch.width))
        return cuts

    def by_adwin(self, model: Recommender, history: Histories) -> Histories:
        """Fade what lies before ADWIN's window; the same object where the window holds everything."""
        cut = self.adwin_cuts(history.items)[-1]
        return history if not cut else _cut(history, cut, DriftConfig().least_weight)

    def milliseconds(self) -> dict[str, list[float]]:
        """Return the CPU milliseconds of every ``faded`` at several numbers of events."""
        found = {}
        for n in COSTED:
            some = [_row(one.items[:n]) for one in self.people if len(one.items) >= n]
            for one in some[:WARMING]:
                faded(self.model, one)
            found[str(n)] = [_milliseconds(self.model, some[place % len(some)]) for place in range(ROUNDS)]
        return found


def _milliseconds(model: Recommender, history: Histories) -> float:
    start = time.thread_time()
    faded(model, history)
    return 1000 * (time.thread_time() - start)


def _joined(old: Items, new: Items) -> tuple[Items, Items]:
    """Return old likes followed by new ones, each item once and at its later place, and what is asked."""
    since = new[: SINCE[-1]]
    history = np.concatenate([old[~np.isin(old, since)], since])
    return history, new[SINCE[-1] :][~np.isin(new[SINCE[-1] :], history)]


def _row(items: Items) -> Histories:
    return _rows([items])


def _rows(rows: Sequence[Items]) -> Histories:
    """Return likes as histories, a second apart: real ones have times, and a model may read them."""
    return Histories.of(
        [row.tolist() for row in rows],
        [[5.0] * len(row) for row in rows],
        [[float(t) for t in range(len(row))] for row in rows],
    )


def _together(histories: Sequence[Histories]) -> Histories:
    """Return one batch of single histories."""
    weights = [np.ones(len(one.items), dtype=np.float32) if one.weights is None else one.weights for one in histories]
    batch = _rows([one.items for one in histories])
    whole = np.concatenate(weights)
    return batch if (whole == 1).all() else replace(batch, weights=whole)


def _cut(history: Histories, cut: int, least: float) -> Histories:
    weights = np.where(np.arange(len(history.items)) < cut, least, 1).astype(np.float32)
    return replace(history, weights=weights)


def _careful(caution: float) -> DriftConfig:
    return DriftConfig(caution=DriftConfig().caution + caution)


def _by_owner(values: Doubles, owners: Items) -> list[float]:
    return [float(values[owners == owner].mean()) for owner in np.unique(owners)]


def _pooled(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return means, paired differences and shares over the people of all seeds."""
    switch = {key: _switch([seed["switch"][key] for seed in seeds]) for key in seeds[0]["switch"]}
    steady = {key: _steady([seed["steady"][key] for seed in seeds]) for key in seeds[0]["steady"]}
    for order in ORDERS:
        keys = [key for key in seeds[0]["steady"] if key.startswith(order)]
        steady[f"{order}, all"] = _steady([seed["steady"][key] for key in keys for seed in seeds])
    return {"switch": switch, "steady": steady, "milliseconds": _cost([seed["milliseconds"] for seed in seeds])}


def _cost(seeds: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, dict[str, float | None]]:
    """Return the CPU milliseconds of one call by number of events: in the middle, in the mean, and one in twenty."""
    taken = {n: np.concatenate([seed[n] for seed in seeds]) for n in seeds[0]}
    taken["all"] = np.concatenate(list(taken.values()))
    return {
        n: {
            "median": rounded(float(np.median(one)), 2),
            "mean": rounded(float(one.mean()), 2),
            "95%": rounded(float(np.quantile(one, 0.95)), 2),
        }
        for n, one in taken.items()
    }


def _switch(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rows = {
        label: {j: np.concatenate([seed["rows"][label][j] for seed in seeds]) for j in of}
        for label, of in seeds[0]["rows"].items()
    }
    means = {label: {j: rounded(float(one.mean())) for j, one in of.items()} for label, of in rows.items()}
    late, early = [str(WITHIN)], [str(j) for j in range(1, WITHIN + 1)]
    shares = {label: {f"at {WITHIN}": _share(rows, label, late)} for label in rows if label not in {"static", "oracle"}}
    for label in ("ours", "adwin"):
        shares[label] |= {f"1 to {WITHIN}": _share(rows, label, early)}
        shares[label] |= {j: _share(rows, label, [j]) for j in rows[label]}
    gains = {j: _difference(rows["ours"][j], rows["static"][j]) for j in rows["ours"]}
    noticed = {j: rounded(float(np.mean([seed["noticed"][j] for seed in seeds]))) for j in seeds[0]["noticed"]}
    people = {name: sum(seed[name] for seed in seeds) for name in ("people", "pairs")}
    return people | {"ndcg@10": means, "recovered": shares, "ours less static": gains, "noticed": noticed}


def _steady(parts: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, Any]:
    rows = {label: np.concatenate([np.asarray(part[label]) for part in parts]) for label in parts[0]}
    found: dict[str, Any] = {"people": len(rows["static"]), "static": rounded(float(rows["static"].mean()))}
    for label, values in rows.items():
        if f"{label}, noticed" in rows:
            noticed = rounded(float(rows[f"{label}, noticed"].mean()))
            found[label] = {"difference": _difference(values, rows["static"]), "noticed": noticed}
    return found


def _difference(a: Doubles, b: Doubles) -> dict[str, float | None]:
    found = compare([Measured(a)], [Measured(b)]).difference
    return {"mean": rounded(found.mean), "low": rounded(found.low), "high": rounded(found.high)}


def _share(rows: Mapping[str, Mapping[str, Doubles]], label: str, places: Sequence[str]) -> dict[str, float | None]:
    """Return the share of the way from static to oracle, with its interval over people."""
    gained, gap = (np.mean([rows[row][j] - rows["static"][j] for j in places], axis=0) for row in (label, "oracle"))
    n = len(gap)
    counts = np.random.default_rng([0, n]).multinomial(n, np.full(n, 1 / n), size=DRAWS)
    low, high = np.quantile((counts @ gained) / (counts @ gap), [0.025, 0.975])
    return {"mean": rounded(float(gained.sum() / gap.sum()), 3), "low": rounded(low, 3), "high": rounded(high, 3)}


def _switch_part(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    rows: list[list[Any]] = []
    for name, of in found.items():
        for key, one in of["switch"].items():
            rule, before = key.split(", ")
            means, shares = one["ndcg@10"], one["recovered"]
            row = [f"{NAMES.get(name, name)}, {RULES[rule]}", int(before)]
            row += [means[label][str(WITHIN)] for label in ("static", "oracle", "adwin", "ours")]
            row += [shares[label][f"at {WITHIN}"]["mean"] for label in ("adwin", "ours")]
            rows.append([*row, shares["ours"][f"1 to {WITHIN}"]["mean"]])
    text = (
        f"nDCG@10 of test users who take over somebody else's history, {WITHIN} events after; what is refitted knows "
        "where the switch is. Recovered: share of the way from nothing done to refitted, then its mean over the first "
        f"{WITHIN} events."
    )
    columns = ["whose history", "events before", "nothing done", "refitted", "ADWIN", "ours"]
    columns += ["ADWIN recovers", "ours recovers", f"over 1 to {WITHIN}"]
    return {"place": 3.7, "title": "A change of taste", "text": text, "columns": columns, "rows": rows, "digits": 3}


def _steady_part(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    rows: list[list[Any]] = []
    for name, of in found.items():
        for order, words in ORDERS.items():
            one = of["steady"][f"{order}, all"]
            row: list[Any] = [f"{NAMES.get(name, name)}, {words}", one["static"]]
            for label in ("adwin", "ours"):
                gap = one[label]["difference"]
                row += [f"{gap['mean']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}]", one[label]["noticed"]]
            rows.append(row)
    text = (
        "The same for test users who stay themselves, after "
        f"{', '.join(map(str, STEADY))} of their own events: nDCG@10 with changes looked for less that without, and "
        "how often one is noticed."
    )
    columns = ["whose order", "nothing done", "ADWIN less that", "ADWIN notices", "ours less that", "ours notices"]
    return {"place": 3.71, "title": "No change of taste", "text": text, "columns": columns, "rows": rows, "digits": 3}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", nargs="+", default=["movielens-small", "ml-1m"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--partners", type=int, default=None, help="others whose history each takes over")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "Users split 80/10/10 by seed; the model is trained without the test users. A test user with 20 likes or more "
    "takes over the first 20 (40) likes of another and goes on with her own first ten, j of which are shown; asked are "
    "her likes after those ten. `static` counts all events, `oracle` only hers, `adwin` cuts where ADWIN does on the "
    "surprise of each event. Partners are drawn `random`, or are the most `different`: lowest cosine of scores given "
    "all likes. `recovered` is (row - static) / (oracle - static), intervals by bootstrap over users. In `steady` "
    "nobody takes over anything; every order has its own likes after n events as the query. `caution` rows raise the "
    "setting of that name by so much. ADWIN's settings and ours were chosen on validation users."
)

if __name__ == "__main__":
    run(main)
