"""Whoever can make arobust log a line can't fill a disk with it: each place in the source has a budget, and what is held back is counted."""

import contextlib
import re
from pathlib import Path

import zmq
from harness import bus
from harness.process import Arobust, wait_until


def held_back(log: str) -> int:
    return sum(int(n) for n in re.findall(r"(\d+) more (?:like it|lines) were held back", log))


def test_refused_pushes(arobust: Arobust, scratch: Path) -> None:
    agent = arobust.start_ready("agent")
    push = zmq.Context.instance().socket(zmq.PUSH)
    push.connect(f"ipc://{arobust.state}/push.sock")
    for number in range(20_000):
        push.send(b'{"data_type":"GENERIC\x1b[31m\n' if number % 2 else b'{"data_type": "A B", "data_content": "%d"}' % number)
    # They are read in order: once the last is refused, all were.
    push.send(b'{"data_type": "GENERIC", "data_content": "the last"}')
    wait_until(lambda: "GENERIC" in {lane["data_type"] for lane in bus_status(arobust.state)["lanes"]}, "all to be read", 60)
    assert agent.stop() == 0
    log = agent.log()
    assert len(log.splitlines()) < 60
    assert held_back(log) + log.count("Metrics that were pushed were refused.") > 20


def test_forgotten_consumers(arobust: Arobust) -> None:
    agent = arobust.start_ready("collect")
    client = bus.ReplayClient(arobust.state)
    for number in range(2000):
        with contextlib.suppress(bus.ReplayError):
            client.commit(f"c{number}")
            client.forget(f"c{number}")
    client.close()
    assert agent.stop() == 0
    assert len(agent.log().splitlines()) < 60


def bus_status(state: Path) -> dict:
    client = bus.ReplayClient(state)
    try:
        return client.status()
    finally:
        client.close()
