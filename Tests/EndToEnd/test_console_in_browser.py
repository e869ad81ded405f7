"""The console itself, an agent that reports to it, and a browser: what a rank writes is on the page."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.browser import Visitor, chromium
from harness.process import AROBUST, Arobust, Process, wait_until
from playwright.sync_api import expect

HOSTILE = "<script>alert(1)</script><img src=x onerror='window.hurt=1'> \x1b[31mred\x1b[0m"


@pytest.fixture
def console(scratch: Path) -> Iterator[Process]:
    command = [AROBUST, "console", "--listen", "arobust://127.0.0.1:0", "--web", "127.0.0.1:0", "--store", scratch / "store"]
    process = Process("console", command, scratch)
    process.wait_for_log("Console at http://")
    yield process
    process.kill()


def page_of(console: Process) -> str:
    return re.search(r"Console at (http://[0-9.:]+/)", console.log())[1]


def master_of(console: Process) -> str:
    found = wait_until(lambda: re.search(r"arobust://127\.0\.0\.1:[1-9][0-9]*", console.log()), "the address for agents")
    return found[0]


def test_what_ranks_write_is_on_the_page(arobust: Arobust, console: Process, scratch: Path) -> None:
    log = scratch / "train.log"
    log.write_text("")
    arobust.start_ready("agent", "--log-file", log, "--master", master_of(console))
    with chromium() as browser:
        visitor = Visitor(browser, page_of(console), Path(os.environ.get("PICTURES", scratch / "pictures")))
        page = visitor.open("#/logs")
        expect(page.locator("#live")).to_have_text("Live")
        with log.open("a") as lines:
            lines.write(f"step 1 loss 2.5\n{HOSTILE}\nstep 2 loss 2.4\n")
        expect(page.locator(".lines")).to_contain_text("<script>alert(1)</script>")
        with log.open("a") as lines:
            lines.write("RuntimeError: CUDA error: out of memory\n")
        expect(page.locator(".line.marked", has_text="CUDA error: out of memory").last).to_be_visible()
        visitor.picture("real-logs")
        for view in ("#/", "#/metrics", "#/stacks", "#/incidents", "#/delivery", "#/rank/0", "#/failures"):
            page = visitor.open(view)
            expect(page.locator("main h1")).to_be_visible()
            expect(page.locator("#freshness")).to_contain_text("1 of 1 node heard")
            page.wait_for_timeout(700)
            assert "cannot be" not in page.locator("main").inner_text()
            visitor.picture(f"real-{view[2:].replace('/', '-') or 'overview'}")
        page.locator(".evidence a").first.click()
        expect(page.locator(".line.here")).to_contain_text("out of memory")
        visitor.check()
