"""A scrape that yields nothing sends nothing, and raises an alarm: in the log, as a metric if configured, and in the Prometheus text."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import loglines
from harness.dlrover_master import DLRoverMaster
from harness.file_master import FileMaster
from harness.process import Arobust, free_port, wait_until
from harness.xpu_timer_page import PageServer, as_dlrover_reports, hang_page

SETTINGS = {"AROBUST_METRICS_ALARM": "true", "AROBUST_METRICS_INTERVAL": "50ms", "AROBUST_DELIVERY_BATCH_TIME": "20ms"}
WITHOUT_HANG = "\n".join(line for line in hang_page("0").splitlines() if "HANG" not in line)
USELESS = {
    "empty": ("# nothing\n", "empty", loglines.NOTHING_SCRAPED),
    "503": (None, "status", loglines.NOTHING_SCRAPED),
    "no hang lines": (WITHOUT_HANG, "no_hang_line", loglines.NO_HANG_LINE),
}


@pytest.mark.sample(1)
@pytest.mark.parametrize(("page", "reason", "line"), USELESS.values(), ids=USELESS)
def test_a_useless_page_raises_the_alarm_and_a_good_one_ends_it(
    arobust: Arobust,
    make_master: Callable[..., DLRoverMaster],
    scratch: Path,
    page: str | None,
    reason: str,
    line: str,
) -> None:
    master = make_master().start()
    file = FileMaster(scratch / "copy.ndjson")
    shown = page
    server = PageServer(lambda: shown)
    arguments = ["--metrics-url", server.url, "--master", master.url, "--master", file.url]
    try:
        agent = arobust.start_ready("agent", *arguments, environment=SETTINGS)
        agent.wait_for_log(line)
        master.wait_ready()
        wait_until(lambda: master.contents("GENERIC"), lambda: f"the alarm at the master; {agent.tail()}")
        assert "arobust alarm" in master.contents("GENERIC")[0]
        held = {as_dlrover_reports(page)} if page == WITHOUT_HANG else set()
        wait_until(lambda: file.contents("GENERIC") == master.contents("GENERIC"), "the alarm in the file")
        wait_until(lambda: set(file.contents("XPU_TIMER_METRIC")) == held, "what there is of the page in the file")
        assert master.samples() == []
        shown = hang_page("0")
        agent.wait_for_log(loglines.SCRAPED_AGAIN)
        wait_until(lambda: len(master.samples()) == 1, lambda: f"a sample; {agent.tail()}")
        assert agent.stop() == 0
    finally:
        server.close()
    assert telemetry(arobust.state, "arobust_scrapes_total", reason) >= 1
    assert telemetry(arobust.state, "arobust_alarm", reason) == 0


def test_nobody_listens(arobust: Arobust) -> None:
    url = f"http://127.0.0.1:{free_port()}/metrics"
    agent = arobust.start_ready("agent", "--metrics-url", url, environment=SETTINGS)
    agent.wait_for_log(loglines.NOTHING_SCRAPED)
    agent.wait_for_log(loglines.NOBODY_LISTENS)
    assert agent.stop() == 0
    assert telemetry(arobust.state, "arobust_alarm", "unreachable") == 1
    assert telemetry(arobust.state, "arobust_scrapes_total", "unreachable") >= 1


def telemetry(state: Path, name: str, reason: str) -> float | None:
    """The value of a series in the Prometheus text."""
    path = state / "telemetry/agent.prom"
    text = path.read_text() if path.exists() else ""
    for labels, value in re.findall(rf"^{name}{{(.*)}} (\S+)$", text, re.M):
        if f'"{reason}"' in labels:
            return float(value)
    return None
