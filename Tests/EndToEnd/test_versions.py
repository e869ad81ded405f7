"""The older DLRover masters, 0.5.1 and 0.4.0, accept the same reports; the version is detected."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import bus, log_writer
from harness.dlrover_master import DLRoverMaster
from harness.process import Arobust, wait_until
from harness.xpu_timer_page import PageServer, hang_page

MakeMaster = Callable[..., DLRoverMaster]
QUICK = {"AROBUST_DELIVERY_BATCH_TIME": "20ms", "AROBUST_DELIVERY_BACKOFF_MAX": "200ms", "AROBUST_LOGS_CHUNK_SIZE": "4KiB"}
JOINING = {"AROBUST_DELIVERY_BATCH_TIME": "1s"}
"""Long enough for several chunks to come together on a busy machine, where reading one takes longer than 20 ms."""
EVERY = [("0.6.1", "grpc"), ("0.5.1", "grpc"), ("0.5.1", "http"), ("0.4.0", "grpc")]
LINES = 3000


@pytest.mark.parametrize(("version", "service"), EVERY)
def test_main_reports(arobust: Arobust, make_master: MakeMaster, scratch: Path, version: str, service: str) -> None:
    """Joined logs, a sample that misleads nobody, and other types arrive completely, in order, once."""
    master = make_master(service, version=version).start().wait_ready()
    log = scratch / "train.log"
    log.write_text("\n".join(log_writer.log_lines(LINES)) + "\n")
    server = PageServer(lambda: hang_page("1.0"))
    sources = ["--log-file", log, "--metrics-url", server.url, "--node-id", "5", "--node-rank", "4"]
    try:
        agent = arobust.start_ready("agent", *sources, "--master", master.url, environment=QUICK | JOINING)
        generic = [f"metric {number}" for number in range(50)]
        bus.publish(arobust.state, *({"data_type": "GENERIC", "data_content": each} for each in generic))
        wait_until(
            lambda: master.contents("GENERIC") == generic and master.samples() and joined_lines(master)[-1:] == log_writer.log_lines(LINES)[-1:],
            lambda: f"{({kind: len(held) for kind, held in master.everything().items()})}; {agent.tail()}",
        )
        assert agent.stop() == 0
    finally:
        server.close()
    assert joined_lines(master) == log_writer.log_lines(LINES)
    assert len(master.contents("TRAINING_LOG")) < log.stat().st_size // 4096, "joined"
    assert {(m["node_id"], m["node_type"], m["node_rank"]) for m in master.store("TRAINING_LOG")} == {(5, "worker", 4)}
    assert [content.splitlines()[0][-2:] for content in master.contents("XPU_TIMER_METRIC")] == [" 1"]
    counts = master.counts()
    assert counts["raised"] == counts["refused"] == 0
    assert counts["unread"] <= (8 if version == "0.4.0" else 0), "the module name is found out by the first calls"


def joined_lines(master: DLRoverMaster) -> list[str]:
    return "\n".join(master.contents("TRAINING_LOG")).split("\n")


@pytest.mark.parametrize("version", ["0.5.1", "0.4.0"])
def test_the_detector_is_the_same(make_master: MakeMaster, version: str) -> None:
    """One row of the truth table, with arobust and with a naive sender."""
    master = make_master(version=version).start().wait_ready()
    for content, said in ((hang_page("1"), True), (hang_page("1.0"), False), (hang_page("0"), False)):
        for age in range(420, -1, -60):
            metric = {"data_type": "XPU_TIMER_METRIC", "data_content": content, "timestamp": int(time.time()) - age}
            assert master.report(metric) == "stored"
        assert master.is_hang() is said
        master.clear()


def test_a_master_that_comes_back_as_another_version(arobust: Arobust, make_master: MakeMaster) -> None:
    master = make_master(version="0.4.0", accept_log=arobust.scratch / "accepted.ndjson").start().wait_ready()
    agent = arobust.start_ready("agent", "--master", master.url, environment=QUICK)
    published = []
    for number, version in enumerate(("0.4.0", "0.6.1", "0.4.0", "0.5.1")):
        if number > 0:
            master.version = version
            master.restart()
        for kind in ("GENERIC", "STACK_TRACE"):
            arobust.publish(f"{number} of {version}", data_type=kind)
        published.append(f"{number} of {version}")
        wait_until(lambda: master.contents("GENERIC")[-1:] == published[-1:], lambda: f"{version}; {agent.tail()}")
        wait_until(lambda: master.contents("STACK_TRACE")[-1:] == published[-1:], lambda: f"{version}; {agent.tail()}")
        assert master.counts()["raised"] == 0
    assert agent.stop() == 0
    for kind in ("GENERIC", "STACK_TRACE"):
        taken = [metric["data_content"] for metric in master.accepted() if metric["data_type"] == kind]
        assert list(dict.fromkeys(taken)) == published


@pytest.mark.parametrize("version", ["0.6.1", "0.5.1", "0.4.0"])
def test_what_a_version_cannot_read_it_refuses_without_harm(
    make_master: MakeMaster, scratch: Path, version: str
) -> None:
    """Tests the harness: the other version's module name is answered with success=false, and nothing is stored."""
    master = make_master(version=version).start().wait_ready()
    stranger = DLRoverMaster(scratch, version="0.6.1" if version == "0.4.0" else "0.4.0")
    stranger.port = master.port
    metric = json.dumps({"data_type": "GENERIC", "data_content": "x"}).encode()
    assert stranger.report(metric) == "false"
    assert master.counts()["unread"] == 1 and master.everything() == {}
    assert master.report(metric) == "stored"
