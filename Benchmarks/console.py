"""`arobust console`: what it costs to take reports, beside DLRover's master; its store's size; its answers; its page with a thousand ranks."""

import os
import shutil
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from figures import Series, cpu_seconds, print_table, ratio, run_for_cpu
from goals import Goal
from harness.browser import chromium
from harness.console import Console
from harness.dlrover_master import DLRoverMaster
from harness.inspection import audit
from harness.own_network import own_network
from harness.process import AROBUST, Arobust, resident_kib, wait_until
from logfile import GIB, LINE_BYTES
from pipeline import write_metrics

METRICS = 20_000  # of 1 KiB, eight log lines each
LOG_BYTES = int(os.environ.get("CONSOLE_LOG_MIB", "512")) << 20
RANKS = 1000
STEPS = 40
QUESTIONS = {
    "the newest 200": {"order": "desc"},
    "a word that one line has": {"query": "needle", "order": "desc"},
    "a word that every line has": {"query": "loss", "order": "desc"},
    "two words that no line has both": {"query": "needle haystack"},
    "the lines of one rank": {"rank": "7", "order": "desc"},
}


def pending(arobust: Arobust, url: str) -> int:
    rows = [row for row in audit(arobust.state)["rows"] if row["consumer"] == url]
    return sum(row["pending"] for row in rows) if rows else METRICS


def take(arobust: Arobust, master: Console | DLRoverMaster, url: str, joins: bool) -> tuple[float, float]:
    """CPU us a metric of the master that a bridge reports to, and its peak in MiB, once everything is delivered."""
    pid = master.process.pid
    before = cpu_seconds(pid)
    environment = {"AROBUST_DELIVERY_JOIN": str(joins).lower()}
    bridge = arobust.start_ready("bridge", "--master", url, environment=environment)
    wait_until(lambda: pending(arobust, url) == 0, lambda: f"{pending(arobust, url)} of {METRICS} wait; {bridge.tail()}", 300, every=0.5)
    used, peak = cpu_seconds(pid) - before, resident_kib(pid, peak=True) / 1024
    assert bridge.stop() == 0, bridge.tail()
    return used / METRICS * 1e6, peak


def measure_taking(scratch: Path, runs: int) -> tuple[Series, Series]:
    cases: dict[str, tuple[Series, Series]] = {}
    metrics = write_metrics(scratch / "metrics", "console", 0, METRICS)
    for run in range(runs):
        with ExitStack() as cleanup:
            arobust = Arobust(scratch)
            cleanup.callback(arobust.close)
            cleanup.callback(shutil.rmtree, arobust.state, ignore_errors=True)
            arobust.start_ready("collect")
            with open(metrics, "rb") as lines:
                run_for_cpu([AROBUST, "publish", "--state-dir", arobust.state], stdin=lines)
            for name, joins in (("DLRover's master, logs joined", True), ("DLRover's master, one metric a call", False)):
                master = DLRoverMaster(scratch)
                cleanup.callback(master.kill)
                master.start().wait_ready()
                record(cases, name, take(arobust, master, master.url, joins))
                master.kill()
            console = Console(scratch, store=scratch / f"store{run}")
            cleanup.callback(console.kill)
            console.start_ready()
            record(cases, "arobust console", take(arobust, console, console.master, True))
    ours = cases["arobust console"][0]
    rows = [[name, used.text(0), ratio(used, ours, 2), peak.text(0)] for name, (used, peak) in cases.items()]
    print_table(f"Taking {METRICS:,} log metrics of 1 KiB from a bridge", ["", "master's CPU us a metric", "of the console", "peak MiB"], rows)
    return ours, cases["DLRover's master, one metric a call"][0]


def record(cases: dict[str, tuple[Series, Series]], name: str, figures: tuple[float, float]) -> None:
    series = cases.setdefault(name, (Series(), Series()))
    for one, value in zip(series, figures, strict=True):
        one.add(value)


def write_log(path: Path) -> None:
    """Lines of 200 bytes of eight ranks, one of them with a word that no other line has."""
    with open(path, "wb") as log:
        number, needle = 0, LOG_BYTES // LINE_BYTES // 3
        while log.tell() < LOG_BYTES:
            block = bytearray()
            for number in range(number, number + 10_000):
                word = "needle" if number == needle else f"w{number % 50_000}"
                head = f"2026-11-30 10:00:00,123 INFO [rank{number % 8}] step {number} loss {2 + number % 1000 / 1000:.4f} {word} "
                block += head.encode().ljust(LINE_BYTES - 1, b".") + b"\n"
            number += 1
            log.write(block)


