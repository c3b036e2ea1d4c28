"""Finished trials of a study in a file of JSON lines, so that a study can be broken off."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmstart.core.errors import BadInput
from warmstart.meta.optimisers.problem import Problem
from warmstart.meta.optimisers.space import Settings, as_json
from warmstart.meta.optimisers.trial import Trial

if TYPE_CHECKING:
    from warmstart.meta.optimisers.optimiser import Optimiser


@dataclass(frozen=True)
class Journal:
    """The file of one study: a line that says whose it is, then a line a trial; nothing is written without a path."""

    path: Path | None
    known: list[Trial] = field(default_factory=list)

    @classmethod
    def open(
        cls,
        file: str | Path | None,
        optimiser: "Optimiser",
        problem: Problem,
        seed: int,
        purpose: Sequence[str],
        starts: Sequence[Settings],
    ) -> "Journal":
        """Read what is there, or begin; raises ``BadInput`` for a file of something else."""
        if file is None:
            return cls(None)
        head = {
            "study": optimiser.name,
            "config": optimiser.config.model_dump(mode="json"),
            "space": repr(problem.space),
            "tasks": len(problem.weights),
            "seed": seed,
            "purpose": list(purpose),
            "starts": json.loads(as_json(starts)),
        }
        path = Path(file)
        if path.exists():
            return cls(path, _read(path, head, problem))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(head) + "\n", encoding="utf-8")
        return cls(path)

    def trial(self, number: int) -> Trial | None:
        """Return a trial that was made before."""
        return self.known[number] if number < len(self.known) else None

    def add(self, trial: Trial) -> None:
        """Write a trial down."""
        if self.path is None:
            return
        line = {
            "settings": trial.settings,
            "tasks": trial.tasks,
            "quality": trial.quality if math.isfinite(trial.quality) else None,
            "spent": trial.spent,
            "slope": trial.slope,
            "seconds": trial.seconds,
        }
        with self.path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line, default=str) + "\n")


def _read(path: Path, head: dict[str, Any], problem: Problem) -> list[Trial]:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        # broken off in the middle of a write; that trial is made again
        path.write_text("".join(lines[:-1]), encoding="utf-8")
        lines = lines[:-1]
    if not lines:
        path.write_text(json.dumps(head) + "\n", encoding="utf-8")
        return []
    found = _parsed(path, lines[0], 1)
    wrong = [name for name, value in head.items() if found.get(name) != value]
    if wrong:
        raise BadInput(
            f"{path} holds another study: {', '.join(wrong)} differ. Name another file, or ask for the same again."
        )
    return [_trial(path, line, number, problem) for number, line in enumerate(lines[1:], start=2)]


def _trial(path: Path, line: str, number: int, problem: Problem) -> Trial:
    one = _parsed(path, line, number)
    try:
        settings = {name: _option(problem, name, value) for name, value in one["settings"].items()}
        tasks = None if one["tasks"] is None else tuple(one["tasks"])
        quality = -math.inf if one["quality"] is None else float(one["quality"])
        slope = None if one["slope"] is None else tuple(map(float, one["slope"]))
        return Trial(settings, tasks, quality, int(one["spent"]), slope, float(one["seconds"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise BadInput(f"{path}, line {number} is no finished trial. Name another file, or remove the line.") from None


def _option(problem: Problem, name: str, value: Any) -> Any:
    """Return the option itself, where JSON holds only what it looks like."""
    choice = problem.space.choices.get(name)
    place = None if choice is None else choice.place(value)
    return value if choice is None or place is None else choice.options[place]


def _parsed(path: Path, line: str, number: int) -> dict[str, Any]:
    try:
        one = json.loads(line)
    except json.JSONDecodeError:
        one = None
    if not isinstance(one, dict):
        raise BadInput(f"{path}, line {number} is no line of a study. Name another file, or remove the line.")
    return one
