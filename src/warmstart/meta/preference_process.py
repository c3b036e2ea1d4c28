"""Judging titles with nobody else's events: what the K examples and the prompt say, spread by what titles share."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy.linalg import solve_triangular

from warmstart.core.config import Config
from warmstart.core.histories import Floats, Ints
from warmstart.meta.preference import Prompt, labels_of
from warmstart.meta.preference_facts import Doubles, TitleFacts, TitleReader, years_of

Bools = npt.NDArray[np.bool_]
Variance = Annotated[float, Field(ge=0)]

MOST_EVENTS = 4_000
"""Likes and dislikes of the examples that are learned from; the system of equations is as large."""
MOST_TITLES = 3_000
"""Titles up to which their covariances are held for all prompts together."""
BLOCK, SMALL_BLOCK = 2_000, 150
"""Prompts that are answered at a time; fewer where there are too many titles."""
HALF = 0.5
NEAR_YEARS = 10.0
"""Years over which titles are expected to be alike."""


class ProcessConfig(Config):
    """Settings of the process: the parts of the variance of a like (1) or dislike (0).

    The defaults were settled on people of movielens-small and, of fame, on validation users of MovieLens-100K.
    """

    age: float = 0.035
    """What e-fold growth of ``1 + age / 5`` adds to the chance of a like: what is remembered was good."""
    fame: float = 0.05
    """What e-fold growth of ``1 + people among the examples who met the title`` adds: what many meet is liked."""
    same: Variance = 0.01
    """How far titles differ in quality, one by one."""
    words: Variance = 0.008
    """How far words of the title tell its quality."""
    genres: Variance = 0.008
    """How far genres tell it."""
    years: Variance = 0.003
    """How far the year tells it, beyond the age."""
    level: Variance = 0.01
    """How far the usual share of likes may lie from one half."""
    generosity: Variance = 0.015
    """How far people differ in their share of likes."""
    taste_words: Variance = 0.03
    """How far a person's taste goes by words."""
    taste_genres: Variance = 0.014
    """How far it goes by genres."""
    taste_years: Variance = 0.008
    """How far it goes by years."""
    noise: Annotated[float, Field(gt=0)] = 0.18
    """What nothing tells."""


@dataclass(frozen=True, slots=True)
class Learned:
    """Events of the examples and what follows from them.

    Args:
        facts: of the event's titles, m rows.
        root: float64 [m, m], lower Cholesky factor of the events' covariance.
        pull: float64 [m], the covariance's inverse times what the events were above what was expected.
        met: by title, the logarithm of 1 + how many people met it, less what is usual.
        unmet: the same for a title that nobody met.
    """

    facts: TitleFacts
    root: Doubles
    pull: Doubles
    met: Mapping[str, float]
    unmet: float

    def fame(self, keys: Sequence[str]) -> Doubles:
        """Return how well known titles are, float64 [n]."""
        return np.array([self.met.get(key, self.unmet) for key in keys], dtype=np.float64)


