"""The console over HTTP: pages, forms, server events, and what keeps all of it safe."""

import json
import re
from functools import partial
from importlib.resources import files

import httpx2
import pytest

import warmstart as ws
from tests.serving.servers import served
from tests.serving.shop import shop_data
from warmstart.serving.http.access import new_key
from warmstart.serving.http.settings import ServeConfig
from warmstart.serving.store import kept
from warmstart.serving.store.store import Store

PAGES = ("/console", "/console/people", "/console/people?session=mine", "/console/model", "/console/health")
STATIC = files("warmstart.serving.console") / "static"


def config_of(model_folder, folder, **more):
    return ServeConfig(model=str(model_folder), store=f"sqlite:///{folder}/w.db", **more)


@pytest.fixture(scope="module")
def server(model_folder, tmp_path_factory):
    with served(config_of(model_folder, tmp_path_factory.mktemp("console"))) as address:
        yield address


@pytest.fixture
def browser(server):
    """Somebody new, whose forms say that they come from the console."""
    with httpx2.Client(base_url=server, timeout=20, headers={"Origin": server}, follow_redirects=True) as client:
        yield client


@pytest.fixture(scope="module")
def keyed(model_folder, tmp_path_factory):
    """A server with keys, and a key for each role."""
    config = config_of(model_folder, tmp_path_factory.mktemp("keyed"))
    store = Store.open(config.store)
    keys = {}
    for tenant, role in (("red", "read"), ("red", "write"), ("blue", "write")):
        keys[f"{tenant} {role}"], key = new_key(tenant, role)
        store.write(partial(kept.add_key, key=key)).result(10)
    store.close()
    with served(config) as address:
        yield address, keys


@pytest.fixture
def with_key(keyed):
    """Return clients that have given a key."""
    address, keys = keyed
    opened = []

    def client(name=None):
        made = httpx2.Client(base_url=address, timeout=20, headers={"Origin": address})
        opened.append(made)
        if name is not None:
            assert made.post("/console/key", data={"key": keys[name]}).status_code == 303
        return made

    yield client
    for one in opened:
        one.close()


def first(pattern, text):
    found = re.search(pattern, text)
    assert found, pattern
    return found.group(1)


def said(page):
    return re.findall(r'data-said="([^"]+)" data-type="([^"]+)"', page.text)


def listed(page):
    return re.findall(r'<li class="row[^"]*" data-item="([^"]+)"', page.text)


def like(browser, item="b3", **more):
    done = browser.post("/console/events", data={"item_id": item, "type": "like", **more})
    assert done.status_code in {200, 204}
    return done


def event_of(page):
    return first(r'name="event_id" value="([^"]+)"', page.text)


@pytest.mark.parametrize("path", PAGES)
def test_pages_name_no_outside_host_and_hold_no_script_or_style_of_their_own(browser, path):
    page = browser.get(path)
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "default-src 'none'" in policy
    assert not re.findall(r'(?:src|href|action)="(?!/|#)[^"]', page.text)
    assert not re.findall(r'<style|\sstyle="|\son\w+="|<script(?! src="/console/static/)', page.text)
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_built_for_those_who_cannot_see_or_point(browser, path):
    page = browser.get(path).text
    assert '<html lang="en">' in page
    assert page.count("<h1>") == 1
    assert '<main id="main"' in page
    assert 'href="#main"' in page
    fields = re.findall(r'<input id="([^"]+)"', page)
    assert all(f'for="{name}"' in page for name in fields)
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    wanted = re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', page)
    assert set(wanted) <= set(ids)
    buttons = re.findall(r"<button([^>]*)>(.*?)</button>", page, flags=re.DOTALL)
    assert all("aria-label" in how or re.sub(r"<[^>]+>", "", inside).strip() for how, inside in buttons)


def test_a_click_without_scripts_changes_the_list_and_stays_after_a_reload(browser):
    before = browser.get("/console")
    after = like(browser, "b3", text="comedy & <b>horror</b>")
    assert said(after) == [("b3", "like")]
    assert listed(after) != listed(before)
    assert "b3" not in listed(after)
    assert "text=comedy+%26+%3Cb%3Ehorror" in str(after.url)
    assert "<b>horror" not in after.text
    assert said(browser.get("/console")) == [("b3", "like")]
    back = browser.post("/console/forget", data={"event_id": event_of(after)})
    assert said(back) == []
    assert listed(back) == listed(before)


