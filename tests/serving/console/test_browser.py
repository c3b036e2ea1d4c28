"""The console as people meet it: a real server, a real browser, and every promise of the page clicked through."""

import os
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import httpx2
import pytest

from tests.serving.databases import free_port

SECONDS = 40
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = [
    cure
    for is_there, cure in (
        (CHROMIUM, "Chromium is not installed: apt-get install chromium"),
        (find_spec("playwright"), 'Playwright is not installed: pip install "warmstart[dev]"'),
    )
    if not is_there
]
pytestmark = pytest.mark.skipif(bool(MISSING), reason="; ".join(MISSING))

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
HEARS = "html[data-hears=events]"
ITEM = "The Comedy Number 3"


@pytest.fixture(scope="module")
def address(model_folder, tmp_path_factory):
    """Serve as the command line does, and stop it while pages are still open."""
    port, store = free_port(), f"sqlite:///{tmp_path_factory.mktemp('store')}/w.db"
    command = Path(sys.executable).parent / "warmstart"
    words = [command, "serve", "--model", model_folder, "--store", store, "--port", str(port)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"}) as server:
        try:
            _wait_for(f"http://127.0.0.1:{port}/health/ready", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(SECONDS)


def _wait_for(url, server):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert server.poll() is None, "the server died"
        try:
            if httpx2.get(url, timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    pytest.fail("the server did not start")


@pytest.fixture(scope="module")
def chromium(address):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, address):
    """Return what opens a page as somebody new; nothing on it may go wrong, and nothing may come from elsewhere."""
    faults, opened = [], []

    def begin(path="/console", *, state=None, **options):
        person = chromium.new_context(**{"viewport": DESKTOP, "storage_state": state} | options)
        person.set_default_timeout(1000 * SECONDS / 2)
        opened.append(person)
        page = person.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("request", lambda asked: faults.extend([] if asked.url.startswith(address) else [asked.url]))
        page.goto(address + path)
        if path == "/console" and options.get("java_script_enabled", True):
            page.wait_for_selector(HEARS)
        return page

    yield begin
    for person in opened:
        person.close()
    assert faults == []


def titles(page):
    return page.locator("#person .row .title").all_inner_texts()


def like(page, title=ITEM, within="#picks"):
    page.locator(within).get_by_role("button", name=f"Like: {title}", exact=True).click()
    page.locator("[data-said]", has_text=title).wait_for()


def mark(page, place, kind="like"):
    return page.locator("#person .row").nth(place).locator(f"button[value={kind}]")


def find(page, text):
    page.get_by_role("searchbox", name="Find a title").press_sequentially(text)
    page.locator("#hits li").first.wait_for()


def test_meet_click_see_the_list_change_forget_and_reload(visit):
    page = visit()
    first = titles(page)
    page.evaluate("window.still = true")
    find(page, "comdy number 3")
    like(page, within="#hits")
    changed = titles(page)
    assert changed != first
    assert ITEM not in changed
    reason = page.locator("#person .why li", has_text=f"because you liked {ITEM}").first
    assert "+" in reason.inner_text()
    assert page.locator("#person .row.new, #person .row.up").count()
    assert f"You liked {ITEM}." in page.locator("#news").inner_text()
    assert page.locator("#hits [data-pick=b3] button[value=like]").get_attribute("aria-pressed") == "true"
    assert page.evaluate("window.still")

    page.reload()
    assert titles(page) == changed
    page.wait_for_selector(HEARS)
    page.evaluate("window.still = true")
    page.locator("#person .why").first.get_by_role("button", name=f"Forget that you liked {ITEM}").click()
    page.get_by_text("Nothing yet.").wait_for()
    assert titles(page) == first
    assert page.evaluate("window.still")
    page.reload()
    assert titles(page) == first


def test_every_page_of_the_same_person_is_told(visit):
    one = visit()
    other = one.context.new_page()
    other.goto(one.url)
    other.wait_for_selector(HEARS)
    find(one, "comedy number 3")
    like(one, within="#hits")
    other.locator("[data-said=b3]").wait_for()
    assert titles(other) == titles(one)


def test_a_sentence_is_read_with_the_picks_and_stays_in_the_address(visit):
    page = visit()
    find(page, "comedy number 3")
    like(page, within="#hits")
    page.get_by_role("textbox", name="Say it in a sentence").fill("a western & something")
    page.get_by_role("button", name="Use it").click()
    page.get_by_text("and your sentence").wait_for()
    assert "text=a%20western" in page.url
    page.wait_for_selector(HEARS)
    mark(page, 0, "dismiss").click()
    page.locator("[data-type=dismiss]").wait_for()
    assert page.get_by_text("and your sentence").count() == 1
    page.get_by_role("link", name="Take it back").click()
    page.get_by_role("button", name="Use it").wait_for()
    assert page.locator("[data-said]").count() == 2


def test_the_keyboard_alone_will_do_and_keeps_its_place(visit):
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    button = mark(page, 2)
    button.focus()
    before = titles(page)
    page.keyboard.press("Enter")
    page.locator("[data-said]", has_text=before[2]).wait_for()
    page.locator("#person .row button[value=like]:focus").wait_for()
    place = "[...document.querySelectorAll('#person .row')].indexOf(document.activeElement.closest('.row'))"
    assert page.evaluate(place) == 2
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


def test_it_works_without_scripts(visit):
    page = visit(java_script_enabled=False)
    first = titles(page)
    mark(page, 0).click()
    page.locator("[data-said]").wait_for()
    assert titles(page) != first
    page.locator(".events").get_by_role("button", name="Forget").click()
    page.get_by_text("Nothing yet.").wait_for()
    assert titles(page) == first


def test_without_server_events_a_click_still_changes_the_list(visit):
    page = visit()
    page.evaluate("document.dispatchEvent(new CustomEvent('htmx:sseError'))")
    page.route("**/console/stream*", lambda route: route.abort())
    with page.expect_response(lambda answer: answer.url.endswith("/console/events")) as told:
        mark(page, 0).click()
    assert told.value.status == 200
    page.locator("[data-said]").wait_for()


@pytest.mark.parametrize("path", ["/console", "/console/people?session=mine", "/console/model", "/console/health"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_everything_without_scrolling_sideways(visit, path, scheme):
    page = visit(path, viewport=PHONE, color_scheme=scheme, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    small = page.evaluate(
        """[...document.querySelectorAll('button, .button, input:not([type=hidden]), nav a')]
        .filter((one) => !one.matches('.forget'))
        .filter((one) => { const box = one.getBoundingClientRect(); return box.width < 44 || box.height < 44; })
        .map((one) => one.outerHTML)"""
    )
    assert small == []


CONTRAST = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).slice(0, 3).map((n) => n / 255).map((n) => (n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const found = getComputedStyle(at).backgroundColor, [, , , alpha = 1] = parts(found);
      if (alpha === 1) return found;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = new Set();
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !one.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(one).color), light(ground(one))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.add(`${one.className} ${one.textContent.trim().slice(0, 30)}`);
  }
  return [...faint];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(visit, scheme):
    page = visit(color_scheme=scheme, reduced_motion="reduce")
    mark(page, 0).click()
    page.locator("[data-said]").wait_for()
    assert page.evaluate(CONTRAST) == []
    for path in ("/console/people?session=mine", "/console/model", "/console/health", "/console/key"):
        page.goto(page.url.split("/console")[0] + path)
        assert page.evaluate(CONTRAST) == [], path


def test_health_draws_what_comes(visit):
    page = visit("/console/health")
    page.locator("#rates canvas").wait_for()
    page.locator("#rates .u-legend").wait_for()
    assert page.get_by_text("Events a second", exact=True).count() == 1


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_taste_is_told_changed_and_said(visit, size):
    page = visit(viewport=size)
    for item in range(0, 30, 3):
        page.get_by_role("searchbox").fill(f"the comedy number {item}")
        row = page.locator(f"#hits [data-pick=b{item}]")
        row.wait_for()
        row.locator("button[value=like]").click()
        page.locator(f"[data-said=b{item}]").wait_for()
    page.get_by_text("“I like Comedy.”").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.get_by_role("link", name="Change it and say it").click()
    page.wait_for_selector(HEARS)
    box = page.get_by_role("textbox", name="Say it in a sentence")
    assert box.input_value() == "I like Comedy."
    box.fill("I like Western.")
    page.get_by_role("button", name="Change").click()
    page.locator("#text[value='I like Western.']").wait_for()
