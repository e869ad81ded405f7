"""Actions that run where the nodes' state directories and the masters' stores are: in the `audit` container, or on this machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from harness.control import ask

from .evidence import POISON
from .runtime import Failed
from .topology import Topology
from .verdict import as_json, table, verdict

FILLING = "filling"
START_SECONDS = 60
"""How long a master may take until it listens: DLRover's imports a lot."""
USAGE = 2
"""The exit status when something can't be done; 1 is a red verdict."""


def program() -> str:
    return os.environ.get("CLUSTER_AROBUST", "arobust")


def disk(topology: Topology, place: str) -> Path:
    """The disk of a node, by its number, or of a master, by its name."""
    return topology.state(int(place)) if place.isdigit() else topology.master_folder(topology.master(place))


def ask_master(control: Path, request: dict[str, Any]) -> None:
    """Waits for a master that was started a moment ago: until it listens, its control socket is missing, or that of the one before."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ask(control, **request)
            return
        except (ConnectionRefusedError, FileNotFoundError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def fill(folder: Path) -> None:
    """Fills the disk that the folder is on; refuses a disk that others use, too."""
    if shutil.disk_usage(folder).total > 1 << 30:
        raise Failed(f"{folder} is on a disk of more than 1 GiB, so it can't be the cluster's own")
    # Fails when the disk is full, as intended.
    subprocess.run(["dd", "if=/dev/zero", f"of={folder / FILLING}", "bs=64k"], capture_output=True, check=False)


def poison(topology: Topology, node: int) -> None:
    """Publishes a log metric with a time in milliseconds: if one reaches a DLRover master, it disables the type for the whole job."""
    now = int(time.time() * 1000)
    metric = {
        "data_type": "TRAINING_LOG", "timestamp": now, "data_content": f"{POISON} {now}]", "node_id": node - 1,
        "node_type": "worker", "node_rank": node - 1, "is_final_result": False, "need_report": True,
    }  # fmt: skip
    command = [program(), "publish", "--state-dir", str(topology.state(node))]
    done = subprocess.run(command, input=json.dumps(metric) + "\n", capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"not published: {done.stderr.strip()}")


def judge(topology: Topology, flags: list[str]) -> int:
    rows = verdict(topology, program(), at_rest="--at-rest" in flags)
    print(json.dumps(as_json(rows)) if "--json" in flags else table(rows))
    return 1 if any(row.is_red for row in rows) else 0


def watch(topology: Topology, seconds: float) -> None:
    """Prints the verdict at this interval, until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        time.sleep(seconds)
        print(time.strftime("%H:%M:%S"), table(verdict(topology, program())), sep="\n", end="\n\n", flush=True)


def act(topology: Topology, arguments: list[str]) -> int:
    match arguments:
        case ["audit", *flags]:
            return judge(topology, flags)
        case ["watch", seconds]:
            watch(topology, float(seconds))
        case ["master", name, request]:
            ask_master(topology.control(topology.master(name)), json.loads(request))
        case ["fill", place]:
            fill(disk(topology, place))
        case ["free", place]:
            (disk(topology, place) / FILLING).unlink(missing_ok=True)
        case ["poison", node]:
            poison(topology, int(node))
        case ["close-replay", node]:
            (topology.state(int(node)) / "replay.sock").unlink()
        case _:
            raise Failed(f"no such action: {' '.join(arguments)}")
    return 0


def main(arguments: list[str]) -> int:
    try:
        return act(Topology.from_json(os.environ["CLUSTER_TOPOLOGY"]), arguments)
    except (Failed, OSError, RuntimeError) as problem:
        print(problem, file=sys.stderr)
        return USAGE
