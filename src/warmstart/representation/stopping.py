"""Text that comes piece by piece and ends before the first of some stop strings."""

from collections.abc import Sequence


class Stopped:
    """Holds back what might be the beginning of a stop string, so that none of one is ever given away.

    Args:
        stop: the strings; empty ones do not count.

    Example:
        >>> from warmstart.representation.stopping import Stopped
        >>> text = Stopped(["END"])
        >>> [text.grown("once upon a time E"), text.grown("once upon a time ENormous EN"), text.ended]
        ['once upon a time ', 'ENormous ', False]
        >>> [text.grown("once upon a time ENormous END of it"), text.ended, text.whole]
        ['', True, 'once upon a time ENormous ']
    """

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = tuple(one for one in stop if one)
        self._given = 0
        self._longest = max((len(one) for one in self._stop), default=0)
        self.whole = ""
        self.ended = False

    def grown(self, text: str, last: bool = False) -> str:
        """Return what is new and may be given away.

        Args:
            text: all of it so far.
            last: nothing more will come, so nothing is held back.
        """
        # what was given away can hold no beginning of one
        found = [place for place in (text.find(one, self._given) for one in self._stop) if place >= 0]
        self.ended = bool(found)
        self.whole = text[: min(found)] if found else text
        end = len(self.whole) if last or found else len(self.whole) - self._held()
        # an unfinished letter is shown as a mark until its other bytes come
        if not last and not found and self.whole[:end].endswith("\ufffd"):
            end = len(self.whole[:end].rstrip("\ufffd"))
        piece = self.whole[self._given : end]
        self._given = max(self._given, end)
        return piece

    def _held(self) -> int:
        longest = min(self._longest - 1, len(self.whole))
        return next((n for n in range(longest, 0, -1) if self._begins(self.whole[-n:])), 0)

    def _begins(self, tail: str) -> bool:
        return any(one.startswith(tail) for one in self._stop)
