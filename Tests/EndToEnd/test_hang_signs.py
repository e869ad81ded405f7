"""Signs of a hang that come from outside of the training: NCCL's RAS, and dumps of PyTorch's Flight Recorder."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from harness import nccl_ras
from harness.file_master import FileMaster
from harness.process import ROOT, Arobust, Process, wait_until

DUMP = ROOT / "Tests/HangTests/Fixtures/flight-recorder/late/rank_0"


@pytest.mark.parametrize("mode", ["2.24", "2.28.7", "2.30"])
def test_ranks_that_stay_behind_are_named(arobust: Arobust, scratch: Path, mode: str) -> None:
    """RAS is a stand-in, which writes what NCCL's source writes: the real one runs only where a GPU is."""
    state = scratch / "state.json"
    state.write_text(json.dumps({"size": 4, "counts": {"AllReduce": [64, 64, 60, 64]}}))
    server = Process("ras", [sys.executable, nccl_ras.__file__, mode, str(state)], scratch)
    try:
        port = wait_until(server.output, "the stand-in's port").strip()
        bus = FileMaster(scratch / "bus.ndjson")
        arobust.environment = {
            "AROBUST_RAS_ADDRESS": f"127.0.0.1:{port}",
            "AROBUST_RAS_INTERVAL": "100ms",
            "AROBUST_RAS_CONFIRM": "300ms",
        }
        agent = arobust.start_ready("agent", "--master", bus.url)
        wait_until(lambda: bus.contents("GENERIC"), agent.tail)
        text = bus.contents("GENERIC")[0]
        assert text.startswith("arobust ras: NCCL communicator 27a079b828ff1a75 of 4 ranks: rank 2 is behind")
        assert "rank 2 is process 483074 on node 172.16.64.210, GPU 2" in text
        state.write_text(json.dumps({"size": 4, "missing": [{"rank": 3, "dead": True}], "counts": {"AllReduce": [65] * 4}}))
        wait_until(lambda: any("rank 3 is dead" in each for each in bus.contents("GENERIC")), agent.tail)
        server.kill()
        wait_until(lambda: "gives no answer any more" in bus.contents("GENERIC")[-1], agent.tail)
        assert agent.stop() == 0
    finally:
        server.kill()


def test_a_new_dump_of_the_flight_recorder_is_noticed(arobust: Arobust, scratch: Path) -> None:
    shutil.copy(DUMP, scratch / "fr_0")
    arobust.environment = {
        "AROBUST_FLIGHT_RECORDER_FILES": str(scratch / "fr_"),
        "AROBUST_FLIGHT_RECORDER_INTERVAL": "50ms",
    }
    agent = arobust.start_ready("agent", "--master", f"file://{scratch}/bus.ndjson")
    shutil.copyfile(DUMP, scratch / "fr_1")
    agent.wait_for_log("rank 1 has written a Flight Recorder dump")
    assert "rank 0 has written" not in agent.log()
    assert agent.stop() == 0
