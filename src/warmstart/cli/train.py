"""``warmstart train``: tables in, a model folder out."""

import time
from pathlib import Path
from typing import Annotated

import typer

from warmstart.cli.measuring import SettingsFile, models_of
from warmstart.cli.options import AsJson, ConfigFile, Data, LikeFrom, Seed, like_option
from warmstart.cli.settings import TakesSettings, check_names, settings_of
from warmstart.cli.terminal import Terminal


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=TakesSettings)(train)


def train(
    context: typer.Context,
    data: Data,
    model: Annotated[Path, typer.Option(help="The folder to write; an older model there is replaced.")],
    recommender: Annotated[str, typer.Option(help="Which recommender; docs/settings.md lists them.")] = "meta",
    settings: SettingsFile = None,
    like_from: LikeFrom = "auto",
    seed: Seed = 0,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Train a recommender and save it.

    Settings of the recommender are flags too, such as --regularisation 300; docs/settings.md lists them.
    """
    from warmstart.core.artefact import refuse_to_replace_foreign
    from warmstart.core.run import Run
    from warmstart.recommenders.table import recommender_class
    from warmstart.serving.engine import Engine, open_data

    chosen = recommender_class(recommender).config_class
    check_names(settings_of(context), list(chosen.model_fields), f"recommender {recommender!r}", context)
    [untrained] = models_of([recommender], settings, settings_of(context))
    refuse_to_replace_foreign(model)
    terminal, start = Terminal(as_json=as_json), time.perf_counter()
    table = open_data(data, **like_option(like_from))
    engine = Engine.train(table, untrained, Run(seed=seed, progress=terminal.progress))
    engine.model.save(model)
    about = {
        "model": str(model),
        "recommender": recommender,
        "settings": engine.model.config.model_dump(mode="json"),
        "data": table.name,
        "users": table.n_users,
        "items": table.n_items,
        "events": len(table.histories.items),
        "seconds": round(time.perf_counter() - start, 2),
    }
    terminal.result(
        about,
        f"{recommender} trained on {table.name}: {about['users']} users, {about['items']} items, "
        f"{about['events']} events, {about['seconds']} s",
        f'saved to {model}; next: warmstart recommend --model {model} --likes "{table.catalogue.titles[0]}"',
    )
