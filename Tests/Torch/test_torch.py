"""torch 2.15 itself: torchrun with three gloo ranks, one of which does not come; `arobust dump` names it while torch elastic still waits.

Run by `make test-torch`, which installs torch (5.4 GB) into .venv-torch; not part of `make test`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))

from harness.process import AROBUST, Arobust, Process, status_of, wait_until  # noqa: E402

TORCHRUN = ROOT / ".venv-torch/bin/torchrun"
PYSPY = ROOT / ".venv-torch/bin/py-spy"


def ranks(launcher: Process) -> dict[int, int]:
    """The processes of the ranks, by rank."""
    found = {}
    for child in Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split():
        try:
            environment = Path(f"/proc/{child}/environ").read_bytes()
        except ProcessLookupError:  # a zombie
            continue
        for entry in environment.split(b"\0"):
            if entry.startswith(b"RANK="):
                found[int(entry[5:])] = int(child)
    return found


# What the sentence has to say of rank 1.
CASES = {
    "late": ["rank 1 on node 7 has not entered all_reduce 4 of default_pg", "the other 2 wait in it", "stand_still", "train.py"],
    "mismatch": ["rank 1 on node 7 called broadcast", "where ranks 0/2 called all_reduce"],
    "gil": ["rank 1 on node 7 has not entered all_reduce 4", "stand_still", "holding the GIL"],
    "loader": ["rank 1 on node 7 has not entered all_reduce 4", "next_batch", "train.py"],
    "stopped": ["rank 1 on node 7", "is stopped (T)"],
    "killed": ["rank 1 on node 7 has ended"],
}


@pytest.mark.parametrize("case", CASES)
def test_the_right_rank_is_named(case: str, scratch: Path, arobust: Arobust) -> None:
    os.mkfifo(scratch / "pipe")
    launcher = Process(
        "torchrun",
        [TORCHRUN, "--nproc-per-node", "3", "--monitor-interval", "60", "--master-port", "0", "--standalone",
         ROOT / "Tests/Torch/train.py", case, scratch],
        scratch,
        {"OMP_NUM_THREADS": "1"},
    )
    try:
        wait_until(lambda: len(list(scratch.glob("ready_*"))) == 3, lambda: f"three ranks; {launcher.tail(30)}", seconds=120)
        processes = ranks(launcher)
        assert sorted(processes) == [0, 1, 2]
        # Other tests of this machine have ranks, too.
        settings = scratch / "settings.yaml"
        settings.write_text(
            f"stacks: {{py-spy: {PYSPY}, worker-server: ['{scratch}/worker_{{local_rank}}.sock'], pids: {list(processes.values())},"
            " interval: 1h}\nnode: {rank: 7}\n"
        )
        agent = arobust.start_ready("collect", "--config", settings)
        time.sleep(15 if case == "killed" else 2)
        started = time.monotonic()
        subprocess.run([AROBUST, "dump", "--state-dir", arobust.state], check=True, timeout=60, stdout=subprocess.DEVNULL)
        took = time.monotonic() - started
        answer = json.loads(
            subprocess.run([AROBUST, "hang", "--state-dir", arobust.state, "--json"], check=True, capture_output=True, text=True).stdout
        )
        print(case, f"{took:.1f} s", answer["sentence"], *answer["notes"], sep="\n  ")
        assert answer["hang"] is True
        assert answer["culprits"] == [1]
        for text in CASES[case]:
            assert text in answer["sentence"]
        # torch elastic has not said anything yet, and everybody is as before.
        assert launcher.child.poll() is None
        assert "Root Cause" not in launcher.log()
        for rank, process in processes.items():
            if rank == 1 and case == "killed":
                continue
            state = status_of(process)["State"][0]
            assert state == ("T" if rank == 1 and case == "stopped" else "S"), (rank, state)
            assert status_of(process)["TracerPid"] == "0"
        assert agent.child.poll() is None
    finally:
        for process in ranks(launcher).values() if launcher.child.poll() is None else []:
            os.kill(process, signal.SIGKILL)
        launcher.kill()
