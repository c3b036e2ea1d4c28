"""The wire to a server: patience, faults, costs and secrets, against replies that a loopback server plays."""

import json
import logging
import math
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import numpy as np
import pytest

from tests.representation.servers import Reply, language_server, likelihood
from warmstart.core.errors import BadConfig, BadInput, ModelUnavailable, NotAllowed, Unsupported
from warmstart.representation import remote_wire
from warmstart.representation.remote_model import RemoteModel

SECRET = "sk-very-secret-0123456789"
GOOD = json.dumps({"choices": [{"message": {"content": "well"}, "finish_reason": "stop"}], "usage": None})


@pytest.fixture
def server():
    with language_server() as running:
        yield running


@pytest.fixture
def opened(server, monkeypatch):
    """Return what opens a model of the server; nobody waits long here."""
    monkeypatch.setattr(remote_wire, "FIRST_PAUSE", 0.01)
    models = []

    def open_one(**settings):
        models.append(RemoteModel(f"{server.url}#toy", **settings))
        return models[-1]

    yield open_one
    for model in models:
        model.close()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_an_overloaded_server_is_asked_again(server, opened, status):
    server.replies += [Reply(status), Reply(status), Reply(200, GOOD)]
    model = opened()
    assert model.generate(["a"])[0].text == "well"
    assert (model.spent.requests, model.spent.retries) == (3, 2)


