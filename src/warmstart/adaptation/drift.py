"""A change of taste: noticed in the newest likes, and then what came before it counts for less.

For a few cuts of a history, three things are asked. Do the likes before the cut foretell those since? Do the two
profiles deviate from what everybody likes in the same direction? And how well did earlier blocks of as many likes agree
with what had come before *them*: that is what this person's agreement is usually like. The answers give each cut
log-odds; all cuts and "no change" compete, as run lengths do in Bayesian change-point detection (Adams and MacKay,
2007); and each event's weight follows from the probability that it belongs to the taste of today.

A model that weighs tastes is asked first, at a fraction of the cost, how strange the newest likes are to older ones:
most people who stay themselves pass there. The rest is asked of a sample of its items. Any other model ranks them all.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from warmstart.adaptation.glimpse import NEVER, Parts, Seen, Span, keys_of, seen
from warmstart.adaptation.settings import DriftConfig
from warmstart.core.histories import Floats, Histories, Ints
from warmstart.recommenders.base import Recommender

Doubles = npt.NDArray[np.float64]

CUTS = (5, 8, 13)
"""How many of the newest likes may be of a new taste; fewer tell more false stories than true ones."""
BEFORE = 3
"""Likes that must stand before a cut."""
NEWEST = 40
"""Likes that are looked at, so that a long history costs no more than a short one."""
TOP = 5.0
"""Ranks are compared by ``log(TOP + rank)``, so that the first few count alike."""
USUAL = np.array([0.53, -0.52, 0.5, 0.5])
"""What earlier blocks say of most people."""
USUAL_COUNTS = 0.5
"""How many blocks of a person's own that counts."""
ODDS = np.array([0.687, 0.319, -0.703, 0.176, -0.327, -0.792, -0.877])
"""Log-odds of a change for each signal, found on validation users; all but the first times the root of the cut."""
ODDS_WITH_TASTES = np.array([-4.3, 0.59, 1.16, -0.35, -0.31, -0.33, -1.0, 0.47, 1.79, 1.08])
"""The same where a model weighs tastes, with what they say themselves, which is not times the root."""
USUAL_STRANGENESS = np.array([-1.73, -1.14, -1.24])
"""How strange the likes of most people are to each other; see ``signals_of``."""
SUSPICION = 1.25
"""Log-odds from strangeness alone, beside the caution, above which the dearer signals are asked for."""
SETTLED = BEFORE + 3 * min(CUTS)
"""Likes from which on strangeness is asked for: before, nothing is known of what is usual."""
UNSETTLED = 1.0
"""Log-odds that a change needs besides where there are fewer."""
TEMPERATURE = 2.0
"""What the tastes' evidence is divided by: a person's likes are not independent of each other."""
NOTHING = 1e-4
"""Length of a deviation from popularity below which a profile says nothing."""

_ROOTS = np.concatenate([np.ones((len(CUTS), 1)), np.tile(np.sqrt(CUTS)[:, None], 6), np.ones((len(CUTS), 3))], axis=1)


def faded(model: Recommender, history: Histories, config: DriftConfig = DriftConfig()) -> Histories:  # noqa: B008
    """Return the history with events from before a change of taste weighing less; the same object if there is none.

    The result depends on the model and the history alone. A model that reads no weights ranks as before.

    Args:
        model: any fitted recommender; it is asked for scores of parts of the history, without context.
        history: one row, in order of time.
        config: thresholds.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.adaptation.drift import faded
        >>> model = ws.MetaRecommender(tune=False, values=False).fit(ws.load_dataset("movielens-small"))
        >>> few = model.profile([1, 2, 3]).history
        >>> faded(model, few) is few
        True
    """
    found = _belief(model, history, config)
    if found is None:
        return history
    weights = found.weights if history.weights is None else found.weights * history.weights
    return replace(history, weights=weights.astype(np.float32))


def change_at(model: Recommender, history: Histories, config: DriftConfig = DriftConfig()) -> int | None:  # noqa: B008
    """Return the place in the history of the first event of the new taste, or None where no change is noticed.

    Of the cuts that are tried the likeliest is named, so the place is exact to a few events.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.adaptation.drift import change_at
        >>> model = ws.MetaRecommender(tune=False, values=False).fit(ws.load_dataset("movielens-small"))
        >>> change_at(model, model.profile([1, 2, 3]).history) is None
        True
    """
    found = _belief(model, history, config)
    return None if found is None else found.place


@dataclass(frozen=True, slots=True)
class _Belief:
    place: int
    weights: Floats


