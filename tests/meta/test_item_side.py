"""The item side: descriptions lend scores, own events take over, and nothing else changes."""

import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import warmstart as ws
from warmstart.core.artefact import read_artefact, write_artefact
from warmstart.core.errors import BadConfig, BadInput, BadModelFile, MissingExtra
from warmstart.core.histories import Histories
from warmstart.core.run import Run
from warmstart.data.episodes import cold_item_split, item_tasks
from warmstart.meta import item_exam
from warmstart.meta.item_exam import ItemExam, search_items
from warmstart.meta.item_side import ItemMap, ItemSide, ItemSideConfig
from warmstart.meta.item_text import LabelsView, MeaningView, NumberView, WordsView, find_views, likeness, present
from warmstart.meta.kshot import Episodes, fit_kshot
from warmstart.meta.settings import MetaConfig
from warmstart.representation import text, text_cache
from warmstart.representation.text import TextSpace

WITHOUT_MEANING = ItemSideConfig(encoders=(), trials=0)
SMALL = ItemSideConfig(encoders=(), trials=0, anchors=1_500)
FILMS = pl.DataFrame(
    {
        "item_id": list(range(8)),
        "title": [
            *("Red River (1948)", "Rio Bravo (1959)", "Alien (1979)", "Aliens (1986)"),
            *("Solaris (1972)", "High Noon (1952)", "Star Wars (1977)", "Unforgiven (1992)"),
        ],
        "genres": ["Western", "Western", "Horror|Sci-Fi", "Horror|Sci-Fi", "Sci-Fi", "Western", "Sci-Fi", "Western"],
        "studio": ["A", "B", "C", "C", None, "A", "C", "B"],
    }
)
PEOPLE = Histories.of([[0, 1, 5], [0, 5], [2, 3, 4], [2, 6, 4], [1, 5, 0], [3, 6]])


@pytest.fixture(scope="module")
def side():
    return ItemSide.fit(FILMS, PEOPLE, 8, config=WITHOUT_MEANING)


@pytest.fixture(scope="module")
def world():
    """The packaged sample with cold items, and a prior of known items."""
    data = ws.load_dataset("movielens-small")
    split = cold_item_split(data)
    likes = split.train.likes()
    matrix = likes.matrix(data.n_items, np.ones(len(likes.items), dtype=np.float32))
    prior = fit_kshot(Episodes(matrix, matrix), k=50, shrinkage=20.0, form="users", rank=0, seed=0)

    def score_of(histories):
        seen = histories.matrix(data.n_items, np.ones(len(histories.items), dtype=np.float32))
        return prior.constant + prior.events.combine(seen)

    return data, split, likes, score_of


def mapped(side, titles, genres, items=None):
    frame = pl.DataFrame({"title": titles, "genres": genres}, schema={"title": pl.String, "genres": pl.String})
    return side.map_for(frame, np.arange(8, 8 + len(titles)) if items is None else items)


def test_the_very_text_of_a_known_item_borrows_most_from_it(side):
    for item in side.anchors:
        found = side.map_for(FILMS[[int(item)]], np.array([99]))
        assert side.anchors[int(np.argmax(found.weights[0]))] == item


def test_twins_in_text_score_alike(side):
    found = mapped(side, ["Alien 3 (1992)"] * 2, ["Horror|Sci-Fi"] * 2)
    scores = np.hstack([np.random.default_rng(0).random((5, 8)), np.zeros((5, 2))]).astype(np.float32)
    lent = found.lend(scores)
    assert np.allclose(lent[:, 8], lent[:, 9], atol=1e-6)


def test_a_new_western_is_for_those_who_like_westerns(side):
    found = mapped(side, ["The Big Country (1958)"], ["Western"])
    support = Histories.of([[0, 1], [2, 3]]).matrix(9)
    lent = found.lend(np.zeros((2, 9), dtype=np.float32), support)
    assert lent[0, 8] > lent[1, 8]


def test_what_is_not_borrowed_stays(side):
    scores = np.random.default_rng(1).random((3, 9)).astype(np.float32)
    lent = mapped(side, ["Alien 3"], ["Horror"]).lend(scores)
    assert np.array_equal(lent[:, :8], scores[:, :8])
    assert not np.array_equal(lent[:, 8], scores[:, 8])


def test_lending_is_linear_so_contributions_add_up(side):
    rng = np.random.default_rng(2)
    found = mapped(side, ["Alien 3 (1992)"], ["Horror|Sci-Fi"])
    rows = np.hstack([rng.normal(size=(3, 8)), np.zeros((3, 1))]).astype(np.float32)
    seen = sparse.csr_matrix(np.eye(3, 9, dtype=np.float32))
    whole = found.lend(rows.sum(axis=0, keepdims=True), sparse.csr_matrix(seen.sum(axis=0)))
    assert np.allclose(found.lend(rows, seen).sum(axis=0), whole[0], atol=1e-5)


