"""Few-shot preference: a few liked and disliked titles, a further title, yes or no, after K examples in all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from warmstart.core.config import Config
from warmstart.core.errors import BadInput
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.data.split import split_users
from warmstart.evaluation.cost import Stopwatch
from warmstart.evaluation.few_shot_files import read_prompts, users_of
from warmstart.evaluation.few_shot_report import FewShotReport, Measurement
from warmstart.evaluation.pooled_auc import DRAWS, Answers, auc_draws, interval, pooled_auc
from warmstart.meta.preference import PreferenceScorer, Prompt, labels_of
from warmstart.meta.preference_prompts import newest_prompts, prompts_of

NEWEST = 10_000
"""Prompts of a data set that are split by time."""
TIMED, TIMED_SECONDS = 200, 5.0
"""Prompts, and CPU seconds, at most in which prompts are scored once more, one at a time, to tell what that costs."""


@dataclass(frozen=True, slots=True)
class PromptParts:
    """Prompts to draw the K examples from, to stop or choose on, and to be measured on.

    Args:
        name: what reports call them.
        train: in the order in which they are drawn: the K examples are the first K.
        validation: the same; as many as K are shown to a row.
        test: labelled, never seen in learning.
    """

    name: str
    train: Sequence[Prompt]
    validation: Sequence[Prompt]
    test: Sequence[Prompt]
    facts: Mapping[str, Any] = field(default_factory=dict)


class FewShotPreference(Config):
    """Asks for a like or dislike of one title, given ten earlier ones, after K training examples in all.

    From a data set, every event after a user's first ten is a target and the ten events before it are the prompt;
    users are split 80/10/10. The rule is that of TALLRec (Bao et al., 2023), but users are split and not the time, and
    the area under the curve is bootstrapped over users, whose answers depend on each other.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.evaluation.few_shot import FewShotPreference
        >>> from warmstart.meta.preference import LikeRate
        >>> protocol = FewShotPreference(shots=(0,), seeds=(0,))
        >>> parts = protocol.split(ws.load_dataset("movielens-small"), seed=0)
        >>> report = protocol.measure({"like rate": LikeRate()}, {0: parts})
        >>> report.auc("like rate", 0).mean > 0.6
        True
    """

    shots: tuple[int, ...] = (0, 16, 64, 256)
    """Training examples in all, each number in turn."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the split of users and of the draw of examples; figures are means over them."""
    history: int = Field(default=10, ge=1)
    """Titles of a prompt, where prompts are made from a data set."""
    by: Literal["users", "time"] = "users"
    """How prompts of a data set are split: by users, or by time (the newest 10,000, as in the paper)."""
    most: int | None = Field(default=None, ge=1)
    """Test prompts at most, drawn at random; a language model takes tenths of a second for each."""
    draws: int = Field(default=DRAWS, ge=1)
    """Bootstrap samples of users behind every interval."""

    def split(self, data: Dataset, seed: int) -> PromptParts:
        """Make prompts of a data set and split them by users.

        Raises:
            BadInput: the data have no titles, no dislikes, or no test user with enough events.
        """
        if data.like_from is None:
            raise BadInput(f"Every event of {data.name!r} is a like, so there is nothing to tell apart.")
        if self.by == "time":
            prompts = newest_prompts(data, NEWEST, self.history)
            first, second = len(prompts) * 8 // 10, len(prompts) * 9 // 10
            groups = [prompts[:first], prompts[first:second], prompts[second:]]
        else:
            groups = [prompts_of(data, users, self.history) for users in split_users(data.n_users, seed)]
        train, validation, test = (shuffled(group, seed) for group in groups)
        facts = {
            "made by": f"rule, {self.history} events before each",
            "split by": self.by,
            "like from": data.like_from,
        }
        return _checked(PromptParts(data.name, train, validation, test[: self.most], facts))

    def ready(self, train: Path | None, validation: Path | None, test: Path, seed: int) -> PromptParts:
        """Read ready-made files; those of training and validation may be missing, and are left shut where K is 0."""
        opened = max(self.shots, default=0) > 0
        learned, chosen = ((read_prompts(path) if path and opened else []) for path in (train, validation))
        files = {"train": train, "validation": validation, "test": test}
        facts = {"made by": "ready-made files"} | {name: path.name for name, path in files.items() if path}
        asked = read_prompts(test)
        if self.most is not None:
            asked = shuffled(asked, seed)[: self.most]
        return _checked(PromptParts(test.name, shuffled(learned, seed), shuffled(chosen, seed), asked, facts))

    def measure(
        self,
        rows: Mapping[str, PreferenceScorer],
        parts: Mapping[int, PromptParts],
        run: Run | None = None,
        costs: Mapping[str, float] | None = None,
    ) -> FewShotReport:
        """Fit every row on every number of examples and measure it on the test prompts.

        Args:
            rows: unfitted scorers by label.
            parts: prompts by seed.
            run: progress.
            costs: CPU seconds that were spent on a row before any example, such as on what it carries over.
        """
        run, paid = run or Run(), costs or {}
        work = [(seed, k, label) for seed in parts for k in self.shots for label in rows]
        found = [
            self._measured(label, rows[label], parts[seed], seed, k, paid.get(label, 0.0))
            for seed, k, label in run.progress.track(work, "few-shot preference")
        ]
        return FewShotReport(tuple(found), self._about(parts))

    def _measured(
        self, label: str, row: PreferenceScorer, parts: PromptParts, seed: int, k: int, paid: float
    ) -> Measurement:
        fitting, scoring = Stopwatch(), Stopwatch()
        with fitting.running():
            fitted = row.fit(parts.train[:k], parts.validation[:k])
        with scoring.running():
            scores = fitted.score(parts.test)
        answers = _answers(parts.test, scores, label)
        drawn = auc_draws(answers, seed, self.draws)
        one = interval(pooled_auc(answers), drawn, answers.n_users)
        batch_ms, single_ms = 1000 * scoring.cpu / len(parts.test), _alone_ms(fitted, parts.test)
        shown = min(k, len(parts.train))
        return Measurement(label, seed, k, shown, one, drawn, paid + fitting.cpu, batch_ms, single_ms)

    def _about(self, parts: Mapping[int, PromptParts]) -> dict[str, Any]:
        first = next(iter(parts.values()))
        return {
            "protocol": type(self).__name__,
            "data": first.name,
            "facts": dict(first.facts),
            "settings": self.model_dump(mode="json"),
            "by seed": {seed: _sizes(one) for seed, one in parts.items()},
        }


