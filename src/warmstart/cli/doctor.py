"""``warmstart doctor``: what is installed, what is missing and the line that mends it."""

import os
import platform
import time
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import typer

import warmstart
from warmstart.cli.options import AsJson
from warmstart.cli.terminal import Terminal
from warmstart.core.errors import WarmstartError

NEEDED = ("numpy", "scipy", "polars", "pydantic", "safetensors", "cmaes", "typer", "rich")
EXTRAS = {
    "als": ("implicit", "the recommender als"),
    "item2vec": ("gensim", "the recommender item2vec"),
    "text": ("wordllama", "sentences and titles through language-model vectors"),
    "llm": ("transformers", "MiniLM, SmolLM2 and servers of language models"),
    "plot": ("matplotlib", "pictures of learning curves"),
    "pandas": ("pandas", "pandas frames in and out"),
    "arrow": ("pyarrow", "Arrow tables in and out"),
}
"""The package behind each extra and what it is for."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(as_json: AsJson = False) -> None:
    """Show versions, extras, data sets and the machine, and try the packaged sample.

    The exit code is 1 when the sample cannot be loaded.
    """
    terminal = Terminal(as_json=as_json)
    about: dict[str, Any] = {
        "warmstart": warmstart.__version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in NEEDED},
        "extras": {extra: _extra(extra, package, use) for extra, (package, use) in EXTRAS.items()},
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": _memory(),
        "data_sets": _data_sets(),
        "sample": _sample(),
    }
    terminal.result(about, *_shown(about) if not as_json else ())
    if not about["sample"]["works"]:
        raise typer.Exit(1)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _extra(extra: str, package: str, use: str) -> dict[str, Any]:
    installed = find_spec(package) is not None
    found: dict[str, Any] = {"package": package, "for": use, "installed": installed, "version": _version(package)}
    return found if installed else found | {"install": f'pip install "warmstart[{extra}]"'}


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _data_sets() -> list[str]:
    from warmstart.data.builtin import datasets

    return list(datasets())


def _sample() -> dict[str, Any]:
    from warmstart.data.builtin import load_dataset

    start = time.perf_counter()
    try:
        data = load_dataset("movielens-small")
    except (WarmstartError, OSError) as error:
        return {"works": False, "problem": str(error)}
    seconds = round(time.perf_counter() - start, 2)
    return {"works": True, "users": data.n_users, "items": data.n_items, "seconds": seconds}


def _shown(about: dict[str, Any]) -> list[Any]:
    from rich.markup import escape

    from warmstart.cli.render import plain_table

    table = plain_table("", "", "")
    table.show_header = False
    table.add_row("warmstart", about["warmstart"], f"Python {about['python']}")
    for name, version in about["packages"].items():
        table.add_row(name, version or "[red]missing[/red]", "" if version else "pip install warmstart")
    for extra, found in about["extras"].items():
        state = found["version"] or "installed" if found["installed"] else "[yellow]absent[/yellow]"
        table.add_row(f"extra {extra}", state, escape(found["for"] + (f": {found.get('install', '')}").rstrip(": ")))
    memory = "unknown" if about["memory_gb"] is None else f"{about['memory_gb']} GB of memory"
    table.add_row("machine", f"{about['cores']} cores", memory)
    table.add_row("data sets", str(len(about["data_sets"])), escape(", ".join(about["data_sets"])))
    sample = about["sample"]
    if sample["works"]:
        table.add_row("sample", "loads", f"{sample['users']} users, {sample['items']} items")
    else:
        table.add_row("sample", "[red]fails[/red]", escape(sample["problem"]))
    return [table]
