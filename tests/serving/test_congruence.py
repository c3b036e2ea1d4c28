"""The engine in the same process and a server from afar are the same: every test runs on both, over both stores."""

from dataclasses import replace

import pytest

from tests.serving.shop import KINDS, like, taste_of, tastes
from warmstart.core.errors import BadInput, Conflict, NotFound, UnknownItem


def test_the_next_answer_rests_on_the_last_event(shop):
    before = shop.recommend("ann", n=5)
    assert (before.evidence, before.state_version) == ("prior", 0)
    for item in (1, 4, 7):
        said = shop.record([like(item)])
        after = shop.recommend("ann", n=5)
        assert after.state_version == said.state_version
        assert f"b{item}" not in {row.item_id for row in after.items}
        assert said.accepted == 1
        assert after.evidence == "few-shot"
    assert tastes(after) == [1] * 5


def test_scores_are_those_of_the_model(shop, model):
    shop.record([like(2, timestamp=1.0), {**like(3, timestamp=2.0), "type": "dislike"}])
    catalogue = model.catalogue
    profile = model.profile([("b2", catalogue.like_value), ("b3", catalogue.dislike_value)])
    found, wanted = shop.recommend("ann", n=8), profile.recommend(k=8)
    assert [row.item_id for row in found.items] == wanted.item_ids
    assert [row.score for row in found.items] == pytest.approx(wanted.scores.tolist(), abs=1e-6)
    assert [row.title for row in found.items] == wanted.titles


def test_a_retry_has_no_second_effect_and_the_first_answer(shop):
    event = like(1, event_id="e1")
    first, again = shop.record([event]), shop.record([event])
    assert (first.accepted, first.duplicates) == (1, 0)
    assert (again.accepted, again.duplicates) == (0, 1)
    assert again.state_version == first.state_version
    assert again.versions == first.versions


def test_the_same_id_with_another_body_is_refused(shop):
    shop.record([like(1, event_id="e1")])
    found = shop.record([like(2, event_id="e1"), like(3, event_id="e2")])
    assert (found.accepted, found.duplicates) == (1, 0)
    assert [(one.index, one.event_id) for one in found.rejected] == [(0, "e1")]
    assert "another body" in found.rejected[0].reason


def test_a_request_that_is_sent_again_under_its_key_is_answered_the_same(shop):
    events = [like(1, event_id="e1"), like(2, event_id="e2")]
    first = shop.record(events, idempotency_key="k1")
    again = shop.record(events, idempotency_key="k1")
    assert (again.accepted, again.duplicates, again.state_version) == (2, 0, first.state_version)
    with pytest.raises(Conflict, match="another body"):
        shop.record([like(3, event_id="e3")], idempotency_key="k1")
    assert len(shop.export("ann").events) == 2


def test_a_key_is_enough_for_events_without_ids(shop):
    asked = [like(1), like(2)]
    first, again = (shop.record(asked, idempotency_key="k") for _ in range(2))
    assert (first.accepted, again.accepted) == (2, 2)
    assert again.state_version == first.state_version
    assert len(shop.export("ann").events) == 2
    with pytest.raises(Conflict):
        shop.record([like(3)], idempotency_key="k")


def test_faulty_events_are_rejected_one_by_one_with_place_and_cure(shop):
    found = shop.record(
        [
            like(1, event_id="good"),
            {"item_id": "b1", "event_id": "nobody"},
            like(2, value="much", event_id="no number"),
            like(3, timestamp=1.9e12, event_id="milliseconds"),
            like(3, colour="red", event_id="unheard of"),
        ]
    )
    assert found.accepted == 1
    assert [one.index for one in found.rejected] == [1, 2, 3, 4]
    reasons = [one.reason for one in found.rejected]
    assert "either user_id or session_id" in reasons[0]
    assert reasons[1].startswith("value")
    assert "milliseconds" in reasons[2]
    assert reasons[3].startswith("colour")


def test_no_events_at_all_are_refused(shop):
    with pytest.raises(BadInput):
        shop.record([])


def test_unknown_items_are_kept_and_said(shop):
    found = shop.record([like(1), {"user_id": "ann", "item_id": "coming soon", "type": "like"}])
    assert found.accepted == 2
    assert found.unknown_items == ("coming soon",)


