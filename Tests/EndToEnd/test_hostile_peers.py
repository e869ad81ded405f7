"""Servers that send nothing of use without end. The agent leaves them long before its deadline, says why, and serves the others.

The deadline is ten minutes, so that what ends a connection here is never the time.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import endless
from harness.file_master import FileMaster
from harness.process import Arobust, resident_kib, wait_until

SLOW = {"AROBUST_DELIVERY_DEADLINE": "600s", "AROBUST_METRICS_DEADLINE": "600s"}
LOG = "TRAINING_LOG"


@pytest.mark.sample(5)
@pytest.mark.parametrize("mode", endless.GRPC)
def test_a_grpc_master(arobust: Arobust, scratch: Path, mode: str) -> None:
    check_master(arobust, scratch, "grpc", mode)


@pytest.mark.sample(4)
@pytest.mark.parametrize("mode", endless.HTTP)
def test_an_http_master(arobust: Arobust, scratch: Path, mode: str) -> None:
    check_master(arobust, scratch, "http", mode)


def check_master(arobust: Arobust, scratch: Path, service: str, mode: str) -> None:
    server = endless.HostileServer(service, mode)
    log, file = scratch / "train.log", FileMaster(scratch / "copy.ndjson")
    log.write_text("line 1\n")
    masters = ["--master", f"dlrover+{service}://127.0.0.1:{server.port}", "--master", file.url]
    try:
        agent = arobust.start_ready("agent", "--log-file", log, *masters, environment=SLOW)
        agent.wait_for_log("The master cannot be reached")
        wait_until(lambda: server.left >= 1, lambda: f"the server to be left; {agent.tail()}")
        with open(log, "a") as more:
            more.write("line 2\n")
        wait_until(lambda: file.contents(LOG)[-1:] == ["line 2"] or "line 2" in "".join(file.contents(LOG)), agent.tail)
        assert resident_kib(agent.pid, peak=True) < 150 << 10
        assert agent.stop() == 0
    finally:
        server.close()


@pytest.mark.sample(4)
@pytest.mark.parametrize("mode", endless.HTTP)
def test_a_metrics_page(arobust: Arobust, scratch: Path, mode: str) -> None:
    server = endless.HostileServer("http", mode)
    log, file = scratch / "train.log", FileMaster(scratch / "copy.ndjson")
    log.write_text("line 1\n")
    page = ["--metrics-url", f"http://127.0.0.1:{server.port}/metrics", "--metrics-interval", "200ms"]
    try:
        agent = arobust.start_ready("agent", "--log-file", log, *page, "--master", file.url, environment=SLOW)
        agent.wait_for_log("XPU timer metrics cannot be scraped")
        wait_until(lambda: server.left >= 2, lambda: f"the page to be asked again; {agent.tail()}")
        assert "did not come within" not in agent.log()
        wait_until(lambda: "line 1" in "".join(file.contents(LOG)), agent.tail)
        assert resident_kib(agent.pid, peak=True) < 150 << 10
        assert agent.stop() == 0
    finally:
        server.close()
