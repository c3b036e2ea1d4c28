"""What policies do to new people's lists, and whether propensities tell the truth; writes ``results/policy.json``."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import numpy.typing as npt

from benchmarks.sentences import labels_of
from benchmarks.tables import rounded, run, write
from warmstart.adaptation.diversity import likeness_within
from warmstart.adaptation.filters import Filters
from warmstart.adaptation.policy import Chosen, Policy, choose, vectors_of
from warmstart.adaptation.settings import PolicyConfig
from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import cold_user_tasks
from warmstart.data.split import split_users
from warmstart.meta.exam import ndcg_of
from warmstart.meta.posterior import TastePosterior
from warmstart.meta.recommender import MetaRecommender
from warmstart.meta.tastes import Tastes
from warmstart.recommenders.profile import Profile

SHOTS, SHOWN, POOL, DEPTH = (0, 3, 10), 3, 20, 10
ROUNDS, VISITS = 5, 10
CLICKED = 0.6
"""Chance that somebody clicks what she is shown and likes; what she does not like she never clicks."""
ITEMS, TASTES, RANK, CALLS = 10_000, 2048, 64, 200
NAMES = {"movielens-small": "MovieLens small", "ml-1m": "MovieLens-1M"}
POLICIES = {
    "by score": PolicyConfig(),
    "Thompson": PolicyConfig(explore="thompson"),
    "Thompson, half as bold": PolicyConfig(explore="thompson", boldness=0.5),
    "upper bound": PolicyConfig(explore="ucb"),
    "diversity .1": PolicyConfig(diversity=0.1),
    "diversity .2": PolicyConfig(diversity=0.2),
    "diversity .3": PolicyConfig(diversity=0.3),
    "diversity .5": PolicyConfig(diversity=0.5),
    "Thompson, diversity .2": PolicyConfig(explore="thompson", diversity=0.2),
}
LOGGED = "Thompson"
JUDGED = ("by score", "Thompson, half as bold", "upper bound", "diversity .2", "diversity .5")


@dataclass(frozen=True, slots=True)
class Visitors:
    """Test users with k events: what is known of them, what they may be shown, and what they turn out to like."""

    profiles: list[Profile]
    filters: list[Filters]
    tasks: Tasks

    @classmethod
    def of(cls, model: MetaRecommender, tasks: Tasks) -> "Visitors":
        """Make profiles of tasks; what protocols hide was met before."""
        starts = [Profile.start(model, tasks.support[row], model.encode(None, None)) for row in range(len(tasks))]
        every = Filters(len(model.catalogue))
        return cls(starts, [every.met(tasks.hidden[row].items) for row in range(len(tasks))], tasks)

    def lists(self, policy: Policy, rng: np.random.Generator) -> list[Chosen]:
        """Show one list to everybody."""
        pairs = zip(self.profiles, self.filters, strict=True)
        return [policy.choose(profile, DEPTH, filters, rng) for profile, filters in pairs]

    def likes(self, n_items: int) -> Floats:
        """Return what everybody likes, float32 [n, n_items] of zeros and ones."""
        found: Floats = self.tasks.query.matrix(n_items, np.ones(len(self.tasks.query.items))).toarray()
        return found


def main(arguments: list[str]) -> int:
    """Measure lists, propensities and time, and write the tables."""
    asked = _parser().parse_args(arguments)
    data = load_dataset(asked.dataset)
    train, validation, test = split_users(data.n_users, asked.seed)
    model = MetaRecommender(values=False).fit(data.take_users(train), validation=data.take_users(validation))
    tasks = cold_user_tasks(data, test, SHOTS, "likes", POOL, asked.seed)
    visitors = {k: Visitors.of(model, some) for k, some in tasks.items()}
    rows = {name: measured(model, data, config, visitors) for name, config in POLICIES.items()}
    plain = sessions(model, PolicyConfig(), visitors[0], asked.sessions)
    for name, config in POLICIES.items():
        clicks = sessions(model, config, visitors[0], asked.sessions)
        rows[name] |= _of_sessions(clicks, plain) | {"CPU µs": _cost(config)}
        print(name, rows[name], flush=True)
    judged = off_policy(model, visitors[SHOWN], asked.visits, asked.runs)
    about = {"about": _ABOUT, "dataset": data.name, "seed": asked.seed, "test users": len(tasks[SHOWN])}
    found = {"lists": rows, "off policy": judged}
    write("policy", {"readme": _parts(data.name, rows, judged)} | about | found, asked.out)
    return 0


def measured(
    model: MetaRecommender, data: Dataset, config: PolicyConfig, visitors: dict[int, Visitors]
) -> dict[str, float | None]:
    """Return nDCG@10 at every k; at one of them what share of the catalogue is shown and how alike lists are."""
    policy, (_, carried) = Policy.of(model, config), labels_of(data)
    tastes, genres = vectors_of(model), _unit(carried.astype(np.float32))
    rounds = ROUNDS if config.explore == "thompson" else 1
    found: dict[str, list[float]] = {}
    for k, some in visitors.items():
        for seed in range(rounds):
            lists = some.lists(policy, Run(seed=seed).rng("lists", k))
            one = {f"nDCG@10, k={k}": ndcg_of(_as_scores(lists, data.n_items), some.tasks)}
            if k == SHOWN:
                shown = np.concatenate([one.items for one in lists])
                one["share of catalogue shown"] = len(np.unique(shown)) / data.n_items
                one["alike, tastes"] = float(np.mean([likeness_within(tastes[each.items]) for each in lists]))
                one["alike, genres"] = float(np.mean([likeness_within(genres[each.items]) for each in lists]))
                one["propensity"] = float(np.mean([each.propensities.mean() for each in lists]))
            for name, value in one.items():
                found.setdefault(name, []).append(value)
    return {name: rounded(float(np.mean(values))) for name, values in found.items()}


def sessions(
    model: MetaRecommender, config: PolicyConfig, strangers: Visitors, seeds: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Return what strangers click, list by list, float64 [people, lists], the mean over seeds; clicks are learned from.

    What was shown is never shown again, clicked or not; what is not clicked says nothing. Whether somebody would click
    what she likes is drawn once a seed, so that policies are compared on the same people in the same mood.
    """
    policy, likes = Policy.of(model, config), strangers.likes(len(model.catalogue))
    clicks = np.zeros((len(likes), VISITS))
    for seed in seeds:
        rng = Run(seed=seed).rng("sessions")
        moved = (likes > 0) & (rng.random(likes.shape) < CLICKED)
        for row, filters in enumerate(strangers.filters):
            clicks[row] += _session(policy, strangers.profiles[row], filters, moved[row], rng)
    return clicks / len(seeds)