def shuffled(prompts: Sequence[Prompt], seed: int) -> list[Prompt]:
    """Return prompts in a seeded order, of which the first K are the K examples: fewer are part of more."""
    return [prompts[place] for place in Run(seed=seed).rng("few-shot examples").permutation(len(prompts)).tolist()]


def _checked(parts: PromptParts) -> PromptParts:
    labels = {prompt.label for prompt in parts.test}
    if labels != {True, False}:
        kinds = "no prompt" if not labels else f"{len(parts.test)} prompts, all of them with one answer"
        raise BadInput(f"The test part of {parts.name!r} has {kinds}, so nothing can be told apart. Give more prompts.")
    return parts


def _answers(prompts: Sequence[Prompt], scores: Any, label: str) -> Answers:
    if len(scores) != len(prompts) or not np.isfinite(scores).all():
        raise BadInput(f"{label!r} must give one finite number a prompt, {len(prompts)} in all.")
    return Answers.of([prompt.user for prompt in prompts], labels_of(prompts) > 0, scores)


def _alone_ms(row: PreferenceScorer, prompts: Sequence[Prompt]) -> float:
    watch, done = Stopwatch(), 0
    for prompt in prompts[:TIMED]:
        with watch.running():
            row.score([prompt])
        done += 1
        if watch.cpu > TIMED_SECONDS:
            break
    return 1000 * watch.cpu / done


def _sizes(parts: PromptParts) -> dict[str, Any]:
    groups = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    sizes = {name: {"prompts": len(group), "users": len(users_of(group))} for name, group in groups.items()}
    shared = set(users_of(parts.test)) & set(users_of(parts.train))
    told = sum(prompt.target in (*prompt.liked, *prompt.disliked) for prompt in parts.test)
    share = float(np.mean(labels_of(parts.test)))
    return sizes | {"test yes": round(share, 4), "users in both": len(shared), "targets told in their prompt": told}
