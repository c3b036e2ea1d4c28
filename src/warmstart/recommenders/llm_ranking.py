"""A language model puts the first candidates of a list into another order: by yes or no of each, or all at once."""

import atexit
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from warmstart.core.errors import BadInput, Unsupported
from warmstart.core.histories import Ints
from warmstart.core.ranking import Ranking
from warmstart.recommenders.llm_asking import (
    NOBODY,
    NOTHING,
    Doubles,
    LlmRankingConfig,
    Taste,
    list_prompt,
    log_odds,
    places_of,
    rotations,
    title_log_odds,
    title_shown,
)
from warmstart.representation.language_model import LanguageModel

PORTION = 5
"""Candidates that are asked about between two looks at the clock."""
ROUNDING = 1e-9
"""Spread, beside the largest number, up to which scores are all the same."""
TOKENS_A_PLACE = 4
"""Tokens that a number, its comma and its space may take."""

GRACE = 20.0
"""Seconds that a process which ends waits for models that were left behind, for to cut torch short would abort it."""

logger = logging.getLogger(__name__)
_left_behind: WeakSet[threading.Thread] = WeakSet()


class Outcome(StrEnum):
    """What became of a list; in all cases but ``RANKED`` it is as it came."""

    RANKED = "ranked"
    """The model was heard."""
    OFF = "off"
    """The weight is 0, or there are fewer than two candidates, so the model was not asked."""
    LATE = "late"
    """Time was up."""
    FAILED = "failed"
    """The model raised an error, or gave what is no number."""
    UNREADABLE = "unreadable"
    """The model wrote no candidate's number."""


@dataclass(frozen=True, slots=True)
class Reranked:
    """An order of the candidates.

    Args:
        order: int64 [n], places in the incoming list, each once, the new first first.
        outcome: whether the model was heard.
        said: float64 [first], what the model said of each candidate it saw, higher is better; empty where it
            was not heard.
        seconds: how long it took.
    """

    order: Ints
    outcome: Outcome
    said: Doubles
    seconds: float


class LlmRanker:
    """Re-ranks the first candidates of any list; what the model says can only change their order.

    The model sees titles, cleaned, and numbers, never an id. Its answer is read as scores of these places, so nothing
    that it writes, and nothing that a title talks it into, adds an item or takes one away. It works in a thread that is
    left behind when time is up: the caller waits no longer than the deadline.

    Source: point-wise after Nogueira et al. (2020), list-wise after Sun et al. (2023), RankGPT, with rotations against
    position bias as Tang et al. (2024) average orders; calibration after Zhao et al. (2021).

    Args:
        model: any that gives log-probabilities (point-wise) or writes (list-wise).
        **settings: fields of ``LlmRankingConfig``.

    Example:
        >>> import numpy as np
        >>> from warmstart.recommenders.llm_asking import Taste
        >>> from warmstart.recommenders.llm_ranking import LlmRanker
        >>> class Likes:  # says yes to everything with wolves in it
        ...     def log_probability(self, prompts, continuations):
        ...         asked = zip(prompts, continuations)
        ...         return np.array([float((word == "Yes") == ("Wolf" in text)) for text, word in asked])
        >>> ranker = LlmRanker(Likes(), weight=1, calibrated=False)
        >>> found = ranker.rerank(Taste(("White Fang",)), ["Emma", "Teen Wolf", "Heat"])
        >>> found.order.tolist(), found.outcome.value
        ([1, 0, 2], 'ranked')
    """

    config_class = LlmRankingConfig

    def __init__(self, model: LanguageModel, **settings: Any) -> None:
        self.model = model
        self.config = LlmRankingConfig.of(**settings)
        self._busy = threading.Lock()
        self._bias: dict[int, Doubles] = {}

    def rerank(self, taste: Taste, titles: Sequence[str], scores: npt.ArrayLike | None = None) -> Reranked:
        """Return a new order of the candidates.

        Args:
            taste: of the person.
            titles: of the candidates, the best first.
            scores: finite, one a candidate; None counts places.

        Raises:
            BadInput: the scores do not fit the titles.
            Unsupported: this kind of model cannot be asked so at all.
        """
        incoming = _incoming(len(titles), scores)
        start = time.monotonic()
        first = min(self.config.first, len(titles))
        if self.config.weight == 0 or first < 2:
            return _as_it_was(len(titles), Outcome.OFF, start)
        shown = [title_shown(title) for title in titles[:first]]
        said = self._in_time(taste, shown, start + self.config.deadline)
        if isinstance(said, Outcome):
            return _as_it_was(len(titles), said, start)
        blended = mixed(incoming[:first], said, self.config.weight)
        head = np.argsort(-blended, kind="stable")
        order = np.concatenate([head, np.arange(first, len(titles))]).astype(np.int64)
        return Reranked(order, Outcome.RANKED, said, time.monotonic() - start)

    def rerank_ranking(self, taste: Taste, ranking: Ranking) -> tuple[Ranking, Outcome]:
        """Return a ranking in its new order, whose scores are the incoming ones in theirs, and what became of it."""
        found = self.rerank(taste, ranking.titles, ranking.scores)
        if found.outcome is not Outcome.RANKED:
            return ranking, found.outcome
        places = found.order.tolist()
        ids, titles = [ranking.item_ids[one] for one in places], [ranking.titles[one] for one in places]
        spoke = f"{ranking.source}, re-ranked"
        return replace(ranking, item_ids=ids, titles=titles, source=spoke), found.outcome

    def _in_time(self, taste: Taste, shown: Sequence[str], end: float) -> "Doubles | Outcome":
        """Ask in a thread that is left behind when time is up."""
        found: list[Doubles | Outcome | Unsupported] = []
        asking = threading.Thread(target=lambda: found.append(self._asked(taste, shown, end)), daemon=True)
        asking.start()
        asking.join(max(0.0, end - time.monotonic()))
        if not found:
            _left_behind.add(asking)
            return Outcome.LATE
        if isinstance(found[0], Unsupported):
            raise found[0]
        return found[0]

    def _asked(self, taste: Taste, shown: Sequence[str], end: float) -> "Doubles | Outcome | Unsupported":
        # one at a time: whoever was left behind still has the model for a portion
        if not self._busy.acquire(timeout=max(0.0, end - time.monotonic())):
            return Outcome.LATE
        try:
            said = (
                self._pointwise(taste, shown, end)
                if self.config.way == "pointwise"
                else self._listwise(taste, shown, end)
            )
        except _Late:
            return Outcome.LATE
        except Unsupported as error:
            return error
        except Exception:  # whatever a model or its server does wrong, the list is still there
            logger.warning("The language model that re-ranks failed; the list stays as it was.", exc_info=True)
            return Outcome.FAILED
        finally:
            self._busy.release()
        if said is None:
            return Outcome.UNREADABLE
        return said if np.isfinite(said).all() else Outcome.FAILED

    def _pointwise(self, taste: Taste, shown: Sequence[str], end: float) -> Doubles:
        portions = [shown[start : start + PORTION] for start in range(0, len(shown), PORTION)]
        parts = []
        for portion in portions:
            said = log_odds(self.model, [taste] * len(portion), portion, self.config)
            _look_at(end)
            plain = title_log_odds(self.model, portion, self.config) if self.config.calibrated else 0.0
            parts.append(said - plain)
            _look_at(end)
        return np.concatenate(parts)

    def _listwise(self, taste: Taste, shown: Sequence[str], end: float) -> Doubles | None:
        """Return less the mean place of each candidate over the rotations; None where nothing could be read."""
        n, sums, read = len(shown), np.zeros(len(shown)), 0
        bias = self._position_bias(n, end) if self.config.calibrated else np.zeros(n)
        for turned in rotations(n, self.config.rotations):
            places = self._written(taste, [shown[one] for one in turned.tolist()], end)
            if places is not None:
                sums[turned] += places - bias
                read += 1
        return -sums / read if read else None

    def _position_bias(self, n: int, end: float) -> Doubles:
        """Return the place that the model gives to each number where all titles are the same, less the mean."""
        if n not in self._bias:
            places = self._written(NOBODY, [NOTHING] * n, end)
            self._bias[n] = np.zeros(n) if places is None else places - places.mean()
        return self._bias[n]

    def _written(self, taste: Taste, shown: Sequence[str], end: float) -> Doubles | None:
        left = _look_at(end)
        prompt = list_prompt(taste, shown, self.config.told)
        most = TOKENS_A_PLACE * len(shown) + 8
        (answer,) = self.model.generate([prompt], max_tokens=most, stop=("\n\n",), deadline=left)
        if answer.ended == "deadline":
            raise _Late
        return places_of(answer.text, len(shown))


