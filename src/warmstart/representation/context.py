"""What is known of a user beside events: attributes and a sentence, as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from scipy import sparse

from warmstart.core.histories import Floats


@dataclass(frozen=True, slots=True)
class Context:
    """Context of a batch of users; a part that nobody gave is None.

    Args:
        attributes: float32 [n, attribute columns], all zero for a user without any.
        text: float32 [n, dim], unit vectors, zero for a user without a sentence.
    """

    attributes: sparse.csr_matrix | None = None
    text: Floats | None = None

    def __bool__(self) -> bool:
        return self.attributes is not None or self.text is not None


class ContextEncoder(Protocol):
    """Turns attributes and sentences into a ``Context``; fitted with the recommender that reads it."""

    def encode(self, users: Any | None, texts: Sequence[str | None] | None) -> Context:
        """Encode ``users`` (one mapping of attributes or None a user, or a frame) and ``texts``."""
        ...
