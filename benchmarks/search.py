"""Somebody looks for a film she will like by a word of its title, or by what it is; writes ``results/search.json``."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.sentences import NAMES, decade_of, labels_of, parser_of
from benchmarks.tables import rounded, run, write
from warmstart.core.histories import Histories, Ints
from warmstart.core.run import Run
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import cold_user_tasks
from warmstart.data.split import split_users
from warmstart.recommenders import profile
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.profile import Profile
from warmstart.recommenders.table import recommender
from warmstart.representation.context import Context
from warmstart.representation.text import telling_words

SHOTS, POOL, DEPTH, LOOKED_FOR = (0, 10), 20, 10, 3
TRIED = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0)
KINDS = {"word": "a word of the title", "kind": "a genre and the decade"}


def main(arguments: list[str]) -> int:
    """Measure every data set that was asked for and write the table."""
    asked = parser_of(str(__doc__)).parse_args(arguments)
    found = {name: measured(load_dataset(name), asked.seeds) for name in asked.datasets}
    write("search", {"readme": [_part(found)], "about": _ABOUT, "seeds": asked.seeds, "data": found}, asked.out)
    return 0


def measured(data: Dataset, seeds: Sequence[int]) -> dict[str, Any]:
    """Return the mean reciprocal rank of what was looked for, and of validation users for every weight tried."""
    rows = []
    for seed in seeds:
        train, validation, test = split_users(data.n_users, seed)
        model = recommender("meta", values=False).fit(data.take_users(train), validation=data.take_users(validation))
        rows.append(_ranks(model, data, test, seed, (0.0, profile.PERSONAL)))
        rows[-1] |= {
            f"validation, {name}": value for name, value in _ranks(model, data, validation, seed, TRIED).items()
        }
        print(data.name, "seed", seed, {name: rounded(value, 3) for name, value in rows[-1].items()}, flush=True)
    return {name: rounded(float(np.mean([row[name] for row in rows]))) for name in rows[0]}


def _ranks(model: Recommender, data: Dataset, users: Ints, seed: int, weights: Sequence[float]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    tasks = cold_user_tasks(data, users, SHOTS, "likes", POOL, seed)
    asked = _queries(data, tasks[0].query, seed)
    for weight in weights:
        with patch.object(profile, "PERSONAL", weight):
            for k, some in tasks.items():
                for row, queries in enumerate(asked):
                    person = Profile.start(model, some.support[row], Context())
                    for kind, text, item in queries:
                        ids = person.search(text, k=DEPTH).item_ids
                        rank = ids.index(item) + 1 if item in ids else 0
                        found.setdefault(f"{kind}, weight {weight:g}, k={k}", []).append(1 / rank if rank else 0.0)
    return {name: float(np.mean(values)) for name, values in found.items()}


def _queries(data: Dataset, query: Histories, seed: int) -> list[list[tuple[str, str, Any]]]:
    """Let each user look for three things she will like, by a word drawn from the title and by genre and decade."""
    names, carried = labels_of(data)
    rng = Run(seed=seed).rng("searches")
    found = []
    for row in range(len(query)):
        mine: list[tuple[str, str, Any]] = []
        for item in query[row].items[:LOOKED_FOR].tolist():
            title, item_id = data.catalogue.titles[item], data.catalogue.item_ids[item]
            words, genres = telling_words(title[:-6]), np.flatnonzero(carried[item])
            if words:
                mine.append(("word", words[int(rng.integers(len(words)))], item_id))
            if len(genres) and decade_of(title):
                genre = names[int(rng.choice(genres))]
                mine.append(("kind", f"{genre} of the {decade_of(title)}s", item_id))
        found.append(mine)
    return found


def _part(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    own = f"{profile.PERSONAL:g}"
    rows = [
        [
            NAMES.get(name, name),
            said,
            of[f"{kind}, weight 0, k=0"],
            *(of[f"{kind}, weight {own}, k={k}"] for k in SHOTS),
        ]
        for name, of in found.items()
        for kind, said in KINDS.items()
    ]
    text = (
        "Mean reciprocal rank among the first ten of a thing that a test user will like and looks for: by relevance "
        "alone, with what everybody likes first, and with what suits her after ten likes first."
    )
    columns = ["data", "looked for by", "relevance", "everybody", "her, k=10"]
    return {"place": 3.8, "title": "Search", "text": text, "columns": columns, "rows": rows, "digits": 3}


_ABOUT = (
    "Users split 80/10/10 by seed; each looks for the first three things of her query, by a telling word drawn from "
    "its title and by one of its genres with its decade. `weight` is what suiting a person adds to relevance; the one "
    "in the product was chosen on the validation users' figures, which stand beside those of test users."
)

if __name__ == "__main__":
    run(main)
