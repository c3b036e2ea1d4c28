"""How much of what is written is borne out, by templates or a model; writes ``results/grounding.json``.

What is shown is checked twice: by the checker, and by an audit of this file that knows neither the checker nor its
facts, only the raw table and the person's events.
"""

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.tables import rounded, run, write
from warmstart.cli.terminal import Terminal
from warmstart.core.run import Run
from warmstart.data.builtin import load_dataset
from warmstart.data.dataset import Dataset
from warmstart.explanation.checker import check
from warmstart.explanation.facts import Facts
from warmstart.explanation.gather import Shelf, explanation_facts, personal_facts
from warmstart.explanation.lexicon import Language
from warmstart.explanation.writer import LANGUAGES, Written, describe_all, open_writer
from warmstart.recommenders.profile import Profile
from warmstart.recommenders.table import recommender
from warmstart.representation.language_model import Generates

TEXTS = 500
MOST_EVENTS = 8
KINDS = ("item", "personal", "explanation")
A_TIME = 500
"""Texts that a model is asked for together; those whose examples are alike are read and written at once."""
EACH = 60.0
"""Seconds that a model has for one text."""
_FIRST = """a an are because chiefly from however is it its mainly that the they this we what you your"""
_STARTS = frozenset(_FIRST.split())
_GENRES = re.compile(r"[A-Za-z][A-Za-z'-]+")


@dataclass(frozen=True, slots=True)
class Case:
    """What a text is asked for, and the raw titles and genres that it may name."""

    facts: Facts
    raw: tuple[str, ...]


