"""Single rules of the guard at a real DLRover master: lost answers, a poisoned type, slim pages, large contents."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import bus, inspection
from harness.dlrover_master import DLRoverMaster
from harness.file_master import FileMaster
from harness.process import Arobust, Process, wait_until
from harness.xpu_timer_page import hang_page

XPU = "XPU_TIMER_METRIC"
HANG = 'XPU_TIMER_COMMON_HANG{rank="0"} '


def metric(content: str, data_type: str = XPU, **more: Any) -> dict[str, Any]:
    return {"data_type": data_type, "data_content": content, "timestamp": int(time.time())} | more


def row(arobust: Arobust, master: DLRoverMaster, data_type: str) -> inspection.Row:
    return inspection.rows(inspection.audit(arobust.state))[master.url, data_type]


def wait_for_all(arobust: Arobust, master: DLRoverMaster, process: Process) -> None:
    wait_until(
        lambda: not inspection.unfinished(inspection.status(arobust.state), [master.url]),
        lambda: f"everything to be done with; {process.tail()}",
        every=0.2,
    )


@pytest.fixture
def master(make_master: Callable[..., DLRoverMaster], scratch: Path) -> DLRoverMaster:
    return make_master(accept_log=scratch / "accepted.ndjson").start().wait_ready()


def test_a_sample_whose_answer_was_lost_in_a_kill_is_not_sent_again(arobust: Arobust, master: DLRoverMaster) -> None:
    arobust.start_ready("collect")
    for second in range(3):
        master.fault("mute", 20)
        bridge = arobust.start("bridge", "--master", master.url)
        stamp = int(time.time()) // 60 * 60 - 60 * (8 - second)
        bus.publish(arobust.state, metric(HANG + "0", timestamp=stamp))
        wait_until(lambda: len(master.accepted()) == second + 1, lambda: f"the call; {bridge.tail()}")
        bridge.send(signal.SIGKILL)
        bridge.wait()
        master.fault("none")
        bridge = arobust.start("bridge", "--master", master.url)
        bus.publish(arobust.state, metric(HANG + "1", timestamp=stamp + 10))
        wait_for_all(arobust, master, bridge)
        assert bridge.stop() == 0
    assert [held["data_content"][-1] for held in master.accepted()] == ["0", "0", "0"]
    ended = row(arobust, master, XPU)
    assert (ended.lost, ended.skipped) == ({"ambiguous": 3}, {"slot": 3})


def test_a_poisoned_type_is_held_and_the_others_go_on(arobust: Arobust, master: DLRoverMaster) -> None:
    master.poison(XPU)
    agent = arobust.start_ready("agent", "--master", master.url)
    bus.publish(arobust.state, metric(HANG + "0"), metric(HANG + "0", timestamp=int(time.time()) - 120))
    agent.wait_for_log("A data type is poisoned at the master")
    bus.publish(arobust.state, metric("on it goes", "GENERIC"))
    wait_until(lambda: master.contents("GENERIC") == ["on it goes"], lambda: f"another type; {agent.tail()}")
    assert row(arobust, master, XPU).skipped == {"poisoned": 1}
    assert "is poisoned for this data type" in agent.log()


def test_slim_sends_the_hang_lines_alone(arobust: Arobust, master: DLRoverMaster, scratch: Path) -> None:
    copy = FileMaster(scratch / "copy.ndjson")
    arobust.environment = {"AROBUST_DELIVERY_SLIM": "true"}
    agent = arobust.start_ready("agent", "--master", master.url, "--master", copy.url)
    page = hang_page("0", lines=100)
    bus.publish(arobust.state, metric(page))
    wait_for_all(arobust, master, agent)
    assert master.contents(XPU) == ["\n".join(line for line in page.splitlines() if line.startswith("XPU_TIMER_COMMON_HANG"))]
    wait_until(lambda: copy.contents(XPU) == [page], "the whole page in the file")
    lanes = inspection.status(arobust.state)["consumers"]
    assert {"slimmed": 1} in [lane.get("changed") for each in lanes for lane in each["account"]["lanes"]]


def test_large_logs_are_split_and_long_lines_cut(arobust: Arobust, master: DLRoverMaster) -> None:
    agent = arobust.start_ready("agent", "--master", master.url)
    lines = [f"line {number} {'y' * 200}" for number in range(5000)] + ["z" * 600_000, "the end"]
    bus.publish(arobust.state, metric("\n".join(lines), "TRAINING_LOG"))
    wait_for_all(arobust, master, agent)
    held = master.contents("TRAINING_LOG")
    assert len(held) > 4 and all(len(content) <= 256 << 10 for content in held)
    arrived = "\n".join(held).split("\n")
    assert arrived[:5000] == lines[:5000] and arrived[5001:] == ["the end"]
    kept, _, marker = arrived[5000].partition(" [arobust: ")
    assert marker == f"{600_000 - len(kept)} more bytes are cut]"
