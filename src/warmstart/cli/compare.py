"""``warmstart compare``: several recommenders side by side, tuned equally."""

import json
from typing import Annotated

import typer

from warmstart.cli.measuring import (
    AnyData,
    ChosenProtocol,
    Out,
    Question,
    SettingsFile,
    SplitFolder,
    WhichCandidates,
    models_of,
    names_of,
)
from warmstart.cli.options import AsJson, ConfigFile, LikeFrom, Trials
from warmstart.cli.settings import TakesSettings, settings_of
from warmstart.cli.terminal import Terminal
from warmstart.core.errors import BadConfig


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=TakesSettings)(compare)


def compare(
    context: typer.Context,
    data: AnyData = None,
    models: Annotated[
        str, typer.Option(help="Recommenders by name, as a,b,c.")
    ] = "random,popularity,item_knn,ease,meta",
    protocol: ChosenProtocol = "cold-user",
    split: SplitFolder = None,
    candidates: WhichCandidates = None,
    settings: SettingsFile = None,
    trials: Trials = 0,
    like_from: LikeFrom = "auto",
    seeds: Annotated[
        str, typer.Option(help="Seeds of the split, as 0,1,2; each makes a report, and all of them one together.")
    ] = "0",
    out: Out = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Measure several recommenders on the same split and show their learning curves beside one another.

    Settings of the protocol are flags too, such as --shots 0,1,2,3,5,10,20; those of recommenders come with --settings.
    """
    from warmstart.core.run import Run
    from warmstart.evaluation.evaluate import evaluate
    from warmstart.evaluation.pool import pooled

    question, drawn = Question(data, protocol, split, candidates, like_from), _seeds(seeds)
    competitors = models_of(names_of(models), settings)
    chosen = [question.build(settings_of(context) | {"seed": seed}, context) for seed in drawn]
    terminal, table = Terminal(as_json=as_json), question.open()
    reports = []
    for seed, one in zip(drawn, chosen, strict=True):
        run = Run(seed=seed, progress=terminal.progress)
        report = evaluate(competitors, table, one, trials=trials, run=run)
        terminal.show(terminal.plain(report.table()))
        if out:
            terminal.note(f"saved to {report.save(out / f'seed-{seed}' if len(drawn) > 1 else out)}")
        reports.append(report)
    whole = pooled(reports)
    if out and len(reports) > 1:
        terminal.note(f"saved all seeds together to {whole.save(out)}")
    documents = [json.loads(report.to_json()) for report in reports]
    summary = ["", terminal.plain(whole.table())] if len(reports) > 1 else []
    terminal.result(documents if len(documents) > 1 else documents[0], *summary)


def _seeds(listed: str) -> list[int]:
    try:
        found = [int(seed) for seed in listed.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 0 or len(set(found)) < len(found):
        raise BadConfig(f"--seeds takes different whole numbers of at least 0, such as 0,1,2; came: {listed!r}.")
    return found
