"""ZMTP that no client of libzmq sends, to a publisher and from one: nothing ends, nothing grows."""

import time
from pathlib import Path

import pytest
from harness.process import Arobust, Process, resident_kib, wait_until
from harness.zmtp import SOCKETS, RawPeer, RawPublisher, command, frame

MIB = 1 << 20


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", list(SOCKETS))
def test_hanging_up_behind_a_ping_ends_no_publisher(arobust: Arobust, name: str) -> None:
    """libzmq 4.3.4 ends the process where it has stopped reading at its high-water mark."""
    publisher = arobust.start_ready("collect")
    request = {"push": frame(b"x"), "pub": frame(b"\1x") + frame(b"\0x")}.get(name, frame(b"", more=True) + frame(b"x"))
    for number in range(300):
        try:
            with RawPeer(arobust.state, name) as peer:
                peer.socket.sendall(request * (40 + number * 7) + command(b"PING", b"\0\0"))
        except (OSError, AssertionError):
            pass  # turned away, since others are still being read
    assert publisher.child.poll() is None, publisher.tail()
    wait_until(lambda: arobust.run("status").child.returncode == 0, "an answer")


def resident(process: Process) -> int:
    try:
        return resident_kib(process.pid)
    except (OSError, KeyError):
        return 0  # it has ended


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "block",
    [
        frame(b"p" * 60_000, more=True),
        b"\1\0" * 30_000,
        command(b"SUBSCRIBE", b"x" * 60_000, flags=5),
        command(b"PING", b"x" * 60_000),
        command(b"READY", b"\1X\0\0\0\0" * 5000),
    ],
    ids=["large-frames", "empty-frames", "commands", "pings", "handshakes"],
)
def test_a_publisher_that_never_ends_its_message_is_left(arobust: Arobust, scratch: Path, block: bytes) -> None:
    arobust.state.mkdir(mode=0o700)
    given = scratch / "metrics"
    given.write_text('{"data_type":"GENERIC","data_content":"x"}\n')
    publisher = RawPublisher(arobust.state, block, 2000 * MIB)
    try:
        tap = arobust.start("tap", "--json")
        with open(given, "rb") as stdin:
            lines = arobust.start("publish", "--timeout", "5s", stdin=stdin)
        most = 0
        for _ in range(60):
            most = max(most, *(resident(one) for one in (tap, lines)))
            time.sleep(0.1)
        assert tap.child.poll() is None
        # The limit of a message is 128 MiB, and half of that for what answers a request.
        assert most < 400 * 1024
    finally:
        publisher.close()
