"""Writes the pages that come from the code: settings, commands and errors. ``--check`` only compares."""

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer.main

from warmstart.adaptation.feedback import Feedback, Kind
from warmstart.adaptation.settings import DriftConfig, PolicyConfig
from warmstart.cli.app import app
from warmstart.core import errors
from warmstart.core.config import Config, Tunable
from warmstart.data.clean import Cleaning
from warmstart.evaluation.cold_item import ColdBoth, ColdItem
from warmstart.evaluation.cold_user import ColdUser
from warmstart.evaluation.rating import Rating
from warmstart.evaluation.ready import ReadySplit
from warmstart.evaluation.transfer import Transfer
from warmstart.meta.optimisers.optimiser import OPTIMISERS, optimiser_class
from warmstart.recommenders.table import RECOMMENDERS, recommender_class
from warmstart.serving.settings import Arm, Experiment, LiveConfig

DOCS = Path(__file__).parent
MADE = "<!-- Made by docs/generate.py from the code; edit it there. -->"


def settings_page() -> str:
    """Return the reference of all settings."""
    lines = [
        "# Settings",
        MADE,
        (
            "Every setting of every recommender: the keyword of `ws.recommender(name, ...)`, the flag of "
            "`warmstart train` (`--like-this`) and the key of a TOML file. A setting that is unknown or does not "
            "fit is refused, with the nearest name. *Tuned* settings are those that `warmstart tune` and `--trials` "
            "choose, within the range given."
        ),
    ]
    for name in RECOMMENDERS:
        found = recommender_class(name)
        lines += [f"## `{name}`", _first_paragraph(found), *_settings(found.config_class)]
    lines += ["# Protocols", "Keywords of the class and flags of `evaluate`, `compare` and `tune`."]
    for protocol in (ColdUser, ColdItem, ColdBoth, Rating, Transfer, ReadySplit):
        lines += [f"## `{protocol.__name__}`", _first_paragraph(protocol), *_settings(protocol)]
    lines += [
        "# Meta-optimisers",
        "Keywords of `optimiser_class(name)(...)`; what each is for stands in [meta-optimisers](meta-optimisers.md).",
    ]
    for name in OPTIMISERS:
        optimiser = optimiser_class(name)
        lines += [f"## `{name}` (meta-optimiser)", _first_paragraph(optimiser), *_settings(optimiser.config_class)]
    lines += ["# Live", "Keys and sections of the file that `warmstart serve --settings` reads."]
    sections: dict[str, type[Config]] = {
        "feedback": Feedback,
        "feedback.kinds.TYPE": Kind,
        "drift": DriftConfig,
        "policy": PolicyConfig,
        "experiment": Experiment,
        "experiment.arms.NAME": Arm,
    }
    lines += [f"## `{LiveConfig.__name__}`", _first_paragraph(LiveConfig), *_settings(LiveConfig)]
    for section, config in sections.items():
        lines += [f"## `[{section}]`", _first_paragraph(config), *_settings(config)]
    lines.append(
        "`[scenarios.NAME]` and `[experiment.arms.NAME.policy]` have the settings of `[policy]`, and its values."
    )
    lines += ["# Cleaning", "Keywords of `ws.Dataset.from_frames` and `ws.read`.", *_settings(Cleaning)]
    return _page(lines)


def commands_page() -> str:
    """Return the reference of all commands."""
    lines = [
        "# Commands",
        MADE,
        (
            "A mistake in what you give ends in one message on standard error and exit code 2; exit code 0 means "
            "success. With `--json` standard output holds one JSON document and nothing else."
        ),
    ]
    for name, command in _commands(typer.main.get_group(app), ("warmstart",)):
        lines += [f"## `{name}`", inspect.cleandoc(command.help or ""), *_flags(command)]
    return _page(lines)


def errors_page() -> str:
    """Return the reference of all errors."""
    tree = inspect.cleandoc(errors.__doc__ or "").split("\n", 2)[2]
    lines = [
        "# Errors",
        MADE,
        (
            "Every error that Warmstart raises on purpose says what is wrong, what came and what to do. "
            "`except WarmstartError` catches all of them."
        ),
        f"```text\n{tree}\n```",
    ]
    for name, found in inspect.getmembers(errors, inspect.isclass):
        if issubclass(found, errors.WarmstartError):
            lines += [f"### `{name}`", _first_paragraph(found)]
    return _page(lines)


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "commands.md": commands_page,
    "errors.md": errors_page,
}


def stale() -> list[str]:
    """Return the pages that differ from what the code says."""
    texts = {name: DOCS / name for name in PAGES}
    return [name for name, file in texts.items() if not file.exists() or file.read_text("utf-8") != PAGES[name]()]


def main(arguments: list[str]) -> int:
    """Write the pages, or with ``--check`` say which are stale; returns the exit code."""
    if "--check" in arguments:
        late = stale()
        if late:
            print(f"stale: {', '.join(late)}. Run: python docs/generate.py", file=sys.stderr)
        return 1 if late else 0
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
    return 0


def _page(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _first_paragraph(owner: Any) -> str:
    return " ".join((inspect.getdoc(owner) or "").split("\n\n")[0].replace("``", "`").split())


def _settings(config: type[Config]) -> Iterator[str]:
    if not config.model_fields:
        yield "No settings."
        return
    rows = ["| setting | type | default | tuned | meaning |", "|---|---|---|---|---|"]
    for name, field in config.model_fields.items():
        tuned = next((_range(mark) for mark in field.metadata if isinstance(mark, Tunable)), "")
        default = "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
        cells = [f"`{name}`", f"`{_type(field.annotation)}`", default, tuned, field.description or ""]
        rows.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    yield "\n".join(rows)


def _type(annotation: Any) -> str:
    plain = isinstance(annotation, type) and not hasattr(annotation, "__args__")
    return annotation.__name__ if plain else re.sub(r"typing\.|warmstart\.[a-z_.]*", "", str(annotation))


def _range(mark: Tunable) -> str:
    if mark.choices:
        return ", ".join(f"`{choice}`" for choice in mark.choices)
    return f"{mark.low:g} to {mark.high:g}" + (", in the logarithm" if mark.log else "")


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield " ".join(path), command
        return
    for name, child in children.items():
        yield from _commands(child, (*path, name))


def _flags(command: Any) -> Iterator[str]:
    rows = ["| flag | default | meaning |", "|---|---|---|"]
    for parameter in command.params:
        if "--help" in parameter.opts:
            continue
        argument = parameter.param_type_name == "argument"
        names = parameter.name.upper() if argument else ", ".join([*parameter.opts, *parameter.secondary_opts])
        default = "required" if parameter.required else _default(parameter.default)
        rows.append("| " + " | ".join(_cell(cell) for cell in (f"`{names}`", default, parameter.help or "")) + " |")
    yield "\n".join(rows)


def _default(value: Any) -> str:
    return "" if value is None or value is False or value == [] else f"`{value}`"


def _cell(text: str) -> str:
    return " ".join(text.replace("``", "`").split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