def test_it_waits_as_long_as_the_server_asks(server, opened, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(remote_wire, "sleep", slept.append)
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    for told in ("7", soon, "900", "nan", "tomorrow", "-1"):
        server.replies += [Reply(503, headers={"retry-after": told}), Reply(200, GOOD)]
        opened().generate(["a"])
    assert slept[0] == 7
    assert 15 < slept[1] <= 20
    assert slept[2] == 30
    assert slept[3] < 1 > slept[4]
    assert slept[5] == 0


def test_pauses_grow_and_the_last_try_says_why(server, opened, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(remote_wire, "sleep", slept.append)
    server.replies += [Reply(429, json.dumps({"error": {"message": "too many"}}))] * 5
    with pytest.raises(ModelUnavailable, match="after 5 tries: 429 too many"):
        opened(tries=5).generate(["a"])
    assert len(slept) == 4
    assert all(later > earlier / 2 for earlier, later in pairwise(slept))


def test_a_server_that_is_not_there(opened):
    with RemoteModel("http://127.0.0.1:9/v1#toy", tries=2) as model, pytest.raises(ModelUnavailable, match="2 tries"):
        model.embed(["a"])


@pytest.mark.parametrize("body", ["", "{", "[]", '"text"', "null", "<html>"])
def test_broken_json_is_asked_for_again_and_then_said(server, opened, body):
    server.replies += [Reply(200, body), Reply(200, GOOD)]
    assert opened().generate(["a"])[0].text == "well"
    server.replies += [Reply(200, body)] * 2
    with pytest.raises(ModelUnavailable, match="no JSON"):
        opened(tries=2).generate(["a"])


@pytest.mark.parametrize("found", [{}, {"choices": []}, {"choices": None}, {"data": []}, {"data": [{"index": 0}]}])
def test_what_is_not_as_agreed_is_said(server, opened, found):
    model = opened()
    for ask in (lambda: model.generate(["a"]), lambda: model.embed(["a"]), lambda: model.log_probability(["a"], ["b"])):
        server.replies.append(Reply(200, json.dumps(found)))
        with pytest.raises(ModelUnavailable, match="not as agreed"):
            ask()


def test_vectors_that_are_none_are_refused(server, opened):
    for rows in ([[1.0], [1.0, 2.0]], [[1.0], [math.nan]], [[1.0], ["x"]]):
        data = [{"index": place, "embedding": row} for place, row in enumerate(rows)]
        server.replies.append(Reply(200, json.dumps({"data": data})))
        with pytest.raises(ModelUnavailable, match="not as agreed"):
            opened().embed(["a", "b"])


def test_a_slow_server_is_left_after_the_timeout(server, opened):
    server.replies += [Reply(200, GOOD, delay=1.5)] * 2
    with pytest.raises(ModelUnavailable, match="Timeout"):
        opened(timeout=0.1, tries=2).generate(["a"])


def test_a_deadline_gives_what_was_written_by_then(server, opened):
    server.delay = 0.1
    model, begun = opened(concurrency=2), time.monotonic()
    found = model.generate(["Tell a tale"] * 4, max_tokens=12, deadline=0.65)
    assert time.monotonic() - begun < 3
    assert {one.ended for one in found} == {"deadline"}
    assert any(one.text and one.tokens_out < 12 for one in found)


def test_a_deadline_is_shorter_than_any_pause(server, opened):
    server.replies += [Reply(503, headers={"retry-after": "20"})] * 2
    begun = time.monotonic()
    assert opened().generate(["a"], deadline=0.5)[0].ended == "deadline"
    server.replies[:] = [Reply(200, GOOD, delay=1)]
    assert list(opened().stream("a", deadline=0.2)) == []
    assert time.monotonic() - begun < 3


def test_pieces_come_as_they_are_written(server, opened):
    server.delay = 0.05
    pieces = opened().stream("Tell a tale", max_tokens=12)
    first = next(pieces)
    assert len(first) < 12
    pieces.close()


@pytest.mark.parametrize(
    "body",
    [
        'data: {"choices": [{"delta": {"content": "half"}}]}\n\n',
        'data: {"choices": [{"delta": {"content": "half"}}]}\n\ndata: {"cho\n\n',
        'data: {"choices": [{"delta": {"content": "half"}}]}\n\ndata: {"error": {"message": "out of memory"}}\n\n',
    ],
)
def test_a_stream_that_breaks_off_is_no_answer(server, opened, body):
    server.replies.append(Reply(200, body))
    model, heard = opened(), []
    with pytest.raises(ModelUnavailable, match="broke off"):
        heard.extend(model.stream("a"))
    server.replies.append(Reply(200, body))
    with pytest.raises(ModelUnavailable, match="broke off"):
        model.generate(["a"], deadline=5.0)


def test_a_server_without_stop_strings_is_cut_here(server, opened):
    server.replies.append(Reply(200, GOOD.replace("well", "one END two")))
    assert opened().generate(["a"], stop=["END"])[0].text == "one "


def test_many_are_asked_at_once_but_no_more_than_told(server, opened):
    server.delay = 0.02
    opened(concurrency=3).generate([f"prompt {place}" for place in range(9)], max_tokens=2)
    assert 1 < server.most_at_once <= 3


def test_texts_are_embedded_in_portions_and_order_is_kept(server, opened):
    texts = [f"text {place}" for place in range(10)]
    whole, portions = opened().embed(texts), opened(batch=3).embed(texts)
    np.testing.assert_array_equal(whole, portions)
    assert len(server.asked) == 5


def test_cost_is_what_the_tokens_cost(opened):
    model = opened(price_in=2.0, price_out=10.0)
    found = model.generate(["one two three", "four"], max_tokens=3)
    assert model.spent.tokens_in == sum(one.tokens_in for one in found) == 4
    assert model.spent.tokens_out == 6
    assert model.spent.cost == pytest.approx((4 * 2 + 6 * 10) / 1e6)


def test_probabilities_are_those_of_the_continuation_alone(opened):
    prompt, then = "The ship went", " to sea"
    want = likelihood(prompt, " to") + likelihood(f"{prompt} to", " sea")
    assert opened().log_probability([prompt], [then])[0] == pytest.approx(want)


def test_what_a_server_does_not_offer_is_said(server, opened):
    server.without = ("logprobs", "/tokenize", "/v1/embeddings")
    model = opened()
    with pytest.raises(Unsupported, match="how likely"):
        model.log_probability(["a"], [" b"])
    with pytest.raises(Unsupported, match="404 not here"):
        model.count_tokens(["a"])
    with pytest.raises(Unsupported, match="/embeddings"):
        model.embed(["a"])


@pytest.mark.parametrize(("status", "kind"), [(401, NotAllowed), (403, NotAllowed), (400, BadInput), (422, BadInput)])
def test_a_refusal_is_not_tried_again(server, opened, status, kind):
    server.replies += [Reply(status, json.dumps({"error": "no"}))]
    model = opened()
    with pytest.raises(kind, match=f"{status} no"):
        model.generate(["a"])
    assert model.spent.requests == 1


def test_a_redirection_is_not_followed(server, opened):
    server.replies += [Reply(302, headers={"location": "http://127.0.0.1:9/"})]
    with pytest.raises(BadInput, match="302"):
        opened().generate(["a"])


def test_the_key_comes_from_the_environment_and_is_told_to_nobody_else(server, opened, monkeypatch, caplog):
    monkeypatch.setenv("WARMSTART_LLM_KEY", f" {SECRET}\n")
    model = opened()
    with caplog.at_level(logging.DEBUG):
        model.generate(["a"])
        server.replies += [Reply(503, f"key {SECRET}"), Reply(401, f"Incorrect key: {SECRET}")]
        with pytest.raises(NotAllowed) as caught:
            model.generate(["a"])
    assert server.asked[0][1]["Authorization"] == f"Bearer {SECRET}"
    told = [repr(model), str(vars(model)), model.name, str(caught.value), repr(model.config), caplog.text]
    assert not [text for text in told if SECRET in text]


@pytest.mark.parametrize("key", ["sk-\nInjected: header", "sk-\u00fc", "sk-\x07"])
def test_a_key_that_is_none_is_refused_without_saying_it(opened, monkeypatch, key):
    monkeypatch.setenv("WARMSTART_LLM_KEY", key)
    with pytest.raises(NotAllowed) as caught:
        opened().generate(["a"])
    assert key not in str(caught.value)


def test_without_a_key_none_is_sent(server, opened, monkeypatch):
    monkeypatch.delenv("WARMSTART_LLM_KEY", raising=False)
    opened().embed(["a"])
    assert "Authorization" not in server.asked[0][1]


def test_another_variable_may_hold_the_key(server, opened, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "other")
    opened(key_variable="SHOP_KEY").embed(["a"])
    assert server.asked[0][1]["Authorization"] == "Bearer other"


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1/v1", "ftp://host/v1#m", "http://#m", "http://me:pw@host/v1#m", "http://host/v1?key=x#m"],
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused(address):
    with pytest.raises(BadInput) as caught:
        RemoteModel(address)
    assert "pw" not in str(caught.value)


def test_settings_are_checked():
    with pytest.raises(BadConfig, match="patience"):
        RemoteModel("http://127.0.0.1/v1#m", patience=1)
    with pytest.raises(BadConfig, match="tries"):
        RemoteModel("http://127.0.0.1/v1#m", tries=0)
