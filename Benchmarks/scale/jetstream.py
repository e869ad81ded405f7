"""What a message costs JetStream: nats-py publishes messages of the sizes of reports to a stream, without an agent."""

import asyncio
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figures import cpu_seconds

from .measuring import scratch_folder

SIZES = [512, 2_048, 16_384]
IN_FLIGHT = 64


@dataclass
class Cost:
    """Of one message, over all servers together."""

    servers: int
    size: int
    messages: int
    cpu_us: float
    busiest_us: float
    """Of it the server that took most: the one that leads the stream."""
    disk_bytes: float
    wire_bytes: float
    """What the servers received, from the publisher and from each other."""
    publisher_cpu_us: float


def written(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def received(pids: list[int]) -> int:
    """Bytes that the servers received on connections that are open (ss(8)). A connection within a server pair is counted where it is read."""
    told = subprocess.run(["ss", "-tinpH", "state", "established"], check=True, capture_output=True, text=True).stdout
    total = 0
    for socket, figures in zip(told.splitlines()[::2], told.splitlines()[1::2], strict=False):
        if any(f"pid={pid}," in socket for pid in pids) and (found := re.search(r"bytes_received:(\d+)", figures)):
            total += int(found[1])
    return total


async def publish(addresses: list[str], replicas: int, size: int, count: int) -> tuple[float, int]:
    """CPU seconds of the publisher; each message is acknowledged, `IN_FLIGHT` at a time, as arobust's window does."""
    import nats
    from nats.js.api import StreamConfig

    client = await nats.connect(addresses)
    stream = client.jetstream(timeout=10)
    try:
        await stream.add_stream(StreamConfig(name="cost", subjects=["cost.>"], num_replicas=replicas, duplicate_window=120))
        body = os.urandom(size)  # the servers compress large messages for each other (S2): this shows the most they may take
        before = cpu_seconds(os.getpid())

        async def some(first: int) -> None:
            for number in range(first, count, IN_FLIGHT):
                header = {"Nats-Msg-Id": f"publisher-{number}", "Arobust-Epoch": "1", "Arobust-Sequence": str(number)}
                await stream.publish("cost.job.TRAINING_LOG.worker.7", body, headers=header)

        await asyncio.gather(*(some(first) for first in range(IN_FLIGHT)))
        used = cpu_seconds(os.getpid()) - before
        info: Any = await stream.stream_info("cost")
        assert info.state.messages == count, f"{info.state.messages} of {count} messages are in the stream"
        return used, info.state.bytes
    finally:
        await client.close()


def measure(servers: int, size: int, count: int) -> Cost:
    from harness.nats_servers import Servers

    with scratch_folder() as scratch:
        cluster = Servers(scratch, servers)
        try:
            cluster.start_ready()
            pids = [server.process.pid for server in cluster.all if server.process]
            before, wire = [cpu_seconds(pid) for pid in pids], received(pids)
            used, _ = asyncio.run(publish(cluster.addresses, servers, size, count))
            took = [cpu_seconds(pid) - least for pid, least in zip(pids, before, strict=True)]
            wire = received(pids) - wire + (size + 150) * count  # the publisher's connection is closed by now
            disk = sum(written(server.folder) for server in cluster.all)
        finally:
            cluster.kill()
    return Cost(servers, size, count, sum(took) / count * 1e6, max(took) / count * 1e6, disk / count, wire / count, used / count * 1e6)
