"""Rows of tokens that begin alike, put together so that what they share is computed once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

Tokens = tuple[int, ...]
BUDGET = 4_096
"""Tokens in one pass at most, unless a single row has more: bounds memory."""
WORTH_SHARING = 16
"""Tokens that rows must have in common for their beginning to be computed apart."""
SPREAD = 1.2
"""How many times the tokens of two passes one pass may cost before it is made two."""


def covering(rows: Iterable[Tokens]) -> dict[Tokens, Tokens]:
    """Return for each row the one whose pass gives its states too: itself, or a longer one that begins with it.

    Example:
        >>> from warmstart.representation.sharing import covering
        >>> covering([(1, 2), (1, 2, 3), (4,)])
        {(4,): (4,), (1, 2, 3): (1, 2, 3), (1, 2): (1, 2, 3)}
    """
    found: dict[Tokens, Tokens] = {}
    before: Tokens = ()
    # whatever begins with a row comes right before it in falling order
    for row in sorted(set(rows), reverse=True):
        found[row] = before if before[: len(row)] == row else row
        before = found[row]
    return found


def in_common(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many tokens two rows begin with alike.

    Example:
        >>> from warmstart.representation.sharing import in_common
        >>> in_common((1, 2, 3), (1, 2, 4, 5))
        2
    """
    differ = (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differ, min(len(one), len(other)))


def groups(limits: Mapping[Tokens, int], most: int) -> Iterator[tuple[list[Tokens], int]]:
    """Yield rows that go through the network together, and how many first tokens they share.

    A row joins those before it unless that would cost clearly more than a pass of its own, as when the long beginning
    that these share is not the row's.

    Args:
        limits: how many of a row's first tokens may be shared; at least one must be left.
        most: rows in one pass.

    Example:
        >>> from warmstart.representation.sharing import groups
        >>> ship, soup = tuple(range(40)), tuple(range(100, 140))
        >>> rows = {(*ship, 7): 40, (*ship, 8): 40, (*ship, 9): 40, (*soup, 7): 40}
        >>> [(len(some), shared) for some, shared in groups(rows, most=8)]
        [(3, 40), (1, 40)]
    """
    some: list[Tokens] = []
    shared = 0
    for row in sorted(limits):
        if not some:
            some, shared = [row], limits[row]
            continue
        joined = min(shared, limits[row], in_common(some[0], row))
        apart = _cost(some, shared) + len(row)
        together = _cost([*some, row], joined)
        if len(some) >= most or together > SPREAD * apart or together > BUDGET:
            yield some, _worth(shared)
            some, joined = [row], limits[row]
        else:
            some.append(row)
        shared = joined
    if some:
        yield some, _worth(shared)


def _worth(shared: int) -> int:
    # even what a single row begins with may be met again
    return shared if shared >= WORTH_SHARING else 0


def _cost(some: Sequence[Tokens], shared: int) -> int:
    return shared + len(some) * (max(map(len, some)) - shared)