def test_the_map_as_a_matrix_is_what_lend_does_without_events(side):
    found = mapped(side, ["Alien 3 (1992)", "Shane (1953)"], ["Horror|Sci-Fi", "Western"])
    scores = np.hstack([np.random.default_rng(3).random((4, 8)), np.zeros((4, 2))]).astype(np.float32)
    assert np.allclose(scores @ found.matrix(10).T.toarray(), found.lend(scores)[:, 8:], atol=1e-5)


def test_an_item_never_lends_to_itself(side):
    found = side.map_for(FILMS, np.arange(8))
    for place, item in enumerate(side.anchors):
        assert found.weights[item, place] == 0


def test_leaving_an_item_out_in_closed_form_is_leaving_it_out(side):
    target = 5
    without = PEOPLE.where(PEOPLE.items != target)
    smaller = ItemSide.fit(FILMS, without, 8, config=WITHOUT_MEANING)
    assert target not in smaller.anchors
    once = smaller.map_for(FILMS[[target]], np.array([target])).matrix(8).toarray()[0]
    found = side.map_for(FILMS[[target]], np.array([target]))
    closed = np.zeros(8)
    closed[found.anchors] = found.weights[0]
    # views were learned from all items both times, so the two must agree
    assert np.allclose(once, closed, atol=1e-4)


def test_more_events_mean_less_text():
    counts = [0, 1, 3, 10, 40]
    people = Histories.of([[item for item, count in enumerate(counts) if user < count] for user in range(40)])
    side = ItemSide.fit(FILMS[:5], people, 5, config=WITHOUT_MEANING)
    shares = side.map_for(FILMS[:5], np.arange(5)).shares
    assert shares[0] == 1
    assert (np.diff(shares) < 0).all()
    assert side.poor().tolist() == [0, 1, 2]
    assert side.poor(1.0).tolist() == [0]


@settings(deadline=None, max_examples=20)
@given(st.floats(0.5, 50), st.integers(0, 200))
def test_own_events_and_text_share_a_whole(text_events, n):
    people = Histories.of([[0, 1] for _ in range(n)] + [[1]])
    config = WITHOUT_MEANING.model_copy(update={"text_events": text_events})
    side = ItemSide.fit(FILMS[:2], people, 2, config=config)
    found = side.map_for(FILMS[[0]], np.array([0]))
    assert found.shares[0] == pytest.approx(text_events / (text_events + n), rel=1e-5)


def test_without_a_table_of_items_nothing_is_lent():
    side = ItemSide.fit(None, PEOPLE, 8)
    assert len(side.poor()) == 0
    found = side.map_for(pl.DataFrame({"title": ["Alien 3"]}), np.array([8]))
    assert found.lend(np.ones((2, 9), dtype=np.float32))[:, 8].tolist() == [0, 0]


@pytest.mark.parametrize("people", [Histories.of([]), Histories.of([[], []])])
def test_without_events_nothing_is_lent(people):
    side = ItemSide.fit(FILMS, people, 8, config=WITHOUT_MEANING)
    assert not side.map_for(FILMS, np.arange(8)).lend(np.zeros((1, 8), dtype=np.float32)).any()


def test_an_item_of_which_nothing_is_known_gets_nothing(side):
    found = side.map_for(pl.DataFrame({"colour": ["blue"]}), np.array([8]))
    assert not found.weights.any()


def test_odd_descriptions_are_read():
    titles = ["x" * 1_000_000, "", None, "مرحبا 🎬 (1999)", "<b>", "(2050)", "'\"", "a"]
    frame = FILMS.with_columns(
        pl.Series("title", titles), pl.Series("score", [1.0, None, float("nan"), float("inf"), -1, 0, 5, 2])
    )
    side = ItemSide.fit(frame, PEOPLE, 8, config=WITHOUT_MEANING)
    assert np.isfinite(side.map_for(frame, np.arange(8)).weights).all()


def test_frame_and_items_must_match(side):
    with pytest.raises(BadInput, match="8 and 1"):
        side.map_for(FILMS, np.array([1]))
    with pytest.raises(BadInput, match=re.escape("8; came: 3")):
        ItemSide.fit(FILMS[:3], PEOPLE, 8)


