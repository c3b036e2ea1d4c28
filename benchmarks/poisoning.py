"""How far fake users push an item among real ones, and what leaving suspects out does; ``results/poisoning.json``."""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import numpy.typing as npt

from benchmarks.tables import RESULTS, rounded, run, write
from benchmarks.trials import CACHE, ROOT, code_version
from warmstart.adaptation.feedback import Feedback
from warmstart.adaptation.fold import fold
from warmstart.core.events import Event
from warmstart.core.histories import Histories
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.data.doubt import suspects
from warmstart.data.episodes import cold_user_tasks
from warmstart.data.split import split_users
from warmstart.evaluation.files import write_whole
from warmstart.evaluation.statistics import Measured, compare
from warmstart.meta.exam import ndcg_of_each
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.table import recommender

Doubles = npt.NDArray[np.float64]
Items = npt.NDArray[np.integer]
Scores = dict[int, npt.NDArray[np.float32]]

SHARES = (0.01, 0.03, 0.05)
KINDS = ("random", "average", "bandwagon")
BEYOND = (("copied", 0.05), ("segment", 0.05), ("target alone", 0.05))
"""Attacks that are not defended, at one strength."""
EVERY = (*KINDS, *(kind for kind, _ in BEYOND), "burst")
BURST = 5_000
POPULARITY = {"low": (0.3, 0.5), "medium": (0.7, 0.85)}
"""Quantiles of the likes of an item, over the items with any, between which targets are drawn."""
BANDWAGON, LEAST = 10, 5
SHOTS, POOL, DEPTH = (0, 10), 10, 10
MODELS: dict[str, dict[str, Any]] = {
    "meta": {"values": False, "tune": False, "item_text": False},
    "ease": {},
    "item_knn": {},
    "popularity": {},
}
LABELS = {"meta": "meta", "ease": "EASE", "item_knn": "item-kNN", "popularity": "popularity"}
NAMES = {"movielens-small": "MovieLens small", "ml-1m": "MovieLens-1M"}


def main(arguments: list[str]) -> int:
    """Measure every data set that was asked for, an attack at a time, and write the table."""
    asked = _parser().parse_args(arguments)
    found = _known(asked.out or RESULTS)
    for name in asked.datasets:
        data = load_dataset(name)
        found[name] = pooled([Room.of(data, seed, asked).measured() for seed in asked.seeds])
        found[name] = {"seeds": asked.seeds} | found[name]
    whole = {"readme": [_part(found)], "about": _ABOUT, "models": MODELS, "data": found}
    write("poisoning", whole, asked.out)
    return 0


def _known(folder: Path) -> dict[str, Any]:
    """Return what was found for other data sets, so that each can be measured in a run of its own."""
    file = folder / "poisoning.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))["data"]) if file.exists() else {}


@dataclass(frozen=True)
class Attack:
    """What fake users do.

    Args:
        kind: how their likes beside the target are drawn.
        share: fakes for each real user of the training data.
        popularity: how popular the target is.
        number: which of several targets.
    """

    kind: str
    share: float
    popularity: str
    number: int


