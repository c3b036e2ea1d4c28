"""Names for requests and lists."""

import os
import random
import re
from typing import NamedTuple

from warmstart.core.errors import BadInput

_LIST = re.compile(r"[0-9a-f]{32}-([0-9a-f]{1,16})-([0-9]{1,4})")

# no secrets, so the system need not be asked for each
_RANDOM = random.Random()
os.register_at_fork(after_in_child=_RANDOM.seed)


def new_name() -> str:
    """Return a name that nothing had before: 128 random bits, in hexadecimal.

    Example:
        >>> from warmstart.serving.names import new_name
        >>> len(new_name()), new_name() == new_name()
        (32, False)
    """
    return f"{_RANDOM.getrandbits(128):032x}"


class Place(NamedTuple):
    """Where a list ended.

    Args:
        version: of the state that it rests on.
        shown: how many items it and the pages before it hold.
    """

    version: int
    shown: int


def list_name(place: Place) -> str:
    """Return a new name for a list, from which its next page can be found without keeping it anywhere."""
    return f"{new_name()}-{place.version:x}-{place.shown}"


def place_in(name: str) -> Place:
    """Return where the list of that name ended; raises ``BadInput`` for a name that is none.

    Example:
        >>> from warmstart.serving.names import Place, list_name, place_in
        >>> place_in(list_name(Place(1_700_000_000_000_000, 10)))
        Place(version=1700000000000000, shown=10)
    """
    found = _LIST.fullmatch(name)
    if found is None:
        raise BadInput("after: give the recommendation_id of the list before.")
    return Place(int(found[1], 16), int(found[2]))
