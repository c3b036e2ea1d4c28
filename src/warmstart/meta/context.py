"""What is known of a user beside events, as the meta-learned prior reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from warmstart.core.histories import Floats
from warmstart.data.dataset import Dataset
from warmstart.data.features import FeatureEncoder
from warmstart.meta.sentence import Sentence
from warmstart.representation.context import Context


@dataclass(frozen=True, slots=True)
class UserContext:
    """Attributes of users as numbers less the training users' mean, so that somebody unknown is the mean user.

    Args:
        encoder: fitted on the training users' table.
        mean: float32 [columns].
    """

    encoder: FeatureEncoder
    mean: Floats

    @classmethod
    def fit(cls, data: Dataset) -> "UserContext | None":
        """Learn from the users' table; None when there is none or nothing in it can be used."""
        if data.users is None:
            return None
        encoder = FeatureEncoder.fit(data.users, data.user_kinds)
        if not encoder.names:
            return None
        raw = encoder.encode(data.users)
        return cls(encoder, np.asarray(raw.mean(axis=0)).ravel().astype(np.float32))

    def centred(self, users: Any) -> Floats:
        """Return float32 [n, columns], all zero for a user of whom nothing is known."""
        encoded = self.encoder.encode(users)
        known = np.diff(encoded.indptr) > 0
        return np.where(known[:, None], encoded.toarray() - self.mean, 0).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads attributes and sentences; what the training data did not have is passed over.

    The context's ``text`` is how a sentence tilts each item's score, float32 [n, items], so that it is worked out once.
    """

    attributes: UserContext | None
    sentences: Sentence | None

    def encode(self, users: Any | None, texts: Sequence[str | None] | None) -> Context:
        """See ``ContextEncoder``."""
        told = None if users is None or self.attributes is None else self.attributes.centred(users)
        spoken = None if texts is None or self.sentences is None else self.sentences.encode(texts)
        return Context(None if told is None else sparse.csr_matrix(told), spoken)
