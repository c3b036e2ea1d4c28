"""The rows of the few-shot table by name: who answers prompts, with what is carried over or without."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from warmstart.core.errors import BadInput
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.meta.preference import LikeRate, PreferenceScorer
from warmstart.meta.preference_blend import Blend, Voice, weighed
from warmstart.meta.preference_facts import TitleReader
from warmstart.meta.preference_judge import ModelJudge
from warmstart.meta.preference_knowledge import JUDGED, Knowledge, judged
from warmstart.meta.preference_process import TasteProcess
from warmstart.meta.preference_prompts import prompts_of
from warmstart.meta.preference_rows import CarriedPrior, CarriedRate, ExampleRate, Likeness
from warmstart.meta.preference_tuning import TunedJudge
from warmstart.representation.language_model import open_language_model
from warmstart.representation.lora import LoraConfig, LoraNetwork


@dataclass(frozen=True)
class Carried:
    """What rows may start from.

    Args:
        knowledge: other people's likes; None without.
        blend: voices with weights that served people from whom ``knowledge`` did not learn; None without.
        reader: reads facts off titles.
        weights: of the causal model that is asked; None takes the packaged SmolLM2.
        tuned: a folder that ``warmstart tune-llm`` wrote; None without.
    """

    knowledge: Knowledge | None = None
    blend: Blend | None = None
    reader: TitleReader = field(default_factory=TitleReader)
    weights: Path | None = None
    tuned: Path | None = None

    @classmethod
    def of(cls, data: Dataset, run: Run | None = None, reader: TitleReader | None = None) -> "Carried":
        """Learn from a data set, and weigh what that is worth on people who are held out of it."""
        run = run or Run()
        learners, judges = judged(data, run.seed)
        knowledge, reader = Knowledge.of(learners, run), reader or TitleReader()
        voices = (
            Voice(CarriedPrior(knowledge), 1.0),
            Voice(LikeRate(), 0.0),
            Voice(CarriedRate(knowledge), 0.0),
            Voice(Likeness(), 0.0, chance=False),
        )
        return cls(knowledge, weighed(voices, prompts_of(data, judges, most=JUDGED, seed=run.seed)), reader)


Maker = Callable[[Carried], PreferenceScorer]


@lru_cache(maxsize=2)
def _network(weights: Path | None, config: LoraConfig) -> LoraNetwork:
    """Return a network that rows of one table share, as each puts its own weights in."""
    return LoraNetwork(weights, config)


def _asked(carried: Carried) -> PreferenceScorer:
    return ModelJudge(open_language_model("smollm2", weights=carried.weights, chat=False), form="lines")


def _taught(carried: Carried) -> PreferenceScorer:
    return TunedJudge(_network(carried.weights, LoraConfig()))


def _tuned(carried: Carried) -> PreferenceScorer:
    if carried.tuned is None:
        raise BadInput("This row starts from a tuned model. Give --tuned with a folder that warmstart tune-llm wrote.")
    return TunedJudge.open(carried.tuned, _network)


def _alone(carried: Carried) -> Blend:
    """Return the blend of voices that need nothing but the examples; its weights were set before any was seen."""
    return Blend((Voice(TasteProcess(reader=carried.reader), 1.0), Voice(LikeRate(), 0.3)))


def _known(carried: Carried) -> Knowledge:
    if carried.knowledge is None:
        raise BadInput("This row needs the likes of other people. Give --knowledge, such as movielens-small.")
    return carried.knowledge


def _weighed(carried: Carried) -> Blend:
    if carried.blend is None:
        raise BadInput("The carried blend needs the likes of other people. Give --knowledge, such as movielens-small.")
    return carried.blend


ALONE: Mapping[str, Maker] = {
    "like rate": lambda _: LikeRate(),
    "example rate": lambda _: ExampleRate(),
    "likeness": lambda _: Likeness(),
    "process": lambda carried: TasteProcess(reader=carried.reader),
    "blend": _alone,
}
"""Rows that read the examples, the prompt and the titles only."""
WITH_KNOWLEDGE: Mapping[str, Maker] = {
    "carried rate": lambda carried: CarriedRate(_known(carried)),
    "carried prior": lambda carried: CarriedPrior(_known(carried)),
    "carried blend": _weighed,
}
"""Rows that also read what was learned from another data set."""
BY_MODEL: Mapping[str, Maker] = {
    "minilm likeness": lambda _: Likeness(open_language_model("minilm")),
    "zero-shot": _asked,
    "lora": _taught,
    "tuned": _tuned,
}
"""Rows that ask a neural language model, which takes tenths of a second a prompt; they need the extra ``llm``."""
SCORERS: Mapping[str, Maker] = {**ALONE, **WITH_KNOWLEDGE, **BY_MODEL}
"""Every row by name."""


def scorer(name: str, carried: Carried | None = None) -> PreferenceScorer:
    """Return an unfitted row.

    Args:
        name: one of ``SCORERS``.
        carried: what it may start from.

    Raises:
        BadInput: there is no such row, or it needs knowledge and has none.

    Example:
        >>> from warmstart.meta.preference_table import scorer
        >>> type(scorer("like rate")).__name__
        'LikeRate'
    """
    if name not in SCORERS:
        close = difflib.get_close_matches(name, SCORERS, n=2, cutoff=0.4)
        nearest = f" Nearest: {', '.join(close)}." if close else ""
        raise BadInput(f"There is no row {name!r}.{nearest} There are: {', '.join(SCORERS)}.")
    return SCORERS[name](carried or Carried())
