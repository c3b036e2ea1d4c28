"""What only HTTP has: problems, limits, keys, headers, metrics, health."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx2
import pytest

import warmstart as ws
from tests.serving.servers import served
from warmstart.core.errors import NotAllowed
from warmstart.serving.http.access import new_key
from warmstart.serving.http.crowd import Crowd
from warmstart.serving.http.gate import LARGEST_BODY
from warmstart.serving.http.settings import ServeConfig
from warmstart.serving.store import kept
from warmstart.serving.store.store import Store

EVENT = {"event_id": "e1", "user_id": "ann", "item_id": "b1", "type": "like"}


def config_of(folder, tmp_path, **more):
    return ServeConfig(model=str(folder), store=f"sqlite:///{tmp_path}/w.db", **more)


def make_keys(config, **roles):
    """Make a key for each name, given as (tenant, role)."""
    store = Store.open(config.store)
    made = {name: new_key(tenant, role, name) for name, (tenant, role) in roles.items()}
    for _, key in made.values():
        store.write(partial(kept.add_key, key=key)).result(10)
    store.close()
    return {name: text for name, (text, _) in made.items()}


@pytest.fixture(scope="module")
def open_server(model_folder, tmp_path_factory):
    with served(config_of(model_folder, tmp_path_factory.mktemp("open"))) as address:
        yield address


@pytest.fixture
def http(open_server):
    with httpx2.Client(base_url=open_server, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def guarded(model_folder, tmp_path_factory):
    """A server with keys of every role for two tenants."""
    config = config_of(model_folder, tmp_path_factory.mktemp("guarded"))
    roles = {f"{tenant} {role}": (tenant, role) for tenant in ("red", "blue") for role in ("read", "write", "admin")}
    keys = make_keys(config, **roles)
    with served(config) as address:
        yield address, keys


def check_problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    assert told["request_id"] == answer.headers["x-request-id"]
    return told["detail"]


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ("{", 400, "no JSON"),
        ("3", 422, "an event, or a list"),
        ("[]", 422, "1 to 1000 events"),
        (json.dumps([EVENT] * 1001), 422, "1 to 1000 events"),
        (json.dumps({"user_id": "ann"}), 422, "item_id: Field required"),
        (json.dumps(EVENT | {"session_id": "s"}), 422, "either user_id or session_id"),
        (json.dumps(EVENT | {"user_id": "a\x00b"}), 422, "control characters"),
        (json.dumps(EVENT | {"user_id": ""}), 422, "user_id"),
        (json.dumps(EVENT | {"user_id": "x" * 257}), 422, "user_id"),
        (json.dumps(EVENT | {"value": "high"}), 422, "value"),
        (json.dumps(EVENT | {"context": {"a": "x" * 5000}}), 422, "context"),
        (json.dumps(EVENT | {"timestamp": -1}), 422, "timestamp"),
    ],
)
def test_bodies_that_are_no_events_are_refused_with_the_cure(http, body, status, detail):
    answer = http.post("/v1/events", content=body, headers={"content-type": "application/json"})
    assert detail in check_problem(answer, status)


def test_one_event_a_list_and_an_object_of_events_are_taken(http):
    for number, body in enumerate([EVENT, [EVENT], {"events": [EVENT]}]):
        told = http.post("/v1/events", json=body).json()
        assert (told["accepted"], told["duplicates"]) == ((1, 0) if number == 0 else (0, 1))


def test_a_body_beyond_the_limit_is_refused(http):
    answer = http.post("/v1/events", content=b" " * (LARGEST_BODY + 1))
    assert "bytes" in check_problem(answer, 413)

    def drops():
        for _ in range(LARGEST_BODY // 65_536 + 2):
            yield b" " * 65_536

    check_problem(http.post("/v1/recommendations", content=drops()), 413)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("PATCH", "/v1/events", 405),
        ("GET", "/v1/users/ann/recommendations?n=0", 422),
        ("GET", "/v1/users/ann/recommendations?filter=genres", 422),
        ("GET", "/v1/users/ann/recommendations?allow=nowhere", 404),
        ("GET", f"/v1/users/{'x' * 257}/recommendations", 422),
        ("GET", "/v1/users/a%00b/recommendations", 422),
        ("GET", "/v1/users/nobody", 404),
        ("GET", "/v1/items/nowhere/similar", 404),
        ("DELETE", "/v1/events/never", 404),
        ("POST", "/v1/models/never:activate", 404),
    ],
)
def test_whatever_goes_wrong_is_a_problem(http, method, path, status):
    check_problem(http.request(method, path), status)


def test_a_request_keeps_its_id_and_a_bad_one_is_replaced(http):
    assert http.get("/health/live", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert re.fullmatch(
        "[0-9a-f]{32}", http.get("/health/live", headers={"x-request-id": "a b"}).headers["x-request-id"]
    )


def test_health_tells_the_model(http, model):
    assert http.get("/health/live").json() == {"status": "alive"}
    told = http.get("/health/ready").json()
    assert told["status"] == "ready"
    assert told["model_version"] == http.get("/v1/users/x/recommendations").json()["model_version"]


def test_metrics_count_what_happens_without_naming_anybody(http):
    http.post("/v1/events", json=EVENT | {"event_id": "canary-event", "user_id": "canary-user"})
    http.get("/v1/users/canary-user/recommendations")
    text = http.get("/metrics").text
    for name in ("request_seconds", "events_total", "event_to_visible_seconds", "recommendations_total", "model_info"):
        assert f"warmstart_{name}" in text
    assert "canary" not in text


def test_an_idempotency_key_answers_a_retry_as_the_first_time(http):
    headers = {"idempotency-key": "retry-1"}
    first, again = (http.post("/v1/events", json=EVENT | {"event_id": "once"}, headers=headers) for _ in range(2))
    assert first.json()["accepted"] == again.json()["accepted"] == 1
    other = http.post("/v1/events", json=EVENT | {"event_id": "other"}, headers=headers)
    assert "another body" in check_problem(other, 422)


def test_one_event_sent_many_times_at_once_has_one_effect(open_server):
    def post(_):
        return httpx2.post(f"{open_server}/v1/events", json=EVENT | {"event_id": "rush", "user_id": "rush"}).json()

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(post, range(24)))
    assert sum(one["accepted"] for one in told) == 1
    assert sum(one["duplicates"] for one in told) == 23
    assert len({one["state_version"] for one in told}) == 1


def test_without_a_key_nobody_comes_in(guarded):
    address, _ = guarded
    for headers in ({}, {"authorization": "Bearer ws_1_2"}, {"x-api-key": "nonsense"}, {"authorization": "Basic x"}):
        answer = httpx2.get(f"{address}/v1/users/ann/recommendations", headers=headers)
        check_problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
    assert httpx2.get(f"{address}/health/live").status_code == 200
    assert httpx2.get(f"{address}/health/ready").status_code == 200
    check_problem(httpx2.get(f"{address}/metrics"), 401)
    with pytest.raises(NotAllowed), ws.connect(address) as client:
        client.recommend("ann")


def test_tenants_never_meet(guarded):
    address, keys = guarded
    with ws.connect(address, keys["red write"]) as red, ws.connect(address, keys["blue write"]) as blue:
        red.record([EVENT])
        red.put_items([{"item_id": "secret", "title": "The Comedy of red"}])
        assert blue.recommend("ann").evidence == "prior"
        assert blue.items() == []
        assert blue.record([EVENT]).accepted == 1
        blue.erase("ann")
        assert red.recommend("ann").evidence == "few-shot"


def test_a_revoked_key_opens_nothing_and_a_new_one_does(model_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("warmstart.serving.http.access.SECONDS_BETWEEN_READS", 0.0)
    config = config_of(model_folder, tmp_path)
    keys = make_keys(config, first=("red", "write"))
    with served(config) as address, ws.connect(address, keys["first"]) as client:
        assert client.recommend("ann").items
        keys |= make_keys(config, second=("red", "read"))
        store = Store.open(config.store)
        store.write(lambda connection: kept.revoke_key(connection, keys["first"].split("_")[1])).result(10)
        store.close()
        with pytest.raises(NotAllowed):
            client.recommend("ann")
        with ws.connect(address, keys["second"]) as other:
            assert other.recommend("ann").items


def test_more_than_the_rate_is_refused_with_the_time_to_wait(model_folder, tmp_path):
    config = config_of(model_folder, tmp_path, rate=2.0)
    keys = make_keys(config, fast=("red", "read"), other=("red", "read"))
    with served(config) as address:
        headers = {"x-api-key": keys["fast"]}
        answers = [httpx2.get(f"{address}/v1/users/a/recommendations", headers=headers) for _ in range(8)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert answers[0].headers["ratelimit-limit"] == "4"
        assert refused
        assert int(refused[-1].headers["retry-after"]) >= 1
        check_problem(refused[-1], 429)
        other = httpx2.get(f"{address}/v1/users/a/recommendations", headers={"x-api-key": keys["other"]})
        assert other.status_code == 200


def test_whoever_is_too_many_is_told_so_in_the_form_of_all_problems(http, monkeypatch):
    monkeypatch.setattr(Crowd, "lets_in", lambda _self: False)
    answer = http.get("/v1/users/a/recommendations", headers={"x-request-id": "mine-1"})
    assert "More is asked" in check_problem(answer, 503)
    assert answer.json()["request_id"] == "mine-1"
    assert int(answer.headers["retry-after"]) >= 1


def test_what_is_kept_of_a_key_is_not_the_key(model_folder, tmp_path):
    config = config_of(model_folder, tmp_path)
    [text] = make_keys(config, one=("red", "read")).values()
    secret = text.split("_")[2].encode()
    assert all(secret not in file.read_bytes() for file in tmp_path.iterdir())


def roles_of(document):
    """Every operation of the document, but for those that tell nothing of anybody."""
    for path, operations in document["paths"].items():
        for method in operations:
            if not path.startswith("/health"):
                yield method.upper(), path


def test_every_operation_asks_for_its_role_and_no_other_opens_it(guarded):
    """The matrix of operations and roles: who may less is refused, and who may more is not."""
    address, keys = guarded
    document = httpx2.get(f"{address}/openapi.json").json()
    needed = {}
    for method, path in roles_of(document):
        real = re.sub(r"\{\w+\}", "nobody", path)
        statuses = {}
        for role in ("read", "write", "admin"):
            answer = httpx2.request(method, f"{address}{real}", headers={"x-api-key": keys[f"red {role}"]}, json=[])
            statuses[role] = answer.status_code
        check_problem(httpx2.request(method, f"{address}{real}", json=[]), 401)
        allowed = [role for role, status in statuses.items() if status != 403]
        assert allowed in (["read", "write", "admin"], ["write", "admin"], ["admin"]), (method, path, statuses)
        assert all(status < 500 for status in statuses.values()), (method, path, statuses)
        needed[f"{method} {path}"] = allowed[0]
    for name, role in needed.items():
        method = name.split()[0]
        asks = "/recommend" in name or "/rank" in name
        wanted = (
            "admin" if "/models" in name else "read" if method == "GET" or (asks and "reward" not in name) else "write"
        )
        assert role == wanted, name
