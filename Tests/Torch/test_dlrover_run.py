"""DLRover's elastic agent and two ranks of torch, with the agent's `--listen` as their master: arobust is killed and started again meanwhile.

Run by `make test-torch`, which installs torch and dlrover into .venv-torch; not part of `make test`, where `test_listen_restart.py` does the same
with a client alone.
"""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))

from harness.dlrover_master import DLRoverMaster  # noqa: E402
from harness.file_master import FileMaster  # noqa: E402
from harness.process import Arobust, Process, free_port, wait_until  # noqa: E402

DLROVER_RUN = ROOT / ".venv-torch/bin/dlrover-run"
QUICK = {"AROBUST_DELIVERY_BATCH_TIME": "20ms", "AROBUST_DELIVERY_BACKOFF_MAX": "200ms", "AROBUST_DELIVERY_JOIN": "false"}
SECONDS_DOWN = 7.0


def end(launcher: Process) -> None:
    """With its ranks, which are in sessions of their own."""
    try:
        children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    except FileNotFoundError:
        children = []
    launcher.kill()
    for child in children:
        try:
            os.kill(int(child), signal.SIGKILL)
        except ProcessLookupError:
            pass


@pytest.mark.parametrize(("wire", "service"), [("grpc", "grpc"), ("http", "http"), ("http", "grpc")])
def test_the_job_waits_and_goes_on(scratch: Path, arobust: Arobust, wire: str, service: str) -> None:
    master = DLRoverMaster(scratch, service).start().wait_ready(300)
    address = f"127.0.0.1:{free_port()}"
    file = FileMaster(scratch / "copy.ndjson")

    def start() -> Process:
        listen = ("--listen", f"dlrover+{wire}://{address}")
        agent = arobust.start_ready("agent", *listen, "--master", file.url, "--master", master.url, environment=QUICK)
        agent.wait_for_log("Listening for DLRover clients.")
        return agent

    def steps(rank: int) -> list[str]:
        path = scratch / f"steps_{rank}"
        return path.read_text().splitlines() if path.exists() else []

    agent = start()
    launcher = Process(
        "dlrover-run",
        [DLROVER_RUN, "--nnodes=1:1", "--nproc_per_node=2", "--max-restarts=0", ROOT / "Tests/Torch/steps.py", scratch],
        scratch,
        {
            "DLROVER_MASTER_ADDR": address, "DLROVER_MASTER_SERVICE_TYPE": wire, "DLROVER_EVENT_ENABLE": "false",
            "NODE_ID": "0", "NODE_RANK": "0", "NODE_NUM": "1", "OMP_NUM_THREADS": "1",
        },
    )
    try:
        wait_until(lambda: len(steps(0)) > 10 and len(steps(1)) > 10, lambda: f"both ranks to step; {launcher.tail(40)}", 400)
        for _ in range(2):
            agent.send(signal.SIGKILL)
            agent.wait()
            time.sleep(SECONDS_DOWN)
            assert launcher.child.poll() is None, launcher.tail(40)
            agent = start()
            before = len(steps(0))
            wait_until(lambda: len(steps(0)) > before + 20, lambda: f"steps after the restart; {launcher.tail(40)}", 60)
        (scratch / "enough").touch()
        assert launcher.wait(60) == 0, launcher.tail(40)
    finally:
        end(launcher)
        master.kill()
    waits = [[float(line.split()[1]) for line in steps(rank) if float(line.split()[1]) > 2] for rank in (0, 1)]
    tries = launcher.log().count("Retry 0 to")
    print(f"{wire} to {service}: steps {len(steps(0))}, waits of the ranks {waits}, calls that were tried again: {tries}")
    assert any(waits), "the ranks noticed"
    assert max(max(wait, default=0) for wait in waits) < 50, "nobody was near the end of DLRover's patience"
    # No step was made twice, so nobody was restarted; every step was reported.
    for rank in (0, 1):
        numbers = [line.split()[0] for line in steps(rank)]
        assert numbers == [f"{step}" for step in range(1, len(numbers) + 1)]
        reported = {text.split()[1] for text in file.contents("TRAINING_LOG") if text.startswith(f"{rank} ")}
        assert reported == set(numbers)
    assert agent.stop() == 0
