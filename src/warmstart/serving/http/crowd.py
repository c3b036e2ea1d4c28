"""Who is let in when more come than can be served: nobody is kept waiting for an answer that comes too late."""

import asyncio
import math
import time
from collections.abc import Callable

LONG = 0.01
"""Seconds between two looks of the loop from which on those who came meanwhile are a line."""
PATIENCE = 0.002
"""Seconds that somebody may have waited, where the line does not get shorter."""
PATIENCE_IN_A_BURST = 0.02
"""Seconds that somebody may have waited, where it has not been long for more than a moment."""
MOMENT = 0.05
"""Seconds after which a line stands."""
FORGOTTEN_AFTER = 0.02
"""Seconds without a refusal after which a line is gone."""
ALWAYS = 2
"""So many of those who came together are served however long each takes."""


class Crowd:
    """Refuses those who waited for long while others were served.

    A loop takes what came since it looked last and serves one after the other, so that nothing piles up where it could
    be counted; what tells is how long ago the loop looked. A burst is served, a line that stands is not let grow
    (controlled delay; Nichols and Jacobson, 2012).

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._looked: float | None = None
        self._served = 0
        self._refused = -math.inf
        self._long_since: float | None = None

    def lets_in(self) -> bool:
        """Say whether somebody is served; who is not should be told so at once."""
        now = self._clock()
        if self._looked is None:
            self._looked, self._served = now, 1
            asyncio.get_running_loop().call_soon(self._looks_again)
            return True
        # a process that was not let run finds a burst, however long it was kept from it
        stands = self._long_since is not None and now - self._long_since > MOMENT
        patience = PATIENCE if stands else PATIENCE_IN_A_BURST
        if self._served >= ALWAYS and now - self._looked > patience:
            self._refused = now
            return False
        self._served += 1
        return True

    def _looks_again(self) -> None:
        if self._looked is not None:
            now = self._clock()
            # whoever was refused was in the line as well, though it costs little time to say so
            is_long = now - self._looked > LONG or (
                self._long_since is not None and now - self._refused < FORGOTTEN_AFTER
            )
            self._long_since = (self._long_since or self._looked) if is_long else None
        self._looked = None
