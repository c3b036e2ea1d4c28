"""``warmstart evaluate``: one recommender under one protocol, all measures."""

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
)
from warmstart.cli.options import AsJson, ConfigFile, LikeFrom, Seed, Trials
from warmstart.cli.settings import TakesSettings, check_names, settings_of
from warmstart.cli.terminal import Terminal


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=TakesSettings)(evaluate)


def evaluate(
    context: typer.Context,
    data: AnyData = None,
    model_name: Annotated[str, typer.Option(help="Which recommender; docs/settings.md lists them.")] = "meta",
    protocol: ChosenProtocol = "cold-user",
    split: SplitFolder = None,
    candidates: WhichCandidates = None,
    settings: SettingsFile = None,
    trials: Trials = 0,
    like_from: LikeFrom = "auto",
    seed: Seed = 0,
    out: Out = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Measure a recommender on people or items held out, with intervals and costs.

    Settings of the protocol and of the recommender are flags too, such as --shots 0,1,5 or --neighbours 50.
    """
    from warmstart.core.run import Run
    from warmstart.evaluation.evaluate import evaluate as measure
    from warmstart.recommenders.table import recommender_class

    question = Question(data, protocol, split, candidates, like_from)
    given, asked = settings_of(context), set(question.protocol_class.model_fields)
    known = [*asked, *recommender_class(model_name).config_class.model_fields]
    check_names(given, known, f"protocol {protocol!r} and recommender {model_name!r}", context)
    models = models_of([model_name], settings, {name: value for name, value in given.items() if name not in asked})
    chosen = question.build({name: value for name, value in given.items() if name in asked} | {"seed": seed}, context)
    terminal = Terminal(as_json=as_json)
    run = Run(seed=seed, progress=terminal.progress)
    report = measure(models, question.open(), chosen, trials=trials, run=run)
    if out:
        terminal.note(f"saved to {report.save(out)}")
    terminal.result(json.loads(report.to_json()), terminal.plain(report.text()))
