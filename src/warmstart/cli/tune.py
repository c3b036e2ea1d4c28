"""``warmstart tune``: the settings that serve validation users best, written for ``--settings``."""

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from warmstart.cli.measuring import AnyData, ChosenProtocol, Question, SplitFolder, WhichCandidates
from warmstart.cli.options import AsJson, ConfigFile, LikeFrom, Seed
from warmstart.cli.settings import TakesSettings, settings_of
from warmstart.cli.terminal import Terminal

if TYPE_CHECKING:
    from warmstart.evaluation.tuning import Tuning

Optimiser = Literal["random", "cmaes", "tpe", "gp", "reinforce", "adam"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=TakesSettings)(tune)


def tune(
    context: typer.Context,
    data: AnyData = None,
    recommender: Annotated[str, typer.Option(help="Which recommender; docs/settings.md lists them.")] = "ease",
    protocol: ChosenProtocol = "cold-user",
    split: SplitFolder = None,
    candidates: WhichCandidates = None,
    trials: Annotated[
        int,
        typer.Option(
            min=1,
            help="How many settings are tried: the budget. Each costs one evaluation of every validation task, "
            "which is a person at one k.",
        ),
    ] = 20,
    meta_optimiser: Annotated[
        Optimiser, typer.Option(help="What chooses the settings to try; docs/meta-optimisers.md says which when.")
    ] = "random",
    like_from: LikeFrom = "auto",
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="A TOML file for the best settings.")] = None,
    log: Annotated[Path | None, typer.Option(metavar="FILE", help="Finished trials, to go on after a break.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Try settings of a recommender on validation users, its own first; test users are never looked at.

    Settings of the protocol are flags too, such as --shots 0,1,5.
    """
    from warmstart.core.errors import BadInput
    from warmstart.core.run import Run
    from warmstart.evaluation.evaluate import headline_by_k
    from warmstart.evaluation.tuning import tune as search

    question = Question(data, protocol, split, candidates, like_from)
    chosen = question.build(settings_of(context) | {"seed": seed}, context)
    terminal = Terminal(as_json=as_json)
    parts = chosen.split(question.open())
    if not parts.validate:
        raise BadInput("This split has no validation users, so nothing can be tuned. Add a table `validation` to it.")
    found = search(
        recommender,
        parts.train,
        lambda model: headline_by_k(chosen, model, parts),
        trials,
        Run(seed=seed, progress=terminal.progress),
        validation=parts.validation,
        file=log,
        purpose=repr(chosen),
        meta_optimiser=meta_optimiser,
    )
    if out:
        _write(out, f"[{found.name}]\n{to_toml(found.best)}")
    n_tasks = sum(len(panel) for panel in parts.validate)
    terminal.result(_document(found, n_tasks), *_shown(found, chosen.measures[0], out))


def to_toml(settings: dict[str, Any]) -> str:
    """Write settings as lines of TOML; those that are None are left out, for TOML has no such value.

    Example:
        >>> from warmstart.cli.tune import to_toml
        >>> print(to_toml({"neighbours": 50, "kind": "cosine", "shots": [1, 2], "days": None}), end="")
        neighbours = 50
        kind = "cosine"
        shots = [1, 2]
    """
    return "".join(f"{name} = {_toml(value)}\n" for name, value in settings.items() if value is not None)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=True)


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}.new")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _document(found: "Tuning", n_tasks: int) -> dict[str, Any]:
    trials = [
        {"settings": trial.settings, "quality": trial.quality, "mean": trial.mean, "seconds": round(trial.seconds, 3)}
        for trial in found.trials
    ]
    curve = [
        {"trials": number, "task_evaluations": number * n_tasks, "best": best}
        for number, best in enumerate(found.curve, start=1)
    ]
    return {
        "recommender": found.name,
        "meta_optimiser": found.optimiser,
        "best": found.best,
        "trials": trials,
        "curve": curve,
    }


def _shown(found: "Tuning", headline: str, out: Path | None) -> list[Any]:
    from warmstart.cli.render import plain_table

    table = plain_table("trial", headline, "seconds", "settings", right=("trial", headline, "seconds"))
    own, best = found.trials[0].settings, [trial.settings for trial in found.trials].index(found.best) + 1
    for number, trial in enumerate(found.trials, 1):
        changed = {name: value for name, value in trial.settings.items() if value != own.get(name)}
        words = ", ".join(f"{name} {_short(value)}" for name, value in changed.items()) or "as they are"
        star = "*" if number == best else ""
        table.add_row(f"{star}{number}", f"{trial.mean:.4f}", f"{trial.seconds:.1f}", words)
    if len(found.trials) == 1:
        return [table, f"{found.name} was tried as it is: there is nothing else to try, or no trial left for it"]
    saved = f"best settings saved to {out}; use them with --settings {out}" if out else "--out FILE keeps the best"
    return [table, saved]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
