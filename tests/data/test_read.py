import codecs
import gzip
import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import warmstart as ws
from warmstart.core.errors import BadInput, BadTable
from warmstart.data.builtin import add_dataset, datasets, load_dataset
from warmstart.data.dataset import Dataset
from warmstart.data.text import decode, parse_delimited, sniff_delimiter

CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
ROWS = [("ann", "Heat", 5.0), ("bob", "Alien", 1.0), ("ann", "Amélie", 3.5)]
EVENTS = {("ann", "Heat"): 5.0, ("bob", "Alien"): 1.0, ("ann", "Amélie"): 3.5}


def events(data: Dataset) -> dict[tuple[object, object], float]:
    rows = zip(data.histories.rows, data.histories.items, data.histories.values.tolist(), strict=True)
    return {(data.user_ids[row], data.item_ids[item]): value for row, item, value in rows}


def text(delimiter: str = ",", end: str = "\n", quote: str = "") -> str:
    rows = [("user", "movie", "stars"), *ROWS]
    return end.join(delimiter.join(f"{quote}{cell}{quote}" for cell in row) for row in rows) + end


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|", "::"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_any_delimiter_line_end_and_packing(tmp_path, delimiter, end, packed):
    raw = text(delimiter, end).encode()
    path = tmp_path / ("ratings.csv.gz" if packed else "ratings.csv")
    path.write_bytes(gzip.compress(raw) if packed else raw)
    assert events(ws.read(path)) == EVENTS


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"]
)
def test_any_encoding(tmp_path, encoding, quote):
    (tmp_path / "r.csv").write_bytes(text(quote=quote).encode(encoding))
    assert events(ws.read(tmp_path / "r.csv")) == EVENTS


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8))
def test_quoted_cells_hold_anything(rows):
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    frame, torn = parse_delimited("\n".join(['"user","item"', *quoted]) + "\n", "x.csv")
    assert torn == ()
    assert [tuple(map(str, row)) for row in frame.cast(pl.String).rows()] == rows


def test_cells_hold_line_ends_delimiters_and_quotes(tmp_path):
    (tmp_path / "r.csv").write_text('user,item\n"a\nb","say ""hi"", now"\n"🎬",שלום עולם\n', encoding="utf-8")
    assert set(events(ws.read(tmp_path / "r.csv"))) == {("a\nb", 'say "hi", now'), ("🎬", "שלום עולם")}


