"""Items as text, and text as vectors that suit a catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from warmstart.core.artefact import Arrays
from warmstart.core.errors import BadInput, BadModelFile
from warmstart.core.histories import Floats
from warmstart.data.kinds import find_kinds
from warmstart.data.tfidf import tokens
from warmstart.representation.language_model import LONGEST as MOST_READ
from warmstart.representation.language_model import LanguageModel, open_language_model
from warmstart.representation.plain import LONGEST, cell_text, plain_text
from warmstart.representation.whitening import VectorSpace, Whitening

if TYPE_CHECKING:
    import polars as pl

Encoder = Literal["static", "minilm", "smollm2"]
"""What reads texts: a language model of this machine; see ``READINGS``."""
LABELS = ("categorical", "multi")
"""Kinds of columns whose values are words; numbers, dates and prose are read by other means."""
_HOLDING = """a an and any are as at be been but by can could did do does for from had has have i if in into is it
    its just me my no not of on or our out so some that the their them then there these they this those to too up us
    very was we were what when where which who will with would you your"""
"""Words that only hold a sentence together."""
_REQUESTING = """anything best better bored film films find give good great idea kind like liked likes looking movie
    movies need nice please popular rated recommend see seen show something sort suggest surprise thing things today
    tonight top want watch watched watching"""
"""Words that only ask, or ask for something good, which is what popularity answers."""
ASKING = frozenset((*_HOLDING.split(), *_REQUESTING.split()))
"""English words that tell a request from silence and not from another request."""


def text_columns(items: "pl.DataFrame", kinds: Mapping[str, str] | None = None) -> list[str]:
    """Return the columns that describe an item in a few words: its title, then labels such as genres; no prose.

    Args:
        items: one row an item.
        kinds: kinds by column that were told; see ``find_kinds``.

    Example:
        >>> import polars as pl
        >>> from warmstart.representation.text import text_columns
        >>> films = pl.DataFrame({"item_id": ["1"], "genres": ["War|Drama"], "year": [1995], "title": ["Heat"]})
        >>> text_columns(films)
        ['title', 'genres']
    """
    import polars as pl

    wordy = (pl.String, pl.Categorical, pl.Enum, pl.List, pl.Array)
    found = find_kinds(items, kinds)
    told = [name for name, kind in found.items() if kind in LABELS and name != "title"]
    labels = [name for name in told if isinstance(items.schema[name], wordy)]
    return [*(["title"] if found.get("title", "ignore") != "ignore" else []), *labels]


def item_texts(
    items: "pl.DataFrame",
    columns: Sequence[str] | None = None,
    *,
    longest: int = LONGEST,
    words: int | None = None,
) -> list[str]:
    """Return one text an item: the columns one after another, without markup; see ``plain_text`` and ``cell_text``.

    Args:
        items: one row an item.
        columns: which columns, of any type and in which order; None takes ``text_columns``. One that the frame lacks
            counts as empty.
        longest: characters of an item's text that are kept at most.
        words: words of each column that are kept at most, so that a long one leaves room for the others; None keeps
            all.

    Raises:
        BadInput: the frame has none of the columns, or a limit is less than 1.

    Example:
        >>> import polars as pl
        >>> from warmstart.representation.text import item_texts
        >>> films = pl.DataFrame({"title": ["<b>Heat</b> (1995)", None], "genres": ["Action|Crime", "War"]})
        >>> item_texts(films), item_texts(films, ["genres", "title"], words=1)
        (['Heat (1995) Action Crime', 'War'], ['Action Heat', 'War'])
    """
    if longest < 1 or (words is not None and words < 1):
        raise BadInput(f"Limits of texts are at least 1 (came: longest={longest}, words={words}).")
    wanted = text_columns(items) if columns is None else list(columns)
    present = [name for name in wanted if name in items.columns]
    if wanted and not present:
        raise BadInput(f"The items have none of the columns {wanted} (came: {items.columns}). Give at least one.")
    parts = [[_part(value, longest, words) for value in items[name].to_list()] for name in present]
    return [plain_text(" ".join(row), longest) for row in zip(*parts, strict=True)] if parts else [""] * len(items)


def _part(value: Any, longest: int, words: int | None) -> str:
    text = cell_text(value)
    return text if words is None else plain_text(text, longest, words)


def telling_words(text: str | None) -> list[str]:
    """Return the words of a text that tell what it is about, in their order: all but those in ``ASKING``.

    Example:
        >>> from warmstart.representation.text import telling_words
        >>> telling_words("I want to watch an animated film for children"), telling_words("something good, please")
        (['animated', 'children'], [])
    """
    return [word for word in tokens(text) if word not in ASKING]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a language model reads an item.

    Args:
        settings: of the model.
        sentence: what it is given, with the item's text in place of the braces: a causal model says what it knows of
            a thing where a sentence about it is to go on.
    """

    settings: Mapping[str, Any]
    sentence: str = "{}"

    def asked(self, texts: Sequence[str | None]) -> list[str | None]:
        """Return the sentences; nothing stays nothing, and of a long text the end gives way to the sentence's.

        Example:
            >>> from warmstart.representation.text import READINGS
            >>> READINGS["smollm2"].asked(["Heat (1995) Crime", None])
            ['People who like Heat (1995) Crime also like', None]
        """
        before, _, after = self.sentence.partition("{}")
        room = MOST_READ - len(before) - len(after)
        return [f"{before}{text[:room]}{after}" if text and text.strip() else None for text in texts]


