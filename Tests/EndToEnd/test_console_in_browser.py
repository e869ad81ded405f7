"""The console itself, an agent that reports to it, and a browser: what a rank writes is on the page."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import hanging_training
from harness.browser import Visitor, chromium
from harness.console import Console
from harness.own_network import own_network
from harness.inspection import audit
from harness.process import ROOT, Arobust, wait_until
from playwright.sync_api import Browser, expect

HOSTILE = "<script>alert(1)</script><img src=x onerror='window.hurt=1'> \x1b[31mred\x1b[0m"


@pytest.fixture(scope="module", autouse=True)
def quiet_network() -> Iterator[None]:
    with own_network():
        yield


@pytest.fixture
def console(scratch: Path) -> Iterator[Console]:
    console = Console(scratch).start_ready()
    yield console
    console.kill()


def visitor_of(console: Console, browser: Browser, scratch: Path) -> Visitor:
    return Visitor(browser, console.url, Path(os.environ.get("PICTURES", scratch / "pictures")))


def test_what_ranks_write_is_on_the_page(arobust: Arobust, console: Console, scratch: Path) -> None:
    log = scratch / "train.log"
    log.write_text("")
    arobust.start_ready("agent", "--log-file", log, "--master", console.master)
    with chromium() as browser:
        visitor = visitor_of(console, browser, scratch)
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


def test_a_hang_and_its_outlier_are_on_the_page(arobust: Arobust, console: Console, scratch: Path) -> None:
    """Rank 1 reads data that never come, the others wait for it: the page says so, and shows where each of them stands."""
    folder, log = scratch / "job", scratch / "train.log"
    folder.mkdir()
    os.mkfifo(folder / "shard-0007.bin")
    log.write_text("")
    # In a process namespace: the ranks of other trainings on this machine are no business of this agent.
    start = " ".join(
        f"RANK={rank} LOCAL_RANK={rank} WORLD_SIZE=3 LOCAL_WORLD_SIZE=3 {sys.executable} {hanging_training.__file__} {folder} 25 1 >>{log} 2>&1 &"
        for rank in range(3)
    )
    arobust.prefix = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", f'{start} exec "$@"', "job"]
    arobust.environment = {
        "AROBUST_PROGRESS_SILENT_FLOOR": "3s",
        "AROBUST_FLIGHT_RECORDER_FILES": str(folder / "fr_"),
        "AROBUST_FLIGHT_RECORDER_INTERVAL": "200ms",
    }
    arobust.start_ready("agent", "--log-file", log, "--stack-ranks", "--py-spy", ROOT / ".venv/bin/py-spy", "--master", console.master)
    with chromium() as browser:
        visitor = visitor_of(console, browser, scratch)
        page = visitor.open("#/")
        expect(page.locator("#sentence")).to_contain_text("rank 1 on node 0 has not entered all_reduce 4", timeout=60_000)
        visitor.picture("hang-overview")
        page.locator("#sentence a").click()
        expect(page.locator("main")).to_contain_text("has not entered all_reduce 4")
        visitor.picture("hang-incident")
        page = visitor.open("#/stacks")
        groups = page.locator(".groups > li")
        expect(groups.first).to_contain_text("read_batch")
        expect(groups.first).to_contain_text("the outlier")
        expect(groups.first).to_contain_text("rank 1")
        expect(page.locator("main")).to_contain_text("all_reduce")
        visitor.picture("hang-stacks")
        page = visitor.open("#/logs")
        expect(page.locator(".line", has_text="step 24 loss").first).to_be_visible()
        page = visitor.open("#/rank/0/1")
        expect(page.locator("main")).to_contain_text("24")
        visitor.picture("hang-rank")
        page = visitor.open("#/metrics")
        expect(page.locator("main")).to_contain_text("arobust_step_seconds")
        visitor.picture("hang-metrics")
        visitor.check()


def test_what_was_dropped_is_a_gap_in_the_log_and_in_the_books(arobust: Arobust, console: Console, scratch: Path) -> None:
    """More than the journal holds is written while the console is away: what the agent had to drop is named, with what became of the rest."""
    log = scratch / "train.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    gone = "dlrover+grpc://127.0.0.1:1"
    # What a master has in memory is not lost with the journal.
    arobust.environment = {"AROBUST_JOURNAL_SIZE": "1MiB", "AROBUST_JOURNAL_SEGMENT_SIZE": "64KiB", "AROBUST_DELIVERY_QUEUE_SIZE": "256KiB"}
    agent = arobust.start_ready("agent", "--log-file", log, "--master", console.master, "--master", gone)
    console.wait_for_numbers(99)
    console.kill()
    with log.open("a") as lines:
        for number in range(100, 30_000):
            lines.write(f"line {number}".ljust(100, ".") + "\n")
    wait_until(lambda: any(row["unnoticed"] for row in audit(arobust.state)["rows"]), lambda: f"a loss; {agent.tail()}", 60, every=0.5)
    console.start_ready()
    with log.open("a") as lines:
        lines.write("line 30000\n")
    console.wait_for_numbers(30_000)
    with chromium() as browser:
        visitor = visitor_of(console, browser, scratch)
        page = visitor.open("#/delivery")
        expect(page.locator(".notice.bad")).to_contain_text("messages are missing")
        ledger = page.locator("tr", has_text=console.master)
        expect(ledger).to_contain_text("evicted", timeout=60_000)
        expect(page.locator("tr", has_text=gone)).to_be_visible()
        visitor.picture("real-gap-delivery")
        page.get_by_role("link", name="in the log").first.click()
        expect(page.locator(".lines .gap").first).to_contain_text("missing here (TRAINING_LOG")
        visitor.picture("real-gap")
        visitor.check()
    missing = console.get("api/v1/delivery")
    counted = sum(gap["count"] for gap in missing["gaps"])
    assert counted == sum(lost_of(arobust, console.master).values()) > 0


def lost_of(arobust: Arobust, master: str) -> dict[str, int]:
    """What the agent's own ledger says that a master will never get, by reason."""
    return next((row["lost"] for row in audit(arobust.state)["rows"] if row["consumer"] == master and row["lost"]), {})
