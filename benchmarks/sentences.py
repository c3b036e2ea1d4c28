"""What a sentence does to the list of somebody about whom nothing else is known; writes ``results/sentences.json``."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import numpy.typing as npt

from benchmarks.tables import rounded, run, write
from warmstart.core.histories import Histories, Ints
from warmstart.core.tasks import Tasks
from warmstart.data.attributes import Levels
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import cold_user_tasks
from warmstart.data.features import FeatureEncoder
from warmstart.data.split import split_users
from warmstart.meta.exam import ndcg_of
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.profile import Profile
from warmstart.recommenders.table import recommender
from warmstart.representation.context import Context
from warmstart.representation.text import telling_words

SHOTS, POOL, DEPTH = (0, 3, 10), 20, 10
LIKES_TOLD = 3
ROUNDS = 50
NAMES = {"movielens-small": "MovieLens small", "ml-1m": "MovieLens-1M"}


@dataclass(frozen=True, slots=True)
class Request:
    """A sentence, the genres of which an answer should carry one, and the years it should be from, if any are meant."""

    text: str
    genres: tuple[str, ...]
    years: tuple[int, int] | None = None


SEEN = (
    Request("an animated film for children", ("Animation", "Children", "Children's")),
    Request("slow-burn science fiction", ("Sci-Fi",)),
    Request("frightening ghost story", ("Horror",)),
    Request("classic black and white detective mystery", ("Film-Noir", "Mystery"), (1900, 1960)),
    Request("something that makes me laugh out loud", ("Comedy",)),
    Request("cowboys and gunfights in the old west", ("Western",)),
    Request("a heartbreaking love story", ("Romance",)),
    Request("true stories told by the people who lived them, no actors", ("Documentary",)),
    Request("songs and dancing on Broadway", ("Musical",)),
    Request("soldiers in the second world war", ("War",)),
    Request("mafia bosses and gangsters", ("Crime",)),
    Request("dragons, wizards and magic", ("Fantasy",)),
    Request("explosions and car chases", ("Action",)),
    Request("a nail-biting suspense film", ("Thriller",)),
    Request("pirates on the high seas", ("Adventure",)),
    Request("feel-good comedies of the 1980s", ("Comedy",), (1980, 1989)),
)
"""Looked at while sentences were designed; all were written down before."""
UNSEEN = (
    Request("a cartoon the whole family can watch", ("Animation", "Children", "Children's")),
    Request("robots, aliens and spaceships", ("Sci-Fi",)),
    Request("vampires and zombies that keep me awake at night", ("Horror",)),
    Request("a whodunit with a clever detective", ("Mystery", "Crime")),
    Request("hilarious parody", ("Comedy",)),
    Request("an outlaw, a sheriff and a duel at noon", ("Western",)),
    Request("a romantic film for a first date", ("Romance",)),
    Request("a documentary about nature or music", ("Documentary",)),
    Request("I love musicals", ("Musical",)),
    Request("the horrors of Vietnam", ("War",)),
    Request("a bank robbery goes wrong", ("Crime",)),
    Request("a fairy tale with princesses", ("Fantasy", "Children", "Children's")),
    Request("martial arts and fist fights", ("Action",)),
    Request("a tense psychological thriller", ("Thriller",)),
    Request("a treasure hunt in the jungle", ("Adventure",)),
    Request("science fiction from the 1950s", ("Sci-Fi",), (1950, 1959)),
)
"""Written at the same time; of these only the mean was seen before all was settled."""
VAGUE = (
    *("hello", "what should I see", "I am bored on a Sunday afternoon", "my cousin lives in Ohio", "kitchen table"),
    *("invoice number 42", "quarterly report on tax", "red bicycle with a basket", "lorem ipsum dolor sit amet"),
)
"""Sentences that ask for nothing that a film could be."""


def main(arguments: list[str]) -> int:
    """Measure every data set that was asked for and write the tables."""
    asked = parser_of(str(__doc__)).parse_args(arguments)
    found = {name: measured(load_dataset(name), asked.seeds) for name in asked.datasets}
    write("sentences", {"readme": [_part(found)], "about": _ABOUT, "seeds": asked.seeds, "data": found}, asked.out)
    return 0


def measured(data: Dataset, seeds: Sequence[int]) -> dict[str, Any]:
    """Return what sentences do for test users, each seed's users held out in turn, and to the list of a stranger."""
    rows = []
    for seed in seeds:
        train, validation, test = split_users(data.n_users, seed)
        model = recommender("meta", values=False).fit(data.take_users(train), validation=data.take_users(validation))
        rows.append(_of_seed(model, data, test, seed))
        print(data.name, "seed", seed, {name: rounded(value, 3) for name, value in rows[-1].items()}, flush=True)
    return {name: rounded(float(np.mean([row[name] for row in rows]))) for name in rows[0]}