READINGS: dict[Encoder, Reading] = {
    "static": Reading({}),
    "minilm": Reading({}),
    "smollm2": Reading({"layer": 25, "pooling": "weighted"}, "People who like {} also like"),
}
"""Chosen on cold validation items of MovieLens-1M, see ``docs/notes/text-study.md``."""


@dataclass(frozen=True, slots=True)
class TextSpace:
    """Vectors of texts by one encoder, made to suit a catalogue: what all items share does not count.

    Args:
        space: how the encoder's vectors are centred, whitened and shortened.
        encoder: ``static``, or one that needs the extra ``llm``; what those say is kept in the user's cache.

    Example:
        >>> from warmstart.representation.text import TextSpace
        >>> space = TextSpace.fit(["a ship at sea", "a boat on the ocean", "onion soup", "bread and butter"])
        >>> ship, boat, soup, nothing = space.encode(["ship", "boat", "soup", ""])
        >>> bool(ship @ boat > ship @ soup), float(abs(nothing).sum())
        (True, 0.0)
    """

    space: VectorSpace
    encoder: Encoder = "static"

    @classmethod
    def fit(
        cls,
        texts: Sequence[str | None],
        encoder: Encoder = "static",
        *,
        whitening: Whitening = "soft",
        dimension: int | None = None,
    ) -> "TextSpace":
        """Fit on the texts of a catalogue; those without a word do not count.

        Args:
            texts: one an item.
            encoder: what reads them.
            whitening: see ``VectorSpace.fit``.
            dimension: see ``VectorSpace.fit``.
        """
        return cls(VectorSpace.fit(_read(texts, encoder), whitening, dimension), encoder)

    @property
    def centre(self) -> Floats:
        """The mean of the encoder's vectors over the catalogue, float32 [d]."""
        return self.space.centre

    def encode(self, texts: Sequence[str | None]) -> Floats:
        """Return unit vectors, float32 [len(texts), p]; zero for None and for a text without a word."""
        return self.space.encode(_read(texts, self.encoder))

    def arrays(self) -> Arrays:
        """Return what is to be stored with a model, beside the encoder's name."""
        return self.space.arrays("text")

    @classmethod
    def of_arrays(cls, arrays: Arrays, encoder: str = "static") -> "TextSpace":
        """Take back what ``arrays`` returned; raises ``BadModelFile`` if it does not fit."""
        known = next((name for name in READINGS if name == encoder), None)
        if known is None:
            raise BadModelFile(
                f"The model reads texts with {encoder!r}, which this Warmstart does not know. Update it."
            )
        return cls(VectorSpace.of_arrays(arrays, "text"), known)


def _read(texts: Sequence[str | None], encoder: Encoder) -> Floats:
    model = open_language_model() if encoder == "static" else _opened(encoder)
    return model.embed(READINGS[encoder].asked(texts))


@cache
def _opened(encoder: Encoder) -> LanguageModel:
    """Open an encoder once a process; it takes long, so what it says is kept on disk."""
    settings = READINGS[encoder].settings
    try:
        return open_language_model(encoder, cache=True, **settings)
    except BadInput:  # nowhere to keep it
        return open_language_model(encoder, **settings)
