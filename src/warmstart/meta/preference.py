"""Will this person like that? Prompts of a few liked and disliked titles, and the contract of all who answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np

from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats

USUAL_RATE = 0.5
"""Share of likes that is expected of somebody of whom nothing is known."""
IMAGINED = 2.0
"""Imagined titles of the usual share that stand beside those of a prompt."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A few titles that somebody liked or disliked, a further title, and whether she liked that one.

    Args:
        user: whose it is; several prompts may be of one user.
        liked: titles, the earliest first; may be empty.
        disliked: the same.
        target: the title that is asked about.
        label: whether she liked it; None where nobody knows.

    Example:
        >>> from warmstart.meta.preference import Prompt
        >>> Prompt("ann", ("Alien (1979)",), (), "Aliens (1986)", True).label
        True
    """

    user: str
    liked: tuple[str, ...]
    disliked: tuple[str, ...]
    target: str
    label: bool | None = None


class PreferenceScorer(Protocol):
    """Answers prompts; a higher score means a likelier yes."""

    def fit(self, prompts: Sequence[Prompt], validation: Sequence[Prompt] = ()) -> Self:
        """Return a scorer that has learned from labelled prompts, which may be none; the old one is unchanged.

        Args:
            prompts: the K examples, all labelled.
            validation: labelled prompts of other users to stop or choose on; may be none.
        """
        ...

    def score(self, prompts: Sequence[Prompt]) -> Floats:
        """Return one number a prompt, float32 [n]; labels are not read, and no prompt sees another."""
        ...


@dataclass(frozen=True, slots=True)
class LikeRate:
    """The share of liked titles in the prompt, drawn to one half; it learns nothing.

    Example:
        >>> from warmstart.meta.preference import LikeRate, Prompt
        >>> glad, sad = Prompt("ann", ("Alien", "Heat"), (), "Up"), Prompt("bob", (), ("Alien", "Heat"), "Up")
        >>> LikeRate().score([glad, sad]).tolist()
        [0.75, 0.25]
    """

    reads_order: ClassVar[bool] = False

    def fit(self, prompts: Sequence[Prompt], validation: Sequence[Prompt] = ()) -> "LikeRate":
        """Return itself."""
        return self

    def score(self, prompts: Sequence[Prompt]) -> Floats:
        """Return the shares."""
        return like_rates(prompts)


def like_rates(prompts: Sequence[Prompt], usual: float = USUAL_RATE) -> Floats:
    """Return each prompt's share of likes, drawn to the usual one, float32 [n]."""
    likes = np.array([len(prompt.liked) for prompt in prompts], dtype=np.float64)
    shown = likes + [len(prompt.disliked) for prompt in prompts]
    return np.asarray((likes + IMAGINED * usual) / (shown + IMAGINED), dtype=np.float32)


def labels_of(prompts: Sequence[Prompt]) -> Floats:
    """Return 1 for yes and 0 for no, float32 [n]; raises ``BadInput`` if a prompt has no label."""
    unknown = [place for place, prompt in enumerate(prompts) if prompt.label is None]
    if unknown:
        raise BadInput(f"Learning and measuring need labels, but prompt {unknown[0] + 1} of {len(prompts)} has none.")
    return np.array([bool(prompt.label) for prompt in prompts], dtype=np.float32)