def _session(
    policy: Policy, profile: Profile, filters: Filters, moved: npt.NDArray[np.bool_], rng: np.random.Generator
) -> list[int]:
    clicks, ids = [], policy.model.catalogue.item_ids
    for _ in range(VISITS):
        shown = policy.choose(profile, DEPTH, filters, rng).items
        clicked = shown[moved[shown]].tolist()
        clicks.append(len(clicked))
        filters = filters.met(shown)
        for item in clicked:
            profile = profile.observe(ids[item])
    return clicks


def _of_sessions(clicks: npt.NDArray[np.float64], plain: npt.NDArray[np.float64]) -> dict[str, float | None]:
    totals, more = clicks.cumsum(axis=1), (clicks - plain).sum(axis=1)
    found = {f"clicks in {n} lists": rounded(totals[:, n - 1].mean()) for n in (1, 5, VISITS)}
    error = rounded(more.std(ddof=1) / np.sqrt(len(more)))
    return found | {"more clicks than by score": rounded(more.mean()), "its standard error": error}


def off_policy(model: MetaRecommender, visitors: Visitors, visits: int, runs: int) -> dict[str, dict[str, Any]]:
    """Log clicks under one policy and estimate from them what others would have got; beside it what they do get.

    The estimate is ``sum over what was shown of click / propensity * would have been shown`` (Horvitz and Thompson,
    1952); its interval is 1.96 standard errors, from how much the visits of the same person differ. ``naive`` leaves
    the propensities out: the clicks on what both policies show.
    """
    likes = visitors.likes(len(model.catalogue))
    others = {name: _chances(model, visitors, POLICIES[name], likes.shape, visits) for name in (LOGGED, *JUDGED)}
    logged = Policy.of(model, POLICIES[LOGGED])
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in others}
    for number in range(runs):
        log = [_clicks(logged, visitors, likes, Run(seed=number).rng("log", visit)) for visit in range(visits)]
        for name, chances in others.items():
            each = np.array([(weighed * chances).sum(axis=1) / DEPTH for weighed, _ in log])  # [visits, people]
            naive = float(np.mean([(plain * chances).sum(axis=1) / DEPTH for _, plain in log]))
            error = float(np.sqrt((each.var(axis=0, ddof=1) / visits).sum()) / each.shape[1])
            found[name].append((float(each.mean()), error, naive))
    truth = {name: CLICKED * float((likes * chances).sum(axis=1).mean()) / DEPTH for name, chances in others.items()}
    return {name: _judged(truth[name], np.array(one)) for name, one in found.items()}


def _chances(
    model: MetaRecommender, visitors: Visitors, config: PolicyConfig, shape: tuple[int, ...], visits: int
) -> Floats:
    """Return the probability that a policy shows each item to each person, float32 [n, n_items]."""
    policy, shown = Policy.of(model, config), np.zeros(shape, dtype=np.float32)
    rounds = visits * ROUNDS if config.explore == "thompson" else 1
    for seed in range(rounds):
        for row, one in enumerate(visitors.lists(policy, Run(seed=seed).rng("chances"))):
            shown[row, one.items] += 1 / rounds
    return shown