def _belief(model: Recommender, history: Histories, config: DriftConfig) -> _Belief | None:
    places = _likes(model, history)
    if len(places) < config.least_likes:
        return None
    if not _suspicious(model, history, places[-NEWEST:], config):
        return None
    signals = signals_of(model, history, places[-NEWEST:])
    chances = _chances(signals, 0.0 if len(places) >= SETTLED else UNSETTLED)
    newer = len(places) - np.searchsorted(
        places, np.arange(len(history.items)), side="left"
    )  # likes from each event on
    today = chances[0] + (chances[1:] * (np.array(CUTS) >= newer[:, None])).sum(axis=1)
    weights = _weights(today, config)
    if weights.min() >= config.noticed_below:
        return None
    return _Belief(int(places[-CUTS[int(np.argmax(chances[1:]))]]), weights)


def _suspicious(model: Recommender, history: Histories, places: Ints, config: DriftConfig) -> bool:
    """Return whether to look closer; where tastes are weighed, most people who stay themselves pass here."""
    keys = _keys(model, history, places)
    if keys is None:
        return True
    strange = ODDS_WITH_TASTES[len(ODDS) :] @ _strangeness(keys, _Layout.of(len(places)))
    return bool(strange.max(initial=-np.inf) > SUSPICION + config.caution)


def _keys(model: Recommender, history: Histories, places: Ints) -> Floats | None:
    return keys_of(model, history, places) if len(places) >= SETTLED else None


def _likes(model: Recommender, history: Histories) -> Ints:
    """Return the places of the likes: only they say what a person's taste is."""
    like_from = model.catalogue.like_from
    if like_from is None:
        return np.arange(len(history.items))
    return np.flatnonzero(history.values >= like_from)


def _chances(signals: Doubles, needed: float) -> Doubles:
    """Return the probability of no change, then of one at each cut that has the odds needed, float64 [1 + cuts]."""
    known = signals.shape[1]
    odds = (signals * _ROOTS[:, :known]) @ (ODDS if known == len(ODDS) else ODDS_WITH_TASTES) - needed
    odds = np.concatenate([[0.0], np.where(np.isnan(odds), -np.inf, odds)])
    chances = np.exp(odds - odds.max())
    found: Doubles = chances / chances.sum()
    return found


def _weights(today: Doubles, config: DriftConfig) -> Floats:
    """Turn the probability that each event is of today's taste into its weight."""
    sure = np.clip(today, 1e-9, 1 - 1e-9)
    odds = np.log(sure / (1 - sure)) + config.caution
    least = config.least_weight
    weights = least + (1 - least) / (1 + np.exp(-config.steepness * odds))
    found: Floats = np.where(today > 1 - 1e-9, 1.0, weights).astype(np.float32)
    return found


def signals_of(model: Recommender, history: Histories, places: Ints) -> Doubles:
    """Return what speaks for a change at each cut, float64 [cuts, 7], or 10 of 18 likes where tastes are weighed.

    In order: one; how much better (lower, in mean log rank) the likes since the cut stand in the profile before it than
    in what everybody likes; cosine of the two profiles' deviations from popularity; the same two for the block before
    the cut and what came before that; cosine of the profile since the cut with what came before the block, and with the
    block. Then three strangenesses, less what they usually are: of the likes since the cut to those before, to the
    block before the last, and to all before that. NaN where a cut cannot be judged.

    Args:
        model: any fitted recommender.
        history: one row, in order of time.
        places: int64, the places of the likes that are looked at.
    """
    at = _Layout.of(len(places))
    found = seen(model, history, places, at.parts)
    cosines, speaks = _agreement(found)
    ahead, before_that = _surprises(found, at)
    own = np.array([cosines[at.older, at.block], before_that, cosines[at.since, at.older], cosines[at.since, at.block]])
    usual = (own * at.has_block + USUAL_COUNTS * USUAL[:, None]) / (at.has_block + USUAL_COUNTS)
    keys = _keys(model, history, places)
    strange = np.zeros((0, len(ahead))) if keys is None else _strangeness(keys, at)
    said = np.array([np.ones(len(ahead)), ahead, cosines[at.before, at.since], *usual, *strange])
    signals = np.full((len(CUTS), len(said)), np.nan)
    signals[: len(ahead)] = np.where(speaks[at.before] & speaks[at.since], said, np.nan).T
    return signals


