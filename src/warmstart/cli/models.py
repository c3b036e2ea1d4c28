"""``warmstart models``: which model a server answers with."""

import time
from pathlib import Path
from typing import Annotated

import typer

from warmstart.cli.options import AsJson, Store
from warmstart.cli.terminal import Terminal

app = typer.Typer(help="List the models of a server, and say which one answers.", no_args_is_help=True)


@app.command("list")
def list_all(store: Store, as_json: AsJson = False) -> None:
    """List the registered models, the one that answers first."""
    from warmstart.cli.render import plain_table
    from warmstart.serving.store import kept
    from warmstart.serving.store.store import Store as Kept

    with Kept.open(store) as opened:
        found = opened.read(kept.models)
    table = plain_table("version", "answers since", "path")
    for row in found:
        since = "" if row.activated is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(row.activated))
        table.add_row(row.version, since, row.path)
    told = [{"version": row.version, "path": row.path, "activated": row.activated} for row in found]
    Terminal(as_json=as_json).result(told, table)


@app.command()
def add(
    store: Store,
    model: Annotated[Path, typer.Argument(help="The folder of a trained model.")],
    activate: Annotated[bool, typer.Option(help="Let it answer at once.")] = True,
    as_json: AsJson = False,
) -> None:
    """Register a trained model; running servers take it over without a failed request."""
    from warmstart.serving.shelf import open_model
    from warmstart.serving.store import kept
    from warmstart.serving.store.store import Store as Kept

    version, place = open_model(model).version, str(model.resolve())
    with Kept.open(store) as opened:
        opened.write(lambda connection: kept.add_model(connection, version, place, activate=activate)).result()
    told = {"version": version, "path": place, "active": activate}
    Terminal(as_json=as_json).result(told, f"{version} {'answers now' if activate else 'is registered'}")


@app.command()
def activate(
    store: Store,
    version: Annotated[str, typer.Argument(help="The version, as `warmstart models list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Let a registered model answer: the way forward, and the way back."""
    from warmstart.serving.store import kept
    from warmstart.serving.store.store import Store as Kept

    with Kept.open(store) as opened:
        opened.write(lambda connection: kept.activate_model(connection, version)).result()
    Terminal(as_json=as_json).result({"version": version, "active": True}, f"{version} answers now")