def test_large_maps_keep_the_strongest_anchors(side):
    small = replace(side, config=side.config.model_copy(update={"largest": 16}))
    full, cut = (one.map_for(FILMS, np.arange(8, 16)).weights for one in (side, small))
    kept = cut.toarray()
    assert (np.count_nonzero(kept, axis=1) <= 2).all()
    for row, whole in zip(kept, full, strict=True):
        assert np.abs(row).max() == pytest.approx(np.abs(whole).max(), rel=1e-5)


def test_fewer_anchors_are_those_with_most_events():
    side = ItemSide.fit(FILMS, PEOPLE, 8, config=ItemSideConfig(encoders=(), anchors=2))
    counts = np.bincount(PEOPLE.items, minlength=8)
    assert sorted(counts[side.anchors]) == sorted(counts)[-2:]


def test_saved_and_restored_maps_are_the_same(tmp_path):
    side = ItemSide.fit(FILMS, PEOPLE, 8)
    write_artefact(tmp_path / "model", *side.state())
    again = ItemSide.restore(*read_artefact(tmp_path / "model"))
    new = pl.DataFrame({"title": ["Alien 3 (1992)"], "genres": ["Horror"], "studio": ["C"]})
    first, second = (one.map_for(new, np.array([8])) for one in (side, again))
    assert np.array_equal(first.weights, second.weights)
    assert first.own == second.own
    assert again.poor().tolist() == side.poor().tolist()


def test_arrays_that_do_not_fit_are_refused(side):
    header, arrays = side.state()
    for name, wrong in (("item.anchors", arrays["item.anchors"][::-1]), ("item.0.data", arrays["item.0.data"][:-1])):
        with pytest.raises(BadModelFile):
            ItemSide.restore(header, arrays | {name: wrong})


def test_views_follow_kinds_and_ask_before_reading_what_was_told_to_be_ignored():
    told = {"studio": "ignore"}
    assert "studio" not in [view.column for view in find_views(FILMS, told, (), ())]
    assert "studio" in [view.column for view in find_views(FILMS, told, ("studio",), ())]


def test_meaning_is_left_out_where_the_package_is_absent(monkeypatch):
    def absent(*_, **_how):
        raise MissingExtra("wordllama", extra="text")

    monkeypatch.setattr(TextSpace, "fit", absent)
    assert not any(isinstance(view, MeaningView) for view in find_views(FILMS, {}, (), ("static",)))


def test_an_encoder_that_was_asked_for_by_name_must_be_there(monkeypatch):
    def absent(*_, **_how):
        raise MissingExtra("torch", extra="llm")

    monkeypatch.setattr(TextSpace, "fit", absent)
    with pytest.raises(MissingExtra, match="torch"):
        find_views(FILMS, {}, (), ("minilm",))


@pytest.mark.parametrize(
    "encoders",
    [("static",), *(pytest.param(names, marks=pytest.mark.llm) for names in (("minilm",), ("static", "smollm2")))],
)
@pytest.mark.parametrize("dimension", [None, 4])
def test_every_encoder_may_be_a_view_and_is_kept(encoders, dimension, tmp_path, monkeypatch):
    monkeypatch.setattr(text_cache, "cache_folder", lambda: tmp_path)
    text._opened.cache_clear()
    side = ItemSide.fit(FILMS, PEOPLE, 8, config=ItemSideConfig(trials=0, encoders=encoders, dimension=dimension))
    views = [view for view in side.views if isinstance(view, MeaningView)]
    assert tuple(view.space.encoder for view in views) == encoders
    assert dimension is None or all(view.space.space.dimension == dimension for view in views)
    write_artefact(tmp_path / "model", *side.state())
    again = ItemSide.restore(*read_artefact(tmp_path / "model"))
    new = pl.DataFrame({"title": ["Alien 3 (1992)"], "genres": ["Horror"], "studio": ["C"]})
    first, second = (one.map_for(new, np.array([8])).weights for one in (side, again))
    assert np.array_equal(first, second)
    assert side.anchors[int(np.argmax(first[0]))] in (2, 3)
    text._opened.cache_clear()


def test_encoders_may_be_named_in_one_line_and_must_be_known():
    assert MetaConfig.of(encoders="minilm, static").encoders == ("minilm", "static")
    with pytest.raises(BadConfig, match="oracle"):
        MetaConfig.of(encoders=("oracle",))


def test_the_recommender_hands_its_encoders_on():
    data = ws.load_dataset("movielens-small").take_users(np.arange(40))
    for encoders in ((), ("static",)):
        model = ws.MetaRecommender(encoders=encoders, tune=False, values=False).fit(data)
        side = model.learned.item_side
        assert side is not None
        assert side.config.encoders == encoders
        assert any(isinstance(view, MeaningView) for view in side.views) == bool(encoders)


