"""Items that nobody has met, among the arrays of a learner: their rows are foretold from their text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.recommenders.neural.settings import Text
from warmstart.recommenders.neural.text import ItemText, described
from warmstart.representation.ridge import ridge

SHRINKAGE = 10.0
"""Ridge of the map from texts, whose vectors have length 1; chosen on cold validation items, like ``DOUBT``."""
DOUBT = 30.0
"""People of whom half of what an item's row says is about the item."""


@dataclass(frozen=True, slots=True)
class ItemRows:
    """A linear map from what texts say to the rows that a learner learned of the items people met.

    Source: a map from content to the factors of a collaborative model (Gantner et al., 2010).

    Args:
        reader: reads the columns that describe an item.
        slopes: float32 [p + 1, columns], the last row being the constant.
        widths: columns of each array, by name, in their order.
    """

    reader: ItemText
    slopes: Floats
    widths: Mapping[str, int]

    @classmethod
    def fit(cls, data: Dataset, rows: Arrays, counts: Floats, kind: Text, run: Run) -> "ItemRows | None":
        """Learn the map; None where no text is to be read or nobody likes anything.

        Args:
            data: whose items are described.
            rows: float32 [items] or [items, d] each, what the learner knows of the items.
            counts: [items], how many people like each.
            kind: how texts are read.
            run: seed.
        """
        met = counts > 0
        if kind == "none" or not met.any():
            return None
        columns, texts = described(data)
        reader = ItemText.fit(texts, columns, kind, run.rng("item texts"))
        wanted = np.column_stack([_wide(one)[met] for one in rows.values()])
        sure = counts[met] / (counts[met] + DOUBT)
        slopes, constant = ridge(reader.encode(texts)[met], wanted, SHRINKAGE, sure)
        widths = {name: _wide(one).shape[1] for name, one in rows.items()}
        return cls(reader, np.vstack([slopes, constant]).astype(np.float32), widths)

    def placed(self, data: Dataset, rows: Arrays, counts: Floats) -> Arrays:
        """Return the rows with those of items that nobody met put in."""
        unmet = np.flatnonzero(counts == 0)
        _, texts = described(data)
        told = self._of(self.reader.encode([texts[item] for item in unmet]))
        found = {name: one.copy() for name, one in rows.items()}
        for name, one in found.items():
            one[unmet] = told[name].reshape(one[unmet].shape)
        return found

    def new(self, table: Any, titles: Sequence[str]) -> Arrays:
        """Return the rows of new items, [new, d] each."""
        return self._of(self.reader.new(table, titles))

    def _of(self, text: Floats) -> Arrays:
        found = text @ self.slopes[:-1] + self.slopes[-1]
        ends = np.cumsum(list(self.widths.values()))
        return dict(zip(self.widths, np.split(found, ends[:-1], axis=1), strict=True))

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what is to be stored."""
        header, arrays = self.reader.state()
        return {"reader": header, "widths": dict(self.widths)}, arrays | {"placing.slopes": self.slopes}

    @classmethod
    def of_state(cls, header: dict[str, Any], arrays: Arrays) -> Self:
        """Take back what ``state`` returned."""
        reader, widths = ItemText.of_state(header["reader"], arrays), dict(header["widths"])
        return cls(reader, array_of(arrays, "placing.slopes", (reader.dimension + 1, sum(widths.values()))), widths)


def _wide(rows: Floats) -> Floats:
    return rows.reshape(len(rows), -1)
