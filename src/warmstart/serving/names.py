"""Names for requests and lists."""

import os
import random

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
