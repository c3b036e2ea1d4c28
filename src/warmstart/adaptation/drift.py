"""A change of taste: noticed in the newest likes, and then what came before it counts for less.

For a few cuts of a history, three things are asked. Do the likes before the cut foretell those since? Do the two
profiles deviate from what everybody likes in the same direction? And how well did earlier blocks of as many likes agree
with what had come before *them*: that is what this person's agreement is usually like. The answers give each cut
log-odds; all cuts and "no change" compete, as run lengths do in Bayesian change-point detection (Adams and MacKay,
2007); and each event's weight follows from the probability that it belongs to the taste of today.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from pydantic import Field

from warmstart.core.config import Config
from warmstart.core.histories import Floats, Histories, Ints
from warmstart.recommenders.base import Recommender
from warmstart.representation.context import Context

Doubles = npt.NDArray[np.float64]
Span = tuple[int, int]

CUTS = (5, 8, 13)
"""How many of the newest likes may be of a new taste; fewer tell more false stories than true ones."""
BEFORE = 3
"""Likes that must stand before a cut."""
NEWEST = 40
"""Likes that are looked at, so that a long history costs no more than a short one."""
BLOCKS = 1
"""Earlier blocks that say what agreement is usually like."""
TOP = 5.0
"""Ranks are compared by ``log(TOP + rank)``, so that the first few count alike."""
USUAL = np.array([0.53, -0.52, 0.5, 0.5])
"""What earlier blocks say of most people."""
USUAL_COUNTS = 0.5
"""How many blocks of a person's own that counts."""
ODDS = np.array([0.687, 0.319, -0.703, 0.176, -0.327, -0.792, -0.877])
"""Log-odds of a change for each signal, found on validation users; all but the first times the root of the cut."""
NOTHING = 1e-4
"""Length of a deviation from popularity below which a profile says nothing."""


class DriftConfig(Config):
    """When a change of taste is believed, and what becomes of the events before it."""

    least_likes: int = Field(8, ge=8)
    """Likes below which nothing is looked for."""

    caution: float = -0.25
    """Log-odds that a change needs beyond even ones: higher notices fewer changes and raises fewer false alarms."""

    steepness: float = Field(2.0, gt=0)
    """How fast belief turns into weight: at 1 a weight is the probability itself, more is more decided."""

    noticed_below: float = Field(0.5, gt=0, le=1)
    """Weight of the oldest event below which a change counts as noticed; above it nothing is touched."""

    least_weight: float = Field(0.03, ge=0, lt=1)
    """What events before a certain change still count, 0 to 1."""


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
    signals = signals_of(model, history, places[-NEWEST:])
    chances = _chances(signals)
    newer = len(places) - np.searchsorted(
        places, np.arange(len(history.items)), side="left"
    )  # likes from each event on
    today = chances[0] + (chances[1:] * (np.array(CUTS) >= newer[:, None])).sum(axis=1)
    weights = _weights(today, config)
    if weights.min() >= config.noticed_below:
        return None
    return _Belief(int(places[-CUTS[int(np.argmax(chances[1:]))]]), weights)


def _likes(model: Recommender, history: Histories) -> Ints:
    """Return the places of the likes: only they say what a person's taste is."""
    like_from = model.catalogue.like_from
    if like_from is None:
        return np.arange(len(history.items))
    return np.flatnonzero(history.values >= like_from)


def _chances(signals: Doubles) -> Doubles:
    """Return the probability of no change, then of one at each cut, float64 [1 + cuts]."""
    roots = np.sqrt(CUTS)[:, None]
    odds = (signals * np.concatenate([np.ones_like(roots), np.repeat(roots, signals.shape[1] - 1, axis=1)], 1)) @ ODDS
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
    """Return what speaks for a change at each cut, float64 [cuts, 7]; NaN where a cut cannot be judged.

    In order: one; how much better (lower, in mean log rank) the likes since the cut stand in the profile before it than
    in what everybody likes; cosine of the two profiles' deviations from popularity; the same two for earlier blocks and
    what came before them; cosine of the profile since the cut with what came before those blocks, and with the blocks.

    Args:
        model: any fitted recommender.
        history: one row, in order of time.
        places: int64, the places of the likes that are looked at.
    """
    n, parts = len(places), _Parts()
    cuts = [_Cut.of(cut, n, parts) for cut in CUTS if n - cut >= BEFORE]
    read = _Reading.of(model, history, places, tuple(parts.spans))
    signals = np.full((len(CUTS), len(ODDS)), np.nan)
    for cut in cuts:
        if read.speaks[cut.before] and read.speaks[cut.since]:
            signals[CUTS.index(cut.likes)] = cut.signals(read, n)
    return signals