class _Late(Exception):
    """Time is up."""


def mixed(incoming: npt.ArrayLike, said: npt.ArrayLike, weight: float) -> Doubles:
    """Return the blend of incoming scores and what a model said, both in standard deviations over the list.

    Args:
        incoming: float [n].
        said: float [n].
        weight: share of what was said, from 0 to 1.
    """
    blended: Doubles = (1 - weight) * _standard(incoming) + weight * _standard(said)
    return blended


def chosen_weight(
    judge: Callable[[float], float], weights: Sequence[float] = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
) -> float:
    """Return the weight that validation users are served best with; the smaller one of equals.

    Args:
        judge: tells how good lists with a weight are, such as their mean nDCG on validation users.
        weights: those that are tried, rising.
    """
    told = [judge(weight) for weight in weights]
    return weights[int(np.argmax(told))]


def _standard(values: npt.ArrayLike) -> Doubles:
    found = np.asarray(values, dtype=np.float64)
    largest = float(np.abs(found).max(initial=0.0))
    if largest == 0:
        return np.zeros(len(found))
    # squares of huge numbers would overflow
    scaled = found / largest
    spread = float(scaled.std())
    if spread <= ROUNDING:
        return np.zeros(len(found))
    return np.asarray((scaled - scaled.mean()) / spread, dtype=np.float64)


def _incoming(n: int, scores: npt.ArrayLike | None) -> Doubles:
    if scores is None:
        return -np.arange(n, dtype=np.float64)
    found = np.asarray(scores, dtype=np.float64)
    if found.shape != (n,) or not np.isfinite(found).all():
        raise BadInput(f"Candidates need one finite score each, {n} in all (came: {found.shape}).")
    return found


def _as_it_was(n: int, outcome: Outcome, start: float) -> Reranked:
    return Reranked(np.arange(n, dtype=np.int64), outcome, np.zeros(0), time.monotonic() - start)


def _look_at(end: float) -> float:
    """Return the seconds that are left."""
    left = end - time.monotonic()
    if left <= 0:
        raise _Late
    return left


@atexit.register
def _wait_for_those_left_behind() -> None:
    end = time.monotonic() + GRACE
    for asking in list(_left_behind):
        asking.join(max(0.0, end - time.monotonic()))