def test_a_page_that_hears_events_is_not_told_twice(browser):
    part = {"HX-Request": "true"}
    done = browser.post("/console/events", data={"item_id": "b3"}, headers=part)
    assert done.status_code == 200
    assert "<html" not in done.text
    assert said(done) == [("b3", "like")]
    hears = browser.post("/console/events", data={"item_id": "b4"}, headers=part | {"X-Hears": "events"})
    assert (hears.status_code, hears.content) == (204, b"")


def test_starting_over_is_somebody_new_and_cookies_are_out_of_reach(browser):
    cookie = browser.get("/console").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/console" in cookie
    like(browser)
    assert said(browser.post("/console/new")) == []


def test_nobody_forgets_for_another(browser, server):
    event_id = event_of(like(browser))
    with httpx2.Client(base_url=server, timeout=20, headers={"Origin": server}) as other:
        assert other.post("/console/forget", data={"event_id": event_id}).status_code == 404
    assert len(said(browser.get("/console"))) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://elsewhere.example", "HX-Request": "true"},
    ],
)
def test_another_site_changes_nothing(server, headers):
    with httpx2.Client(base_url=server, timeout=20) as client:
        client.get("/console")
        for path in ("/console/events", "/console/forget", "/console/new", "/console/key", "/console/leave"):
            assert client.post(path, data={"item_id": "b3"}, headers=headers).status_code == 403, path
        assert said(client.get("/console")) == []


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"HX-Request": "true"}])
def test_a_browser_that_says_where_it_comes_from_otherwise_is_believed(server, headers):
    with httpx2.Client(base_url=server, timeout=20) as client:
        client.get("/console")
        client.post("/console/events", data={"item_id": "b3"}, headers=headers)
        assert said(client.get("/console")) == [("b3", "like")]


def test_titles_are_text_whatever_they_hold(browser, server):
    wild = '<script>alert("1")</script>" onclick="x'
    with httpx2.Client(base_url=server, timeout=20) as api:
        body = [{"item_id": '"><img src=x>', "title": wild, "genres": "Comedy"}]
        assert api.put("/v1/items", json=body).status_code == 200
    found = browser.get("/console/search", params={"q": "script alert"}, headers={"HX-Request": "true"}).text
    assert "&lt;script&gt;" in found
    page = like(browser, '"><img src=x>')
    for text in (found, page.text, browser.get("/console/people?session=mine").text):
        assert "<script>alert" not in text
        assert "<img src=x>" not in text


def test_search_forgives_and_says_how_many_it_found(browser):
    found = browser.get("/console/search", params={"q": "westren nubmer 2"}, headers={"HX-Request": "true"})
    assert "The Western Number 2" in found.text
    assert 'role="status"' in found.text
    assert "<html" in browser.get("/console/search", params={"q": "western"}).text
    nothing = browser.get("/console/search", params={"q": "zzzzzzzzzz"}, headers={"HX-Request": "true"})
    assert "Nothing fits" in nothing.text


def test_a_search_shows_what_fits_the_words_and_suits_the_person(browser):
    like(browser, "b1")
    like(browser, "b4")
    found = browser.get("/console/search", params={"q": "scary horror things"}, headers={"HX-Request": "true"}).text
    fitting = found.split("What fits these words")[1].split("Spelt like it")[0]
    assert re.findall(r'data-pick="b(\d+)"', fitting)
    assert all(int(item) % 3 == 1 for item in re.findall(r'data-pick="b(\d+)"', fitting))
    whole = browser.get("/console", params={"q": "scary horror things"}).text
    assert "What fits these words" in whole
    for odd in ("a\x00b", "x" * 500, "   "):
        assert browser.get("/console/search", params={"q": odd}, headers={"HX-Request": "true"}).status_code == 200


def test_a_taste_is_shown_with_its_facts_and_can_be_said_again(browser):
    assert "Your taste" not in browser.get("/console").text
    page = like(browser, "b0")
    assert "Nothing stands out yet among 1 like." in page.text
    for item in range(3, 30, 3):
        page = like(browser, f"b{item}")
    assert "“I like Comedy.”" in page.text
    assert "<b>100%</b> of your likes" in page.text
    again = browser.get(first(r'href="(/console\?text=[^"]+)"', page.text))
    assert 'value="I like Comedy."' in again.text
    assert "“I like Comedy.”" in browser.get("/console/people?session=mine").text


