import datetime as dt
import json

import numpy as np
import polars as pl
import pytest

from warmstart.core.errors import BadInput
from warmstart.data.features import FeatureEncoder
from warmstart.data.kinds import find_kinds


def frame(n: int = 200) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "item_id": np.arange(n),
            "title": [f"The story of {i} wonderful {'heat' if i % 2 else 'alien'}" for i in range(n)],
            "genres": [["Drama", "Drama|War", "Comedy", None][i % 4] for i in range(n)],
            "price": rng.gamma(2, 10, n),
            "stock": rng.integers(0, 40, n),
            "released": [f"20{i % 20:02d}-03-{1 + i % 28:02d}" for i in range(n)],
            "studio": [f"studio {i % 3}" if i else "only one" for i in range(n)],
            "zip": [f"{i:05d}" for i in range(n)],
            "imdb": 7 * np.arange(n) + 100,
            "adult": [i % 5 == 0 for i in range(n)],
            "cast": [["Ann", "Bob"] if i % 2 else ["Cy"] for i in range(n)],
            "url": [f"https://example.org/{i}" for i in range(n)],
            "empty": pl.Series([None] * n, dtype=pl.String),
        }
    )


def test_kinds_are_found():
    assert find_kinds(frame()) == {
        "item_id": "ignore",
        "title": "text",
        "genres": "multi",
        "price": "numeric",
        "stock": "numeric",
        "released": "date",
        "studio": "categorical",
        "zip": "ignore",
        "imdb": "ignore",
        "adult": "categorical",
        "cast": "multi",
        "url": "ignore",
        "empty": "ignore",
    }


def test_kinds_can_be_told():
    encoder = FeatureEncoder.fit(frame(), {"zip": "categorical", "title": "ignore", "stock": "categorical"})
    assert encoder.kinds["zip"] == "categorical"
    assert "title" not in encoder.kinds
    # every zip code occurs once, so all are pooled
    assert [name for name in encoder.names if name.startswith("zip=")] == ["zip=(rare)"]
    with pytest.raises(BadInput, match=r"zipp='ignore', stock='number'\. Columns: .*Kinds: categorical"):
        FeatureEncoder.fit(frame(), {"zipp": "ignore", "stock": "number"})


def test_columns_are_named_and_right():
    encoder = FeatureEncoder.fit(frame())
    matrix = encoder.encode(frame())
    assert matrix.shape == (200, len(encoder.names))
    assert matrix.dtype == np.float32
    assert len(set(encoder.names)) == len(encoder.names)
    second = dict(zip(encoder.names, matrix[1].toarray()[0].tolist(), strict=True))
    assert second["genres=Drama"] == second["genres=War"] == second["cast=Ann"] == second["cast=Bob"] == 1
    assert second["title~heat"] > 0
    assert second["title~alien"] == 0
    assert second["studio=studio 1"] == 1
    fourth = dict(zip(encoder.names, matrix[3].toarray()[0].tolist(), strict=True))
    assert fourth["genres=(missing)"] == 1
    first = dict(zip(encoder.names, matrix[0].toarray()[0].tolist(), strict=True))
    assert first["studio=(rare)"] == 1


def test_numbers_are_standardised_and_binned():
    encoder = FeatureEncoder.fit(pl.DataFrame({"age": [*range(100), None]}), {"age": "numeric"})
    matrix = encoder.encode(pl.DataFrame({"age": [*range(100), None]})).toarray()
    assert encoder.names[:2] == ["age", "age < 10"]
    assert encoder.names[-2:] == ["age >= 90", "age=(missing)"]
    assert abs(matrix[:100, 0].mean()) < 1e-6
    assert (matrix[:100, 1:-1].sum(axis=1) == 1).all()
    assert (matrix[:, 1:-1].sum(axis=0) == 10).all()
    assert matrix[100].tolist() == [0.0] * 11 + [1.0]
    far = encoder.encode([{"age": 1e9}, {"age": "12"}]).toarray()
    assert far[0, 0] == 3.0
    assert far[1, 2] == 1.0


