"""Simple answers to prompts: what anybody says of the title, and how alike it is to what was liked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from warmstart.core.histories import Floats, Histories
from warmstart.meta.preference import USUAL_RATE, Prompt
from warmstart.meta.preference_facts import key_of, spoken
from warmstart.meta.preference_knowledge import Knowledge
from warmstart.representation.language_model import LanguageModel, StaticVectors

IMAGINED = 5.0
"""Imagined labels of the usual share that stand beside those of a title in the examples."""


@dataclass(frozen=True, slots=True)
class CarriedRate:
    """The share of likes that the target has in another data set; the prompt is not read.

    Args:
        knowledge: of that data set.
    """

    knowledge: Knowledge
    reads_order: ClassVar[bool] = False

    def fit(self, prompts: Sequence[Prompt], validation: Sequence[Prompt] = ()) -> "CarriedRate":
        """Return itself."""
        return self

    def score(self, prompts: Sequence[Prompt]) -> Floats:
        """Return the shares."""
        return self.knowledge.target_rates(prompts)


@dataclass(frozen=True, slots=True)
class CarriedPrior:
    """The chance of a like by the prior over people of another data set, given the likes and dislikes of the prompt.

    Args:
        knowledge: of that data set.
    """

    knowledge: Knowledge
    reads_order: ClassVar[bool] = False

    def fit(self, prompts: Sequence[Prompt], validation: Sequence[Prompt] = ()) -> "CarriedPrior":
        """Return itself; all that it knows is carried over."""
        return self

    def score(self, prompts: Sequence[Prompt]) -> Floats:
        """Return the chances."""
        return self.knowledge.chances(prompts)


@dataclass(frozen=True)
class ExampleRate:
    """The share of likes that the target has among all titles of the K examples, drawn to the usual one.

    Args:
        likes: by title, likes and events among the examples.
        usual: their share of likes.

    Example:
        >>> from warmstart.meta.preference import Prompt
        >>> from warmstart.meta.preference_rows import ExampleRate
        >>> row = ExampleRate().fit([Prompt("ann", ("Alien (1979)",), ("Grease",), "Up", True)])
        >>> best, new, worst = row.score([Prompt("eve", (), (), title) for title in ("Alien (1979)", "Heat", "Grease")])
        >>> bool(best > new > worst)
        True
    """

    likes: dict[str, tuple[int, int]] | None = None
    usual: float = USUAL_RATE
    reads_order: ClassVar[bool] = False

    def fit(self, prompts: Sequence[Prompt], validation: Sequence[Prompt] = ()) -> "ExampleRate":
        """Count likes; what one person says of a title counts once."""
        told = {(prompt.user, key_of(title)): label for prompt in prompts for title, label in _told(prompt)}
        found: dict[str, tuple[int, int]] = {}
        for (_, key), label in told.items():
            likes, events = found.get(key, (0, 0))
            found[key] = (likes + label, events + 1)
        return replace(self, likes=found, usual=float(np.mean(list(told.values()))) if told else USUAL_RATE)

    def score(self, prompts: Sequence[Prompt]) -> Floats:
        """Return the shares."""
        counts = np.array([(self.likes or {}).get(key_of(one.target), (0, 0)) for one in prompts], dtype=np.float64)
        likes, events = counts.reshape(-1, 2).T
        return np.asarray((likes + IMAGINED * self.usual) / (events + IMAGINED), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike the words of the target are to those of liked titles, less how alike to those of disliked ones.

    Args:
        encoder: makes vectors of titles; None takes the static ones.

    Example:
        >>> from warmstart.meta.preference import Prompt
        >>> from warmstart.meta.preference_rows import Likeness
        >>> titles = "Cats and Dogs", "Rocky II"
        >>> near, far = (Prompt("eve", ("The Black Cat",), ("Rocky",), title) for title in titles)
        >>> bool(Likeness().score([near])[0] > 0 > Likeness().score([far])[0])
        True
    """

    encoder: LanguageModel | None = None
    reads_order: ClassVar[bool] = False

    def fit(self, prompts: Sequence[Prompt], validation: Sequence[Prompt] = ()) -> "Likeness":
        """Return itself."""
        return self

    def score(self, prompts: Sequence[Prompt]) -> Floats:
        """Return the mean signed likeness, from -1 to 1, 0 for a prompt that shows nothing."""
        titles = list(dict.fromkeys(title for prompt in prompts for title, _ in _told(prompt)))
        vectors = (self.encoder or StaticVectors()).embed([spoken(title) for title in titles])
        places = {title: place for place, title in enumerate(titles)}
        shown = [[*prompt.liked, *prompt.disliked] for prompt in prompts]
        events = Histories.of([[places[title] for title in row] for row in shown])
        targets = np.array([places[prompt.target] for prompt in prompts], dtype=np.int64)
        signs = np.concatenate([[0.0], *([1.0] * len(one.liked) + [-1.0] * len(one.disliked) for one in prompts)])[1:]
        alike = np.einsum("ed,ed->e", vectors[targets[events.rows]], vectors[events.items])
        sums = np.bincount(events.rows, weights=signs * alike, minlength=len(prompts))
        return np.asarray(sums / np.maximum(events.lengths, 1), dtype=np.float32)


def _told(prompt: Prompt) -> list[tuple[str, bool]]:
    """Return every title of a prompt with what was said of it."""
    shown = [*((title, True) for title in prompt.liked), *((title, False) for title in prompt.disliked)]
    return [*shown, (prompt.target, bool(prompt.label))]
