"""What a master holds: for a connection that does nothing, and for content until it is too old. Measured with DLRover's own client's messages."""

import json
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from figures import cpu_seconds
from harness.process import ROOT, resident_kib

from .ends import End, console, dlrover
from .fleet import PAGE
from .measuring import scratch_folder

CONNECTIONS = 400
REPORTS = 4000


@dataclass
class Held:
    end: str
    connect_us: float
    """CPU of the master for each connection that was made and asked nothing."""
    connection_kib: float
    content_ratio: float | None
    """Bytes of memory for each byte of content; `None` where the master keeps none in memory."""


def connect(end: End) -> tuple[float, float]:
    """HTTP/2 connections as a gRPC client makes them, without a call; (CPU us, KiB) for each."""
    import grpc

    pid, port = end.pids[0], end.ports[0]
    before, kib = cpu_seconds(pid), resident_kib(pid)
    # A pool that is not the channel's own: otherwise they would share one connection.
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.insecure_channel(f"127.0.0.1:{port}", options=[*options, ("arobust.number", number)]) for number in range(CONNECTIONS)]
    for channel in channels:
        grpc.channel_ready_future(channel).result(timeout=30)
    time.sleep(1)
    used, grown = cpu_seconds(pid) - before, resident_kib(pid) - kib
    for channel in channels:
        channel.close()
    return used / CONNECTIONS * 1e6, grown / CONNECTIONS


def hold(scratch: Path, end: End) -> float:
    """Bytes of memory for each byte of pages that DLRover's master holds for ten minutes."""
    metrics = scratch / "metrics"
    now = int(time.time())
    line = json.dumps({
        "data_type": "TRAINING_LOG", "data_content": PAGE, "node_id": 0, "node_type": "worker", "node_rank": 0, "timestamp": now,
    })  # fmt: skip
    metrics.write_text(f"{line}\n" * 100)
    client: list[str] = [sys.executable, str(ROOT / "Benchmarks/dlrover_client.py"), end.url.partition("//")[2], str(metrics), "0"]
    subprocess.run(client, check=True, capture_output=True)
    kib = resident_kib(end.pids[0])
    metrics.write_text(f"{line}\n" * REPORTS)
    subprocess.run(client, check=True, capture_output=True)
    return (resident_kib(end.pids[0]) - kib) * 1024 / (len(PAGE) * REPORTS)


def measure() -> list[Held]:
    found = []
    for make in (dlrover, console):
        with scratch_folder() as scratch:
            ends: AbstractContextManager[End] = make(scratch)
            with ends as end:
                us, kib = connect(end)
                found.append(Held(end.name, us, kib, hold(scratch, end) if make is dlrover else None))
    return found
