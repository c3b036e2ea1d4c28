"""A tenant's items: however they came they come to the same, and no answer waits for them on the loop."""

import asyncio
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving.shop import KINDS, shop_model
from warmstart.core.errors import BadInput
from warmstart.core.histories import Histories
from warmstart.representation.context import Context
from warmstart.serving import assortment as assortment_room
from warmstart.serving import assortments as room
from warmstart.serving.assortment import Assortment, check_items, item_table
from warmstart.serving.assortments import Unsettled, settled
from warmstart.serving.live import Live
from warmstart.serving.shelf import Served
from warmstart.serving.store import kept
from warmstart.serving.store.entries import ItemRow

NEW = [
    ItemRow(f"n{number}", {"title": f"The {KINDS[number % 3]} {number}", "genres": KINDS[number % 3]})
    for number in range(6)
]


@pytest.fixture(scope="module")
def bare():
    return Served("m", shop_model())


@pytest.fixture
def shop(model, tmp_path):
    live = Live.open(model, f"sqlite:///{tmp_path}/w.db")
    yield live.tenant()
    live.close()


def of_shop(shop):
    return shop.live.knowledge.assortments


def scores(found):
    model = found.model
    row = model.scores_of(Histories.of([[1, 4]]), Context())
    return {str(item): float(score) for item, score in zip(model.catalogue.item_ids, row, strict=True)}


def hidden_in(found):
    if found.available is None:
        return set()
    return {str(item) for item, shown in zip(found.model.catalogue.item_ids, found.available, strict=True) if not shown}


def ids(found):
    return {str(row.item_id) for row in found.items}


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["put", "hide", "drop", "retitle"]), st.integers(0, 5)), max_size=12))
def test_whatever_happened_to_items_they_come_to_what_they_are_now(bare, steps):
    rows, removed, found = dict[str, ItemRow](), set[str](), Assortment(bare)
    for version, (what, number) in enumerate(steps, 1):
        row = NEW[number]
        if what == "drop":
            rows.pop(row.item_id, None)
            removed.add(row.item_id)
        else:
            told = row.attributes | ({"title": f"The other {number}"} if what == "retitle" else {})
            rows[row.item_id] = ItemRow(row.item_id, told, what != "hide")
            removed.discard(row.item_id)
        found = found.of_items(sorted(rows.values(), key=lambda one: one.item_id), removed, version, bare)
    at_once = Assortment(bare).of_items(list(rows.values()), removed, 99, bare)
    assert scores(found) == pytest.approx(scores(at_once), abs=1e-6)
    for one in (found, at_once):
        assert hidden_in(one) == {row.item_id for row in rows.values() if not row.available}


def test_what_goes_out_of_stock_leaves_the_model_and_its_order_as_they_are(bare):
    first = Assortment(bare).of_items(NEW, [], 1, bare)
    hidden = [ItemRow(row.item_id, row.attributes, available=False) for row in NEW[:2]]
    second = first.of_items([*hidden, *NEW[2:], ItemRow("b7", {}, available=False)], [], 2, bare)
    assert second.model is first.model
    assert second.name == first.name
    assert second.items_version == 2
    assert second.available is not None
    assert np.flatnonzero(~second.available).size == 3
    third = second.of_items([*NEW, ItemRow("later", {"title": "Later"})], [], 3, bare)
    assert third.name != first.name
    assert third.model.catalogue.item_ids[: len(first.model.catalogue)] == first.model.catalogue.item_ids


def test_another_model_begins_anew(bare):
    first = Assortment(bare).of_items(NEW, [], 1, bare)
    other = Served("other", bare.model)
    assert first.of_items(NEW, [], 1, other).served.version == "other"
    assert scores(first.of_items(NEW, [], 1, other)) == scores(first)


def test_rows_without_end_of_columns_stay_a_small_table(monkeypatch):
    monkeypatch.setattr(assortment_room, "MOST_COLUMNS", 3)
    rows = [ItemRow(str(row), {f"x{row}": "a", "genres": "b", "year": row}) for row in range(4)]
    table = item_table([*rows, ItemRow("5", {"title": "Heat"})])
    assert set(table) == {"item_id", "title", "genres", "year"}
    assert table["title"] == [None] * 4 + ["Heat"]


