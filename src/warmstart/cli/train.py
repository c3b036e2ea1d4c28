"""``warmstart train``: tables in, a model folder out."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warmstart.cli.measuring import SettingsFile, models_of
from warmstart.cli.options import AsJson, ConfigFile, LikeFrom, Seed, like_option
from warmstart.cli.settings import TakesSettings, check_names, settings_of
from warmstart.cli.terminal import Terminal
from warmstart.core.errors import BadInput

if TYPE_CHECKING:
    from warmstart.data.dataset import Dataset
    from warmstart.recommenders.base import Recommender


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=TakesSettings)(train)


def train(
    context: typer.Context,
    data: Annotated[
        str | None, typer.Argument(help="A folder or file of tables, or the name of a data set.", show_default=False)
    ] = None,
    *,
    model: Annotated[Path, typer.Option(help="The folder to write; an older model there is replaced.")],
    recommender: Annotated[str, typer.Option(help="Which recommender; docs/settings.md lists them.")] = "meta",
    from_store: Annotated[
        str | None, typer.Option(help="Train on a server's store instead of tables, and let its servers take it over.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Whose events of the store.")] = "default",
    activate: Annotated[bool, typer.Option(help="With --from-store: let the new model answer at once.")] = True,
    leave_out_suspects: Annotated[
        bool, typer.Option(help="Leave out who was likely made up to push an item; docs/notes/poisoning.md.")
    ] = False,
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
    from warmstart.data.doubt import without_suspects
    from warmstart.recommenders.table import recommender_class
    from warmstart.serving.engine import Engine

    chosen = recommender_class(recommender).config_class
    check_names(settings_of(context), list(chosen.model_fields), f"recommender {recommender!r}", context)
    [untrained] = models_of([recommender], settings, settings_of(context))
    refuse_to_replace_foreign(model)
    terminal, start = Terminal(as_json=as_json), time.perf_counter()
    everybody = _table(data, from_store, tenant, like_from)
    table = without_suspects(everybody) if leave_out_suspects else everybody
    engine = Engine.train(table, untrained, Run(seed=seed, progress=terminal.progress))
    engine.model.save(model)
    about = _about(engine.model, table, model) | {"seconds": round(time.perf_counter() - start, 2)}
    if leave_out_suspects:
        about["left_out"] = everybody.n_users - table.n_users
    if from_store is not None:
        about |= {"version": _registered(from_store, model, activate=activate), "active": activate}
    terminal.result(
        about,
        f"{recommender} trained on {table.name}: {about['users']} users, {about['items']} items, "
        f"{about['events']} events, {about['seconds']} s" + _left_out(about),
        f'saved to {model}; next: warmstart recommend --model {model} --likes "{table.catalogue.titles[0]}"',
    )


def _about(trained: "Recommender", table: "Dataset", model: Path) -> dict[str, Any]:
    return {
        "model": str(model),
        "recommender": trained.name,
        "settings": trained.config.model_dump(mode="json"),
        "data": table.name,
        "users": table.n_users,
        "items": table.n_items,
        "events": len(table.histories.items),
    }


def _left_out(about: dict[str, Any]) -> str:
    return f"; left out as likely made up: {about['left_out']}" if "left_out" in about else ""


def _table(data: str | None, from_store: str | None, tenant: str, like_from: str) -> "Dataset":
    from warmstart.serving.engine import open_data

    if (data is None) == (from_store is None):
        raise BadInput("Give either tables (a folder, a file or a data set's name) or --from-store.")
    if data is not None:
        return open_data(data, **like_option(like_from))
    from warmstart.serving.store.store import Store
    from warmstart.serving.training import dataset_of

    with Store.open(str(from_store)) as opened:
        return dataset_of(opened, tenant, **like_option(like_from))


def _registered(store: str, model: Path, *, activate: bool) -> str:
    """Tell the store of a new model, so that running servers find it; returns its version."""
    from warmstart.core.seal import version_of
    from warmstart.serving.store import kept
    from warmstart.serving.store.store import Store

    version, place = version_of(model), str(model.resolve())
    with Store.open(store) as opened:
        opened.write(lambda connection: kept.add_model(connection, version, place, activate=activate)).result()
    return version
