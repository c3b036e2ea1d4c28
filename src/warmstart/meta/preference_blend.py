"""A blend of several answers, with weights that start from what served other people and bend to the K examples."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy.optimize import minimize
from scipy.special import expit

from warmstart.core.config import Config
from warmstart.core.histories import Floats
from warmstart.meta.preference import PreferenceScorer, Prompt, labels_of

Doubles = npt.NDArray[np.float64]

FOLDS = 4
"""Parts of the examples, each answered by voices that learned from the others."""
START_FREEDOM = 1.0
"""Standard deviation of starting weights around what one would give without having seen anybody."""
EDGE = 0.02
"""Chances are kept so far from 0 and 1 before their log-odds are taken."""


class BlendConfig(Config):
    """Settings of the blend."""

    freedom: Annotated[float, Field(gt=0)] = 0.1
    """Standard deviation of a weight around its start; with it the examples hold against what was learned before."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One of the answers that are blended.

    Args:
        scorer: gives the answers.
        weight: what its answer counts before any example.
        chance: whether it answers with a chance, which counts as log-odds.
        scale: what its answer, or log-odds, is divided by, so that all voices vary alike.
    """

    scorer: PreferenceScorer
    weight: float
    chance: bool = True
    scale: float = 1.0

    def said(self, prompts: Sequence[Prompt]) -> Doubles:
        """Return the voice's column, float64 [n]."""
        answers = self.scorer.score(prompts).astype(np.float64)
        if self.chance:
            answers = np.clip(answers, EDGE, 1 - EDGE)
            answers = np.log(answers) - np.log1p(-answers)
        return answers / self.scale


@dataclass(frozen=True, slots=True)
class Blend:
    """Logistic regression on what voices say, with a normal prior around starting weights.

    Without examples the starting weights speak; sixteen hardly move them, thousands would. Voices that learn from the
    examples are heard on those that they did not see (stacking, Wolpert, 1992).

    Args:
        voices: what is blended.
        offset: the starting constant.
        config: settings.

    Example:
        >>> from warmstart.meta.preference import LikeRate, Prompt
        >>> from warmstart.meta.preference_blend import Blend, Voice
        >>> glad, sad = Prompt("ann", ("Alien",), (), "Up", True), Prompt("bob", (), ("Alien",), "Up", False)
        >>> start = Blend((Voice(LikeRate(), 1.0),))
        >>> told = start.fit([glad, sad] * 20)
        >>> bool(told.voices[0].weight > 1.0 == start.voices[0].weight)
        True
    """

    voices: tuple[Voice, ...]
    offset: float = 0.0
    config: BlendConfig = BlendConfig()
    reads_order: ClassVar[bool] = False

    def fit(self, prompts: Sequence[Prompt], validation: Sequence[Prompt] = ()) -> "Blend":
        """Return the blend with voices that learned from the examples, and weights that moved towards them."""
        labels = labels_of(prompts).astype(np.float64)
        learned = tuple(replace(voice, scorer=voice.scorer.fit(prompts, validation)) for voice in self.voices)
        if not len(prompts):
            return replace(self, voices=learned)
        said = np.column_stack([self._unseen(voice, prompts) for voice in self.voices])
        start = np.array([*(voice.weight for voice in self.voices), self.offset])
        *weights, offset = _nearest(start, said, labels, self.config.freedom).tolist()
        moved = tuple(replace(voice, weight=one) for voice, one in zip(learned, weights, strict=True))
        return replace(self, voices=moved, offset=offset)

    def score(self, prompts: Sequence[Prompt]) -> Floats:
        """Return the chance of a yes, float32 [n]."""
        found = np.full(len(prompts), self.offset)
        for voice in self.voices:
            found += voice.weight * voice.said(prompts)
        return np.asarray(expit(found), dtype=np.float32)

    def _unseen(self, voice: Voice, prompts: Sequence[Prompt]) -> Doubles:
        """Return what a voice says of each example after learning from other people's examples."""
        users = {user: place for place, user in enumerate(dict.fromkeys(prompt.user for prompt in prompts))}
        folds = np.array([users[prompt.user] % FOLDS for prompt in prompts])
        found = np.zeros(len(prompts))
        for fold in range(FOLDS):
            asked = np.flatnonzero(folds == fold).tolist()
            others = [prompts[place] for place in np.flatnonzero(folds != fold).tolist()]
            fitted = replace(voice, scorer=voice.scorer.fit(others))
            found[asked] = fitted.said([prompts[place] for place in asked])
        return found


def _nearest(start: Doubles, said: Doubles, labels: Doubles, freedom: float) -> Doubles:
    """Return the likeliest weights, the constant last; the constant is freer than they are.

    Args:
        start: float64 [voices + 1], where the prior has its mean.
        said: float64 [n, voices].
        labels: float64 [n].
        freedom: standard deviation of a weight around its start.
    """
    columns = np.column_stack([said, np.ones(len(said))])
    pull = np.array([freedom**-2] * (len(start) - 1) + [1.0])

    def surprise(weights: Doubles) -> tuple[float, Doubles]:
        chances, away = columns @ weights, weights - start
        lost = np.logaddexp(0, chances).sum() - labels @ chances + 0.5 * (pull * away) @ away
        return float(lost), columns.T @ (expit(chances) - labels) + pull * away

    found: Doubles = minimize(surprise, start, jac=True, method="L-BFGS-B").x
    return found


def weighed(voices: Sequence[Voice], prompts: Sequence[Prompt], config: BlendConfig | None = None) -> Blend:
    """Return the blend whose starting weights serve these prompts best: those of other people, of another data set.

    Args:
        voices: their weights count per unit of what they say, and are where the search starts; scales are not read.
        prompts: labelled, of people from whom no voice has learned.
        config: settings of the blend.
    """
    if not prompts:
        return Blend(tuple(voices), 0.0, config or BlendConfig())
    bare = [replace(voice, scale=1.0) for voice in voices]
    spread = [max(float(np.std(voice.said(prompts))), 1e-6) for voice in bare]
    start = np.array([*(voice.weight * one for voice, one in zip(bare, spread, strict=True)), 0.0])
    scaled = tuple(replace(voice, scale=one) for voice, one in zip(voices, spread, strict=True))
    said = np.column_stack([voice.said(prompts) for voice in scaled])
    labels = labels_of(prompts).astype(np.float64)
    *weights, offset = _nearest(start, said, labels, START_FREEDOM).tolist()
    started = tuple(replace(voice, weight=one) for voice, one in zip(scaled, weights, strict=True))
    return Blend(started, offset, config or BlendConfig())
