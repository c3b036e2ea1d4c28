"""The files of MovieLens in the forms in which GroupLens publishes them.

F. Maxwell Harper and Joseph A. Konstan, The MovieLens Datasets: History and Context, ACM TiiS 5(4), 2015.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from warmstart.core.errors import BadTable, Fault
from warmstart.data.columns import Table
from warmstart.data.files import load_table

OCCUPATIONS = (
    *("other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service"),
    *("doctor/health care", "executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer", "programmer"),
    *("retired", "sales/marketing", "scientist", "self-employed", "technician/engineer", "tradesman/craftsman"),
    *("unemployed", "writer"),
)
"""The occupations that ml-1m writes as numbers from 0."""
GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
"""The genres of ml-100k in the order of their flags in ``u.item``."""
EXTRA = ["item_id", "t", "year", "r", "d", "g", "director", "w", "actors", "plot", "p"]
"""Columns of ``movies_extrainfos.dat``; those with long names are kept."""
ON_REQUEST = ("year", "director", "actors", "plot", "tags")
"""Columns that no feature uses unless it is told to."""


@dataclass(frozen=True, slots=True)
class Native:
    """Tables in a published form, with the kinds of item attributes that their form tells."""

    tables: list[Table]
    item_kinds: Mapping[str, str] = field(default_factory=dict)


def read_movielens(folder: Path) -> Native | None:
    """Read a folder that holds one of the published editions; None if it holds none.

    Known are ``u.data`` with ``u.item`` and ``u.user`` (ml-100k), ``ratings``, ``movies`` and ``users`` as ``.dat``
    (ml-1m, ml-10m; ratings also as CSV) and as CSV (ml-20m and all later ones), each also gzipped.
    """
    if (folder / "u.data").is_file():
        return _native([_table(folder / "u.data", "interactions"), *_about_100k(folder)])
    ratings, movies = _file(folder, "ratings"), _file(folder, "movies")
    if ratings is None or movies is None:
        return None
    events = _table(ratings, "interactions")
    if ".csv" in movies.name:
        return _native([events, _with_tags(_without_none(load_table(movies, "items")), _file(folder, "tags"))])
    items = _table(movies, "items", ["item_id", "title", "genres"])
    return _native([events, _with_extra(items, _file(folder, "movies_extrainfos")), *_users(_file(folder, "users"))])


def _native(tables: list[Table]) -> Native:
    columns = [name for table in tables if table.kind == "items" for name in table.frame.columns]
    return Native(tables, {name: "ignore" for name in ON_REQUEST if name in columns})


def _file(folder: Path, name: str) -> Path | None:
    paths = [folder / f"{name}{ending}" for ending in (".dat", ".dat.gz", ".csv", ".csv.gz")]
    return next((path for path in paths if path.is_file()), None)


def _table(path: Path, kind: str, names: list[str] | None = None) -> Table:
    if kind == "interactions" and ".csv" not in path.name:
        names = ["user_id", "item_id", "value", "timestamp"]
    table = load_table(path, kind, names)
    if names is not None and kind != "interactions" and table.frame.width != len(names):
        problem = f"there are {table.frame.width} columns where MovieLens has {len(names)}"
        raise BadTable([Fault(path.name, problem, "Give the published file, or tables of your own with headers.")])
    return table


def _about_100k(folder: Path) -> list[Table]:
    flags = [f"flag {genre}" for genre in GENRES]
    tables = []
    if (folder / "u.item").is_file():
        names = ["item_id", "title", "release_date", "video_date", "imdb_url", *flags]
        items = _table(folder / "u.item", "items", names)
        given = [pl.when(pl.col(flag) == 1).then(pl.lit(flag.removeprefix("flag "))) for flag in flags]
        genres = pl.concat_str(given, separator="|", ignore_nulls=True).replace("", None).alias("genres")
        tables.append(replace(items, frame=items.frame.select("item_id", "title", genres, "release_date")))
    if (folder / "u.user").is_file():
        tables.append(_table(folder / "u.user", "users", ["user_id", "age", "gender", "occupation", "zip"]))
    return tables


def _without_none(items: Table) -> Table:
    if items.frame.schema.get("genres") != pl.String:
        return items
    return replace(items, frame=items.frame.with_columns(pl.col("genres").replace("(no genres listed)", None)))


def _with_tags(items: Table, path: Path | None) -> Table:
    given = None if path is None else load_table(path, "items").frame
    if given is None or not {"movieId", "tag"} <= set(given.columns) or "movieId" not in items.frame.columns:
        return items
    tags = given.select("movieId", tags=pl.col("tag").cast(pl.String).str.to_lowercase())
    joined = tags.drop_nulls().unique(maintain_order=True).group_by("movieId").agg(pl.col("tags").str.join("|"))
    return replace(items, frame=items.frame.join(joined, on="movieId", how="left", maintain_order="left"))


def _with_extra(items: Table, path: Path | None) -> Table:
    if path is None:
        return items
    people = [pl.col(name).cast(pl.String).str.replace_all(", ", "|") for name in ("director", "actors")]
    extra = _table(path, "items", EXTRA).frame.select("item_id", "year", *people, "plot")
    once = extra.with_columns(pl.col(pl.String).replace("N/A", None)).unique("item_id", keep="first")
    return replace(items, frame=items.frame.join(once, on="item_id", how="left", maintain_order="left"))


def _users(path: Path | None) -> list[Table]:
    if path is None:
        return []
    users = _table(path, "users", ["user_id", "gender", "age", "occupation", "zip"])
    codes = pl.col("occupation").cast(pl.Int64, strict=False)
    named = codes.replace_strict(dict(enumerate(OCCUPATIONS)), default=None, return_dtype=pl.String)
    return [replace(users, frame=users.frame.with_columns(named))]