def test_a_model_without_words_shows_no_taste(tmp_path):
    folder = ws.recommender("popularity").fit(shop_data()).save(tmp_path / "model")
    with (
        served(config_of(folder, tmp_path)) as address,
        httpx2.Client(base_url=address, headers={"Origin": address}, follow_redirects=True) as browser,
    ):
        page = like(browser, "b3")
        assert "taste" not in page.text
        found = browser.get("/console/search", params={"q": "western"}, headers={"HX-Request": "true"})
        assert "The Western Number" in found.text
        assert "What fits these words" not in found.text


def test_other_titles_can_be_asked_for(browser):
    some = set(re.findall(r'data-pick="([^"]+)"', browser.get("/console").text))
    others = set(re.findall(r'data-pick="([^"]+)"', browser.get("/console/titles?from=12").text))
    assert len(some) == len(others) == 12
    assert not some & others


def parts_of(stream):
    """Yield the name and the text of each server event."""
    name, data = "", []
    for line in stream.iter_lines():
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            data.append(line.removeprefix("data: "))
        elif not line and data:
            yield name, "\n".join(data)
            name, data = "", []


def test_server_events_tell_of_every_change_whoever_made_it(browser, server):
    page = browser.get("/console")
    since = first(r'sse-connect="([^"]+)"', page.text).replace("&amp;", "&")
    session_id = browser.cookies["warmstart_session"]
    with browser.stream("GET", since) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        parts = parts_of(stream)
        with httpx2.Client(base_url=server, timeout=20) as api:
            event = {"session_id": session_id, "item_id": "b3", "type": "like"}
            assert api.post("/v1/events", json=event).status_code == 200
        (name, html), (other, news) = next(parts), next(parts)
        assert (name, other) == ("person", "news")
        assert 'data-said="b3"' in html
        assert "You liked The Comedy Number 3." in news
    # one that comes back after a break is told what it missed, and nothing else
    with browser.stream("GET", since) as stream:
        assert next(parts_of(stream))[0] == "person"


def test_server_events_read_the_sentence_of_the_page(browser):
    with browser.stream("GET", "/console/stream?since=old&text=comedy") as stream:
        _, html = next(parts_of(stream))
    assert 'name="text" value="comedy"' in html


def test_a_model_without_a_report_says_how_to_make_one(browser):
    assert "warmstart compare DATA" in browser.get("/console/model").text


def test_a_report_beside_the_model_is_drawn(model_folder, tmp_path):
    report = ws.evaluate(["random", "popularity"], shop_data(), ws.ColdUser(pool=2, shots=(0, 1, 2)))
    report.save(tmp_path, png=False)
    (tmp_path / "model").symlink_to(model_folder)
    with served(config_of(tmp_path / "model", tmp_path)) as address:
        page = httpx2.get(f"{address}/console/model", timeout=20).text
        assert "popularity" in page
        assert "data-shots='[0, 1, 2]'" in page
        (tmp_path / "report.json").write_text("{}", encoding="utf-8")
        assert httpx2.get(f"{address}/console/model", timeout=20).status_code == 422


def test_a_user_is_shown_and_exported(browser, server):
    with httpx2.Client(base_url=server, timeout=20) as api:
        assert api.post("/v1/events", json={"user_id": "a/b c", "item_id": "b3", "type": "like"}).status_code == 200
    page = browser.get("/console/people", params={"user": "a/b c"}).text
    assert "The Comedy Number 3" in page
    assert "1 event, 1 count now" in page
    link = first(r'href="(/console/people/export[^"]+)"', page)
    found = browser.get(link)
    assert "attachment" in found.headers["content-disposition"]
    assert [event["item_id"] for event in json.loads(found.text)["events"]] == ["b3"]
    assert "Nothing is kept about nobody" in browser.get("/console/people", params={"user": "nobody"}).text
    assert browser.get("/console/people/export", params={"user": "nobody"}).status_code == 404