@dataclass
class Room:
    """One split: real users who train, and others whose lists are looked at.

    Args:
        train: real users.
        tasks: test users by number of events shown.
        seed: of the split, targets and fakes.
        targets: how many of each popularity.
        shares: of fakes.
        kinds: of attacks.
        fits: scores by what was trained on, so that nothing is trained twice.
    """

    train: Dataset
    tasks: dict[int, Tasks]
    seed: int
    targets: int
    shares: Sequence[float]
    kinds: Sequence[str]
    fits: dict[str, Scores] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Dataset, seed: int, asked: argparse.Namespace) -> "Room":
        """Split the users; training reads likes and other ratings, an attack adds likes."""
        train, _, test = split_users(data.n_users, seed)
        plain = replace(data.take_users(train), users=None)
        plain = replace(plain, histories=replace(plain.histories, times=None))
        tasks = cold_user_tasks(data, test, SHOTS, "likes", POOL, seed)
        return cls(plain, tasks, seed, asked.targets, asked.shares, asked.kinds)

    def attacks(self) -> list[Attack]:
        """Return all attacks, each on every target."""
        kinds = [(kind, share) for kind in KINDS for share in self.shares] + [*BEYOND, ("burst", 0.0)]
        return [
            Attack(kind, share, popularity, number)
            for kind, share in kinds
            if kind in self.kinds
            for popularity in POPULARITY
            for number in range(self.targets)
        ]

    def measured(self) -> dict[str, Any]:
        """Return what every attack comes to, from files where code and question are the same."""
        found = {"clean": self.kept("clean", self.clean)}
        for one in self.attacks():
            name = f"{one.kind}-{one.share}-{one.popularity}-{one.number}"
            found[name] = self.kept(name, partial(self.attacked, one))
        return found

    def kept(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a finding from its file, or make and keep it."""
        digest = hashlib.sha256(code_version().encode())
        for file in (ROOT / "src/warmstart/data/doubt.py", Path(__file__)):
            digest.update(file.read_bytes())
        folder = CACHE / "poisoning" / f"{self.train.name}-{self.seed}-{digest.hexdigest()[:16]}"
        path = folder / f"{name.replace(' ', '-')}.json"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(found := make()).encode())
            told = {label: of["10"]["hits"] for label, of in found.get("rows", {}).items()}
            print(self.train.name, self.seed, name, found.get("left out", ""), told, flush=True)
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def clean(self) -> dict[str, Any]:
        """Return what the defence does where nobody attacks."""
        left = suspects(self.train)
        rest = self.train.take_users(np.setdiff1d(np.arange(self.train.n_users), left))
        found: dict[str, Any] = {"left out": len(left), "users": self.train.n_users}
        for label, data in (("plain", self.train), ("defended", rest)):
            scores = self.scores("meta", data)
            found[label] = {str(k): ndcg_of_each(scores[k], self.tasks[k]).tolist() for k in SHOTS}
        return found

    def attacked(self, attack: Attack) -> dict[str, Any]:
        """Return where the target stands before, after, and after leaving suspects out, by row and events shown."""
        target = self.target(attack)
        data = self.poisoned(attack, target)
        left = suspects(data)
        rest = data.take_users(np.setdiff1d(np.arange(data.n_users), left))
        real, fakes = int((left < self.train.n_users).sum()), data.n_users - self.train.n_users
        rows: dict[str, Any] = {}
        for name in MODELS:
            before, after = self.scores(name, self.train), self.scores(name, data)
            rows[f"{name}, before"] = self.standing(before, before, target)
            rows[f"{name}, attacked"] = self.standing(before, after, target)
            if name == "meta":
                rows["meta, defended"] = self.standing(before, self.scores(name, rest), target)
        out = {"real": real, "fakes": len(left) - real, "of": fakes}
        return {"target likes": int((self.train.likes().items == target).sum()), "left out": out, "rows": rows}

    def target(self, attack: Attack) -> int:
        """Return an item of the wanted popularity, the same for every kind and strength."""
        counts = np.bincount(self.train.likes().items, minlength=self.train.n_items)
        liked = np.flatnonzero(counts)
        low, high = np.quantile(counts[liked], POPULARITY[attack.popularity])
        fit = liked[(counts[liked] >= low) & (counts[liked] <= high)]
        return int(Run(seed=self.seed).rng("target", attack.popularity).permutation(fit)[attack.number])

    def poisoned(self, attack: Attack, target: int) -> Dataset:
        """Return the training data with fake users behind the real ones."""
        rng = Run(seed=self.seed).rng("fakes", attack.kind, attack.popularity, attack.number)
        if attack.kind == "burst":
            rows = [burst(self.train, target)]
        else:
            count = round(attack.share * self.train.n_users)
            rows = [_fake(attack.kind, self.train.likes(), self.train.n_items, target, rng) for _ in range(count)]
        return joined(self.train, rows)

    def scores(self, name: str, data: Dataset) -> Scores:
        """Return the test users' scores of a recommender trained on some data; the last ones are remembered."""
        events = data.histories
        key = hashlib.sha256(events.indptr.tobytes() + events.items.tobytes()).hexdigest() + name
        key = f"real {name}" if data is self.train else key
        if key not in self.fits:
            while len(self.fits) > 2 * len(MODELS):
                self.fits.pop(next(place for place in self.fits if not place.startswith("real")))
            model: Recommender = recommender(name, **MODELS[name]).fit(data)
            self.fits[key] = {k: model.score(tasks.support) for k, tasks in self.tasks.items()}
        return self.fits[key]

    def standing(self, before: Scores, after: Scores, target: int) -> dict[str, Any]:
        """Return where the target stands in the lists of test users who have not met it."""
        found = {}
        for k, tasks in self.tasks.items():
            met = tasks.hidden.matrix(self.train.n_items).toarray() > 0
            own = ~met[:, target]
            shown = np.where(met, -np.inf, after[k])
            ranks = 1 + (shown > shown[:, [target]]).sum(axis=1)
            ties = (shown == shown[:, [target]]).sum(axis=1) - 1
            shift = (after[k][:, target] - before[k][:, target]) / before[k].std(axis=1)
            ranks = (ranks + ties // 2)[own]
            found[str(k)] = {
                "hits": rounded(float((ranks <= DEPTH).mean())),
                "in 100": rounded(float((ranks <= 100).mean())),
                "rank": float(np.median(ranks)),
                "shift": rounded(float(shift[own].mean())),
                "users": int(own.sum()),
            }
        return found


def joined(data: Dataset, rows: Sequence[Items]) -> Dataset:
    """Return the data with further users who like ``rows``."""
    likes, real = np.concatenate(rows), data.histories
    ends = real.indptr[-1] + np.cumsum([len(row) for row in rows])
    values = np.full(len(likes), data.catalogue.like_value, dtype=np.float32)
    histories = Histories(
        np.concatenate([real.indptr, ends]).astype(np.int64),
        np.concatenate([real.items, likes]).astype(np.int32),
        np.concatenate([real.values, values]),
    )
    names = np.array(
        [*map(str, data.user_ids.tolist()), *(f"fake {place}" for place in range(len(rows)))], dtype=object
    )
    return replace(data, histories=histories, user_ids=names)


def burst(data: Dataset, target: int) -> Items:
    """Return what the fold makes of one account that sends thousands of events on the target."""
    name = str(data.item_ids[target])
    events = [Event(f"e{place}", name, "like", float(place)) for place in range(BURST)]
    return fold(events, data.catalogue, Feedback(most_events=BURST)).history.items


def _fake(kind: str, likes: Histories, n_items: int, target: int, rng: np.random.Generator) -> Items:
    """Return the likes of one fake user, as many as some real user has (Lam and Riedl, 2004; Mobasher et al., 2007)."""
    counts = np.bincount(likes.items, minlength=n_items).astype(np.float64)
    counts[target] = 0
    known, size = np.flatnonzero(counts), max(LEAST, int(rng.choice(likes.lengths)))
    if kind == "random":
        chosen = rng.choice(known, size, replace=False)
    elif kind == "average":
        chosen = rng.choice(known, size, replace=False, p=counts[known] / counts.sum())
    elif kind == "bandwagon":
        famous = np.argsort(-counts, kind="stable")[:BANDWAGON]
        chosen = np.union1d(famous, rng.choice(known, max(size - BANDWAGON, 3), replace=False))
    elif kind == "segment":
        chosen = _segment(likes, counts, target)
    elif kind == "copied":
        chosen = likes[int(rng.integers(len(likes)))].items
    else:
        chosen = np.array([], dtype=np.int64)
    return np.append(chosen[chosen != target], target).astype(np.int32)


def _segment(likes: Histories, counts: Doubles, target: int) -> Items:
    """Return one of the hundred best known items and those most often liked together with it, by cosine."""
    famous = np.argsort(-counts, kind="stable")[:100]
    middle = int(famous[target % len(famous)])
    liked = likes.matrix(len(counts), np.ones(len(likes.items)))
    alike = np.asarray((liked.T @ liked[:, [middle]]).todense()).ravel() / np.sqrt(np.maximum(counts, 1))
    return np.argsort(-np.where(counts >= counts[famous[-1]], alike, -1), kind="stable")[:BANDWAGON]


def pooled(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return means over targets and seeds, and what the defence costs with its interval over all test users."""
    clean = [seed["clean"] for seed in seeds]
    cost = {}
    for k in map(str, SHOTS):
        values = [np.concatenate([np.asarray(one[label][k]) for one in clean]) for label in ("defended", "plain")]
        gap = compare([Measured(values[0])], [Measured(values[1])]).difference
        cost[k] = {"plain": rounded(float(values[1].mean()))}
        cost[k] |= {"mean": rounded(gap.mean), "low": rounded(gap.low), "high": rounded(gap.high), "users": gap.n}
    left = [one["left out"] / one["users"] for one in clean]
    found: dict[str, Any] = {"no attack": {"left out": rounded(float(np.mean(left))), "ndcg@10": cost}, "attacks": {}}
    names = [name for name in seeds[0] if name != "clean"]
    for group in dict.fromkeys(name.rsplit("-", 1)[0] for name in names):
        ones = [seed[name] for seed in seeds for name in names if name.rsplit("-", 1)[0] == group]
        found["attacks"][group] = _mean_of(ones)
    return found


def _mean_of(ones: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rows = {
        label: {
            k: {
                what: rounded(float(np.mean([one["rows"][label][k][what] for one in ones])))
                for what in ("hits", "in 100", "rank", "shift")
            }
            for k in of
        }
        for label, of in ones[0]["rows"].items()
    }
    out = {
        name: rounded(float(np.mean([one["left out"][name] for one in ones])), 2) for name in ("real", "fakes", "of")
    }
    likes = [one["target likes"] for one in ones]
    return {"targets": len(ones), "target likes": likes, "left out": out, "rows": rows}


def _part(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    rows: list[list[Any]] = []
    for name, of in found.items():
        for start in dict.fromkeys(group.rsplit("-", 1)[0] for group in of["attacks"]):
            kind, share = start.split("-")
            if kind not in KINDS or float(share) == max(SHARES):
                what = f"{kind}, {float(share):.0%}" if float(share) else f"one account, {BURST:,} events"
                rows.append(
                    [NAMES.get(name, name), what, *_row([of["attacks"][f"{start}-{one}"] for one in POPULARITY])]
                )
    text = (
        "Fake users in training, for each real one, who like an item of low or medium popularity: how many of them "
        f"`--leave-out-suspects` finds, and the share of test users with {POOL} events in whose first {DEPTH} and 100 "
        "the item stands before the attack, attacked, and defended; other recommenders attacked alike. "
        + " ".join(_cost(name, of) for name, of in found.items())
    )
    columns = ["data", "attack", "fakes found", *(f"first {DEPTH}, {when}" for when in ("attacked", "defended"))]
    columns += [f"first 100, {when}" for when in ("before", "attacked", "defended")]
    columns += [f"{LABELS[name]}, first 100, attacked" for name in MODELS if name != "meta"]
    return {"place": 6.2, "title": "Fake users", "text": text, "columns": columns, "rows": rows, "digits": 3}


def _row(ones: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """Return the mean over low and medium popularity of what the README shows."""
    asked = [("meta, attacked", "hits"), ("meta, defended", "hits")]
    asked += [(f"meta, {when}", "in 100") for when in ("before", "attacked", "defended")]
    asked += [(f"{name}, attacked", "in 100") for name in MODELS if name != "meta"]
    fakes, of = (sum(one["left out"][name] for one in ones) for name in ("fakes", "of"))
    k = str(POOL)
    return [
        fakes / of if of > len(ones) else None,
        *(float(np.mean([one["rows"][label][k][what] for one in ones])) for label, what in asked),
    ]


def _cost(name: str, of: Mapping[str, Any]) -> str:
    clean = of["no attack"]
    gap = clean["ndcg@10"]["10"]
    return (
        f"Without attack the defence leaves out {clean['left out']:.1%} of {NAMES.get(name, name)}'s users: nDCG@10 "
        f"{gap['mean']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}]."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", nargs="+", default=["movielens-small", "ml-1m"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--kinds", nargs="+", choices=EVERY, default=list(EVERY), help="of attacks")
    parser.add_argument("--shares", nargs="+", type=float, default=list(SHARES), help="of fakes, for each real user")
    parser.add_argument("--targets", type=int, default=1, help="items of each popularity, for every seed")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "Users split 80/10/10 by seed; fakes are added to the training users, `share` for each real one, and all targets, "
    "lists and nDCG are of test users, with 10 likes shown (and 0). Each fake likes the target and as many items as "
    "some real user: `random` ones, by popularity (`average`), the ten best known and random ones (`bandwagon`), all "
    "likes of a real user (`copied`), ten well-known things that are often liked together (`segment`), nothing else "
    "(`target alone`: accounts or sessions that one person makes). `burst` is one account with thousands of events, "
    "which the fold makes one like of. `low` targets have as many likes as the items between the quantiles .3 and .5 "
    "of those liked at all, `medium` .7 to .85. `hits` and `in 100` are the shares of people in whose first 10 and 100 "
    "the target stands, `shift` the mean change of its score in standard deviations of a person's scores before. "
    "`meta` is untuned and without item text, times are left out. The defence's settings were chosen on other splits "
    "and draws by whom it leaves out, never by nDCG or ranks; the splits overlap, so test users of these seeds were "
    "among the training users there, and one threshold was tightened after seed 0 had been seen."
)

if __name__ == "__main__":
    run(main)