def measure_store(scratch: Path) -> list[Goal]:
    with ExitStack() as cleanup:
        arobust = Arobust(scratch)
        cleanup.callback(arobust.close)
        console = Console(scratch, "--store-size", "64GiB", store=scratch / "large").start_ready()
        cleanup.callback(console.kill)
        cleanup.callback(shutil.rmtree, console.store, ignore_errors=True)
        log = scratch / "large.log"
        write_log(log)
        lines = LOG_BYTES // LINE_BYTES
        started = time.monotonic()
        agent = arobust.start_ready("agent", "--log-file", log, "--journal-size", "64GiB", "--master", console.master)
        held = lambda: console.get("api/v1/overview")["store"]["lines"]  # noqa: E731
        wait_until(lambda: held() >= lines, lambda: f"{held()} of {lines} lines; {agent.tail()}", 7200, every=1)
        seconds, used = time.monotonic() - started, cpu_seconds(console.process.pid)
        assert agent.stop() == 0, agent.tail()
        shutil.rmtree(arobust.state, ignore_errors=True)
        bytes_held = sum(path.stat().st_size for path in console.store.iterdir())
        rows = [
            ["lines a second, while the agent reads the log", f"{lines / seconds:,.0f}"],
            ["MiB a second", f"{LOG_BYTES / seconds / (1 << 20):.1f}"],
            ["the console's CPU s/GiB", f"{used / LOG_BYTES * GIB:.1f}"],
            ["its peak, MiB", f"{resident_kib(console.process.pid, peak=True) / 1024:.0f}"],
            ["bytes on the disk for a byte of log", f"{bytes_held / LOG_BYTES:.2f}"],
        ]
        rows += [[f"answer, {name}, ms", f"{milliseconds(lambda query=query: console.get('api/v1/logs', limit=200, **query)):.0f}"] for name, query in QUESTIONS.items()]
        grep = run_for_cpu(["grep", "-c", "needle", log]) * 1000
        rows.append(["grep -c needle over the log, in the page cache, ms", f"{grep:.0f}"])
        print_table(f"The store, with {LOG_BYTES / GIB:.1f} GiB of log in lines of {LINE_BYTES} B", ["", ""], rows)
    return []


def milliseconds(work: Callable[[], object], times: int = 5) -> float:
    series = Series()
    for _ in range(times):
        started = time.monotonic()
        work()
        series.add((time.monotonic() - started) * 1000)
    return series.median


def measure_page(scratch: Path, runs: int) -> list[Goal]:
    """With the real console behind it. An empty page in the same browser is what the browser itself takes."""
    with ExitStack() as cleanup:
        cleanup.enter_context(own_network())
        arobust = Arobust(scratch)
        cleanup.callback(arobust.close)
        console = Console(scratch, store=scratch / "ranks").start_ready()
        cleanup.callback(console.kill)
        log = scratch / "ranks.log"
        now = time.time()
        with open(log, "w") as text:
            for step in range(STEPS):
                stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now - (STEPS - step) * 60))
                text.writelines(f"[rank{rank}]: {stamp},000 INFO step {step} loss 2.{rank:04}\n" for rank in range(RANKS))
        arobust.start_ready("agent", "--log-file", log, "--master", console.master)

        def count() -> int:
            return int(console.get("api/v1/overview")["store"]["lines"])

        wait_until(lambda: count() >= RANKS * STEPS, lambda: f"{count()} lines; {console.process.tail()}", 300, every=1)
        empty, paint, drawn, update = Series(), Series(), Series(), Series()
        sizes = {}
        for name, query in (("heatmap", "?since=-3600s&buckets=60"), ("ranks", "?limit=5000"), ("overview", "")):
            with urllib.request.urlopen(f"{console.url}api/v1/{name}{query}") as answer:
                sizes[name] = len(answer.read())
        browser = cleanup.enter_context(chromium())
        for run in range(runs + 1):
            page = browser.new_page()
            page.goto(f"{console.url}healthz")
            first = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
            page.wait_for_function(f"() => {first}")
            nothing = page.evaluate(first)
            page.goto(console.url)
            page.wait_for_function("() => document.documentElement.dataset.drawn")
            if run:  # the first is the browser's own start
                empty.add(nothing)
                paint.add(page.evaluate(first))
                drawn.add(float(page.evaluate("document.documentElement.dataset.drawn")))
                before = page.evaluate("document.documentElement.dataset.drawn")
                started = time.monotonic()
                with open(log, "a") as text:
                    text.write(f"[rank7]: step {STEPS + run} loss 1\n")
                page.wait_for_function("(before) => document.documentElement.dataset.drawn !== before", arg=before)
                update.add((time.monotonic() - started) * 1000)
            page.close()
        rows = [
            ["first paint, ms", paint.text(0)], ["of it what a page of one line takes, ms", empty.text(0)], ["map and tables drawn, ms", drawn.text(0)],
            ["a rank's line to its map drawn again, ms", update.text(0)],
            *([f"{name} as JSON, KiB", f"{size / 1024:.0f}"] for name, size in sizes.items()),
        ]
        print_table(f"The page with {RANKS} ranks, in chromium without a screen", ["", ""], rows)
        return [Goal(f"first paint with {RANKS} ranks", f"{paint.median:.0f} ms", "100 ms", f"a page of one line: {empty.median:.0f} ms", paint.median <= 100)]


def measure(scratch: Path, runs: int, build: Path) -> list[Goal]:
    ours, peer = measure_taking(scratch, runs)
    goals = [Goal("console, CPU us a log metric of 1 KiB", f"{ours.median:.0f}", "DLRover's master", f"{peer.median:.0f}", ours.median <= peer.median)]
    return goals + measure_store(scratch) + measure_page(scratch, runs)