def test_undoing_an_event_returns_to_before(shop):
    shop.record([like(1, timestamp=1.0)])
    before = shop.recommend("ann")
    shop.record([like(2, event_id="slip", timestamp=2.0)])
    version = shop.undo("slip")
    after = shop.recommend("ann")
    assert after.state_version == version
    assert after.items == before.items
    with pytest.raises(NotFound):
        shop.undo("never")


def test_a_session_becomes_a_user(shop):
    shop.record([{"session_id": "s1", "item_id": "b1", "type": "like"}])
    anonymous = shop.recommend(session_id="s1")
    assert anonymous.evidence == "few-shot"
    version = shop.merge("ann", "s1")
    mine = shop.recommend("ann")
    assert mine.state_version == version
    assert mine.items == anonymous.items
    shop.record([{"session_id": "s1", "item_id": "b4", "type": "like"}])
    assert len(shop.export("ann").events) == 2
    assert shop.recommend(session_id="s1").items == shop.recommend("ann").items
    with pytest.raises(Conflict):
        shop.merge("bob", "s1")


def test_late_and_repeated_events_come_out_the_same(shop):
    stories = {"ann": [1, 2, 3], "bob": [3, 1, 2], "eve": [2, 3, 1, 2, 3]}
    for who, order in stories.items():
        for item in order:
            shop.record([like(item, who=who, timestamp=float(item), event_id=f"{who} {item}")])
    lists = [shop.recommend(who).items for who in stories]
    assert lists[0] == lists[1] == lists[2]


def test_what_is_known_of_a_user_speaks_before_any_event(shop):
    stranger = shop.recommend("ann", n=5)
    version = shop.describe("ann", {"town": "t2"})
    described = shop.recommend("ann", n=5)
    assert described.state_version == version
    assert described.items == shop.recommend_to(user={"town": "t2"}, n=5).items
    assert stranger.items == shop.recommend_to(n=5).items


def test_attributes_that_the_model_does_not_read_say_nothing(shop):
    shop.describe("ann", {"town": "t2", "shoe size": 43, "pets": ["cat"]})
    assert shop.recommend("ann", n=5).items == shop.recommend_to(user={"town": "t2"}, n=5).items
    shop.describe("ann", {"pets": {"cat": 1}})
    assert shop.recommend("ann", n=5).items == shop.recommend_to(n=5).items


def test_somebody_described_in_the_request_is_not_kept(shop):
    found = shop.recommend_to(history=["b0", ["b3", 5.0]], n=5)
    assert found.state_version == 0
    assert found.evidence == "few-shot"
    assert tastes(found) == [0] * 5
    with pytest.raises(UnknownItem, match="nowhere"):
        shop.recommend_to(history=["nowhere"])
    with pytest.raises(BadInput, match=r"history\[0\]"):
        shop.recommend_to(history=[{"item": "b0"}])


def test_an_explanation_adds_up(shop):
    shop.record([like(1, timestamp=1.0), like(4, timestamp=2.0)])
    top = shop.recommend("ann", n=1, explain=True).items[0]
    why = shop.explain("ann", top.item_id)
    assert why.reasons == top.reason
    assert why.score == pytest.approx(top.score, abs=1e-6)
    assert sum(part.amount for part in why.reasons) == pytest.approx(why.score, abs=1e-5)
    assert {part.item_id for part in why.reasons if part.kind == "event"} == {"b1", "b4"}
    with pytest.raises(UnknownItem):
        shop.explain("ann", "nowhere")


def test_similar_items_share_the_taste(shop):
    found = shop.similar("b2", n=5)
    assert tastes(found) == [2] * 5
    with pytest.raises(UnknownItem):
        shop.similar("nowhere")


def test_an_export_holds_everything_and_an_erasure_leaves_nothing(shop):
    stranger = shop.recommend("ann")
    shop.record([like(1, event_id="e1", timestamp=5.0, context={"page": "home"}), like(1, who="bob")])
    shop.describe("ann", {"town": "t1"})
    told = shop.export("ann")
    assert told.attributes == {"town": "t1"}
    assert [(one["event_id"], one["item_id"], one["timestamp"]) for one in told.events] == [("e1", "b1", 5.0)]
    assert told.events[0]["context"] == {"page": "home"}
    receipt = shop.erase("ann")
    assert (receipt.user_id, receipt.events, receipt.profiles) == ("ann", 1, 1)
    after = shop.recommend("ann")
    assert (after.items, after.evidence, after.state_version) == (stranger.items, "prior", 0)
    with pytest.raises(NotFound):
        shop.export("ann")
    assert len(shop.export("bob").events) == 1
    assert shop.erase("ann").events == 0


