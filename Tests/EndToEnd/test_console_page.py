"""The console's page in a real browser. What the job behind it does is simulated here; test_console.py has the real console."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.browser import Visitor, chromium
from harness.own_network import own_network
from harness.simulated_console import HOSTILE, Job, SimulatedConsole
from playwright.sync_api import Browser, expect

VIEWS = {
    "overview": "#/", "logs": "#/logs", "metrics": "#/metrics?name=xpu_timer_step_seconds", "stacks": "#/stacks", "incidents": "#/incidents",
    "incident": "#/incidents/a'%22b", "failures": "#/failures", "delivery": "#/delivery", "rank": "#/rank/0%2F1", "nothing": "#/no-such-view",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def quiet_network() -> Iterator[None]:
    with own_network():
        yield


@pytest.fixture(scope="module")
def browser(quiet_network: None) -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def console() -> Iterator[Callable[..., SimulatedConsole]]:
    consoles: list[SimulatedConsole] = []

    def make(ranks: int = 8, lines: int = 400, trouble: bool = True) -> SimulatedConsole:
        job = Job(ranks)
        job.fill(lines)
        if trouble:
            job.trouble()
        consoles.append(SimulatedConsole(job))
        return consoles[-1]

    yield make
    for one in consoles:
        one.close()


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Visitor]]:
    """Visitors of a URL. After the test, none of their pages may have seen an error, a dialog or a refused script."""
    visitors: list[Visitor] = []
    pictures = Path(os.environ.get("PICTURES", tmp_path / "pictures"))

    def make(url: str, **options: Any) -> Visitor:
        visitors.append(Visitor(browser, url, pictures, **options))
        return visitors[-1]

    yield make
    try:
        for visitor in visitors:
            visitor.check()
    finally:
        for visitor in visitors:
            visitor.context.close()


@pytest.mark.sample(10)
@pytest.mark.parametrize("look", ["light", "dark", "narrow"])
@pytest.mark.parametrize("view", VIEWS)
def test_each_view_is_shown(view: str, look: str, console: Any, visit: Any) -> None:
    options: dict[str, Any] = {"color_scheme": "dark"} if look == "dark" else {}
    if look == "narrow":
        options["viewport"] = {"width": 360, "height": 720}
    visitor = visit(console().url, **options)
    page = visitor.open(VIEWS[view])
    expect(page.locator("#sentence")).to_contain_text("Rank 7 ran out of GPU memory")
    expect(page.locator("#freshness")).to_contain_text("2 of 2 nodes heard in the last 5 s")
    wanted = {
        "overview": "Ranks that need a look", "logs": "step 49", "metrics": "slowest", "stacks": "the outlier", "incidents": "did not enter",
        "incident": "no dump within 30 s", "failures": "Stop the job", "delivery": "12 messages are missing.", "rank": "Step time",
        "nothing": "names no view",
    }  # fmt: skip
    expect(page.locator("main")).to_contain_text(wanted[view])
    page.wait_for_timeout(300)  # only for the picture
    visitor.picture(f"{view}-{look}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window"


def test_without_data_each_view_says_what_would_bring_it(console: Any, visit: Any) -> None:
    server = console(lines=0, trouble=False)
    visitor = visit(server.url)
    for view, text in {
        "#/": "Nothing has been reported yet", "#/logs": "No lines yet. They come with arobust agent --log PATH.", "#/metrics": "No metrics yet",
        "#/stacks": "No stacks yet. They come with --stacks or arobust dump.", "#/incidents": "No incidents.", "#/failures": "No failures.",
        "#/delivery": "No node has reported yet", "#/rank/5%2F5": "Nothing is known of this rank",
    }.items():  # fmt: skip
        expect(visitor.open(view).locator("main")).to_contain_text(text)


def test_hostile_lines_are_text(console: Any, visit: Any) -> None:
    server = console()
    page = visit(server.url).open("#/logs")
    lines = page.locator(".lines")
    for text in HOSTILE[:2] + HOSTILE[4:]:
        expect(lines).to_contain_text(text)
    expect(lines).to_contain_text("red cleared green")
    expect(lines.locator("span.ansi1")).to_have_text("red")
    expect(lines).to_contain_text("left ⟨202E⟩right to left⟨202C⟩ ⟨200B⟩nothing ␀ ␇ bell")
    assert page.locator(".lines b, .lines img, .lines script").count() == 0
    assert "\x1b" not in lines.inner_text()


def test_a_huge_line_is_shown_whole_on_request(console: Any, visit: Any) -> None:
    page = visit(console().url).open("#/logs")
    row = page.locator(".line", has_text="huge xxx")
    assert len(row.locator(".text").inner_text()) == 4096
    row.get_by_role("button", name="Show the whole line").click()
    expect(row).to_contain_text("1.0 MiB")
    assert row.locator(".text").evaluate("element => element.textContent.length") == 1_048_576


def test_new_lines_come_by_themselves_and_wait_while_one_reads(console: Any, visit: Any) -> None:
    server = console()
    page = visit(server.url).open("#/logs")
    expect(page.locator("#live")).to_have_text("Live")
    server.job.write("line one")
    expect(page.locator(".line").last).to_contain_text("line one")
    page.locator(".lines").evaluate("element => { element.scrollTop = element.scrollHeight / 2; }")
    expect(page.locator(".jump")).to_be_visible()
    server.job.write("line two")
    expect(page.locator(".jump")).to_contain_text("1 new")
    assert page.locator(".line", has_text="line two").count() == 0
    page.locator(".jump").click()
    expect(page.locator(".line").last).to_contain_text("line two")
    expect(page.locator(".jump")).to_be_hidden()
    server.job.write("line three")
    expect(page.locator(".line").last).to_contain_text("line three")


def test_all_lines_can_be_read_and_few_are_in_the_page(console: Any, visit: Any) -> None:
    server = console(lines=3000, trouble=False)
    page = visit(server.url).open("#/logs")
    box = page.locator(".lines")
    expect(page.locator(".line").last).to_contain_text("step 374")
    ids: set[int] = set()

    def collect() -> list[int]:
        shown = box.evaluate("element => [...element.children].map((row) => Number(row.dataset.id))")
        assert len(shown) <= 1000
        assert shown == sorted(set(shown)), "lines are out of order or twice"
        ids.update(shown)
        return shown

    for direction, end in (("0", 1), ("element.scrollHeight", 3000)):
        deadline = time.monotonic() + 60
        while end not in collect():
            assert time.monotonic() < deadline, f"line {end} was not reached"
            box.evaluate(f"element => {{ element.scrollTop = {direction}; }}")
            page.wait_for_timeout(30)
        if end == 1:
            assert ids == set(range(1, 3001))


def test_search_filters_and_link_of_a_line(console: Any, visit: Any) -> None:
    visitor = visit(console().url)
    page = visitor.open("#/logs")
    page.get_by_label("Search").fill('out "of memory"')
    page.keyboard.press("Enter")
    expect(page.locator(".line")).to_have_count(1)
    expect(page.locator(".line mark").first).to_have_text("out")
    expect(page.locator(".line .mark")).to_have_text("✕ GPU out of memory")
    assert "query=" in page.url
    page.locator(".line .when").click()
    expect(page.locator(".line.here")).to_contain_text("CUDA error")
    assert page.locator(".line").count() > 10  # what the same rank wrote before
    page = visitor.open("#/logs?rank=3")
    expect(page.locator(".line").last).to_contain_text("[rank3]")
    assert set(page.locator(".line .who").all_inner_texts()) == {"node 0, rank 3"}
    page.get_by_label("Only marked lines").check()
    expect(page.locator("main")).to_contain_text("No line fits (rank, marks)")


def test_a_gap_is_drawn_as_a_gap(console: Any, visit: Any) -> None:
    page = visit(console().url).open("#/logs")
    expect(page.locator(".lines .gap")).to_contain_text("12 messages are missing here (TRAINING_LOG, 1:10 to 1:21)")


def test_evidence_leads_into_the_log(console: Any, visit: Any) -> None:
    page = visit(console().url).open("#/failures")
    page.locator(".evidence a").first.click()
    expect(page.locator(".line.here")).to_contain_text("CUDA error: out of memory")


def test_by_keyboard_alone(console: Any, visit: Any) -> None:
    page = visit(console().url).open("#/")
    expect(page.locator("#main .attention table")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "CANVAS":
            break
    expect(page.locator("canvas.heat")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    expect(page.locator("#heat-cell")).to_contain_text("node 0, rank 1 at ")
    expect(page.locator("#heat-cell")).to_contain_text("hang")
    page.keyboard.press("Enter")
    page.wait_for_url("**/#/rank/0%2F1?time=*")
    expect(page.locator("h1")).to_have_text("node 0, rank 1")
    expect(page.locator("main")).to_be_focused()


def test_a_click_leads_to_that_rank_at_that_time(console: Any, visit: Any) -> None:
    page = visit(console().url).open("#/")
    expect(page.locator("#main .attention table")).to_be_visible()
    box = page.locator("canvas.heat").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 200, box["y"] + 20 * 4 + 10)
    page.wait_for_url("**/#/rank/1%2F4?time=*")
    expect(page.locator("h2", has_text="Lines around")).to_be_visible()


def test_the_table_behind_the_heat_map(console: Any, visit: Any) -> None:
    page = visit(console().url).open("#/")
    page.get_by_text("All ranks as a table").click()
    rows = page.locator("details.all tbody tr")
    expect(rows).to_have_count(8)
    expect(rows.first).to_contain_text("failed")


def test_a_page_catches_up_after_the_console_was_away(console: Any, visit: Any) -> None:
    server = console()
    visitor = visit(server.url)
    visitor.expected = ("ERR_", "Failed to load resource")  # the browser's own messages about connections that are refused
    page = visitor.open("#/logs")
    expect(page.locator("#live")).to_have_text("Live")
    server.away = True
    expect(page.locator("#live")).to_have_text("Not connected, trying again")
    server.job.write("written meanwhile")
    server.job.text = "Rank 3 is slow."
    server.away = False
    expect(page.locator("#live")).to_have_text("Live")
    expect(page.locator(".line").last).to_contain_text("written meanwhile")
    expect(page.locator("#sentence")).to_have_text("Rank 3 is slow.")


def test_a_view_opened_while_the_console_is_away_fills_itself(console: Any, visit: Any) -> None:
    server = console()
    server.job.trouble()
    visitor = visit(server.url)
    visitor.expected = ("ERR_", "Failed to load resource")
    page = visitor.open("#/")
    expect(page.locator("#live")).to_have_text("Live")
    for name, title in {"logs": "Logs", "metrics": "Metrics", "stacks": "Stacks", "incidents": "Incidents", "failures": "Failures", "delivery": "Delivery"}.items():
        server.away = True
        expect(page.locator("#live")).to_have_text("Not connected, trying again")
        page.get_by_role("navigation").get_by_role("link", name=title).click()
        expect(page.locator("main h1")).to_contain_text(title)
        expect(page.locator("main")).to_contain_text("cannot be reached")
        server.away = False
        expect(page.locator("#live")).to_have_text("Live")
        expect(page.locator("main")).not_to_contain_text("cannot be reached")
        assert name in page.url


def test_a_hidden_page_asks_nothing_and_catches_up(console: Any, visit: Any) -> None:
    server = console()
    visitor = visit(server.url)
    page = visitor.open("#/logs")
    expect(page.locator("#live")).to_have_text("Live")
    expect(page.locator(".line").last).to_be_visible()
    page.wait_for_timeout(1500)  # what was begun has ended
    page.evaluate("""() => { Object.defineProperty(document, 'hidden', {value: true, configurable: true});
        document.dispatchEvent(new Event('visibilitychange')); }""")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for number in range(20):
        server.job.write(f"in its sleep {number}")
        page.wait_for_timeout(100)
    assert asked == []
    page.evaluate("""() => { Object.defineProperty(document, 'hidden', {value: false, configurable: true});
        document.dispatchEvent(new Event('visibilitychange')); }""")
    expect(page.locator(".line").last).to_contain_text("in its sleep 19")
    shown = [text for text in page.locator(".line .text").all_inner_texts() if text.startswith("in its sleep")]
    assert shown == [f"in its sleep {number}" for number in range(20)]


def test_changes_are_collected(console: Any, visit: Any) -> None:
    server = console()
    page = visit(server.url).open("#/logs")
    expect(page.locator("#live")).to_have_text("Live")
    before, started = int(page.evaluate("document.documentElement.dataset.updates || 0")), time.monotonic()
    for number in range(300):
        server.job.write(f"flood {number}")
        page.wait_for_timeout(10)
    expect(page.locator(".line").last).to_contain_text("flood 299")
    updates = int(page.evaluate("document.documentElement.dataset.updates")) - before
    assert updates <= time.monotonic() - started + 2  # at most one a second, however fast lines come


def test_a_thousand_ranks(console: Any, visit: Any, record_property: Any) -> None:
    server = console(ranks=1000, lines=2000)
    visitor = visit(server.url)
    page = visitor.open("#/")
    expect(page.locator("#main .attention table")).to_be_visible()
    page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length > 0")
    figures = page.evaluate("""() => ({
        firstPaint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
        drawing: Number(document.documentElement.dataset.drawing), drawn: Number(document.documentElement.dataset.drawn), elements: document.querySelectorAll('*').length })""")
    assert figures["elements"] < 1500
    visitor.picture("overview-thousand")
    server.job.text = "Something is new."
    server.job.write("a line")
    expect(page.locator("#sentence")).to_have_text("Something is new.")
    record_property("figures", json.dumps(figures))
    print("\nfigures with 1,000 ranks, milliseconds:", figures)
    page.get_by_text("All ranks as a table").click()
    expect(page.locator("details.all tbody tr")).to_have_count(200)


def test_hostile_names_lead_where_they_say(console: Any, visit: Any) -> None:
    visitor = visit(console().url)
    page = visitor.open("#/incidents")
    page.locator(".card a").click()
    expect(page.locator("main")).to_contain_text("Who waits for whom")
    expect(page.locator("main .notice").first).to_contain_text("<i>of the default group</i>")
    page = visitor.open("#/rank/" + "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    expect(page.locator("h1")).to_have_text('node "><script>alert(1)<, rank script>')
    expect(page.locator("main")).to_contain_text("No rank can have this name")


def test_contrast_of_text_is_readable(console: Any, visit: Any) -> None:
    """WCAG AA: 4.5 between each text and what is behind it, in the light and in the dark."""
    for scheme in ("light", "dark"):
        visitor = visit(console().url, color_scheme=scheme)
        for view in ("overview", "logs", "stacks", "incident", "failures", "delivery"):
            page = visitor.open(VIEWS[view])
            expect(page.locator("#live")).to_have_text("Live")
            expect(page.locator("main h1")).to_be_visible()
            page.wait_for_timeout(500)
            assert page.evaluate(CONTRAST) == [], f"{view}, {scheme}"


CONTRAST = """() => {
  const parse = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const bad = new Set();
  for (const element of document.querySelectorAll('body *')) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) continue;
    if (!element.checkVisibility() || element.closest('noscript, option')) continue;
    const a = light(parse(getComputedStyle(element).color)), b = light(behind(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.add(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
  }
  return [...bad];
}"""
