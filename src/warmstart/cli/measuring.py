"""What ``evaluate``, ``compare`` and ``tune`` share: the data, the protocol and the models, from flags."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from warmstart.cli.options import like_option
from warmstart.cli.settings import check_names, read_toml
from warmstart.core.errors import BadConfig, BadInput

if TYPE_CHECKING:
    from warmstart.data.dataset import Dataset
    from warmstart.evaluation.protocol import Protocol
    from warmstart.recommenders.base import Recommender

ProtocolName = Literal["cold-user", "cold-item", "cold-both", "rating", "transfer"]
Candidates = Literal["all", "cold", "query"]
PROTOCOLS: dict[ProtocolName, str] = {
    "cold-user": "warmstart.evaluation.cold_user:ColdUser",
    "cold-item": "warmstart.evaluation.cold_item:ColdItem",
    "cold-both": "warmstart.evaluation.cold_item:ColdBoth",
    "rating": "warmstart.evaluation.rating:Rating",
    "transfer": "warmstart.evaluation.transfer:Transfer",
}
SAMPLE = "movielens-small"

AnyData = Annotated[
    str | None,
    typer.Argument(help=f"A folder or file of tables, or the name of a data set; {SAMPLE} where neither is given."),
]
ChosenProtocol = Annotated[
    ProtocolName, typer.Option("--protocol", help="What is measured; its settings are flags too, such as --shots 0,5.")
]
SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="TOML file with a section a recommender, as `tune` writes it."),
]
SplitFolder = Annotated[
    Path | None,
    typer.Option("--split", metavar="DIR", help="A ready-made split: a folder with tables train, support and query."),
]
WhichCandidates = Annotated[
    Candidates | None,
    typer.Option(help="What a ready-made split ranks: all items, those without training events, or the query's."),
]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="A folder for the report and its picture.")]


@dataclass(frozen=True)
class Question:
    """What is to be measured on, from the flags that the measuring commands share.

    Args:
        data: where the data lie; None for the packaged sample, or with a split.
        protocol: a name of ``PROTOCOLS``.
        split: a ready-made split instead of data and protocol.
        candidates: what a ready-made split ranks.
        like_from: the value from which an event is a like.
    """

    data: str | None
    protocol: ProtocolName
    split: Path | None
    candidates: Candidates | None
    like_from: str

    def __post_init__(self) -> None:
        if self.split and self.data:
            raise BadInput(f"--split brings its own data, so {self.data!r} cannot be given too. Leave one of them out.")
        if self.candidates and not self.split:
            raise BadInput("--candidates belongs to --split. Leave it out, or give --split DIR.")

    @property
    def protocol_class(self) -> "type[Protocol]":
        """The class of the protocol."""
        place = "warmstart.evaluation.ready:ReadySplit" if self.split else PROTOCOLS[self.protocol]
        module, _, name = place.partition(":")
        found: type[Protocol] = getattr(importlib.import_module(module), name)
        return found

    def build(self, settings: Mapping[str, Any], flags: typer.Context) -> "Protocol":
        """Return the protocol with its settings; raises ``BadConfig`` naming the nearest for unknown ones."""
        owner = "a ready-made split" if self.split else f"protocol {self.protocol!r}"
        check_names(settings, list(self.protocol_class.model_fields), owner, flags)
        return self.protocol_class(**settings, **self._of_split())

    def _of_split(self) -> dict[str, Any]:
        """Return what the protocol's name and the other flags mean for a ready-made split."""
        if not self.split:
            return {}
        return {
            "folder": self.split,
            "candidates": self.candidates or ("cold" if self.protocol in ("cold-item", "cold-both") else "all"),
            "kind": "rating" if self.protocol == "rating" else "ranking",
            **like_option(self.like_from),
        }

    def open(self) -> "Dataset | None":
        """Return the data; None with a ready-made split."""
        from warmstart.serving.engine import open_data

        return None if self.split else open_data(self.data or SAMPLE, **like_option(self.like_from))


def names_of(listed: str) -> list[str]:
    """Split ``a,b,c``; raises ``BadConfig`` for nothing and for names given twice.

    Example:
        >>> from warmstart.cli.measuring import names_of
        >>> names_of("ease, meta")
        ['ease', 'meta']
    """
    names = [name.strip() for name in listed.split(",") if name.strip()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        problem = f"twice: {', '.join(twice)}" if twice else "no recommender"
        raise BadConfig(f"--models takes names such as popularity,ease,meta; came {problem}.")
    return names


def models_of(
    names: Sequence[str], file: Path | None = None, settings: Mapping[str, Any] | None = None
) -> "list[Recommender]":
    """Build recommenders by name, with the settings of a file and over them those given."""
    from warmstart.recommenders.table import names as known_names
    from warmstart.recommenders.table import recommender

    chosen: Mapping[str, Any] = read_toml(file) if file else {}
    strange = [name for name in chosen if name not in known_names()]
    if strange:
        raise BadConfig(
            f"{file}: no recommender is called {', '.join(strange)}. There are: {', '.join(known_names())}."
        )
    return [recommender(name, **(chosen.get(name, {}) | dict(settings or {}))) for name in names]
