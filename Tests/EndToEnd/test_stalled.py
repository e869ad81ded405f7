"""Consumers that stop reading affect neither the publisher nor the other consumers."""

import json
import signal
from pathlib import Path

import pytest
from harness.file_master import FileMaster
from harness.process import Arobust, resident_kib, wait_until

ENVELOPES = 100_000
CONTENT_BYTES = 1024
# All of it is 120 MB as JSON; one stalled consumer may hold 32 MiB of that, and libzmq adds to each message.
GROWTH_LIMIT_KIB = 80 << 10


@pytest.mark.timeout(240)
def test_killed_tap_and_stopped_subscriber_hurt_nobody(arobust: Arobust, scratch: Path) -> None:
    received = FileMaster(scratch / "all.ndjson")
    collect = arobust.start_ready("collect")
    bridge = arobust.start_ready("bridge", "--master", received.url)
    killed = arobust.start_ready("tap", "--json")
    stopped = arobust.start_ready("tap", "--json")
    stopped.pause()

    given = scratch / "metrics.ndjson"
    with open(given, "w") as file:
        for number in range(ENVELOPES):
            content = f"{number:06} ".ljust(CONTENT_BYTES, "x")
            file.write(json.dumps({"data_type": "GENERIC", "data_content": content}) + "\n")
    before = resident_kib(collect.pid)
    with open(given, "rb") as stdin:
        publish = arobust.start("publish", stdin=stdin)
    wait_until(lambda: received.path.exists() and received.path.stat().st_size > 10 << 20, "the first tenth", 60)
    killed.send(signal.SIGKILL)
    assert publish.wait(120) == 0, "the publisher does not block"
    assert resident_kib(collect.pid, peak=True) - before < GROWTH_LIMIT_KIB

    size = given.stat().st_size
    wait_until(lambda: received.path.stat().st_size > size, "the other consumer to have all", 60)
    wait_until(lambda: len(received.store("GENERIC")) >= ENVELOPES, "the other consumer to have all", 60, every=1)
    numbers = [int(content[:6]) for content in received.contents("GENERIC")]
    assert numbers == list(range(ENVELOPES))
    stopped.resume()
    assert collect.stop() == 0
    assert bridge.stop() == 0
