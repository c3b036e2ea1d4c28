"""How rankings, reasons and movements look on a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from warmstart.core.ranking import RankedItem, Ranking

Reasons = Sequence[tuple[str, float]]


def plain_table(*columns: str, title: str | None = None, right: Sequence[str] = ()) -> Table:
    """Return an empty table without lines; the columns in ``right`` are aligned to the right."""
    table = Table(title=title, box=None, title_justify="left", title_style="bold", header_style="dim", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left")
    return table


def ranking_table(
    ranking: Ranking, reasons: Mapping[Any, Reasons] | None = None, moves: Mapping[Any, str] | None = None
) -> Table:
    """Show a ranking, on demand with what moved since the last one and why each item is there."""
    extra = [name for name, given in (("moved", moves), ("because of", reasons)) if given is not None]
    table = plain_table("#", "title", "score", *extra, right=("#", "score"))
    for row in ranking:
        cells = [str(row.rank), escape(row.title), f"{row.score:.3f}"]
        if moves is not None:
            cells.append(moves.get(row.item_id, ""))
        if reasons is not None:
            cells.append(escape(in_words(reasons.get(row.item_id, ()))))
        table.add_row(*cells)
    return table


def in_words(reasons: Reasons) -> str:
    """Write contributions in one line.

    Example:
        >>> from warmstart.cli.render import in_words
        >>> in_words([("Alien (1979)", 0.25), ("everybody", -0.1)])
        'Alien (1979) +0.250, everybody -0.100'
    """
    return ", ".join(f"{name} {amount:+.3f}" for name, amount in reasons)


def moves(before: Ranking, after: Ranking) -> dict[Any, str]:
    """Say for each item of ``after`` where it comes from: ``new``, ``=`` or up and down so many places.

    Example:
        >>> import numpy as np
        >>> from warmstart.core.ranking import Ranking
        >>> from warmstart.cli.render import moves
        >>> scores = np.array([2.0, 1.0], dtype=np.float32)
        >>> old, new = (Ranking(ids, ids, scores, "ease", "few-shot") for ids in (["a", "b"], ["b", "c"]))
        >>> moves(old, new)
        {'b': '↑1', 'c': 'new'}
    """
    places = {row.item_id: row.rank for row in before}
    return {row.item_id: _move(places.get(row.item_id), row.rank) for row in after}


def document(row: RankedItem, reasons: Reasons | None = None) -> dict[str, Any]:
    """Return one row of a ranking as JSON holds it."""
    entry: dict[str, Any] = {
        "rank": row.rank, "item_id": row.item_id, "title": row.title, "score": round(row.score, 6)
    }  # fmt: skip
    if reasons is not None:
        entry["because_of"] = [{"what": name, "amount": round(amount, 6)} for name, amount in reasons]
    return entry


def _move(before: int | None, after: int) -> str:
    if before is None:
        return "new"
    if before == after:
        return "="
    return f"↑{before - after}" if before > after else f"↓{after - before}"