def test_few_numbers_are_their_own_edges():
    encoder = FeatureEncoder.fit(pl.DataFrame({"age": [1, 18, 25, 56] * 5}))
    assert encoder.names == ["age", "age < 18", "age in [18, 25)", "age in [25, 56)", "age >= 56"]


def test_dates_count_as_years():
    days = [dt.date(1990 + i % 30, 1, 1 + i % 28) for i in range(90)]
    encoder = FeatureEncoder.fit(pl.DataFrame({"seen": days}))
    assert encoder.kinds == {"seen": "date"}
    assert encoder.names[1] == "seen < 1993"
    one = dict(zip(encoder.names, encoder.encode([{"seen": "1991-05-01"}]).toarray()[0].tolist(), strict=True))
    assert one["seen < 1993"] == 1.0


def test_who_says_nothing_is_a_row_of_zeros_and_unheard_levels_are_rare():
    encoder = FeatureEncoder.fit(frame())
    matrix = encoder.encode([None, {}, {"studio": "never heard of"}])
    assert matrix[:2].nnz == 0
    assert (
        encoder.names[int(matrix[2].indices[matrix[2].indices >= encoder.names.index("studio=(rare)")][0])]
        == "studio=(rare)"
    )


def test_a_frame_and_its_rows_are_encoded_alike():
    encoder = FeatureEncoder.fit(frame())
    rows = frame().rows(named=True)
    assert (encoder.encode(rows) != encoder.encode(frame())).nnz == 0


def test_unknown_attributes_are_refused_with_the_known_ones():
    encoder = FeatureEncoder.fit(pl.DataFrame({"user_id": [1, 2], "age": [20, 30]}), {"age": "numeric"})
    with pytest.raises(BadInput, match=r"Unknown attributes: 'aeg'\. Known are: age, user_id"):
        encoder.encode([{"aeg": 3}])
    with pytest.raises(BadInput, match="Unknown attributes"):
        encoder.encode(pl.DataFrame({"aeg": [3]}))
    assert encoder.encode(pl.DataFrame({"age": [20], "height": [3]})).nnz > 0


@pytest.mark.parametrize("value", ["old", float("nan"), float("inf"), [3]])
def test_a_number_must_be_one(value):
    encoder = FeatureEncoder.fit(pl.DataFrame({"age": [20, 30, 40]}))
    with pytest.raises(BadInput, match="'age' must be a finite number"):
        encoder.encode([{"age": value}])


def test_a_date_must_be_one():
    encoder = FeatureEncoder.fit(pl.DataFrame({"born": ["1990-01-01", "2000-01-01"]}))
    with pytest.raises(BadInput, match="'born' must be a date"):
        encoder.encode([{"born": "yesterday"}])


def test_header_round_trip():
    encoder = FeatureEncoder.fit(frame())
    again = FeatureEncoder.from_header(json.loads(json.dumps(encoder.to_header())))
    assert again == encoder
    assert (again.encode(frame()) != encoder.encode(frame())).nnz == 0


def test_levels_do_not_explode():
    many = pl.DataFrame({"tag": [f"t{i % 3000}" for i in range(30_000)]})
    assert len(FeatureEncoder.fit(many)) == 201


def test_nothing_to_encode():
    encoder = FeatureEncoder.fit(pl.DataFrame({"user_id": [1, 2, 3]}))
    assert encoder.encode([None, {}]).shape == (2, 0)


def test_attributes_of_the_sample(small):
    encoder = FeatureEncoder.fit(small.items, small.item_kinds)
    assert encoder.kinds == {"title": "text", "genres": "multi"}
    assert "genres=Film-Noir" in encoder.names
    assert "title~heat" in encoder.names


def test_strings_that_hold_separators_are_told_from_lists():
    titles = pl.DataFrame({"name": [f"{word}, The" for word in "abcdefghijklmnopqrstuvwxyz"]})
    assert find_kinds(titles)["name"] != "multi"
    skills = pl.DataFrame({"skills": ["cooking, sewing", "sewing", "cooking, knitting"] * 10})
    assert find_kinds(skills) == {"skills": "multi"}
