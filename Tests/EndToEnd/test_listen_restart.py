"""The agent is killed and started again under a DLRover client that calls through it: the client's calls wait, and none is lost.

`Tests/Torch/test_dlrover_run.py` does the same under a whole job.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.dlrover_master import DLRoverMaster
from harness.file_master import FileMaster
from harness.process import ROOT, Arobust, Process, free_port, wait_until

LOG = "TRAINING_LOG"
QUICK = {"AROBUST_DELIVERY_BATCH_TIME": "20ms", "AROBUST_DELIVERY_BACKOFF_MAX": "200ms", "AROBUST_DELIVERY_JOIN": "false"}


@pytest.mark.sample(2)
@pytest.mark.parametrize("service", ["grpc", "http"])
@pytest.mark.parametrize("wire", ["grpc", "http"])
def test_calls_wait_and_go_on(
    arobust: Arobust, make_master: Callable[..., DLRoverMaster], scratch: Path, wire: str, service: str
) -> None:
    address = f"127.0.0.1:{free_port()}"
    master = make_master(service).start().wait_ready()
    file = FileMaster(scratch / "copy.ndjson")

    def start() -> Process:
        listen = ("--listen", f"dlrover+{wire}://{address}")
        agent = arobust.start_ready("agent", *listen, "--master", file.url, "--master", master.url, environment=QUICK)
        agent.wait_for_log("Listening for DLRover clients.")
        return agent

    agent = start()
    runner = ROOT / "Tests/EndToEnd/harness/calling_client.py"
    environment = {"DLROVER_LOG_LEVEL": "ERROR", "DLROVER_EVENT_ENABLE": "false"}
    read, write = os.pipe()
    client = Process("client", [sys.executable, runner, address, wire], scratch, environment, stdin=read)
    os.close(read)

    def rounds() -> list[list[str]]:
        return [line.split() for line in client.output().splitlines() if line.count(" ") == 2]

    try:
        for _ in range(2):
            before = len(rounds())
            wait_until(lambda: len(rounds()) > before + 20, client.tail, 60)
            agent.send(signal.SIGKILL)
            agent.wait()
            time.sleep(1)  # for calls to fail
            agent = start()
        before = len(rounds())
        wait_until(lambda: len(rounds()) > before + 20, client.tail, 60)
        os.close(write)
        assert client.wait() == 0, client.tail()
    finally:
        client.kill()
    done = rounds()
    assert all(same == "True" for _, _, same in done)
    waits = [float(seconds) for _, seconds, _ in done if float(seconds) > 2]
    print(f"{wire} to {service}: {len(done)} rounds, waits {waits}")
    assert 1 <= len(waits) <= 4, "each kill was noticed, and DLRover's pause is 5 s"
    # One whose success was not heard is sent again.
    expected = [number for number, _, _ in done]
    wait_until(lambda: len(set(file.contents(LOG))) == len(expected), agent.tail)
    assert list(dict.fromkeys(file.contents(LOG))) == expected
    wait_until(lambda: set(master.contents(LOG)) == set(expected), agent.tail)
    assert agent.stop() == 0
