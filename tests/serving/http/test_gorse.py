"""Whoever comes from Gorse: the same requests, the same shapes."""

import httpx2
import pytest

from tests.serving.servers import served
from tests.serving.shop import taste_of
from warmstart.serving.http.settings import ServeConfig


@pytest.fixture(scope="module")
def http(model_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gorse")
    with (
        served(ServeConfig(model=str(model_folder), store=f"sqlite:///{folder}/w.db")) as address,
        httpx2.Client(base_url=address, timeout=20) as client,
    ):
        yield client


def feedback(item, who="bob", **more):
    return {"FeedbackType": "like", "UserId": who, "ItemId": f"b{item}", "Timestamp": "2026-01-02T03:04:05Z"} | more


def test_the_next_list_rests_on_the_feedback(http):
    assert http.post("/api/feedback", json=[feedback(1), feedback(4), feedback(7)]).json() == {"RowAffected": 3}
    found = http.get("/api/recommend/bob?n=5").json()
    assert [taste_of(int(item[1:])) for item in found] == [1] * 5
    assert http.get("/api/recommend/bob?n=3&offset=2").json() == found[2:]
    assert found == [row["item_id"] for row in http.get("/v1/users/bob/recommendations?n=5").json()["items"]]


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_feedback_that_is_sent_again_has_no_second_effect(http, method):
    sent = [feedback(2, f"ann {method}"), feedback(3, f"ann {method}", Comment="nice", Value=0.5)]
    assert http.request(method, "/api/feedback", json=sent).json() == {"RowAffected": 2}
    assert http.request(method, "/api/feedback", json=sent).json() == {"RowAffected": 0}
    assert len(http.get(f"/v1/users/ann%20{method}").json()["events"]) == 2


def test_neighbours_have_ids_and_scores(http):
    found = http.get("/api/item/b1/neighbors?n=4").json()
    assert [taste_of(int(row["Id"][1:])) for row in found] == [1] * 4
    assert all(isinstance(row["Score"], float) for row in found)


@pytest.mark.parametrize("body", [[], [{"UserId": "bob"}], [feedback(1, Timestamp="soon")], {"UserId": "bob"}])
def test_what_is_no_feedback_is_refused(http, body):
    answer = http.post("/api/feedback", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["faults"]