def _clicks(policy: Policy, visitors: Visitors, likes: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return everybody's clicks of one visit over their propensities, and as they are, float32 [n, n_items]."""
    weighed, plain = np.zeros_like(likes), np.zeros_like(likes)
    for row, one in enumerate(visitors.lists(policy, rng)):
        clicks = likes[row, one.items] * (rng.random(len(one)) < CLICKED)
        weighed[row, one.items] = clicks / one.propensities
        plain[row, one.items] = clicks
    return weighed, plain


def _judged(truth: float, found: npt.NDArray[np.float64]) -> dict[str, Any]:
    estimates, errors, naive = found.T
    interval = [rounded(estimates[0] + side * 1.96 * errors[0]) for side in (-1, 1)]
    return {
        "true hit rate": rounded(truth),
        "estimate of one log": rounded(estimates[0]),
        "its 95 % interval": interval,
        "mean estimate": rounded(estimates.mean()),
        "spread of estimates": rounded(estimates.std(ddof=1), 5) if len(estimates) > 1 else None,
        "intervals that hold the truth": rounded((np.abs(estimates - truth) <= 1.96 * errors).mean(), 2),
        "naive": rounded(naive.mean()),
    }


def _cost(config: PolicyConfig) -> float | None:
    """Return the CPU microseconds of choosing ten of 10,000 items, beyond scoring them; the best of several."""
    rng = np.random.default_rng(0)
    values, outputs = rng.standard_normal((TASTES, RANK)), rng.standard_normal((RANK, ITEMS))
    keys = np.zeros((0, TASTES), dtype=np.float32)
    tastes = Tastes(keys, np.full(ITEMS, -1), _f(values), _f(outputs))
    weights = _f(np.exp(2 * rng.standard_normal(TASTES)))
    posterior = TastePosterior(tastes, weights / weights.sum(), share=0.6, mixed=SHOWN + 1)
    scores, vectors = _f(rng.standard_normal(ITEMS)), _unit(_f(outputs.T))
    filters = Filters(ITEMS).met(np.arange(SHOWN)).in_stock(rng.random(ITEMS) < 0.9)

    def once() -> None:
        choose(scores, DEPTH, filters, config, belief=lambda: posterior, vectors=vectors, rng=rng)

    return rounded(1e6 * min(_seconds(once) for _ in range(ROUNDS)), 0)


def _seconds(once: Callable[[], None]) -> float:
    start = time.process_time()
    for _ in range(CALLS):
        once()
    return (time.process_time() - start) / CALLS


def _as_scores(lists: Sequence[Chosen], n_items: int) -> Floats:
    """Return scores that rank as the lists do, float32 [n, n_items]."""
    scores = np.full((len(lists), n_items), -np.inf, dtype=np.float32)
    for row, one in enumerate(lists):
        scores[row, one.items] = np.arange(len(one), 0, -1, dtype=np.float32)
    return scores


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Floats = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return found


def _f(values: Any) -> Floats:
    found: Floats = np.asarray(values, dtype=np.float32)
    return found


def _parts(
    name: str, rows: dict[str, dict[str, float | None]], judged: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    label = NAMES.get(name, name)
    measures = [*(f"nDCG@10, k={k}" for k in SHOTS), "share of catalogue shown", "alike, tastes", "alike, genres"]
    measures.append(f"clicks in {VISITS} lists")
    lists = {
        "place": 3.8,
        "title": "Policies",
        "text": (
            f"{label}, test users of one seed: nDCG@10 after k events; after {SHOWN}, the share of the catalogue that "
            "all their lists show, and how alike the ten items of a list are (mean correlation over tastes, mean "
            f"cosine over genres); what a stranger clicks in her first {VISITS} lists, each click learned from; CPU µs "
            f"to choose ten of {ITEMS:,} items, beyond scoring them."
        ),
        "columns": ["policy", *measures, "CPU µs"],
        "rows": [
            [policy, *(found[one] for one in measures), f"{found['CPU µs']:.0f}"] for policy, found in rows.items()
        ],
        "digits": 3,
    }
    off = {
        "place": 3.81,
        "title": "Judged without being shown",
        "text": (
            "The hit rate of policies that were never shown, estimated from the clicks and propensities that one "
            f"policy ({LOGGED}) logged, beside the true one; `naive` leaves the propensities out."
        ),
        "columns": ["policy", "true", "estimate", "95 % interval", "mean of several logs", "naive"],
        "rows": [
            [
                policy,
                one["true hit rate"],
                one["estimate of one log"],
                "{:.3f} to {:.3f}".format(*one["its 95 % interval"]),
                one["mean estimate"],
                one["naive"],
            ]
            for policy, one in judged.items()
        ],
        "digits": 3,
    }
    return [lists, off]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="ml-1m")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--visits", type=int, default=5, help="lists logged a person in a log")
    parser.add_argument("--sessions", nargs="+", type=int, default=[0, 1], help="seeds of the strangers' sessions")
    parser.add_argument("--runs", type=int, default=8, help="logs that are simulated")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "Users split 80/10/10 by seed; the model is trained without the test users, who then have k likes. Lists have "
    f"ten items; figures of Thompson are means over {ROUNDS} draws. Clicks are simulated: who is shown what she likes "
    f"(her likes held out) clicks with a chance of {CLICKED}, else never. The true hit rate is that chance times the "
    "share of a policy's list that is liked. Nothing was chosen on these users."
)

if __name__ == "__main__":
    run(main)
