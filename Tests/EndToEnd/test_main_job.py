"""The main job: a training's log, metrics and stacks arrive at the real master completely, in order, once."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import log_writer, loglines, stack_target
from harness.dlrover_master import DLRoverMaster
from harness.file_master import FileMaster
from harness.process import Arobust, Process, wait_until
from harness.xpu_timer_page import PageServer, as_dlrover_reports, xpu_timer_page

LINES = 10_000
PAGES = 100
STACKS = 10
EACH_PAGE = {"AROBUST_DELIVERY_SAMPLE_SLOT": "0s"}  # otherwise a DLRover master is sent one a minute
PY_SPY = Path(sys.executable).with_name("py-spy")


class Pages:
    """Serves a hundred pages, each different, once it is allowed to."""

    def __init__(self) -> None:
        self.open = False
        self.server = PageServer(self._next)

    def _next(self) -> str | None:
        number = len(self.server.served) + 1
        return xpu_timer_page(__file__, 2, number, number, 1000) if self.open and number <= PAGES else None


def start_arobust(arobust: Arobust, layout: str, sources: list[str], masters: list[str]) -> list[Process]:
    """Starts one process or two that collect and report; returns them in the order in which they are to be stopped."""
    arobust.environment = EACH_PAGE
    # A page every 100 ms, which the guard of a DLRover master would thin out to one a minute.
    arobust.environment = {"AROBUST_DELIVERY_SAMPLE_SLOT": "0s"}
    if layout == "agent":
        return [arobust.start_ready("agent", *sources, *masters)]
    bridge = arobust.start("bridge", *masters)
    bridge.wait_for_log(loglines.WAITING_FOR_PUBLISHER)
    collect = arobust.start_ready("collect", *sources)
    bridge.wait_for_log(loglines.SUBSCRIBED)
    return [collect, bridge]


@pytest.mark.parametrize("service", ["grpc", "http"])
@pytest.mark.parametrize("layout", ["agent", "collect and bridge"])
def test_everything_arrives_complete_in_order_once(
    arobust: Arobust, make_master: Callable[..., DLRoverMaster], scratch: Path, layout: str, service: str
) -> None:
    master = make_master(service).start().wait_ready()
    copy = FileMaster(scratch / "copy.ndjson")
    log = scratch / "train.log"
    log.touch()
    pages = Pages()
    target = Process("target", [sys.executable, stack_target.__file__], scratch)
    try:
        running = start_arobust(
            arobust,
            layout,
            sources=["--log-file", str(log), "--log-from", "start"]
            + ["--metrics-url", pages.server.url, "--metrics-interval", "100ms"]
            + ["--stack-pid", str(target.pid), "--stack-interval", "500ms", "--py-spy", str(PY_SPY)]
            + ["--node-id", "5", "--node-type", "worker", "--node-rank", "4"],
            masters=["--master", master.url, "--master", copy.url],
        )
        pages.open = True
        writer = Process("writer", [sys.executable, log_writer.__file__, log, str(LINES), "6"], scratch)
        assert writer.wait(60) == 0
        last_line = log_writer.log_lines(LINES)[-1]
        wait_until(
            lambda: len(master.contents("XPU_TIMER_METRIC")) >= PAGES
            and len(master.contents("STACK_TRACE")) >= STACKS
            and master.contents("TRAINING_LOG")[-1].endswith(last_line),
            lambda: f"the rest of {({kind: len(held) for kind, held in master.everything().items()})}",
            seconds=60,
            every=0.5,
        )
        for process in running:
            assert process.stop() == 0
    finally:
        target.kill()
        pages.server.close()

    assert "\n".join(master.contents("TRAINING_LOG")).split("\n") == log_writer.log_lines(LINES)
    assert master.contents("XPU_TIMER_METRIC") == [as_dlrover_reports(page) for page in pages.server.served]
    assert len(pages.server.served) == PAGES
    assert_stacks(master.contents("STACK_TRACE"), target.pid)

    for data_type, held in master.everything().items():
        assert {(metric["node_id"], metric["node_type"], metric["node_rank"]) for metric in held} == {(5, "worker", 4)}
        times = [metric["timestamp"] for metric in held]
        assert times == sorted(times)
        sequences = [metric["sequence"] for metric in copy.store(data_type)]
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
        # A collector that runs before the bridge has subscribed publishes to nobody; only the stacks could.
        assert sequences[0] == 1 or (layout != "agent" and data_type == "STACK_TRACE")
    assert copy.contents("STACK_TRACE") == master.contents("STACK_TRACE")


def assert_stacks(stacks: list[str], pid: int) -> None:
    steps = []
    for stack in stacks:
        assert str(pid) in stack
        found = re.search(r"step_(\d{4})", stack)
        if found:  # between two steps the target is briefly in its main module
            steps.append(int(found[1]))
    assert len(stacks) >= STACKS and len(steps) >= len(stacks) // 2
    assert steps == sorted(steps)
