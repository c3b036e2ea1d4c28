"""Flags from a TOML file, and the settings of a recommender as flags of their own."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from warmstart.core.errors import BadConfig


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; raises ``BadConfig`` that names the file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadConfig(f"{path}: there is no such file. Give --config the path of a TOML file.") from None
    except IsADirectoryError:
        raise BadConfig(f"{path}: is a folder. Give --config the path of a TOML file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path}: not valid TOML: {error}.") from None


def use_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take the command's section of a TOML file as defaults; flags on the command line win.

    Keys are the flags without their dashes. A command that passes settings on keeps the keys that are no flags.
    """
    if path is None or context.resilient_parsing:
        return path
    section = _section(read_toml(path), context, path)
    flags = {_key(name): parameter.name for parameter in context.command.params for name in _names(parameter)}
    flags = {key: name for key, name in flags.items() if name not in ("config", "help")}
    known = {flags[_key(key)]: value for key, value in section.items() if _key(key) in flags}
    rest = {key: value for key, value in section.items() if _key(key) not in flags}
    if rest and not isinstance(context.command, TakesSettings):
        faults = "; ".join(_unknown(key, list(flags)) for key in rest)
        raise BadConfig(f"{path}, [{context.info_name}]: {faults}.")
    context.default_map = known
    context.meta["settings"] = {_key(key).replace("-", "_"): value for key, value in rest.items()}
    return path


class TakesSettings(TyperCommand):
    """A command that takes flags it does not declare as settings of a recommender or a protocol."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the settings out before the flags are read, so that their values are no arguments."""
        flags = {name: parameter for parameter in self.params for name in _names(parameter)} | {"--help": None}
        own, settings = split_settings(args, {name: _takes_value(one) for name, one in flags.items()})
        rest = super().parse_args(ctx, own)
        ctx.meta["settings"] = ctx.meta.get("settings", {}) | settings
        return rest


def settings_of(context: typer.Context) -> dict[str, Any]:
    """Return the settings given to a command: flags of their own, before keys of the TOML file."""
    return dict(context.meta.get("settings", {}))


def split_settings(words: Sequence[str], flags: Mapping[str, bool]) -> tuple[list[str], dict[str, Any]]:
    """Part a command line into what the command declares and ``--name value`` or ``--name=value`` beside it.

    A value is read as TOML where it is TOML (``3``, ``0.5``, ``true``, ``[1, 2]``; ``1,2`` is a list) and as text
    otherwise.

    Args:
        words: the command line.
        flags: what the command declares, and whether each takes a value.

    Example:
        >>> from warmstart.cli.settings import split_settings
        >>> split_settings(["data", "--seed", "1", "--neighbours", "50", "--kind=likes"], {"--seed": True})
        (['data', '--seed', '1'], {'neighbours': 50, 'kind': 'likes'})
    """
    own: list[str] = []
    settings: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            return [*own, word, *rest], settings
        if name in flags or not name.startswith("--"):
            own.append(word)
            if flags.get(name) and not equals and rest:
                own.append(rest.pop(0))
            continue
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise BadConfig(f"{name} has no value. Settings are given as --name value.")
            value = rest.pop(0)
        settings[_key(name).replace("-", "_")] = _value(value)
    return own, settings


def check_names(settings: Iterable[str], known: Sequence[str], owner: str, context: typer.Context) -> None:
    """Raise one ``BadConfig`` for all settings that ``owner`` does not have, naming the nearest setting or flag."""
    flags = [name for parameter in context.command.params for name in _names(parameter)]
    wrong = [_unknown(name, [*known, *flags], what="setting") for name in settings if name not in known]
    if wrong:
        listed = f"Settings of {owner}: {', '.join(known)}" if known else f"{owner} has no settings"
        raise BadConfig(f"{'; '.join(wrong)}. {listed}.")


def _section(document: dict[str, Any], context: typer.Context, path: Path) -> dict[str, Any]:
    commands = list(getattr(context.parent.command, "commands", {})) if context.parent else []
    wrong = [_unknown(key, commands, what="section") for key in document if key not in commands]
    if wrong:
        raise BadConfig(f"{path}: {'; '.join(wrong)}. A section is named after its command, such as [train].")
    section = document.get(context.info_name or "", {})
    if not isinstance(section, dict):
        raise BadConfig(f"{path}: {context.info_name} must be a section: write [{context.info_name}] above its keys.")
    return section


def _names(parameter: Any) -> list[str]:
    return [*parameter.opts, *parameter.secondary_opts]


def _key(name: str) -> str:
    return name.lstrip("-").replace("_", "-").lower()


def _unknown(name: str, known: Sequence[str], what: str = "key") -> str:
    close = difflib.get_close_matches(_key(name), [_key(other) for other in known], n=1)
    return f"unknown {what} {name!r}" + (f" (nearest: {close[0]})" if close else "")


def _value(text: str) -> Any:
    for written in (text, f"[{text}]") if "," in text else (text,):
        try:
            return tomllib.loads(f"value = {written}")["value"]
        except tomllib.TOMLDecodeError:
            continue
    return text


def _takes_value(parameter: Any) -> bool:
    return parameter is not None and not getattr(parameter, "is_flag", False)
