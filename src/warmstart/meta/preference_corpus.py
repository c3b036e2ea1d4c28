"""What a language model reads before it is asked: a catalogue's texts, and histories as lines."""

from collections.abc import Sequence

import numpy as np

from warmstart.core.histories import Ints
from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.meta.preference import Prompt
from warmstart.meta.preference_lines import NO, YES, lines_of
from warmstart.meta.preference_prompts import prompts_of
from warmstart.representation.text import item_texts


def readings(data: Dataset, users: Ints, run: Run | None = None, each: int = 2) -> list[str]:
    """Return every item's text and some histories of people, as a language model may go on reading them.

    A history stands in the same lines as a prompt of ``TunedJudge``, the last answer with it.

    Args:
        data: with an items table, or titles at least, and dislikes.
        users: rows of the people whose histories are told.
        run: seed of which part of a history is told.
        each: parts of a history at most.

    Example:
        >>> import numpy as np
        >>> import warmstart as ws
        >>> from warmstart.meta.preference_corpus import readings
        >>> read = readings(ws.load_dataset("movielens-small"), np.arange(3), each=1)
        >>> len(read), "Toy Story" in read[0], read[-1].startswith("What one person has met")
        (9745, True, True)
    """
    prompts = prompts_of(data, users, most=each, seed=(run or Run()).seed)
    return [*_described(data), *(_answered(prompt) for prompt in prompts)]


def _described(data: Dataset) -> Sequence[str]:
    if data.items is None:
        return list(data.catalogue.titles)
    return list(item_texts(data.items))


def _answered(prompt: Prompt) -> str:
    return f"{lines_of(prompt)}{YES if prompt.label else NO}\n"


def people_of(data: Dataset, most: int | None, run: Run) -> tuple[Ints, Ints]:
    """Return rows of people to learn from, and a tenth more to check on, drawn at random.

    Args:
        data: whose people.
        most: people to learn from at most; None takes all but those to check on.
        run: seed.
    """
    order = run.rng("people to tune on").permutation(data.n_users).astype(np.int64)
    held = max(1, data.n_users // 10) if most is None else max(1, min(most // 10, data.n_users // 10))
    rest = order[held:]
    return rest[:most], order[:held]
