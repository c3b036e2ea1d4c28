"""Prompts on disk, one JSON object a line: read with every fault at once, and written."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from warmstart.core.errors import BadInput, BadTable, Fault
from warmstart.data.files import load_bytes
from warmstart.data.text import decode
from warmstart.evaluation.files import write_whole
from warmstart.meta.preference import Prompt

YES, NO = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no")
"""How a label may be written; case, spaces and a full stop at the end do not matter."""
EXAMPLE = '{"user": "1", "liked": ["Heat (1995)"], "disliked": [], "target": "Casino (1995)", "label": 1}'
_LONGEST_SHOWN = 60


def read_prompts(path: str | Path) -> list[Prompt]:
    """Read a file of prompts, also gzipped; an array of objects is read like lines.

    A line without a user is taken for a user of its own.

    Raises:
        BadInput: there is no such file.
        BadTable: lines are faulty; all faults of all lines are listed.
    """
    path = Path(path)
    text = decode(load_bytes(path), path.name)
    faults: list[Fault] = []
    prompts = [prompt for row, entry in _entries(text, faults) if (prompt := _prompt(entry, row, faults))]
    if not prompts and not faults:
        faults.append(Fault(path.name, "there is no prompt in it", f"Write one object a line, such as {EXAMPLE}."))
    if faults:
        raise BadTable([replace(fault, where=path.name) for fault in faults])
    return prompts


def write_prompts(prompts: Iterable[Prompt], path: str | Path) -> Path:
    """Write prompts so that ``read_prompts`` gives them back.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from warmstart.evaluation.few_shot_files import read_prompts, write_prompts
        >>> from warmstart.meta.preference import Prompt
        >>> one = Prompt("ann", ("Alien (1979)",), (), "Aliens (1986)", True)
        >>> file = write_prompts([one], Path(tempfile.mkdtemp()) / "test.jsonl")
        >>> read_prompts(file) == [one]
        True
    """
    path = Path(path)
    lines = [json.dumps(_document(prompt), ensure_ascii=False) + "\n" for prompt in prompts]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, "".join(lines).encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}. Choose another place.") from error
    return path


def _document(prompt: Prompt) -> dict[str, Any]:
    label = {} if prompt.label is None else {"label": int(prompt.label)}
    told = {"user": prompt.user, "liked": list(prompt.liked), "disliked": list(prompt.disliked)}
    return told | {"target": prompt.target} | label


def _entries(text: str, faults: list[Fault]) -> Iterator[tuple[int, Any]]:
    """Yield the number of each line (or of each object of an array) and what it holds."""
    if text.lstrip().startswith("["):
        parsed = _parsed(text, 1, faults)
        yield from enumerate(parsed if isinstance(parsed, list) else [], 1)
        return
    # other characters that end lines may stand inside a title
    for row, line in enumerate(text.split("\n"), 1):
        if line.strip():
            before = len(faults)
            entry = _parsed(line, row, faults)
            if len(faults) == before:
                yield row, entry


def _parsed(text: str, row: int, faults: list[Fault]) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deep, or a number too long"
        cure = f"Write one JSON object a line, such as {EXAMPLE}."
        faults.append(Fault("", f"not valid JSON: {why}", cure, row=row, value=_short(text)))
        return None


def _prompt(entry: Any, row: int, faults: list[Fault]) -> Prompt | None:
    """Return the prompt of a line, or None after noting every fault of it."""
    if not isinstance(entry, dict):
        faults.append(Fault("", "no object", f"Write {EXAMPLE}.", row=row, value=_short(entry)))
        return None
    found: list[Fault] = []
    user = entry.get("user")
    if isinstance(user, dict | list):
        found.append(Fault("", "is no id", "Give text or a number.", "user", row, _short(user)))
    liked, disliked = (_titles(entry, name, row, found) for name in ("liked", "disliked"))
    target = _title(entry.get("target"))
    if target is None:
        cure = "Give the one title that is asked about, as text."
        found.append(Fault("", "is no title", cure, "target", row, _short(entry.get("target"))))
    label = _label(entry.get("label"), row, found)
    faults += found
    if found or target is None:
        return None
    return Prompt(f"line {row}" if user is None else str(user), liked, disliked, target, label)


def _titles(entry: dict[str, Any], name: str, row: int, faults: list[Fault]) -> tuple[str, ...]:
    given = entry.get(name)
    if name not in entry or not isinstance(given, list | None):
        problem = "is missing" if name not in entry else "is no list"
        cure = "Give a list of titles; it may be empty."
        faults.append(Fault("", problem, cure, name, row, _short(given) if name in entry else None))
        return ()
    found = [_title(title) for title in given or ()]
    for title, came in zip(found, given or (), strict=True):
        if title is None:
            faults.append(Fault("", "holds something that is no title", "Give text.", name, row, _short(came)))
    return tuple(title for title in found if title is not None)


def _title(given: Any) -> str | None:
    """Return a title; a number may be one, such as 1984."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    return str(given).strip() or None


def _label(given: Any, row: int, faults: list[Fault]) -> bool | None:
    word = str(given).strip().rstrip(".").lower()
    if word in YES or word in NO:
        return word in YES
    faults.append(Fault("", "is neither yes nor no", "Write 1 or 0.", "label", row, _short(given)))
    return None


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def users_of(prompts: Sequence[Prompt]) -> list[str]:
    """Return the different users, in the order in which they come."""
    return list(dict.fromkeys(prompt.user for prompt in prompts))