def test_sides_from_before_there_were_encoders_still_load(side, tmp_path):
    header, arrays = ItemSide.fit(FILMS, PEOPLE, 8, config=ItemSideConfig(trials=0)).state()
    config = {name: value for name, value in header["config"].items() if name not in ("encoders", "dimension")}
    views = [{name: value for name, value in view.items() if name != "encoder"} for view in header["views"]]
    old = ItemSide.restore(header | {"config": config | {"meaning": True}, "views": views}, arrays)
    assert old.map_for(FILMS, np.arange(8)).weights.any()


def test_years_near_each_other_are_alike():
    view = NumberView.fit(FILMS["title"], "year")
    years = view.encode(pl.DataFrame({"title": ["a (1979)", "b (1980)", "c (1948)", "d"]}))
    alike = likeness(view, years, years)
    assert alike[0, 0] == 1 > alike[0, 1] > alike[0, 2] > alike[0, 3] == 0
    assert present(years).tolist() == [1, 1, 1, 0]


def test_labels_are_alike_by_what_they_share():
    view = LabelsView.fit(FILMS["genres"], multi=True)
    coded = view.encode(pl.DataFrame({"genres": ["Horror|Sci-Fi", "Sci-Fi", "Western", "Musical", None]}))
    alike = likeness(view, coded, coded)
    assert alike[0, 1] == pytest.approx(np.sqrt(0.5))
    assert alike[0, 2] == 0
    assert not alike[3:].any()


def test_the_year_of_a_title_is_no_word_of_it():
    assert "1948" not in WordsView.fit(FILMS["title"]).tfidf.words


def test_likeness_makes_a_solvable_system(side):
    system = side.likeness.system(side.parameters)
    assert np.allclose(system, system.T, atol=1e-6)
    assert np.linalg.eigvalsh(system).min() > 0


def test_the_search_ends_no_worse_than_it_began(world, monkeypatch):
    monkeypatch.setattr(item_exam, "MOST_ITEMS", 200)
    monkeypatch.setattr(item_exam, "MOST_USERS", 50)
    data, _, likes, score_of = world
    side = ItemSide.fit(data.items, likes, data.n_items, kinds=data.item_kinds, config=SMALL)
    exam = ItemExam.of(side.likeness, side.anchors, likes, data.n_items, score_of, Run(seed=0))
    assert exam is not None
    start = replace(side.parameters, own=side.parameters.own * exam.unit)
    found = search_items(exam, side.parameters, 10, Run(seed=0))
    assert exam.quality(found) >= exam.quality(start)
    assert found.lift >= 1
    assert found == search_items(exam, side.parameters, 10, Run(seed=0))


def test_too_little_to_search_on_keeps_the_first_parameters():
    side = ItemSide.fit(FILMS, PEOPLE, 8, score_of=lambda histories: np.zeros((len(histories), 8), dtype=np.float32))
    assert side.parameters == side.parameters.first(side.views)


def test_new_items_are_ranked_better_than_by_content(world):
    data, split, likes, score_of = world
    tasks = item_tasks(data, split, split.test)
    tasks = replace(tasks, support=tasks.support[:200], query=tasks.query[:200], users=tasks.users[:200])
    side = ItemSide.fit(data.items, likes, data.n_items, kinds=data.item_kinds, score_of=score_of, config=SMALL)
    support = likes[tasks.users]
    seen = support.matrix(data.n_items, np.ones(len(support.items), dtype=np.float32))
    ours = side.map_for(data.items[split.test], split.test).lend(score_of(support), seen)[:, split.test]
    content = ws.recommender("content", words=1.0).fit(split.train)
    theirs = content.scores_of_many(tasks.support, content.encode(None, None))[:, split.test]
    asked = tasks.query.matrix(data.n_items)[:, split.test].toarray() > 0
    assert recall(ours, asked) > 1.1 * recall(theirs, asked)
    assert recall(ours, asked) > 0.2


def recall(scores, asked, k=20):
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float((np.take_along_axis(asked, best, axis=1).sum(axis=1) / asked.sum(axis=1)).mean())


def test_an_empty_map_lends_nothing():
    empty = ItemMap(
        np.zeros(0, dtype=np.int64),
        np.arange(2),
        np.zeros((0, 2), dtype=np.float32),
        np.zeros(0, dtype=np.float32),
        0.0,
    )
    assert empty.lend(np.ones((1, 3), dtype=np.float32)).tolist() == [[1, 1, 1]]