@dataclass(frozen=True)
class TasteProcess:
    """A Gaussian process over likes: a title's quality, a person's generosity and her taste, each spread by kernels.

    The K examples say something of titles' quality, their eleven likes and dislikes each; the prompt says something of
    the person. Both are conditioned on exactly. Without examples the kernels alone speak.

    Source: Rasmussen and Williams (2006), chapter 2; for preferences of users, Yu, Tresp and Schwaighofer (2005).

    Args:
        config: the parts of the variance.
        reader: reads facts off titles.
        learned: None before the first example.

    Example:
        >>> from warmstart.meta.preference import Prompt
        >>> from warmstart.meta.preference_process import TasteProcess
        >>> asked = [Prompt("eve", ("Alien",), (), "Zulu"), Prompt("ida", (), ("Alien",), "Zulu")]
        >>> glad, sad = TasteProcess().score(asked)
        >>> [more] = TasteProcess().fit([Prompt("ann", (), (), "Zulu", True)]).score(asked[:1])
        >>> bool(sad < glad < more)
        True
    """

    config: ProcessConfig = field(default_factory=ProcessConfig)
    reader: TitleReader = field(default_factory=TitleReader)
    learned: Learned | None = None
    reads_order: ClassVar[bool] = False

    def fit(self, prompts: Sequence[Prompt], validation: Sequence[Prompt] = ()) -> "TasteProcess":
        """Condition on every like and dislike of the examples, each person's opinion of a title once."""
        labels_of(prompts)
        if not prompts:
            return replace(self, learned=None)
        titles, users, gaps = self._events(prompts)
        facts = self.reader.read(titles)
        same_user = users[:, None] == users[None]
        covariance = self._quality(facts, facts) + same_user * self._taste(facts, facts)
        root = np.linalg.cholesky(covariance + self.config.noise * np.eye(len(titles)))
        unread = Learned(facts, root, gaps, *_met(facts.keys))
        gaps -= self.config.fame * unread.fame(facts.keys)
        pull = solve_triangular(root.T, solve_triangular(root, gaps, lower=True), lower=False)
        return replace(self, learned=replace(unread, pull=pull))

    def score(self, prompts: Sequence[Prompt]) -> Floats:
        """Return the expected like, float32 [n]."""
        titles = list(dict.fromkeys(title for one in prompts for title in (*one.liked, *one.disliked, one.target)))
        places, facts = {title: place for place, title in enumerate(titles)}, self.reader.read(titles)
        whole = self._posterior(facts) if len(titles) <= MOST_TITLES else None
        found, step = [np.zeros(0, dtype=np.float32)], BLOCK if whole else SMALL_BLOCK
        for start in range(0, len(prompts), step):
            some = prompts[start : start + step]
            shown = [[places[title] for title in (*one.liked, *one.disliked)] for one in some]
            asked = np.array([places[one.target] for one in some], dtype=np.int64)
            found.append(self._scores(some, shown, asked, facts, whole))
        return np.concatenate(found)

    def _events(self, prompts: Sequence[Prompt]) -> tuple[list[str], Ints, Doubles]:
        """Return titles, users and how far each label lies above what is expected of anything of that age."""
        found: dict[tuple[str, str], float] = {}
        for prompt in prompts:
            told = [*((title, 1.0) for title in prompt.liked), *((title, 0.0) for title in prompt.disliked)]
            told.append((prompt.target, float(bool(prompt.label))))
            years = years_of([title for title, _ in told])
            for (title, label), usual in zip(told, self._expected(years, years), strict=True):
                found[prompt.user, title] = label - usual
        kept = list(found.items())[:MOST_EVENTS]
        numbers = {user: place for place, user in enumerate(dict.fromkeys(user for (user, _), _ in kept))}
        users = np.array([numbers[user] for (user, _), _ in kept], dtype=np.int64)
        return [title for (_, title), _ in kept], users, np.array([gap for _, gap in kept])

    def _scores(
        self,
        prompts: Sequence[Prompt],
        shown: Sequence[Sequence[int]],
        asked: Ints,
        facts: TitleFacts,
        whole: tuple[Doubles, Doubles] | None,
    ) -> Floats:
        """Answer prompts whose titles stand at these places of ``facts``."""
        table, real = _padded(shown)
        labels, _ = _padded([[1] * len(one.liked) + [0] * len(one.disliked) for one in prompts])
        if whole is None:
            used = np.unique(np.concatenate([table[real], asked]))
            table, asked = np.searchsorted(used, np.where(real, table, used[0])), np.searchsorted(used, asked)
            facts = facts.take(used)
        means, covariance = whole or self._posterior(facts)
        places = np.hstack([table, asked[:, None]])
        years = np.where(np.hstack([real, np.ones_like(asked[:, None], dtype=bool)]), facts.years[places], np.nan)
        usual = self._expected(years, years) + means[places]
        gaps = np.where(real, labels - usual[:, :-1], 0.0)
        return np.asarray(usual[:, -1] + self._moved(covariance, table, asked, real, gaps), dtype=np.float32)

    def _moved(self, covariance: Doubles, table: Ints, asked: Ints, real: Bools, gaps: Doubles) -> Doubles:
        """Return how far what a person said of the titles shown moves what is expected of the one asked about."""
        pairs = real[:, :, None] & real[:, None, :]
        among = np.where(pairs, covariance[table[:, :, None], table[:, None, :]], 0.0)
        among += self.config.noise * np.eye(table.shape[1])
        towards = np.where(real, covariance[table, asked[:, None]], 0.0)
        solved = np.linalg.solve(among, gaps[:, :, None])[:, :, 0]
        found: Doubles = np.einsum("nh,nh->n", towards, solved)
        return found

    def _posterior(self, facts: TitleFacts) -> tuple[Doubles, Doubles]:
        """Return means of titles' quality, and covariances of what a new person feels about them."""
        quality, taste = self._quality(facts, facts), self._taste(facts, facts)
        if self.learned is None:
            return np.zeros(len(facts)), quality + taste
        cross = self._quality(facts, self.learned.facts)
        known = solve_triangular(self.learned.root, cross.T, lower=True)
        means = self.config.fame * self.learned.fame(facts.keys) + cross @ self.learned.pull
        return means, quality - known.T @ known + taste

    def _quality(self, a: TitleFacts, b: TitleFacts) -> Doubles:
        """Return covariances of what everybody thinks of titles."""
        config = self.config
        found: Doubles = config.level + config.same * _same(a, b) + config.words * (a.words @ b.words.T)
        return found + config.genres * (a.genres @ b.genres.T) + config.years * _near(a.years, b.years)

    def _taste(self, a: TitleFacts, b: TitleFacts) -> Doubles:
        """Return covariances of what one person thinks of titles, beyond everybody."""
        config = self.config
        found: Doubles = config.generosity + config.taste_words * (a.words @ b.words.T).astype(np.float64)
        return found + config.taste_genres * (a.genres @ b.genres.T) + config.taste_years * _near(a.years, b.years)

    def _expected(self, years: Doubles, around: Doubles) -> Doubles:
        """Return the like that is expected of titles by their age, from the newest year of their prompt."""
        newest = np.max(np.nan_to_num(around, nan=-np.inf), axis=-1, keepdims=True)
        ages = np.where(np.isfinite(years) & np.isfinite(newest), newest - np.nan_to_num(years), 0.0)
        found: Doubles = HALF + self.config.age * np.log1p(ages / 5)
        return found