def test_ids_that_the_model_cannot_have_are_refused_and_left_out(numbered, caplog):
    rows = [ItemRow(name, {"title": name}) for name in ("x", "0700", "700")]
    with pytest.raises(BadInput, match="whole number"):
        check_items(numbered.model, rows[:1])
    with pytest.raises(BadInput, match="0700"):
        check_items(numbered.model, rows[1:2])
    check_items(numbered.model, rows[2:])
    found = Assortment(numbered).of_items(rows, [], 1, numbered)
    assert list(found.added or ()) == ["700"]
    assert "2 items are left out" in caplog.text


@pytest.fixture
def numbered():
    import warmstart as ws

    events = {"user_id": [1, 1, 2, 2, 3], "item_id": [1, 2, 1, 3, 2]}
    items = {"item_id": [1, 2, 3], "title": ["Heat", "Alien", "Up"]}
    data = ws.Dataset.from_frames(events, items=items)
    return Served("n", ws.MetaRecommender(tune=False, values=False).fit(data))


class Held:
    """Keeps items from being read until it is let go."""

    def __init__(self, monkeypatch):
        self.free, self.asked, read = threading.Event(), 0, kept.items

        def items(*arguments):
            self.asked += 1
            assert self.free.wait(20)
            return read(*arguments)

        monkeypatch.setattr(kept, "items", items)


def test_the_loop_waits_for_nothing_and_never_shows_what_was_removed(shop, monkeypatch):
    shop.put_items([{"item_id": "old", "title": "The Old One", "genres": KINDS[1]}])
    assert "old" in ids(shop.recommend("ann", n=100))
    held = Held(monkeypatch)
    told = [ItemRow("new", {"title": "The New One", "genres": KINDS[1]}), ItemRow("b7", {}, available=False)]
    shop._write(lambda connection: kept.put_items(connection, shop.name, told))
    of_shop(shop).spare(threading.get_ident())
    with pytest.raises(Unsettled) as raised:
        shop.recommend("ann")
    with pytest.raises(Unsettled) as again:
        shop.recommend("ann")
    assert raised.value.build is again.value.build
    monkeypatch.setattr(room.Build, "patience", 0.0)
    meanwhile = ids(shop.recommend("ann", n=100))
    assert "old" in meanwhile
    assert not {"new", "b7"} & meanwhile
    shop.remove_items(["old"])
    assert "old" not in ids(shop.recommend("ann", n=100))
    assert held.asked == 1
    monkeypatch.undo()
    held.free.set()
    raised.value.build.done.result(20)
    found = ids(asyncio.run(settled(lambda: shop.recommend("ann", n=100))))
    assert "new" in found
    assert not {"old", "b7"} & found


def test_others_are_answered_while_one_waits(shop, monkeypatch):
    held = Held(monkeypatch)
    told = [ItemRow("new", {"title": "The New One", "genres": KINDS[1]})]
    shop._write(lambda connection: kept.put_items(connection, shop.name, told))
    other = shop.live.tenant("other")

    async def both():
        of_shop(shop).spare(threading.get_ident())
        waits = asyncio.ensure_future(settled(lambda: shop.recommend("ann", n=100)))
        await asyncio.sleep(0)
        assert other.recommend("bob").items
        assert not waits.done()
        held.free.set()
        return await asyncio.wait_for(waits, 20)

    assert "new" in ids(asyncio.run(both()))


def test_what_cannot_be_put_together_is_not_tried_at_every_answer(shop, monkeypatch, caplog):
    asked = []

    def items(*_):
        asked.append(1)
        raise MemoryError

    monkeypatch.setattr(kept, "items", items)
    assert shop.put_items([{"item_id": "new", "title": "The New One"}, {"item_id": "b7", "available": False}]) == 2
    for _ in range(3):
        assert not {"new", "b7"} & ids(shop.recommend("ann", n=100))
    assert len(asked) == 1
    assert "cannot be put together" in caplog.text
    monkeypatch.undo()
    monkeypatch.setattr(room, "TRIES_AGAIN_AFTER", 0.0)
    assert "new" in ids(shop.recommend("ann", n=100))


def test_every_process_takes_up_what_another_was_given(shop):
    with_same_store = Live(shop.live.shelf.present, shop.live.store)
    other = with_same_store.tenant(shop.name)
    assert "new" not in ids(other.recommend("ann", n=100))
    shop.put_items([{"item_id": "new", "title": "The New One", "genres": KINDS[1]}])
    assert "new" in ids(other.recommend("ann", n=100))
    shop.remove_items(["new"])
    assert "new" not in ids(other.recommend("ann", n=100))
