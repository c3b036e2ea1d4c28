"""Searches, tastes and texts over HTTP: problems, tenants, and a document that tells the truth."""

import asyncio
from urllib.parse import quote

import httpx2
import pytest

import warmstart as ws
from tests.serving.http.test_http import check_problem, config_of, make_keys
from tests.serving.servers import served
from tests.serving.shop import like, shop_data
from warmstart.core.errors import UnknownItem
from warmstart.explanation.writer import describe
from warmstart.recommenders.table import recommender
from warmstart.serving import tenant


@pytest.fixture(scope="module")
def guarded(model_folder, tmp_path_factory):
    config = config_of(model_folder, tmp_path_factory.mktemp("words"))
    keys = make_keys(config, red=("red", "write"), blue=("blue", "write"), reader=("red", "read"))
    with served(config) as address:
        yield address, keys


@pytest.fixture
def http(guarded):
    address, keys = guarded
    with httpx2.Client(base_url=address, headers={"x-api-key": keys["reader"]}, timeout=20) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/v1/search", 422, "q: "),
        ("/v1/search?q=", 422, "q: say what to look for: words of a title"),
        ("/v1/search?q=%20%20", 422, "q: say what to look for"),
        (f"/v1/search?q={'x' * 201}", 422, "q: a search has at most 200 characters"),
        ("/v1/search?q=a%00b", 422, "control characters"),
        ("/v1/search?q=western&n=0", 422, "n: "),
        ("/v1/search?q=western&n=1001", 422, "n: "),
        ("/v1/search?q=western&colour=red", 422, "colour: "),
        ("/v1/search?q=western&text=twice&self=me", 422, "text: "),
        ("/v1/search?q=western&filter=genres", 422, "filter"),
        ("/v1/search?q=western&user_id=ann&session_id=s", 422, "either user_id or session_id"),
        ("/v1/search?q=western&user_id=", 422, "user_id"),
        ("/v1/search?q=western&allow=nowhere", 404, "nowhere"),
        ("/v1/search?q=western&after=page2", 422, "after: "),
        ("/v1/items/nowhere/description", 404, "nowhere"),
        ("/v1/items/b3/description?language=fr", 422, "language"),
        ("/v1/users/ann/explanations/b3?language=fr", 422, "language"),
        ("/v1/users/ann/recommendations?language=fr", 422, "language"),
        ("/v1/sessions/s/recommendations?language=fr", 422, "language"),
    ],
)
def test_what_cannot_be_answered_is_a_problem_with_the_cure(http, path, status, detail):
    assert detail in check_problem(http.get(path), status)


@pytest.mark.parametrize("text", ["western 100%", "a+b", "a&b=c#d", "惊悚", "ä🎬", '"quoted" (words)', "1980s; 1990s"])
def test_any_text_can_be_looked_for(http, text):
    assert http.get(f"/v1/search?q={quote(text, safe='')}").status_code == 200


def test_a_reader_may_ask_for_all_words(http):
    paths = ["search?q=western&user_id=ann", "users/ann/taste", "sessions/s/taste", "items/b3/description?language=zh"]
    paths += ["users/ann/recommendations?language=en", "users/ann/explanations/b3?language=zh"]
    for path in paths:
        assert http.get(f"/v1/{path}").status_code == 200


def test_nothing_of_another_tenant_is_found_or_told(guarded):
    address, keys = guarded
    with ws.connect(address, keys["red"]) as red, ws.connect(address, keys["blue"]) as blue:
        red.put_items([{"item_id": "secret", "title": "The Wallace of red", "genres": "Comedy"}])
        red.record([like(item, event_id=f"red {item}") for item in range(0, 30, 3)])
        assert [row.item_id for row in red.search("wallace", n=1).items] == ["secret"]
        assert "secret" not in {row.item_id for row in blue.search("wallace", n=50).items}
        with pytest.raises(UnknownItem):
            blue.description("secret")
        assert (red.taste("ann").text, blue.taste("ann").text) == ("I like Comedy.", "")


def test_what_was_looked_for_and_by_whom_stands_in_no_metric(http):
    http.get("/v1/search?q=canarysearch&user_id=canaryuser")
    http.get("/v1/users/canaryuser/taste")
    text = http.get("/metrics").text
    assert "/v1/search" in text
    assert "canary" not in text


def test_the_document_names_what_can_be_asked(http):
    paths = http.get("/openapi.json").json()["paths"]
    [asked] = [one for one in paths["/v1/search"]["get"]["parameters"] if one["name"] == "q"]
    assert asked["required"]
    assert asked["schema"]["maxLength"] == 200
    for path in ("/v1/users/{user_id}/taste", "/v1/sessions/{session_id}/taste", "/v1/items/{item_id}/description"):
        assert "200" in paths[path]["get"]["responses"]


def test_a_model_without_words_is_a_problem_and_no_failure(tmp_path):
    folder = recommender("popularity").fit(shop_data()).save(tmp_path / "model")
    with served(config_of(folder, tmp_path)) as address:
        for path in ("/v1/search?q=western", "/v1/users/ann/taste"):
            assert "meta" in check_problem(httpx2.get(f"{address}{path}"), 422)
        assert httpx2.get(f"{address}/v1/items/b3/description").status_code == 200


def test_words_are_worked_out_beside_the_loop_that_answers_others(http, monkeypatch):
    on_loop = []

    def noting(work):
        def noted(*arguments, **named):
            try:
                asyncio.get_running_loop()
                on_loop.append(work.__name__)
            except RuntimeError:
                pass
            return work(*arguments, **named)

        return noted

    monkeypatch.setattr("warmstart.serving.words.describe", noting(describe))
    for name in ("searched", "taste_in"):
        monkeypatch.setattr(tenant, name, noting(getattr(tenant, name)))
    body = {"history": ["b1"], "n": 3, "language": "en"}
    assert http.post("/v1/recommendations", json=body).json()["text"]
    ranked = {"actions": ["b1", "b2"], "user_id": "ann", "language": "zh"}
    assert http.post("/v1/rank", json=ranked).json()["text"]
    for path in ("users/ann/recommendations?language=en", "sessions/s/recommendations?language=en"):
        assert http.get(f"/v1/{path}").json()["text"]
    for path in (
        "users/ann/explanations/b3?language=en",
        "items/b3/description",
        "search?q=western",
        "users/ann/taste",
    ):
        assert http.get(f"/v1/{path}").status_code == 200
    assert on_loop == []