@dataclass(slots=True)
class _Parts:
    """The parts of a history that are scored, each once; the first is nobody's."""

    spans: dict[Span, int] = field(default_factory=lambda: {(0, 0): 0})

    def __call__(self, start: int, end: int) -> int:
        return self.spans.setdefault((start, end), len(self.spans))


@dataclass(frozen=True, slots=True)
class _Cut:
    """One cut: the parts before and since, and of earlier blocks what was before and themselves."""

    likes: int
    before: int
    since: int
    blocks: tuple[tuple[int, int, Span], ...]

    @classmethod
    def of(cls, likes: int, n: int, parts: _Parts) -> "_Cut":
        spans = [(n - (1 + k) * likes, n - k * likes) for k in range(1, BLOCKS + 1)]
        blocks = tuple((parts(0, start), parts(start, end), (start, end)) for start, end in spans if start >= BEFORE)
        return cls(likes, parts(0, n - likes), parts(n - likes, n), blocks)

    def signals(self, read: "_Reading", n: int) -> list[float]:
        cosines, since = read.cosines, self.since
        said = [
            (cosines[older, block], read.surprise(older, span), cosines[since, older], cosines[since, block])
            for older, block, span in self.blocks
        ]
        usual = (np.sum(said, axis=0) + USUAL_COUNTS * USUAL) / (len(said) + USUAL_COUNTS)
        ahead = read.surprise(self.before, (n - self.likes, n))
        return [1.0, ahead, float(cosines[self.before, since]), *usual.tolist()]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the model says of each part.

    Args:
        scores: float32 [parts, items that were not met].
        met: float32 [parts, likes], scores of the likes themselves.
        popular: float64 [likes], log ranks of the likes for nobody in particular.
        cosines: float64 [parts, parts], of the deviations from popularity.
        speaks: bool [parts], whether a part deviates from popularity at all.
    """

    scores: Floats
    met: Floats
    popular: Doubles
    cosines: Doubles
    speaks: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, model: Recommender, history: Histories, places: Ints, spans: tuple[Span, ...]) -> "_Reading":
        scores = model.scores_of_many(_joined(history, places, spans), Context())
        unmet = np.ones(scores.shape[1], dtype=bool)
        unmet[history.items] = False
        met, scores = scores[:, history.items[places]], np.compress(unmet, scores, axis=1)
        shapes = scores - scores.mean(axis=1, keepdims=True, dtype=np.float64)
        gram = shapes @ shapes.T
        rest = gram - np.outer(gram[0], gram[0]) / max(gram[0, 0], 1e-300)  # less what all share with popularity
        lengths = np.sqrt(np.maximum(rest.diagonal(), 0))
        speaks = lengths > NOTHING * np.sqrt(gram.diagonal())
        cosines = rest / np.outer(np.where(speaks, lengths, np.inf), np.where(speaks, lengths, np.inf))
        return cls(scores, met, _log_ranks(scores[0], met[0]), cosines, speaks)

    def surprise(self, part: int, span: Span) -> float:
        """Return by how much the likes of a span rank worse (log, mean) in a part's profile than for everybody."""
        start, end = span
        ranks = _log_ranks(self.scores[part], self.met[part, start:end])
        return float((ranks - self.popular[start:end]).mean())


def _joined(history: Histories, places: Ints, spans: tuple[Span, ...]) -> Histories:
    """Return the parts of one history as rows."""
    events = np.concatenate([places[start:end] for start, end in spans])
    indptr = np.concatenate([[0], np.cumsum([end - start for start, end in spans])]).astype(np.int64)
    times = None if history.times is None else history.times[events]
    weights = None if history.weights is None else history.weights[events]
    return Histories(indptr, history.items[events], history.values[events], times, weights)


def _log_ranks(scores: Floats, met: Floats) -> Doubles:
    found: Doubles = np.log(TOP + np.count_nonzero(scores > met[:, None], axis=1))
    return found