def _met(keys: Sequence[str]) -> tuple[dict[str, float], float]:
    """Return how well known each title is among events, one a person and title, and how well one without any."""
    met = {key: math.log1p(count) for key, count in Counter(keys).items()}
    usual = sum(met.values()) / max(len(met), 1)
    return {key: known - usual for key, known in met.items()}, -usual


def _same(a: TitleFacts, b: TitleFacts) -> Bools:
    numbers = {key: place for place, key in enumerate(dict.fromkeys((*a.keys, *b.keys)))}
    ours, theirs = (np.array([numbers[key] for key in facts.keys], dtype=np.int64) for facts in (a, b))
    return np.asarray(ours[:, None] == theirs[None])


def _near(a: Doubles, b: Doubles) -> Doubles:
    found: Doubles = np.exp(-((a[:, None] - b[None]) ** 2) / (2 * NEAR_YEARS**2))
    return np.nan_to_num(found)


def _padded(rows: Sequence[Sequence[int]]) -> tuple[Ints, Bools]:
    """Return rows of different lengths as a table, with zeros behind, and which of its cells are real."""
    width = max((len(row) for row in rows), default=0)
    table, real = np.zeros((len(rows), width), dtype=np.int64), np.zeros((len(rows), width), dtype=bool)
    for place, row in enumerate(rows):
        table[place, : len(row)], real[place, : len(row)] = row, True
    return table, real