def _of_seed(model: Recommender, data: Dataset, test: Ints, seed: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, requests in (("seen", SEEN), ("unseen", UNSEEN)):
        found |= {f"{name}, {what}": value for what, value in _shares(model, data, requests).items()}
    tasks = cold_user_tasks(data, test, SHOTS, "likes", POOL, seed)
    names, carried = labels_of(data)
    told = {"taste": _tastes(tasks[0].query, names, carried), "three": _labels_of_three(tasks[0].query, names, carried)}
    written, named = _by_template(data, tasks[0].query, names, carried)
    told["template"] = written
    told["vague"] = [VAGUE[place % len(VAGUE)] for place in range(len(tasks[0]))]
    for k, some in tasks.items():
        plain = model.score(some.support)
        found[f"nothing said, k={k}"] = ndcg_of(plain, some)
        for kind, texts in told.items():
            found[f"{kind}, k={k}"] = ndcg_of(model.score(some.support, texts=texts), some)
    found |= _beside(model, tasks[0], written, named)
    for k in SHOTS[1:]:
        # as if she had left with this sentence and come back with nothing else
        told_again = [Profile.start(model, one, Context()).taste() for one in _each(tasks[k].support)]
        found[f"taste in words of {k} events"] = ndcg_of(model.score(tasks[0].support, texts=told_again), tasks[0])
    return found | _of_titles(model, data, tasks[0]) | {"sentence read, CPU ms": _cost(model)}


def _shares(model: Recommender, data: Dataset, requests: Sequence[Request]) -> dict[str, float]:
    """Return the share of the first ten that carries what was meant, and what popularity's ten would have had."""
    names, carried = labels_of(data)
    everybody = model.recommend(k=DEPTH).item_ids
    found: dict[str, list[float]] = {"share": [], "base": [], "in years": [], "base in years": []}
    for one in requests:
        meant = np.asarray(carried[:, np.isin(names, one.genres)].any(axis=1))
        said = model.recommend(text=one.text, k=DEPTH).item_ids
        for kind, ids in (("share", said), ("base", everybody)):
            found[kind].append(float(meant[[data.catalogue.index(item) for item in ids]].mean()))
        if one.years is not None:
            found["in years"].append(_in_years(data, said, one.years))
            found["base in years"].append(_in_years(data, everybody, one.years))
    return {kind: float(np.mean(values)) for kind, values in found.items()}


def _in_years(data: Dataset, ids: Sequence[Any], years: tuple[int, int]) -> float:
    titles = [data.catalogue.titles[data.catalogue.index(item)] for item in ids]
    found = [title.rstrip(" )")[-4:] for title in titles]
    return float(np.mean([year.isdigit() and years[0] <= int(year) <= years[1] for year in found]))


def labels_of(data: Dataset) -> tuple[tuple[str, ...], npt.NDArray[np.bool_]]:
    """Return the genres, and which item carries which, bool [items, genres]."""
    if data.items is None:
        raise SystemExit(f"{data.name} says nothing of its items.")
    encoder = FeatureEncoder.fit(data.items.select("genres"), {"genres": "multi"})
    (genres,) = (one for one in encoder.attributes if isinstance(one, Levels))
    return genres.levels, encoder.encode(data.items.select("genres")).toarray()[:, : len(genres.levels)] > 0


def _tastes(query: Histories, names: Sequence[str], carried: npt.NDArray[np.bool_]) -> list[str]:
    """Let each user name the genre that her likes to come carry most beyond what all users' do."""
    usual = carried[query.items].mean(axis=0)
    return [names[int(np.argmax(carried[likes].mean(axis=0) - usual))] for likes in _rows(query)]


def _labels_of_three(query: Histories, names: Sequence[str], carried: npt.NDArray[np.bool_]) -> list[str]:
    """Let each user say all genres of three things that she will like."""
    return [
        " ".join(name for item in likes[:LIKES_TOLD] for name in np.array(names)[carried[item]].tolist())
        for likes in _rows(query)
    ]


def _by_template(
    data: Dataset, query: Histories, names: Sequence[str], carried: npt.NDArray[np.bool_]
) -> tuple[list[str], list[npt.NDArray[np.integer]]]:
    """Let each user write by a fixed template; returns the sentences, and the items whose words they hold.

    Two genres and a decade that her likes carry most beyond what all users' do, and a word of each of three titles.
    """
    decades = np.array([decade_of(title) for title in data.catalogue.titles])
    kinds = np.unique(decades[decades > 0])
    in_decade = decades[:, None] == kinds[None, :]
    usual, usually = carried[query.items].mean(axis=0), in_decade[query.items].mean(axis=0)
    written, named = [], []
    for likes in _rows(query):
        genres = np.argsort(usual - carried[likes].mean(axis=0))[:2]
        decade = kinds[np.argmax(in_decade[likes].mean(axis=0) - usually)]
        words = [max(telling_words(data.catalogue.titles[item][:-6]) or [""], key=len) for item in likes[:LIKES_TOLD]]
        about = " and ".join(names[genre] for genre in genres)
        written.append(f"I like {about} films of the {decade}s, about {', '.join(words)} and the like")
        named.append(likes[:LIKES_TOLD])
    return written, named


def decade_of(title: str) -> int:
    """Return the first year of the decade of a title that ends in a year; 0 for another."""
    year = title.rstrip(" )")[-4:]
    return int(year) // 10 * 10 if year.isdigit() else 0


def _each(histories: Histories) -> list[Histories]:
    return [histories[row] for row in range(len(histories))]


def _beside(
    model: Recommender, tasks: Tasks, texts: Sequence[str], named: Sequence[npt.NDArray[np.integer]]
) -> dict[str, float]:
    """Return what sentences do for all that users like but the items whose words they hold."""
    found = {}
    for name, scores in (
        ("template, others", model.score(tasks.support, texts=list(texts))),
        ("nothing said, but for those named", model.score(tasks.support)),
    ):
        others = scores.copy()
        for row, items in enumerate(named):
            others[row, items] = -np.inf
        found[name] = ndcg_of(others, tasks)
    return found


def _of_titles(model: Recommender, data: Dataset, tasks: Tasks) -> dict[str, float]:
    """Let each user say the title of one thing she likes: is it in the first ten, and what becomes of the others?"""
    first = np.array([likes[0] for likes in _rows(tasks.query)])
    titles = [data.catalogue.titles[item] for item in first.tolist()]
    rows = np.arange(len(tasks))
    said, plain = model.score(tasks.support, texts=titles), model.score(tasks.support)
    above = (said > said[rows, first][:, None]).sum(axis=1)
    whole = ndcg_of(said, tasks)
    rest = {}
    for name, scores in (("title, others", said), ("nothing said, others", plain)):
        others = scores.copy()
        others[rows, first] = -np.inf
        rest[name] = ndcg_of(others, tasks)
    return {"title, found": float((above < DEPTH).mean()), "title, k=0": whole} | rest


def _cost(model: Recommender) -> float:
    """Return the CPU milliseconds of reading one sentence, the best of several."""
    taken = []
    for _ in range(ROUNDS):
        start = time.process_time()
        model.encode(None, [SEEN[0].text])
        taken.append(time.process_time() - start)
    return 1000 * min(taken)


def _rows(histories: Histories) -> list[npt.NDArray[np.integer]]:
    return [histories[row].items for row in range(len(histories))]


def _part(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    rows: list[list[Any]] = []
    for name, of in found.items():
        label = NAMES.get(name, name)
        rows.append([label, "nothing", of["unseen, base"], *(of[f"nothing said, k={k}"] for k in SHOTS)])
        rows.append([label, "a free sentence", of["unseen, share"], None, None, None])
        rows.append([label, "the genre she likes most", None, *(of[f"taste, k={k}"] for k in SHOTS)])
        rows.append([label, "genres of three things", None, *(of[f"three, k={k}"] for k in SHOTS)])
        words = (of[f"taste in words of {k} events"] for k in SHOTS[1:])
        rows.append([label, "nothing but a sentence made of k events", None, None, *words])
        rows.append([label, "two genres, a decade, three words", None, *(of[f"template, k={k}"] for k in SHOTS)])
    text = (
        f"Share of the first ten that carries the genre meant, over {len(UNSEEN)} free sentences of which only the "
        "mean was seen; nDCG@10 of test users who say something and have k events."
    )
    columns = ["data", "what is said", "genre meant", *(f"k={k}" for k in SHOTS)]
    return {"place": 3.5, "title": "Sentences", "text": text, "columns": columns, "rows": rows, "digits": 3}


def parser_of(about: str) -> argparse.ArgumentParser:
    """Return what reads data sets, seeds and where results go."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--datasets", nargs="+", default=["movielens-small", "ml-1m"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "Users split 80/10/10 by seed; the model is trained and its sentences' gain chosen without the test users. `share` "
    "is the mean share of the first ten for a stranger who says a sentence, that carries one of the genres meant; "
    "`base` the same for the list that everybody gets. `taste` and `three` are sentences made of genres, told by test "
    "users of what they will like; `title` is the title of one such thing, `others` the nDCG@10 of the rest. "
    "`template` is a sentence of two genres, a decade and a word of each of three titles, `template, others` its "
    "nDCG@10 of all things but these three (beside the same for nothing said). `vague` sentences ask for nothing that "
    "a film could be."
)

if __name__ == "__main__":
    run(main)
