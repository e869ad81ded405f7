"""The same against DLRover 0.4.0, 0.5.1 and 0.6.1, and against one that comes back as another."""

import time
from collections.abc import Callable

import pytest
from harness import bus, inspection
from harness.dlrover_master import DLRoverMaster
from harness.process import Arobust, wait_until

MASTERS = [("0.6.1", "grpc"), ("0.6.1", "http"), ("0.5.1", "grpc"), ("0.5.1", "http"), ("0.4.0", "grpc")]
PAGE = 'XPU_TIMER_COMMON_HANG{rank="0"} 1\nXPU_TIMER_COMMON_HANG{rank="1"} 0\na_metric 5'


def metric(content: str, data_type: str, timestamp: int) -> dict[str, object]:
    return {"data_type": data_type, "data_content": content, "timestamp": timestamp, "node_id": 2, "node_rank": 1}


@pytest.mark.parametrize(("version", "service"), MASTERS)
def test_each_version_takes_what_it_should(
    arobust: Arobust, make_master: Callable[..., DLRoverMaster], version: str, service: str
) -> None:
    master = make_master(service, version=version).start().wait_ready()
    agent = arobust.start_ready("agent", "--master", master.url)
    now = int(time.time())
    logs = [metric(f"line {number} é", "TRAINING_LOG", now) for number in range(50)]
    others = [metric(PAGE.replace(" 1\n", " 1.0 17\n"), "XPU_TIMER_METRIC", now - 60), metric("at f()", "STACK_TRACE", now)]
    unsuitable = [metric("a_metric 5", "XPU_TIMER_METRIC", now), metric("ms", "TRAINING_LOG", now * 1000)]
    bus.publish(arobust.state, *logs, *unsuitable, *others)
    wait_until(
        lambda: not inspection.unfinished(inspection.status(arobust.state), [master.url]),
        lambda: f"everything to be done with; {agent.tail()}",
        every=0.2,
    )
    assert "\n".join(master.contents("TRAINING_LOG")).split("\n") == [f"line {number} é" for number in range(50)]
    assert master.contents("XPU_TIMER_METRIC") == [PAGE]
    assert master.contents("STACK_TRACE") == ["at f()"]
    rows = inspection.rows(inspection.audit(arobust.state))
    assert rows[master.url, "XPU_TIMER_METRIC"].skipped == {"no-hang-line": 1}
    assert rows[master.url, "TRAINING_LOG"].skipped == {"future": 1}
    counts = master.counts()
    assert counts["raised"] == 0 and counts["refused"] == 0
    assert counts["unread"] == (1 if version == "0.4.0" else 0), "the other module name is tried once"


def test_a_master_that_comes_back_as_another_version_is_understood(
    arobust: Arobust, make_master: Callable[..., DLRoverMaster]
) -> None:
    master = make_master(version="0.4.0").start().wait_ready()
    arobust.environment = {"AROBUST_DELIVERY_BACKOFF_MAX": "200ms"}
    agent = arobust.start_ready("agent", "--master", master.url)
    for number, version in enumerate(["0.4.0", "0.6.1", "0.5.1", "0.4.0"]):
        if number > 0:
            master.version = version
            master.restart()
        bus.publish(arobust.state, metric(f"for {version}", "GENERIC", int(time.time())))
        wait_until(lambda: master.contents("GENERIC") == [f"for {version}"], lambda: f"{version}; {agent.tail()}")
    wait_until(
        lambda: inspection.rows(inspection.audit(arobust.state))[master.url, "GENERIC"].delivered == 4,
        "all four in the ledger",
    )
