"""Puts metrics into a stream with PyPI's nats-py, as a Python program would, and prints what that costs. Run as a program of its own.

nats_client.py SERVER STREAM FILE WARM_UP UNDER_WAY: the file has a metric a line; the first WARM_UP are not counted, nor is the import. UNDER_WAY is how
many may wait for their acknowledgement at once; with 1 they are in the stream in order, whatever breaks, as arobust has them.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import nats
from harness.process import resident_kib


async def main(server: str, stream: str, lines: list[bytes], warm_up: int, under_way: int) -> None:
    connection = await nats.connect(server)
    context = connection.jetstream(publish_async_max_pending=under_way)

    async def publish(first: int, last: int) -> None:
        for number in range(first, last):
            headers = {"Nats-Msg-Id": f"python/TRAINING_LOG/1/{number}"}
            if under_way == 1:
                await context.publish(f"{stream}._.TRAINING_LOG.worker.0", lines[number], headers=headers)
            else:
                await context.publish_async(f"{stream}._.TRAINING_LOG.worker.0", lines[number], headers=headers)
        await context.publish_async_completed()

    await publish(0, warm_up)
    before, started = time.process_time(), time.monotonic()
    await publish(warm_up, len(lines))
    took = {"cpu": time.process_time() - before, "seconds": time.monotonic() - started, "peak_kib": resident_kib(os.getpid(), peak=True)}
    print(json.dumps(took))
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_bytes().splitlines(), int(sys.argv[4]), int(sys.argv[5])))
