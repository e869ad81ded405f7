"""Pages of other programs: the same samples are published as Prometheus's own client reads on the page, whatever the page has."""

from __future__ import annotations

import gzip
import math
import os
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from harness.file_master import FileMaster
from harness.process import Arobust, wait_until
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics

QUICK = {"AROBUST_METRICS_INTERVAL": "200ms", "AROBUST_DELIVERY_BATCH_TIME": "20ms", "AROBUST_METRICS_ALARM": "true"}
SEEDS = range(int(os.environ.get("SCRAPE_SEEDS", "12")))


class Server:
    """Serves one page as it is asked for: OpenMetrics or plain, gzip or not, in one piece or in chunks."""

    def __init__(self, plain: bytes, openmetrics: bytes, chunked: bool = False, packed: bytes | None = None) -> None:
        self.asked: list[dict[str, str]] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked.append({name.lower(): value for name, value in self.headers.items()})
                wants = "openmetrics" in self.headers.get("Accept", "")
                body = openmetrics if wants else plain
                self.send_response(200)
                self.send_header("Content-Type", CONTENT_TYPE_LATEST if wants else "text/plain; version=0.0.4")
                if "gzip" in self.headers.get("Accept-Encoding", ""):
                    self.send_header("Content-Encoding", "gzip")
                    body = gzip.compress(body) if packed is None else packed
                if not chunked:
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                    return
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for start in range(0, len(body), 777):
                    piece = body[start : start + 777]
                    self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/metrics"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def registry(chance: random.Random) -> CollectorRegistry:
    """Metrics whose labels and values have everything that is hard to read."""
    words = ["a", 'quote "', "back\\slash", "new\nline", "\\n", "{}", "x=1,y", " # ", "öäü", "日本", "\u2028", "\x85", "\r", "\t", "", "exposer"]
    numbers = [0, 1, -1.5, 1e300, 5e-324, math.nan, math.inf, -math.inf, 0.1 + 0.2, 2**53 + 2]
    made = CollectorRegistry()
    for number in range(chance.randint(1, 6)):
        gauge = Gauge(f"{chance.choice(['exposer', 'loss', 'HELP'])}_{number}", chance.choice(words) or "x", ["l1", "l2"], registry=made)
        for _ in range(chance.randint(1, 8)):
            gauge.labels(chance.choice(words), chance.choice(words)).set(chance.choice(numbers))
    histogram = Histogram("seconds", "How long", ["op"], registry=made)
    counter = Counter("calls", "How many", registry=made)
    for _ in range(chance.randint(1, 20)):
        histogram.labels(chance.choice(words)).observe(chance.random() * 10, {"trace_id": f"{chance.random():.6f}"})
        counter.inc(chance.random(), {"trace_id": "abc # {x}"})
    return made


def samples(families: Iterator[Any]) -> list[tuple[Any, ...]]:
    found = [
        (sample.name, tuple(sorted(sample.labels.items())), repr(float(sample.value)), repr(sample.timestamp), repr(sample.exemplar))
        for family in families
        for sample in family.samples
    ]
    return sorted(found, key=repr)


@pytest.mark.sample(5)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_samples_are_those_of_the_page(seed: int, arobust: Arobust, scratch: Path) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    made = registry(chance)
    plain, openmetrics = generate_latest(made), generate_openmetrics(made)
    server = Server(plain, openmetrics, chunked=seed % 2 == 0)
    master = FileMaster(scratch / "all.ndjson")
    try:
        agent = arobust.start_ready("agent", "--master", master.url, environment={**QUICK, "AROBUST_METRICS_URLS": server.url})
        wait_until(lambda: master.contents("PROMETHEUS_METRIC"), lambda: f"a page; {agent.tail()}", 40)
        assert agent.stop() == 0
    finally:
        server.close()
    content = master.contents("PROMETHEUS_METRIC")[0]
    assert samples(read_openmetrics(content)) == samples(read_openmetrics(openmetrics.decode()))
    assert "gzip" in server.asked[-1]["accept-encoding"] and "text/plain" in server.asked[-1]["accept"]


def test_several_pages_each_with_its_own_alarm(arobust: Arobust, scratch: Path) -> None:
    one, two = Server(b"a 1\n", b"# TYPE a gauge\na 1\n# EOF\n"), Server(b"<html>\n", b"<html>\n")
    xpu = Server(b'XPU_TIMER_COMMON_HANG{rank="0"} 0\nexposer_x 1\n', b"not for DLRover\n")
    master = FileMaster(scratch / "all.ndjson")
    settings = {**QUICK, "AROBUST_METRICS_URLS": f"{one.url},{two.url}"}
    try:
        agent = arobust.start_ready("agent", "--metrics-url", xpu.url, "--master", master.url, environment=settings)
        wait_until(lambda: master.contents("XPU_TIMER_METRIC"), lambda: f"XPUTimer's page; {agent.tail()}", 40)
        wait_until(lambda: master.contents("PROMETHEUS_METRIC"), lambda: f"the other page; {agent.tail()}", 40)
        wait_until(lambda: master.contents("GENERIC"), lambda: f"the alarm; {agent.tail()}", 40)
        assert set(master.contents("XPU_TIMER_METRIC")) == {'XPU_TIMER_COMMON_HANG{rank="0"} 0'}
        assert set(master.contents("PROMETHEUS_METRIC")) == {"# TYPE a gauge\na 1\n# EOF\n"}
        assert [content for content in master.contents("GENERIC") if two.url not in content] == []
        wait_until(lambda: "metrics_scrape of" in arobust.run("status").output(), "the alarm in the status", 40, every=0.3)
        assert agent.stop() == 0
    finally:
        for server in (one, two, xpu):
            server.close()


def test_a_page_that_unpacks_to_too_much_is_not_taken(arobust: Arobust, scratch: Path) -> None:
    bomb = gzip.compress(b"a 1\n" * (8 << 20))
    server = Server(b"", b"", packed=bomb)
    master = FileMaster(scratch / "all.ndjson")
    try:
        agent = arobust.start_ready("agent", "--master", master.url, environment={**QUICK, "AROBUST_METRICS_URLS": server.url})
        wait_until(lambda: master.contents("GENERIC"), lambda: f"the alarm; {agent.tail()}", 40)
        assert "larger than the limit of 4194304 bytes" in master.contents("GENERIC")[0]
        assert agent.stop() == 0
    finally:
        server.close()
    assert master.contents("PROMETHEUS_METRIC") == []


def test_a_damaged_or_foreign_encoding_is_told(arobust: Arobust, scratch: Path) -> None:
    server = Server(b"", b"", packed=gzip.compress(b"a 1\n" * 1000)[:-20])
    try:
        agent = arobust.start_ready("agent", environment={**QUICK, "AROBUST_METRICS_URLS": server.url})
        agent.wait_for_log("its gzip")
        assert agent.stop() == 0
    finally:
        server.close()
