"""``warmstart store``: tables into the log of a server, and a look at what it holds."""

from typing import Annotated

import typer

from warmstart.cli.options import AsJson, Data, LikeFrom, Store, like_option
from warmstart.cli.terminal import Terminal

app = typer.Typer(help="Bring tables into a server's store, and look at what it holds.", no_args_is_help=True)
Tenant = Annotated[str, typer.Option(help="Whose users and items.")]


@app.command("import")
def import_tables(
    data: Data,
    store: Store,
    tenant: Tenant = "default",
    like_from: LikeFrom = "auto",
    as_json: AsJson = False,
) -> None:
    """Log the events of tables and put their items; what was imported before has no second effect."""
    from warmstart.core.run import Run
    from warmstart.serving.engine import open_data
    from warmstart.serving.store.store import Store as Kept
    from warmstart.serving.training import import_data

    terminal, table = Terminal(as_json=as_json), open_data(data, **like_option(like_from))
    with Kept.open(store) as opened:
        events, items = import_data(opened, table, tenant, Run(progress=terminal.progress))
    told = {"events": events, "items": items, "tenant": tenant}
    closing = f"next: warmstart train --from-store {opened.database.shown_url} --model models/first"
    terminal.result(told, f"{events:,} new events, {items:,} items", closing)


@app.command()
def describe(store: Store, tenant: Tenant = "default", as_json: AsJson = False) -> None:
    """Say how many people, events and items a store holds."""
    from warmstart.cli.render import plain_table
    from warmstart.serving.store import kept
    from warmstart.serving.store.store import Store as Kept

    with Kept.open(store) as opened:
        told = opened.read(lambda connection: kept.sizes(connection, tenant))
    table = plain_table("", "")
    table.show_header = False
    for name, count in told.items():
        table.add_row(name, f"{count:,}")
    Terminal(as_json=as_json).result(told, table)
