"""Large data arrives at a DLRover master in pieces that it accepts, and nothing is lost silently."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import bus, inspection
from harness.dlrover_master import DLRoverMaster
from harness.file_master import FileMaster
from harness.process import Arobust, Process, wait_until
from harness.xpu_timer_page import PageServer, as_dlrover_reports, hang_lines, hang_page

MakeMaster = Callable[..., DLRoverMaster]
CONTENT_SIZE = 256 << 10
MIB = 1 << 20
CUT = re.compile(r"(.*) \[arobust: (\d+) more bytes are cut\]", re.S)
QUICK = {"AROBUST_DELIVERY_BATCH_TIME": "20ms"}


@pytest.fixture(params=["grpc", "http"])
def master(make_master: MakeMaster, request: pytest.FixtureRequest) -> DLRoverMaster:
    return make_master(request.param).start().wait_ready()


def wait_for_all(state: Path, master: DLRoverMaster, agent: Process) -> None:
    wait_until(
        lambda: not inspection.unfinished(inspection.status(state), [master.url]), lambda: agent.tail(), 40, every=0.2
    )
    inspection.audit(state)
    assert all(len(content) <= CONTENT_SIZE for held in master.everything().values() for content in texts(held))
    assert master.counts()["raised"] == master.counts()["refused"] == 0


def texts(held: list[dict[str, str]]) -> list[str]:
    return [metric["data_content"] for metric in held]


@pytest.mark.sample(1)
def test_a_line_of_3_mib_is_cut_and_says_so(arobust: Arobust, master: DLRoverMaster) -> None:
    agent = arobust.start_ready("agent", "--master", master.url, environment=QUICK)
    content = "before\n" + "x" * (3 * MIB) + "\n" + "é" * MIB + "\nafter"
    bus.publish(arobust.state, *({"data_type": kind, "data_content": content} for kind in ("TRAINING_LOG", "STACK_TRACE")))
    wait_for_all(arobust.state, master, agent)
    for kind in ("TRAINING_LOG", "STACK_TRACE"):
        before, first, second, after = "\n".join(master.contents(kind)).split("\n")
        assert (before, after) == ("before", "after")
        for line, whole in ((first, "x" * (3 * MIB)), (second, "é" * MIB)):
            found = CUT.fullmatch(line)
            assert found and whole.startswith(found[1]) and len(found[1]) > 40_000
            assert len(found[1].encode()) + int(found[2]) == len(whole.encode())


@pytest.mark.sample(1)
def test_a_log_of_10_mib_arrives_line_by_line(arobust: Arobust, master: DLRoverMaster, scratch: Path) -> None:
    log = scratch / "train.log"
    lines = [f"{number} ".ljust(50 + number % 100, "é") for number in range(60_000)]
    log.write_text("\n".join(lines) + "\n")
    assert log.stat().st_size > 10 * MIB
    agent = arobust.start_ready("agent", "--log-file", log, "--master", master.url, environment=QUICK)
    wait_until(lambda: master.contents("TRAINING_LOG")[-1:] and master.contents("TRAINING_LOG")[-1].endswith(lines[-1]),
               lambda: agent.tail(), 60, every=0.5)  # fmt: skip
    wait_for_all(arobust.state, master, agent)
    assert "\n".join(master.contents("TRAINING_LOG")).split("\n") == lines


@pytest.mark.sample(1)
def test_a_page_of_200_000_lines_keeps_its_hang_lines(arobust: Arobust, master: DLRoverMaster, scratch: Path) -> None:
    page = "".join(f'M{{n="{n}"}} 1\n' for n in range(200_000)) + hang_page("1", lines=0)
    server = PageServer(lambda: page)
    file = FileMaster(scratch / "copy.ndjson")
    masters = ["--master", master.url, "--master", file.url]
    try:
        agent = arobust.start_ready("agent", "--metrics-url", server.url, *masters, environment=QUICK)
        wait_until(lambda: master.samples() and file.contents("XPU_TIMER_METRIC"), lambda: agent.tail(), 30)
    finally:
        server.close()
    (content,) = master.contents("XPU_TIMER_METRIC")
    hang, other = content.splitlines()[:2], content.splitlines()[2:]
    assert hang == hang_lines(page)
    assert other == page.splitlines()[: len(other)] and len(other) > 10_000
    assert len(content) <= CONTENT_SIZE
    assert file.contents("XPU_TIMER_METRIC") == [as_dlrover_reports(page)]


def test_a_limit_that_is_lower_than_set_is_learnt(arobust: Arobust, make_master: MakeMaster) -> None:
    """DLRover 0.6.1 accepts 4 MiB over gRPC."""
    master = make_master("grpc").start().wait_ready()
    large = {"AROBUST_DELIVERY_CONTENT_SIZE": "16MiB", "AROBUST_DELIVERY_MAX_MESSAGE_SIZE": "64MiB"}
    agent = arobust.start_ready("agent", "--master", master.url, environment=QUICK | large)
    lines = ["x" * 1000 for _ in range(6_000)]
    bus.publish(arobust.state, {"data_type": "TRAINING_LOG", "data_content": "\n".join(lines)})
    bus.publish(arobust.state, {"data_type": "GENERIC", "data_content": "y" * 6 * MIB})
    bus.publish(arobust.state, {"data_type": "GENERIC", "data_content": "z"})
    wait_until(lambda: master.contents("GENERIC") == ["z"], lambda: agent.tail())
    wait_until(lambda: "\n".join(master.contents("TRAINING_LOG")).split("\n") == lines, lambda: agent.tail())
    assert max(map(len, master.contents("TRAINING_LOG"))) > 2 * MIB
    wait_until(
        lambda: not inspection.unfinished(inspection.status(arobust.state), [master.url]), lambda: agent.tail(), every=0.2
    )
    row = inspection.rows(inspection.audit(arobust.state))[master.url, "GENERIC"]
    assert (row.delivered, row.skipped) == (1, {"refused": 1})