@dataclass(frozen=True, slots=True)
class _Layout:
    """The parts of so many likes that are scored, each once, and which of them each cut compares.

    Args:
        parts: the first is nobody's.
        before, since: int64 [cuts], the part before and since each cut that is possible.
        older, block: int64 [cuts], what was before the block before the cut, and the block; 0 where there is none.
        has_block: float64 [cuts], 1 where there is one.
        ranked: int64 [likes], the likes that are ranked: since each cut, then of each block.
        ranked_by: int64 [likes], in which part.
        sizes: int64 [2 cuts], how many they are.
        groups: float32 [groups, likes], 1 for a like of a group.
        compared: int64 [3, strangenesses, cuts], two groups, and both together; the first is nobody.
    """

    parts: Parts
    before: Ints
    since: Ints
    older: Ints
    block: Ints
    has_block: Doubles
    ranked: Ints
    ranked_by: Ints
    sizes: Ints
    groups: Floats
    compared: Ints

    @classmethod
    @lru_cache(maxsize=NEWEST + 1)
    def of(cls, n: int) -> "_Layout":
        """Lay out ``n`` likes."""
        spans: dict[Span, int] = {(0, 0): 0}
        rows, asked = [], []
        for cut in [cut for cut in CUTS if n - cut >= BEFORE]:
            has_block = n - 2 * cut >= BEFORE
            since, older, block = (n - cut, n), (0, n - 2 * cut), (n - 2 * cut, n - cut)
            used = [(0, n - cut), since, *((older, block) if has_block else ((0, 0), (0, 0)))]
            rows.append([*(spans.setdefault(span, len(spans)) for span in used), has_block])
            asked.append((since, block if has_block else since))
        before, since_, older_, block_, has = np.array(rows, dtype=np.int64).reshape(-1, 5).T
        ranked = [pair[side] for side in (0, 1) for pair in asked]
        sizes = np.array([end - start for start, end in ranked], dtype=np.int64)
        likes = np.concatenate([np.zeros(0, dtype=np.int64), *(np.arange(*span) for span in ranked)])
        by = np.repeat(np.concatenate([before, older_]), sizes)
        parts, groups = Parts.of(list(spans)), _groups(n)
        return cls(parts, before, since_, older_, block_, has.astype(np.float64), likes, by, sizes, *groups)


def _groups(n: int) -> tuple[Floats, Ints]:
    """Return the groups of likes whose strangeness to each other is asked for; see ``_Layout``."""
    places, rows = np.arange(n), {bytes(n): 0}
    compared = np.zeros((3, len(USUAL_STRANGENESS), sum(n - cut >= BEFORE for cut in CUTS)), dtype=np.int64)
    for column in range(compared.shape[2]):
        newest, block, last = (n - times * CUTS[column] for times in (1, 3, 2))
        others = [places < newest, (block <= places) & (places < last), places < block]
        for row, other in enumerate(others if block >= BEFORE else others[:1]):
            since = places >= newest
            for side, group in enumerate((since, other, since | other)):
                compared[side, row, column] = rows.setdefault(group.tobytes(), len(rows))
    groups = np.frombuffer(b"".join(rows), dtype=bool).reshape(len(rows), n)
    return groups.astype(np.float32), compared


def _strangeness(keys: Floats, at: _Layout) -> Doubles:
    """Return how much better two groups of likes are explained by two people than by one, float64 [3, cuts].

    It is a Bayes factor (Kass and Raftery, 1995) under the tastes, less what it is for most people; 0 where a group is
    missing. Tastes explain a group as well as their mean does: people are mixtures of which each like draws one.
    """
    evidence = (at.groups @ keys) / np.float32(TEMPERATURE)
    heaviest = evidence.max(axis=1, keepdims=True)
    explained = np.log(np.exp(np.maximum(evidence - heaviest, NEVER)).mean(axis=1)) + heaviest[:, 0]
    one, other, both = explained[at.compared].astype(np.float64)
    return np.where(at.compared[2] > 0, one + other - both - USUAL_STRANGENESS[:, None], 0)


def _agreement(found: Seen) -> tuple[Doubles, npt.NDArray[np.bool_]]:
    """Return cosines of the parts' deviations from popularity, float64 [parts, parts], and which parts deviate."""
    # in double precision: of profiles that are alike all but the rounding is taken away below
    scores = found.scores.astype(np.float64)
    shapes = scores - (scores @ (found.stands_for / found.stands_for.sum()))[:, None]
    gram = (shapes * found.stands_for) @ shapes.T
    rest = gram - np.outer(gram[0], gram[0]) / max(gram[0, 0], 1e-300)  # less what all share with popularity
    lengths = np.sqrt(np.maximum(rest.diagonal(), 0))
    speaks = lengths > NOTHING * np.sqrt(gram.diagonal())
    lengths = np.where(speaks, lengths, np.inf)
    return rest / np.outer(lengths, lengths), speaks


def _surprises(found: Seen, at: _Layout) -> Doubles:
    """Return by how much likes rank worse (log, mean) in a part's profile than for everybody, float64 [2, cuts]."""
    everybody = np.arange(found.met.shape[1])
    likes = np.concatenate([everybody, at.ranked])
    parts = np.concatenate([0 * everybody, at.ranked_by])
    above = found.scores[parts] > found.met[parts, likes][:, None]
    ranks = np.log(TOP + above.astype(np.float32) @ found.stands_for)
    worse = ranks[len(everybody) :] - ranks[at.ranked]
    means: Doubles = np.add.reduceat(worse, np.cumsum(at.sizes) - at.sizes) / at.sizes
    return means.reshape(2, -1)