def test_a_new_item_is_recommended_at_once_from_its_title(shop):
    shop.record([like(1), like(4)])
    told = {"item_id": "new", "title": f"The {KINDS[1]} Number 99", "genres": KINDS[1]}
    assert shop.put_items([told, {"item_id": "b7", "available": False}]) == 2
    found = shop.recommend("ann", n=60)
    ids = [row.item_id for row in found.items]
    assert "new" in ids[: len(ids) // 2]
    assert "b7" not in ids
    shop.record([{"user_id": "ann", "item_id": "new", "type": "like"}])
    assert "new" not in {row.item_id for row in shop.recommend("ann", n=60).items}
    assert {row.item_id: row.available for row in shop.items()} == {"b7": False, "new": True}
    assert shop.item("new").attributes["genres"] == KINDS[1]
    assert shop.item("b1").attributes["title"].startswith("The")
    assert shop.put_items([{"item_id": "b7"}]) == 1
    assert "b7" in {row.item_id for row in shop.recommend("ann", n=60).items}


def test_what_is_removed_stays_away_until_it_is_put_again(shop):
    shop.put_items([{"item_id": "new", "title": "The New One", "genres": KINDS[1]}])
    assert shop.remove_items(["new", "b7", "never"]) == 2
    assert shop.remove_items(["new", "b7", "never"]) == 0
    assert not {"new", "b7"} & {row.item_id for row in shop.recommend("ann", n=60).items}
    assert shop.items() == []
    for name in ("new", "b7"):
        with pytest.raises(NotFound):
            shop.item(name)
    shop.put_items([{"item_id": "b7"}])
    assert "b7" in {row.item_id for row in shop.recommend("ann", n=60).items}
    assert shop.item("b7").available


def test_bad_items_are_refused_all_at_once_and_none_is_kept(shop):
    with pytest.raises(BadInput) as raised:
        shop.put_items([{"item_id": "x", "title": "fine"}, {"title": "no id"}, {"item_id": "y", "available": "maybe"}])
    assert "item_id" in str(raised.value)
    assert "available" in str(raised.value)
    assert shop.items() == []


def test_filters_narrow_and_never_leave_the_list_empty(shop):
    shop.put_items([{"item_id": f"b{item}", "genres": KINDS[taste_of(item)]} for item in range(60)])
    shop.record([like(1)])
    only = shop.recommend("ann", n=5, filter={"genres": ["Western"]})
    assert tastes(only) == [2] * 5
    assert only.fallback is None
    some = shop.recommend("ann", n=5, allow=["b3", "b5"], block=["b5"])
    assert [row.item_id for row in some.items] == ["b3"]
    assert shop.recommend("ann", n=5, allow=["b1"]).fallback == "seen"
    with pytest.raises(BadInput, match="Horror"):
        shop.recommend("ann", filter={"genres": ["Horrors"]})
    with pytest.raises(BadInput, match="colour"):
        shop.recommend("ann", filter={"colour": ["red"]})


def test_exploring_is_logged_with_its_propensity_and_can_be_rewarded(shop):
    shop.record([like(1)])
    found = shop.recommend("ann", n=5, explore="thompson")
    assert all(0 < row.propensity <= 1 for row in found.items)
    assert any(row.propensity < 1 for row in found.items)
    shop.reward(found.recommendation_id, 1.0)
    shop.reward(found.recommendation_id, 1.0)
    with pytest.raises(Conflict):
        shop.reward(found.recommendation_id, 0.0)
    with pytest.raises(NotFound):
        shop.reward("never", 1.0)
    [logged] = shop.export("ann").recommendations
    assert logged["items"] == [row.item_id for row in found.items]
    assert shop.erase("ann").recommendations == 1


@pytest.mark.parametrize(
    "ask", [{"n": 0}, {"n": 1001}, {"explore": "wildly"}, {"diversity": 2.0}, {"colour": "red"}, {"exclude_seen": 3}]
)
def test_a_wrong_wish_is_refused_naming_its_field(shop, ask):
    with pytest.raises(BadInput, match=next(iter(ask))):
        shop.recommend("ann", **ask)


@pytest.mark.parametrize("name", ["ann b", "a/b", "ä🎬", "100%", "a+b", "a?b#c", "x:merge", "مرحبا"])
def test_any_id_is_only_a_name(shop, name):
    said = shop.record([like(1, who=name, event_id=f"e {name}")])
    assert shop.recommend(name).state_version == said.state_version
    assert shop.explain(name, "b2").state_version == said.state_version
    assert len(shop.export(name).events) == 1
    assert shop.undo(f"e {name}") > said.state_version
    assert shop.erase(name).events == 1


def test_diversity_spreads_the_list(shop):
    shop.record([like(1), like(4)])
    assert len(set(tastes(shop.recommend("ann", n=6)))) == 1
    assert len(set(tastes(shop.recommend("ann", n=6, diversity=0.9)))) > 1


def test_lists_differ_only_in_name_and_time(shop):
    shop.record([like(1)])
    one, other = shop.recommend("ann"), shop.recommend("ann")
    assert one.recommendation_id != other.recommendation_id
    assert replace(one, recommendation_id="", took_ms=0.0) == replace(other, recommendation_id="", took_ms=0.0)


def ids(found):
    return [row.item_id for row in found.items]


def test_a_list_goes_on_page_by_page_whatever_was_done_since(shop):
    shop.record([like(1), like(4)])
    whole, page = ids(shop.recommend("ann", n=9)), shop.recommend("ann", n=3)
    first, version = ids(page), page.state_version
    shop.record([like(whole[4][1:]), like(whole[8][1:])])
    page = shop.recommend("ann", n=3, after=page.recommendation_id)
    second = ids(page)
    third = ids(shop.recommend("ann", n=3, after=page.recommendation_id))
    assert page.state_version == version
    assert [*first, *second, *third][:7] == [item for item in whole if item not in {whole[4], whole[8]}]
    assert len({*first, *second, *third}) == 9


def test_pages_of_a_stranger_and_of_somebody_described_make_up_the_list(shop):
    for ask in (
        lambda **more: shop.recommend("nobody", **more),
        lambda **more: shop.recommend_to(history=["b1"], **more),
    ):
        first = ask(n=4)
        second = ask(n=4, after=first.recommendation_id)
        third = ask(n=4, after=second.recommendation_id)
        assert ids(first) + ids(second) + ids(third) == ids(ask(n=12))


def test_pages_end(shop, model):
    page = shop.recommend("ann", n=1000)
    assert len(page) == len(model.catalogue)
    with pytest.raises(BadInput, match="ends after 1000"):
        shop.recommend("ann", n=5, after=page.recommendation_id)
    short = shop.recommend("ann", n=5, allow=["b1", "b2"])
    assert ids(shop.recommend("ann", n=5, allow=["b1", "b2"], after=short.recommendation_id)) == []


@pytest.mark.parametrize("ask", [{"after": "page 2"}, {"after": "0" * 32}, {"scenario": "nowhere"}])
def test_pages_and_scenarios_that_are_not_there_are_refused(shop, ask):
    with pytest.raises(BadInput, match=next(iter(ask))):
        shop.recommend("ann", **ask)


def test_what_was_left_to_chance_has_no_next_page(shop):
    page = shop.recommend("ann", n=3)
    with pytest.raises(BadInput, match="chance"):
        shop.recommend("ann", n=3, explore="thompson", after=page.recommendation_id)


def test_a_scenario_chooses_in_its_own_way(shop):
    shop.record([like(1), like(4), like(7)])
    assert ids(shop.recommend("ann", n=6, scenario="varied")) == ids(shop.recommend("ann", n=6, diversity=1.0))
    assert ids(shop.recommend("ann", n=6, scenario="varied")) != ids(shop.recommend("ann", n=6))


def test_whoever_is_in_an_experiment_stays_in_her_arm(shop):
    arms: dict[str, set[tuple[str, ...]]] = {"usual": set(), "varied": set()}
    for number in range(12):
        name = f"user{number}"
        shop.record([like(1, name), like(4, name), like(7, name)])
        found = [shop.recommend(name, n=6, scenario="trial") for _ in range(2)]
        assert found[0].experiment == found[1].experiment
        arms[found[0].experiment.arm].add(tuple(ids(found[0])))
        assert found[0].experiment.key == "bolder"
        assert shop.recommend(name).experiment is None
    assert all(arms.values())
    assert arms["usual"].isdisjoint(arms["varied"])
