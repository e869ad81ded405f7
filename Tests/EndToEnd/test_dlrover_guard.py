"""What reaches a real DLRover master can neither harm nor fool it, whatever is on the bus."""

import json
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import bus, inspection
from harness.dlrover_master import DLRoverMaster
from harness.file_master import FileMaster
from harness.process import SEED, Arobust, Process, wait_until
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


def anything(chance: random.Random) -> dict[str, Any]:
    """A metric as a careless program might bring it to ingest."""
    now = int(time.time())
    stamps = [now, now - 300, now - 599, now - 700, now + 30, now + 90, now * 1000, now * 1_000_000, 1, -5, 2**62, -(2**62)]
    pieces = [HANG + "1", HANG + "1.0", HANG + "0 1730000000000", HANG + "7", HANG + "NaN", "XPU_TIMER_COMMON_HANG_X 1"]
    pieces += ["a_metric 5", "", "\0\x01\x1b", "\u2028", "é😀", "x" * chance.choice([10, 5000, 400_000]), "{\"a\": 1}"]
    content = "\n".join(chance.choice(pieces) for _ in range(chance.randrange(8)))
    types = [XPU, "TRAINING_LOG", "STACK_TRACE", "GENERIC", f"OTHER_{chance.randrange(3)}"]
    node = {"node_id": chance.choice([0, 7, -1, 2**31]), "node_rank": chance.choice([0, 3, -1, 70_000])}
    return metric(content, chance.choice(types), timestamp=chance.choice(stamps)) | node


def test_nothing_makes_the_servicer_raise(arobust: Arobust, master: DLRoverMaster) -> None:
    seed = SEED if SEED is not None else random.randrange(2**32)
    print(f"AROBUST_SEED={seed}")
    chance = random.Random(seed)
    agent = arobust.start_ready("agent", "--master", master.url)
    for _ in range(15):
        for each in [anything(chance) for _ in range(chance.randrange(1, 25))]:
            bus.publish(arobust.state, each)
        good = ["TRAINING_LOG", "STACK_TRACE", "GENERIC"]
        bus.publish(arobust.state, *(metric(f"good {kind}", kind) for kind in good))
    bus.publish(arobust.state, metric(HANG + "0", node_rank=12_345))
    wait_for_all(arobust, master, agent)
    assert {key: master.counts()[key] for key in ("raised", "refused", "unread")} == dict.fromkeys(("raised", "refused", "unread"), 0)
    for kind in ["TRAINING_LOG", "STACK_TRACE", "GENERIC"]:
        assert sum(held.split("\n").count(f"good {kind}") for held in master.contents(kind)) == 15
    assert any(held["node_rank"] == 12_345 for held in master.store(XPU))
    for held in master.store(XPU):
        lines = [line for line in held["data_content"].splitlines() if line.startswith("XPU_TIMER_COMMON_HANG")]
        assert lines and all(line.endswith((" 0", " 1")) for line in lines)
    now = time.time()
    for held in (each for kind in master.everything().values() for each in kind):
        assert now - 700 < held["timestamp"] < now + 61
        assert len(json.dumps(held["data_content"], ensure_ascii=False)) < 300_000 or held["data_type"].startswith(("OTHER", "GEN"))
    slots = [(held["node_rank"], held["timestamp"] // 60) for held in master.accepted() if held["data_type"] == XPU]
    assert len(slots) == len(set(slots))


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
