"""What a language model is asked about candidates, and how its answers are read."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from warmstart.core.config import Config
from warmstart.core.histories import Ints
from warmstart.representation.language_model import LanguageModel
from warmstart.representation.untrusted import cleaned

Doubles = npt.NDArray[np.float64]

NOTHING = "N/A"
"""What stands for a title in prompts without content."""
SHOWN_TITLE = 80
"""Characters of a title that the model is shown."""
_EXAMPLE = (
    'Liked: "Jaws"; "Alien". Disliked: "Grease".\n1. "Evita"\n2. "Aliens"\n3. "The Thing"\n4. "Hair"\n'
    "All 4 numbers, best first: 3, 2, 4, 1\n\n"
)


class LlmRankingConfig(Config):
    """How the model is asked, and how much its word counts."""

    way: Literal["pointwise", "listwise"] = "pointwise"
    """Yes or no of each candidate, or all candidates at once, numbered."""
    first: int = Field(default=20, ge=1, le=100)
    """Candidates that the model sees; those behind them stay where they are."""
    weight: float = Field(default=0.0, ge=0, le=1)
    """Share of the model's word beside the incoming scores; 0 does not ask it. Choose it on validation users."""
    calibrated: bool = True
    """Take off what the model says where there is nothing to read (Zhao et al., 2021)."""
    rotations: int = Field(default=2, ge=1)
    """List-wise: orders in which the candidates are shown, each begun elsewhere; their places are averaged."""
    told: int = Field(default=20, ge=0)
    """Titles of the history that are told, the latest."""
    deadline: float = Field(default=10.0, gt=0)
    """Seconds after which the list stays as it was."""
    yes: str = "Yes"
    """Point-wise: how the model begins when it agrees; one that is not in chat mode goes on with a space, `` yes``."""
    no: str = "No"
    """Point-wise: how it begins when it does not."""


@dataclass(frozen=True, slots=True)
class Taste:
    """What a person liked and disliked, by title, the earliest first."""

    liked: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()


NOBODY = Taste((NOTHING,), (NOTHING,))
"""Stands for a person in prompts without content."""


def log_odds(
    model: LanguageModel, tastes: Sequence[Taste], titles: Sequence[str], config: LlmRankingConfig | None = None
) -> Doubles:
    """Return log p(yes) - log p(no) of each title for each taste, pair by pair, float64 [n].

    Pairs of one taste share its cost where the model can.

    Args:
        model: gives log-probabilities.
        tastes: one a pair.
        titles: one a pair; ``NOTHING`` for what the model says of no title to this person.
        config: settings of the prompt; calibration is left to ``title_log_odds``.

    Example:
        >>> import numpy as np
        >>> from warmstart.recommenders.llm_asking import Taste, log_odds
        >>> class Sure:
        ...     def log_probability(self, prompts, continuations):
        ...         return np.log([0.9 if word == "Yes" else 0.1 for word in continuations])
        >>> log_odds(Sure(), [Taste(("Heat",))], ["Alien"]).round(3).tolist()
        [2.197]
    """
    chosen = config or LlmRankingConfig()
    prompts = [_point_prompt(taste, title, chosen.told) for taste, title in zip(tastes, titles, strict=True)]
    once = list(dict.fromkeys(prompts))
    # the two words of a prompt stand together, so that a cache's portions do not part them
    twice, words = [prompt for prompt in once for _ in range(2)], [chosen.yes, chosen.no] * len(once)
    found = np.asarray(model.log_probability(twice, words), dtype=np.float64).reshape(-1, 2)
    odds = dict(zip(once, (found[:, 0] - found[:, 1]).tolist(), strict=True))
    return np.array([odds[prompt] for prompt in prompts], dtype=np.float64)


def title_log_odds(model: LanguageModel, titles: Sequence[str], config: LlmRankingConfig | None = None) -> Doubles:
    """Return what the model says of each title to a person of whom nothing is told, float64 [n].

    Taken off the log-odds it leaves what the title is to this person. Within one list, what the model says to this
    person of no title is the same for all, so nothing is lost by not asking it.

    Source: Zhao et al. (2021), Calibrate Before Use.
    """
    return log_odds(model, [NOBODY] * len(titles), titles, config)


def rotations(n: int, times: int) -> Iterator[Ints]:
    """Yield orders of n candidates that begin at evenly spaced places, at most n of them.

    Example:
        >>> from warmstart.recommenders.llm_asking import rotations
        >>> [order.tolist() for order in rotations(4, 2)]
        [[0, 1, 2, 3], [2, 3, 0, 1]]
    """
    used = min(times, n)
    for turn in range(used):
        yield np.roll(np.arange(n, dtype=np.int64), -(turn * n // used))


def places_of(text: str, n: int) -> Doubles | None:
    """Read which place each of n numbered candidates has in what a model wrote, float64 [n]; None if it named none.

    Numbers outside 1 to n and repeated ones do not count; candidates that are not named share the places that are left.

    Example:
        >>> from warmstart.recommenders.llm_asking import places_of
        >>> places_of("3, 1, 3 and item 99", 4).tolist()
        [1.0, 2.5, 0.0, 2.5]
    """
    numbers = (int(one) for one in re.findall(r"(?<!\d)[0-9]{1,3}(?!\d)", text))
    named = list(dict.fromkeys(number - 1 for number in numbers if 1 <= number <= n))
    if not named:
        return None
    places = np.full(n, (len(named) + n - 1) / 2)
    places[named] = np.arange(len(named))
    return places


def title_shown(title: str) -> str:
    """Return a title as the model sees it: cleaned and cut, on one line."""
    return cleaned(title, SHOWN_TITLE) or "untitled"


def _told(titles: Sequence[str], most: int) -> str:
    latest = titles[max(0, len(titles) - most) :]
    return "; ".join(f'"{title_shown(title)}"' for title in latest) or "nothing yet"


def _point_prompt(taste: Taste, title: str, told: int) -> str:
    return (
        f"A person liked: {_told(taste.liked, told)}.\nThe person disliked: {_told(taste.disliked, told)}.\n"
        f'Question: Will the person like "{title_shown(title)}"? Answer yes or no.\nAnswer:'
    )


def list_prompt(taste: Taste, titles: Sequence[str], told: int) -> str:
    """Return what a model is shown list-wise: an example, the history, and the candidates' titles, numbered from 1."""
    numbered = "\n".join(f'{place}. "{title}"' for place, title in enumerate(titles, 1))
    person = f"Liked: {_told(taste.liked, told)}. Disliked: {_told(taste.disliked, told)}."
    return f"{_EXAMPLE}{person}\n{numbered}\nAll {len(titles)} numbers, best first:"
