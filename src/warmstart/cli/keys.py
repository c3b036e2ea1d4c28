"""``warmstart keys``: who may ask a server, and what."""

import time
from typing import Annotated

import typer

from warmstart.cli.options import AsJson, Store
from warmstart.cli.terminal import Terminal

app = typer.Typer(help="Make, list and revoke the keys of a server.", no_args_is_help=True)


@app.command()
def add(
    store: Store,
    role: Annotated[str, typer.Option(help="read, write or admin; each may do what those before it may.")] = "write",
    tenant: Annotated[str, typer.Option(help="Whose users and items the key opens.")] = "default",
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown this once; only a hash of it is kept."""
    from warmstart.serving.http.access import new_key
    from warmstart.serving.store import kept
    from warmstart.serving.store.store import Store as Kept

    text, key = new_key(tenant, role, name)
    with Kept.open(store) as opened:
        opened.write(lambda connection: kept.add_key(connection, key)).result()
    about = {"key": text, "key_id": key.key_id, "role": role, "tenant": tenant}
    Terminal(as_json=as_json).result(
        about, text, "keep it, it is not shown again; send it as Authorization: Bearer KEY"
    )


@app.command("list")
def list_all(store: Store, as_json: AsJson = False) -> None:
    """List the keys, without their secrets."""
    from warmstart.cli.render import plain_table
    from warmstart.serving.store import kept
    from warmstart.serving.store.store import Store as Kept

    with Kept.open(store) as opened:
        found = opened.read(kept.keys)
    table = plain_table("key", "tenant", "role", "name", "made", "revoked")
    for key in found:
        made, gone = (time.strftime("%Y-%m-%d", time.gmtime(at)) if at else "" for at in (key.created, key.revoked))
        table.add_row(key.key_id, key.tenant, key.role, key.name, made, gone)
    told = [{"key_id": key.key_id, "tenant": key.tenant, "role": key.role, "revoked": key.revoked} for key in found]
    Terminal(as_json=as_json).result(told, table)


@app.command()
def revoke(
    store: Store,
    key_id: Annotated[str, typer.Argument(help="The key's id, the part between ws_ and the next line.")],
    as_json: AsJson = False,
) -> None:
    """Let a key open nothing any more, from within a second on."""
    from warmstart.serving.store import kept
    from warmstart.serving.store.store import Store as Kept

    with Kept.open(store) as opened:
        opened.write(lambda connection: kept.revoke_key(connection, key_id)).result()
    Terminal(as_json=as_json).result({"key_id": key_id, "revoked": True}, f"{key_id} opens nothing any more")
