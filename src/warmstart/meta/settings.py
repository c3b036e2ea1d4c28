"""The settings of the meta-learned recommender."""

from typing import Annotated

from pydantic import Field

from warmstart.core.config import Config
from warmstart.representation.text import Encoder


class MetaConfig(Config):
    """Settings of ``meta``; what is None is chosen on held-out users."""

    shrinkage: Annotated[float | None, Field(gt=0)] = None
    """Added to the diagonal of the k-shot system; None tries several where that is cheap."""

    early: Annotated[float | None, Field(ge=0, le=1)] = None
    """Share of the training tasks that reveal what came first in time and ask for what came later; the others reveal at
    random. None tries several where that is cheap; without times it counts for nothing."""

    rank: Annotated[int, Field(ge=1)] = 64
    """Rank of the low-rank form, for catalogues of more than 20,000 items."""

    tune: bool = True
    """Search for the meta-parameters on held-out users; without, the defaults stand."""

    item_text: bool = True
    """Let items with few events borrow from items that are described alike, and read sentences."""

    also: tuple[str, ...] = ()
    """Columns of the items that are read for items with few events although they are told to be ``ignore``."""

    encoders: tuple[Encoder, ...] = ("static",)
    """The language models by which items with few events are compared: ``static`` where the extra ``text`` is
    installed; ``minilm`` and ``smollm2`` know more of titles and need the extra ``llm``, also for new items."""

    values: bool = True
    """Learn to foretell values too, where the data have them; see ``predict_values``."""