def test_health_counts_what_the_console_does(browser):
    def total():
        page = re.sub(r"<[^>]+>", " ", browser.get("/console/health").text)
        return int(first(r"([\d,]+) in all, [\d,]+ rejected", page).replace(",", ""))

    before = total()
    like(browser)
    assert total() == before + 1
    with browser.stream("GET", "/console/health/stream") as stream:
        parts = parts_of(stream)
        names = dict([next(parts), next(parts)])
    assert set(names) == {"numbers", "point"}
    assert set(json.loads(names["point"])) == {"events", "answers", "p50", "p99"}


@pytest.mark.parametrize("path", [*PAGES, "/console/titles", "/console/people/export?user=x"])
def test_without_a_key_one_is_asked_for(with_key, path):
    asked = with_key().get(path)
    assert asked.status_code == 303
    assert asked.headers["location"].startswith("/console/key?next=/console")
    part = with_key().get(path, headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["hx-redirect"]) == (401, "/console/key?next=/console")
    stream = with_key().get("/console/stream", headers={"Accept": "text/event-stream"})
    assert stream.status_code == 401


def test_a_key_is_asked_for_once_and_kept_where_no_script_reads_it(with_key, keyed):
    _, keys = keyed
    client = with_key()
    wrong = client.post("/console/key", data={"key": "ws_0_0"})
    assert wrong.status_code == 401
    assert "set-cookie" not in wrong.headers
    right = client.post("/console/key", data={"key": f" {keys['red write']} ", "next": "/console/health"})
    assert (right.status_code, right.headers["location"]) == (303, "/console/health")
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    page = client.get("/console/health")
    assert page.status_code == 200
    assert keys["red write"] not in page.text
    assert client.post("/console/leave").status_code == 303
    assert client.get("/console").status_code == 303


@pytest.mark.parametrize("told", ["https://elsewhere.example", "//elsewhere.example", "/v1/users", "/console\\x"])
def test_a_key_leads_nowhere_but_into_the_console(with_key, keyed, told):
    done = with_key().post("/console/key", data={"key": keyed[1]["red read"], "next": told})
    assert done.headers["location"] == "/console"


def test_a_key_that_may_read_shows_and_changes_nothing(with_key):
    reader = with_key("red read")
    page = reader.get("/console")
    assert "may only read" in page.text
    assert 'action="/console/events"' not in page.text
    refused = reader.post("/console/events", data={"item_id": "b3"})
    assert refused.status_code == 403
    assert "one that may write" in refused.text


def test_tenants_see_nothing_of_each_other(with_key, keyed):
    red, blue = with_key("red write"), with_key("blue write")
    address, keys = keyed
    event = {"user_id": "ann", "item_id": "b3", "type": "like"}
    headers = {"Authorization": f"Bearer {keys['red write']}"}
    assert httpx2.post(f"{address}/v1/events", json=event, headers=headers, timeout=20).status_code == 200
    assert "1 event" in red.get("/console/people?user=ann").text
    assert "Nothing is kept" in blue.get("/console/people?user=ann").text


def test_forms_are_bounded_and_odd_ones_do_no_harm(browser):
    assert browser.post("/console/events", data={"item_id": "b" * 20_000}).status_code == 422
    odd = browser.post("/console/events", data={"item_id": "", "type": "x" * 100})
    assert odd.status_code == 422
    assert browser.get("/console?from=-1&q=%00").status_code == 200
    assert browser.get("/console/people", params={"user": "x" * 300}).status_code == 200
    assert browser.get(f"/console?text={'x' * 5000}").status_code == 200


def test_files_are_served_with_their_licences(browser):
    for name in (
        "console.css",
        "console.js",
        "htmx.min.js",
        "htmx-sse.min.js",
        "uplot.min.js",
        "uplot.min.css",
        "icon.svg",
    ):
        answer = browser.get(f"/console/static/{name}")
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert f"`{name}`" in (STATIC / "LICENSES.md").read_text(encoding="utf-8")
    assert browser.get("/console/static/../guard.py").status_code == 404


def test_the_styles_and_scripts_fetch_nothing():
    for name in ("console.css", "console.js", "uplot.min.css"):
        assert not re.findall(r"url\(|@import|https?://", (STATIC / name).read_text(encoding="utf-8"))


def test_a_server_can_do_without_a_console(model_folder, tmp_path):
    with served(config_of(model_folder, tmp_path, console=False)) as address:
        assert httpx2.get(f"{address}/console", timeout=20).status_code == 404