def main(arguments: list[str]) -> int:
    """Write the texts, check and audit them, and write the counts."""
    asked = _parser().parse_args(arguments)
    data = load_dataset(asked.dataset)
    cases = {kind: list(_cases(kind, data, asked.texts)) for kind in KINDS}
    progress = Terminal(as_json=False).progress
    model = open_writer(asked.model, cache=asked.cache, run=Run(progress=progress))
    found = {
        f"{kind}, {language}": _measured(
            cases[kind], model, language, asked.seconds / len(KINDS) / len(asked.languages)
        )
        for kind in KINDS
        for language in asked.languages
    }
    for name, (counts, texts) in found.items():
        print(name, counts, flush=True)
        for text in texts[:: max(1, len(texts) // asked.sample)][: asked.sample] if asked.sample else ():
            print("   ", text)
    name = "grounding" if asked.model == "template" else f"grounding-{re.sub(r'[^a-z0-9]+', '-', asked.model.lower())}"
    counted = {name: counts for name, (counts, _) in found.items()}
    write(
        name,
        {
            "readme": [part_of(asked.model, counted)],
            "about": _ABOUT,
            "data": asked.dataset,
            "model": asked.model,
            "texts": counted,
        },
        asked.out,
    )
    return 0 if all(counts["ungrounded shown"] == 0 for counts in counted.values()) else 1


def part_of(model: str, counted: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the table of the README."""
    by_template = model == "template"
    title = "Words by templates" if by_template else f"Words by {model}"
    shares = ("accepted", *(() if by_template else ("accepted later",)), "repaired", "fallen back")
    rows = [
        [name, str(one["n"]), *(one[share] for share in shares), str(one["ungrounded shown"])]
        for name, one in counted.items()
    ]
    text = "Texts of items, lists and explanations under the checker; shares, and facts shown that nothing bears out."
    later = [] if by_template else ["at a later try"]
    columns = ["kind, language", "texts", "as written", *later, "repaired", "template instead", "ungrounded"]
    place = 3.91 if by_template else 3.92
    return {"place": place, "title": title, "text": text, "columns": columns, "rows": rows, "digits": 2}


_ABOUT = (
    "accepted: shown as the model (or the template) wrote it at first; accepted later: as the model wrote it when it "
    "was asked again; repaired: sentences were dropped; fallen back: a template spoke. ungrounded shown: pieces "
    "of shown texts that the checker or the audit finds not borne out. tries: how often a model was asked for a text. "
    "seconds: of the last run; what an earlier one had asked came from the cache."
)


def _cases(kind: str, data: Dataset, n: int) -> Iterator[Case]:
    shelf, rng = Shelf.of(data), Run(seed=0).rng("grounding", kind)
    if kind == "item":
        for place in rng.permutation(data.n_items)[:n].tolist():
            yield Case(shelf.describing(place), _raw(data, [place]))
        return
    model = recommender("meta", tune=False, values=False).fit(data)
    for user in rng.integers(0, data.n_users, n).tolist():
        profile = _person(model, data, user, rng)
        ranking = profile.recommend(k=5)
        places = [data.catalogue.index(item) for item in ranking.item_ids]
        if kind == "personal":
            yield Case(personal_facts(profile, ranking, shelf), _raw(data, [*places, *profile.items]))
        else:
            one = int(rng.integers(len(places)))
            facts = explanation_facts(profile, profile.explain(ranking.item_ids[one]), shelf)
            yield Case(facts, _raw(data, [places[one], *profile.items]))


def _person(model: Any, data: Dataset, user: int, rng: np.random.Generator) -> Profile:
    """Return somebody with none to eight of a user's events."""
    history = data.histories[np.array([user])]
    count = min(int(rng.integers(0, MOST_EVENTS + 1)), len(history.items))
    chosen = rng.permutation(len(history.items))[:count]
    events = [(data.item_ids[history.items[place]], float(history.values[place])) for place in chosen.tolist()]
    profile: Profile = model.profile(events)
    return profile


def _raw(data: Dataset, places: Sequence[int]) -> tuple[str, ...]:
    if data.items is None:
        raise SystemExit(f"{data.name} says nothing of its items.")
    return tuple(f"{data.catalogue.titles[place]} {data.items['genres'][place]}" for place in places)


def _measured(
    cases: list[Case], model: Generates | None, language: Language, seconds: float
) -> tuple[dict[str, Any], list[str]]:
    start = time.perf_counter()
    rows: list[tuple[Case, Written]] = []
    for place in range(0, len(cases), A_TIME):
        if model is not None and time.perf_counter() - start > seconds:
            break
        some = cases[place : place + A_TIME]
        texts = describe_all([case.facts for case in some], model, language, deadline=EACH * len(some), seed=place)
        rows += zip(some, texts, strict=True)
    return _counts(rows, language, time.perf_counter() - start), [written.text for _, written in rows]


def _counts(rows: list[tuple[Case, Written]], language: Language, seconds: float) -> dict[str, Any]:
    n = len(rows)
    checked = [check(written.text, case.facts, language) for case, written in rows]
    first = [
        (written.origin == "model" and written.tries == 1)
        or (written.origin == "template" and not written.why and one.is_grounded)
        for (_, written), one in zip(rows, checked, strict=True)
    ]
    foreign = [piece for case, written in rows for piece in audit(written.text, case.raw)] if language == "en" else []
    foreign += [piece for case, written in rows for piece in strange_numbers(written.text, case.raw)]
    foreign += [fault.what for one in checked for dropped in one.dropped for fault in dropped.faults]
    faults = sum((Counter(dict(written.faults)) for _, written in rows), Counter[str]())
    return {
        "n": n,
        "accepted": rounded(sum(first) / n),
        "accepted later": rounded(sum(written.origin == "model" and written.tries > 1 for _, written in rows) / n),
        "repaired": rounded(sum(written.origin == "repaired" for _, written in rows) / n),
        "fallen back": rounded(sum(bool(written.why) for _, written in rows) / n),
        "why": dict(Counter(written.why for _, written in rows if written.why)),
        "sentences dropped": sum(written.dropped for _, written in rows),
        "sentences kept": sum(written.kept for _, written in rows),
        "faults": dict(sorted(faults.items())),
        "tries": rounded(sum(written.tries for _, written in rows) / n),
        "different texts": len({written.text for _, written in rows}),
        "ungrounded shown": len(foreign),
        "found": foreign[:10],
        "seconds": rounded(seconds, 1),
    }


def audit(text: str, raw: Sequence[str]) -> list[str]:
    """Return the capitalised words and the genres of an English text that the raw titles and genres do not hold."""
    known = " ".join(raw).lower().replace("-", " ")
    held = set(re.findall(r"\w+", known))
    words = re.findall(r"\w+", text)
    capital = [word for word in words if word[0].isupper() and not _forms(word.lower()) & (held | _STARTS)]
    return capital + [genre for genre in _genres(text) if genre not in known.replace("'s", "")]


def _forms(word: str) -> set[str]:
    """Return a word, what it may be the plural of, and the genre that it comes from: Thrillers, Comedies, Animated."""
    return {word, word.removesuffix("s"), word.removesuffix("ies") + "y", word.removesuffix("ed") + "ion"}


_EVERY = """action adventure animation children comedy crime documentary drama fantasy noir horror musical mystery
    romance western war"""


def _genres(text: str) -> list[str]:
    words = {word.lower().removesuffix("'s") for word in _GENRES.findall(text)}
    return [genre for genre in _EVERY.split() if genre in words]


def strange_numbers(text: str, raw: Sequence[str]) -> list[str]:
    """Return the numbers of a text that neither a title holds nor a rating is."""
    known = set(re.findall(r"\d+", " ".join(raw)))
    ratings = {f"{half / 2:g}" for half in range(1, 11)}
    found = re.findall(r"\d+(?:\.\d+)?", text)
    return [number for number in found if number not in known | ratings and number.split(".")[0] not in known]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="movielens-small")
    parser.add_argument("--model", default="template", help="template, smollm2 or an address")
    parser.add_argument("--languages", nargs="+", choices=LANGUAGES, default=list(LANGUAGES))
    parser.add_argument("--texts", type=int, default=TEXTS, help="of each kind")
    parser.add_argument("--seconds", type=float, default=7200.0, help="that a model has for all texts")
    parser.add_argument("--cache", type=Path, default=True, help="folder of the model's answers; default the user's")
    parser.add_argument("--sample", type=int, default=0, help="texts of each kind to print")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results")
    return parser


if __name__ == "__main__":
    run(main)
