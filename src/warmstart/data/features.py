"""Attributes of users or items to one sparse matrix with named columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import polars as pl
from scipy import sparse

from warmstart.core.errors import BadInput
from warmstart.data.attributes import Attribute, Bins, fit_attribute, restore_attribute
from warmstart.data.kinds import IDS, Kind, find_kinds

Rows = pl.DataFrame | Sequence[Mapping[str, Any] | None]


@dataclass(frozen=True)
class FeatureEncoder:
    """Turns attributes into numbers; what it learned never changes.

    Categories and lists become a column a level, with one for rare and unheard levels; numbers and dates a
    standardised column and one a bin; texts TF-IDF columns. Missing is a level of its own where it was met.

    Args:
        attributes: one encoder an attribute.
        ignored: attributes that are known and not used.

    Example:
        >>> import polars as pl
        >>> from warmstart.data.features import FeatureEncoder
        >>> users = pl.DataFrame({"user_id": [1, 2, 3], "age": [18, 25, 40], "job": ["cook", "nurse", "cook"]})
        >>> encoder = FeatureEncoder.fit(users)
        >>> encoder.names
        ['age', 'age < 25', 'age in [25, 40)', 'age >= 40', 'job=cook', 'job=nurse', 'job=(rare)']
        >>> encoder.encode([{"job": "pilot"}, None]).toarray().tolist()
        [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """

    attributes: tuple[Attribute, ...]
    ignored: tuple[str, ...] = ()

    @classmethod
    def fit(cls, frame: pl.DataFrame, kinds: Mapping[str, str] | None = None) -> Self:
        """Learn from a frame with one row an item or user.

        Args:
            frame: attributes; columns ``item_id`` and ``user_id`` are left out.
            kinds: kinds by column that overrule what is found: ``categorical``, ``multi`` (``A|B|C`` or lists),
                ``numeric``, ``date``, ``text`` or ``ignore``.

        Raises:
            BadInput: ``kinds`` names a column or a kind that does not exist.
        """
        found = find_kinds(frame, kinds)
        fitted = tuple(fit_attribute(frame[name], kind) for name, kind in found.items() if kind != "ignore")
        return cls(fitted, tuple(name for name, kind in found.items() if kind == "ignore"))

    @cached_property
    def names(self) -> list[str]:
        """Names of the columns, such as ``genres=Comedy``, ``age``, ``age in [18, 25)`` and ``title~heat``."""
        return [name for attribute in self.attributes for name in attribute.names]

    @property
    def kinds(self) -> dict[str, Kind]:
        """Kind of each attribute that is used."""
        return {attribute.name: attribute.kind for attribute in self.attributes}

    def __len__(self) -> int:
        return len(self.names)

    def encode(self, rows: Rows) -> sparse.csr_matrix:
        """Encode attributes.

        Args:
            rows: a frame, or one mapping (or None) a row. None and ``{}`` say nothing and give a row of zeros; an
                attribute that a mapping leaves out counts as missing.

        Returns:
            float32 [rows, columns].

        Raises:
            BadInput: an attribute is unknown, or no number where one is needed.
        """
        columns, empty = self._values(rows)
        blocks = [_block(attribute, columns[attribute.name], empty) for attribute in self.attributes]
        if not blocks:
            return sparse.csr_matrix((len(empty), 0), dtype=np.float32)
        return sparse.csr_matrix(sparse.hstack(blocks, format="csr", dtype=np.float32))

    def to_header(self) -> dict[str, Any]:
        """Return what was learned as plain values, ready for JSON."""
        return {"attributes": [each.to_header() for each in self.attributes], "ignored": list(self.ignored)}

    @classmethod
    def from_header(cls, header: dict[str, Any]) -> Self:
        """Take back what ``to_header`` returned."""
        return cls(tuple(map(restore_attribute, header["attributes"])), tuple(header["ignored"]))

    def _values(self, rows: Rows) -> tuple[dict[str, list[Any]], list[bool]]:
        """Return the values of each attribute, and which rows say nothing."""
        wanted = [attribute.name for attribute in self.attributes]
        if isinstance(rows, pl.DataFrame):
            self._refuse_strangers(set(rows.columns), some_known=bool(set(wanted) & set(rows.columns)))
            gap = [None] * len(rows)
            return {name: rows[name].to_list() if name in rows.columns else gap for name in wanted}, [False] * len(rows)
        self._refuse_strangers({name for row in rows for name in row or ()}, some_known=False)
        filled: list[Mapping[str, Any]] = [row or {} for row in rows]
        values = {name: [row.get(name) for row in filled] for name in wanted}
        for attribute in self.attributes:
            if isinstance(attribute, Bins):
                attribute.check(values[attribute.name])
        return values, [not row for row in filled]

    def _refuse_strangers(self, names: set[str], *, some_known: bool) -> None:
        known = [attribute.name for attribute in self.attributes]
        strangers = sorted(names.difference(known, self.ignored, IDS))
        # a frame may carry more than was learned from, as long as something in it is known
        if strangers and not some_known:
            listed = ", ".join(map(repr, strangers))
            raise BadInput(f"Unknown attributes: {listed}. Known are: {', '.join([*known, *self.ignored]) or 'none'}.")


def _block(attribute: Attribute, values: list[Any], empty: list[bool]) -> sparse.csr_matrix:
    codes = [([], []) if blank else code for code, blank in zip(attribute.codes(values), empty, strict=True)]
    indptr = np.concatenate([[0], np.cumsum([len(columns) for columns, _ in codes])]).astype(np.int64)
    indices = np.array([column for columns, _ in codes for column in columns], dtype=np.int64)
    weights = np.array([weight for _, weights in codes for weight in weights], dtype=np.float32)
    return sparse.csr_matrix((weights, indices, indptr), shape=(len(values), len(attribute.names)))
