"""A person as a page shows her: reasons that add up, moves that are true, and events that are her own."""

import pytest

from warmstart.core.errors import NotFound
from warmstart.serving.console.person import events_of, forget, view_of
from warmstart.serving.console.search import Finder
from warmstart.serving.console.timeline import lines_of
from warmstart.serving.store.entries import session, user

ANN = session("ann")


@pytest.fixture
def tenant(sqlite_live):
    return sqlite_live.tenant("red")


def like(tenant, number, kind="like", **more):
    event = {"event_id": f"e{number}-{kind}", "session_id": "ann", "item_id": f"b{number}", "type": kind, **more}
    assert tenant.record([event]).accepted == 1
    return event["event_id"]


def test_a_stranger_sees_what_everybody_likes_and_nothing_of_her_own(tenant):
    view = view_of(tenant, ANN)
    assert [row.rank for row in view.rows] == list(range(1, 11))
    assert all(row.prior == pytest.approx(row.score, abs=1e-5) and not row.why for row in view.rows)
    assert all(row.bar[1] == 0 for row in view.rows)
    assert view.said == ()


def test_a_list_is_the_engines_own(tenant):
    like(tenant, 3)
    shown = tenant.recommend(session_id="ann", n=10, explore="off")
    assert [row.item_id for row in view_of(tenant, ANN).rows] == [str(item.item_id) for item in shown.items]


def test_reasons_name_the_event_to_forget(tenant):
    event_id = like(tenant, 3)
    whys = [why for row in view_of(tenant, ANN).rows for why in row.why]
    assert whys
    assert {why.event_id for why in whys} == {event_id}
    assert any(why.words == "because you liked The Comedy Number 3" and why.amount > 0 for why in whys)


def test_moves_tell_where_each_row_stood(tenant):
    before = view_of(tenant, ANN)
    assert not before.moved
    assert {row.move for row in before.after(before).rows} == {0}
    like(tenant, 3)
    after = view_of(tenant, ANN).after(before)
    places = {row.item_id: row.rank for row in before.rows}
    for row in after.rows:
        was = None if row.move is None else row.rank + row.move
        assert was == places.get(row.item_id)


def test_the_news_say_what_was_done_and_what_came_of_it(tenant):
    before = view_of(tenant, ANN)
    event_id = like(tenant, 3)
    liked = view_of(tenant, ANN)
    assert liked.news(before).startswith("You liked The Comedy Number 3. ")
    forget(tenant, ANN, event_id)
    back = view_of(tenant, ANN)
    assert back.news(liked).startswith("Forgotten that you liked The Comedy Number 3. ")
    assert [row.item_id for row in back.rows] == [row.item_id for row in before.rows]


def test_nobody_forgets_for_another(tenant):
    event_id = like(tenant, 3)
    with pytest.raises(NotFound):
        forget(tenant, session("bob"), event_id)
    assert len(events_of(tenant, ANN)) == 1


def test_a_session_that_became_a_user_shows_her_events(tenant):
    like(tenant, 3)
    tenant.merge("ann", "ann")
    assert [event.item_id for event in events_of(tenant, ANN)] == ["b3"]


def test_the_timeline_says_which_events_count_and_how_much(tenant):
    tenant.record(
        [
            {"event_id": name, "user_id": "ann", "item_id": item, "type": kind, "timestamp": at}
            for name, item, kind, at in (
                ("1", "b1", "like", 10.0),
                ("2", "b1", "view", 20.0),
                ("3", "b2", "view", 30.0),
                ("4", "b3", "like", 40.0),
                ("5", "b4", "impression", 50.0),
                ("6", "unheard", "like", 60.0),
            )
        ]
    )
    tenant.undo("4")
    lines, total = lines_of(tenant, user("ann"), tenant.known(user("ann")))
    assert total == 6
    assert [line.event_id for line in lines] == ["6", "5", "4", "3", "2", "1"]
    counting = {line.event_id: line.weight for line in lines if line.weight}
    assert counting == {"1": 1.0, "3": pytest.approx(0.3)}
    assert {line.event_id: line.note for line in lines if line.undone} == {"4": "forgotten"}
    assert next(line for line in lines if line.event_id == "6").note == "not in the catalogue (yet)"


def test_titles_are_found_as_they_are_typed_and_offered_without_repeats(model):
    finder = Finder(model)
    assert finder.find("") == []
    assert finder.find("qqqqqqqq") == []
    assert {hit.item_id for hit in finder.find("comedy number 3", 1)} == {"b3"}
    assert "The Western Number 2" in {hit.title for hit in finder.find("westren nubmer 2")}
    offered = [hit.item_id for start in (0, 12, 24, 36, 48) for hit in finder.well_known(start, 12)]
    assert sorted(offered) == sorted(map(str, model.catalogue.item_ids))