def test_json_lines_json_list_and_parquet(tmp_path):
    rows = [{"user": user, "movie": movie, "stars": stars} for user, movie, stars in ROWS]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "b.json").write_text(json.dumps(rows, indent=1))
    pl.DataFrame(rows).write_parquet(tmp_path / "c.parquet")
    (tmp_path / "d.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    for path in sorted(tmp_path.iterdir()):
        assert events(ws.read(path)) == EVENTS, path.name


def test_ids_keep_their_zeros(tmp_path):
    (tmp_path / "r.csv").write_text("user,item\n007,1\n08,2\n")
    assert set(events(ws.read(tmp_path / "r.csv"))) == {("007", 1), ("08", 2)}


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "the file is empty"),
        (b"  \n \n", "the file is empty"),
        (gzip.compress(b"", mtime=0), "the file is empty"),
        (codecs.BOM_UTF8, "the file is empty"),
        (b"user,item,rating\n", "there is a header but no row"),
        (b"person,thing\n1,2\n", "column is missing"),
        (b"user,item,item\n1,2,3\n", "name of more than one column"),
        (bytes(range(256)) * 20, "the bytes are not text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(300), "the bytes are not text"),
        (gzip.compress(b"user,item\n1,2\n", mtime=0)[:-9], "the gzip is torn"),
        (b"PAR1 and then nothing", "the Parquet cannot be read"),
        (b'{"user": 1, "item": 2}\n{"user": 1,', "no JSON object"),
        (b"user,item\n,\n", "no row can be used"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, raw, problem):
    (tmp_path / "ratings.csv").write_bytes(raw)
    with pytest.raises(BadTable, match=problem) as caught:
        ws.read(tmp_path / "ratings.csv")
    assert "ratings.csv" in str(caught.value)


def test_faults_of_all_files_come_together(tmp_path):
    (tmp_path / "ratings.csv").write_bytes(b"")
    (tmp_path / "items.csv").write_bytes(bytes(300))
    (tmp_path / "users.csv").write_text("user,age\n1,2\n")
    with pytest.raises(BadTable, match="2 faults") as caught:
        ws.read(tmp_path)
    assert [fault.where for fault in caught.value.faults] == ["ratings.csv", "items.csv"]


def test_torn_rows_are_dropped_and_later_rows_keep_their_numbers(tmp_path):
    (tmp_path / "r.csv").write_text("user,item,rating\n1,a,3\n1,Good, the Bad,4\n1,c,x\n2,d\n")
    data = ws.read(tmp_path / "r.csv")
    assert data.report is not None
    assert {finding.problem: finding.examples for finding in data.report} == {
        "row has more cells than the header": ("row 2: '1,Good, the Bad,4'",),
        "column 'rating': value is missing": ("row 4",),
        "column 'rating': value is not a number": ("row 3: 'x'",),
    }
    with pytest.raises(BadTable, match="row 2: row has more cells than the header") as caught:
        ws.read(tmp_path / "r.csv", strict=True)
    assert [fault.row for fault in caught.value.faults] == [2, 3, 4]


def test_a_quote_that_is_never_closed_does_not_swallow_the_file_unseen(tmp_path):
    (tmp_path / "r.csv").write_text('user,item,rating\n1,a,3\n1,"b,4\n2,c,5\n2,d,1\n')
    try:
        data = ws.read(tmp_path / "r.csv")
    except BadTable:
        return
    assert data.report is not None
    assert data.report.findings


def test_folder_by_names_and_what_is_left_aside(tmp_path):
    (tmp_path / "ratings.tsv").write_text("user\tmovie\tstars\nann\th\t5\n")
    (tmp_path / "movies.csv").write_text("id,name,year\nh,Heat,1995\na,Alien,1979\n")
    (tmp_path / "users.jsonl").write_text('{"id": "ann", "age": 30}\n')
    (tmp_path / "links.csv").write_text("movieId,imdb\n1,2\n")
    (tmp_path / "README.txt").write_text("words, and more, words")
    data = ws.read(tmp_path)
    assert data.name == tmp_path.name
    assert data.catalogue.titles == ["Heat", "Alien"]
    assert data.users is not None
    assert data.users.rows() == [("ann", 30)]
    assert data.report is not None
    assert any("links.csv" in finding.problem for finding in data.report)


def test_folder_by_columns(tmp_path):
    (tmp_path / "log.csv").write_text("user,item\n1,2\n")
    (tmp_path / "prices.csv").write_text("item,price\n2,5\n")
    assert events(ws.read(tmp_path)) == {(1, 2): 1.0}


def test_files_by_hand(tmp_path):
    (tmp_path / "log.csv").write_text("user,item\n1,2\n")
    (tmp_path / "shop.csv").write_text("item,title\n2,Heat\n")
    by_hand = {"interactions": tmp_path / "log.csv", "items": tmp_path / "shop.csv"}
    assert ws.read(by_hand).catalogue.titles == ["Heat"]
    with pytest.raises(BadInput, match=r"Tables are called interactions, items, users; came: 'events'"):
        ws.read({"events": tmp_path / "log.csv"})
    with pytest.raises(BadInput, match="holds no interactions"):
        ws.read({"items": tmp_path / "shop.csv"})


def test_it_must_be_clear_which_file_holds_the_interactions(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("user,item\n1,2\n")
    with pytest.raises(BadInput, match=r"It is not clear which file holds the interactions: a\.csv, b\.csv"):
        ws.read(tmp_path)


@pytest.mark.parametrize("make", [lambda folder: folder / "nowhere.csv", lambda folder: folder])
def test_nothing_there(tmp_path, make):
    with pytest.raises(BadInput, match=r"There is no file|holds no table"):
        ws.read(make(tmp_path))


def test_numbers_without_a_header_are_taken_as_what_they_usually_are(tmp_path):
    (tmp_path / "log.txt").write_text("1\t10\t4\t881250949\n2\t10\t5\t881250950\n")
    data = ws.read(tmp_path / "log.txt")
    assert events(data) == {(1, 10): 4.0, (2, 10): 5.0}
    assert data.report is not None
    assert "no header" in data.report.findings[0].problem


def test_ten_million_characters_in_one_title(tmp_path):
    (tmp_path / "ratings.csv").write_text("user,item\n1,1\n1,2\n")
    (tmp_path / "items.csv").write_text('item,title\n1,"' + "long, " * 1_700_000 + '"\n2,Heat\n')
    data = ws.read(tmp_path)
    assert data.items is not None
    assert data.items["title"].str.len_chars().to_list() == [10_200_000, 4]


def test_decode_and_sniff():
    assert decode("naïve".encode("latin-1"), "x") == "naïve"
    assert sniff_delimiter('a,b\n"1;2;3",4\n"5;6;7",8\n') == ","
    assert sniff_delimiter("movieId,title,genres\n1,Heat,A|B|C\n2,Alien,A|B\n") == ","


@pytest.fixture
def ml100k(tmp_path):
    (tmp_path / "u.data").write_text("1\t2\t5\t881250949\n2\t1\t3\t881250950\n")
    flags = ["|".join("1" if place in on else "0" for place in range(19)) for on in ({1, 5}, set())]
    rows = [f"1|Amélie (2001)|01-Jan-2001||http://x|{flags[0]}", f"2|unknown||||{flags[1]}"]
    (tmp_path / "u.item").write_bytes("\n".join(rows).encode("latin-1"))
    (tmp_path / "u.user").write_text("1|24|M|technician|85711\n2|53|F|other|T8H1N\n")
    return tmp_path


def test_form_of_ml_100k(ml100k):
    data = ws.read(ml100k)
    assert data.items is not None
    assert data.users is not None
    assert data.items.rows() == [(1, "Amélie (2001)", "Action|Comedy", "01-Jan-2001"), (2, "unknown", None, None)]
    assert data.users.rows() == [(1, 24, "M", "technician", "85711"), (2, 53, "F", "other", "T8H1N")]
    assert data.histories.times is not None


@pytest.mark.parametrize("timed", [True, False])
def test_form_of_ml_1m(tmp_path, timed):
    if timed:
        (tmp_path / "ratings.dat").write_text("1::10::5::978300760\n2::20::3::978302109\n")
    else:
        (tmp_path / "ratings.csv.gz").write_bytes(gzip.compress(b"user,item,rating\n1,10,5\n2,20,3\n", mtime=0))
    (tmp_path / "movies.dat").write_bytes("10::Léon (1994)::Drama|Crime\n20::Heat; or: Cold::Drama\n".encode("latin-1"))
    (tmp_path / "users.dat").write_text("1::F::1::10::48067\n2::M::56::16::02460\n")
    extra = "10::Leon::1994::R::x::Crime::Luc B, Ann C::w::Jean R, Nat P::A man, a plant.::http\n"
    (tmp_path / "movies_extrainfos.dat.gz").write_bytes(gzip.compress(extra.encode()))
    data = ws.read(tmp_path)
    assert data.items is not None
    assert data.users is not None
    assert data.items.rows() == [
        (10, "Léon (1994)", "Drama|Crime", 1994, "Luc B|Ann C", "Jean R|Nat P", "A man, a plant."),
        (20, "Heat; or: Cold", "Drama", None, None, None, None),
    ]
    assert data.users.rows() == [(1, "F", 1, "K-12 student", "48067"), (2, "M", 56, "self-employed", "02460")]
    assert (data.histories.times is not None) is timed
    assert set(data.item_kinds) == {"year", "director", "actors", "plot"}


def test_sample_is_whole_and_says_its_licence(small):
    assert (small.n_users, small.n_items, len(small.histories.items)) == (610, 9742, 100836)
    assert small.catalogue.titles[0] == "Toy Story (1995)"
    assert small.items is not None
    assert small.items.columns == ["item_id", "title", "genres", "tags"]
    assert small.items["tags"][0] == "pixar|fun"
    licence = datasets()["movielens-small"] / "README.txt"
    assert "may redistribute the data set" in licence.read_text(encoding="utf-8")


def test_measuring_data_load(measuring):
    data = ws.read(measuring("ml-100k"))
    assert (data.n_users, data.n_items, len(data.histories.items), data.like_from) == (943, 1682, 100_000, 4.0)
    data = ws.read(measuring("ml-1m"))
    assert (data.n_users, len(data.histories.items), data.like_from) == (6040, 1_000_205, 4.0)


@pytest.fixture
def registry(tmp_path, monkeypatch):
    monkeypatch.setenv("WARMSTART_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("WARMSTART_DATA", raising=False)
    return tmp_path / "home"


def test_registered_data_sets_are_found_again(registry, ml100k):
    assert add_dataset("ml-100k", ml100k).n_users == 2
    assert datasets()["ml-100k"] == ml100k
    assert load_dataset("ml-100k", like_from=5).like_from == 5
    assert load_dataset("ml-100k").name == "ml-100k"
    assert [path.name for path in registry.iterdir()] == ["datasets.json"]


def test_folder_of_data_sets(registry, ml100k, monkeypatch):
    monkeypatch.setenv("WARMSTART_DATA", str(ml100k.parent))
    assert load_dataset(ml100k.name).n_users == 2


def test_unknown_names_list_what_there_is_and_how_to_add(registry):
    with pytest.raises(
        BadInput, match=r"There are: movielens-small\. Register it: warmstart data add ml-9 --from PATH"
    ):
        load_dataset("ml-9")


def test_nothing_is_registered_that_cannot_be_read(registry, tmp_path):
    (tmp_path / "bad.csv").write_bytes(b"")
    with pytest.raises(BadTable):
        add_dataset("bad", tmp_path / "bad.csv")
    assert not registry.exists()
    with pytest.raises(BadInput, match="is the packaged sample"):
        add_dataset("movielens-small", tmp_path)
    with pytest.raises(BadInput, match="not made of letters"):
        add_dataset("../x", tmp_path)


def test_a_torn_registry_is_named(registry):
    registry.mkdir()
    (registry / "datasets.json").write_text("{")
    with pytest.raises(BadInput, match="Remove it"):
        load_dataset("anything")


def test_files_named_like_movielens_that_are_something_else(tmp_path):
    (tmp_path / "ratings.csv").write_text("user,item,rating\n1,2,5\n2,2,1\n")
    (tmp_path / "movies.csv").write_text("item,genres\n2,7\n")
    (tmp_path / "tags.csv").write_text("a,b\n1,2\n")
    assert ws.read(tmp_path).item_ids == [2]
    (tmp_path / "movies.csv").unlink()
    (tmp_path / "movies.dat").write_text("2::Heat\n")
    with pytest.raises(BadTable, match="there are 2 columns where MovieLens has 3"):
        ws.read(tmp_path)
