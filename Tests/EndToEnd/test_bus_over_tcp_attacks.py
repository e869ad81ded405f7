"""Who wants to do harm over the network: strangers, and clients with an authorized key."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from harness.curve import Asker, Keys, Network, Reader, secured
from harness.process import Arobust, Process, resident_kib, wait_until

MIB = 1 << 20


@pytest.fixture
def network(arobust: Arobust) -> Network:
    return Network(arobust)


@pytest.fixture
def friend(network: Network) -> Keys:
    keys = network.make("friend")
    network.authorize((keys, "friend"))
    return keys


@pytest.fixture
def readers() -> Iterator[list[Any]]:
    made: list[Any] = []
    yield made
    for one in made:
        one.close()


def cpu_seconds(process: Process) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_half_open_connections_and_failed_handshakes_keep_nobody_out(
    arobust: Arobust, network: Network, friend: Keys, readers: list[Any]
) -> None:
    collect = network.start()
    before = resident_kib(collect.pid)
    held = []
    for number in range(300):
        try:
            peer = socket.create_connection(("127.0.0.1", network.port + number % 2), timeout=5)
        except OSError:
            continue  # too many from here
        if number % 3:
            peer.sendall((b"\xff" + bytes(8) + b"\x7f\3\1CURVE" + bytes(47))[: 64 if number % 3 == 1 else 30])
        held.append(peer)
    stranger = network.make("stranger")
    for number in range(1000):
        knock = secured(zmq.DEALER, stranger, network.server.public)
        knock.connect(f"tcp://127.0.0.1:{network.port + 1}")
        knock.send_multipart([b"", b'{"op":"status"}'])
        readers.append(knock)
        if number % 50 == 49:
            time.sleep(0.3)
            for one in readers:
                one.close()
            readers.clear()
    spent = cpu_seconds(collect)
    reader = Reader(network, friend)
    readers.append(reader)
    reader.wait_connected()
    arobust.publish("still here")
    assert reader.first(1) == ["still here"]
    status = network.status()
    assert status["refused"] > 0 and status["unproved"] + status["closed"] >= 300, status
    assert resident_kib(collect.pid) - before < 64 * 1024
    assert spent < 20, "a thousand strangers cost more than this test's own clients"
    # Each that says nothing more is gone after the handshake's time.
    wait_until(lambda: network.status()["connections"] <= 1, "the half-open ones to be gone", every=0.3)
    for peer in held:
        peer.close()


@pytest.mark.parametrize("part", [b"", b"x", b"x" * 200_000], ids=["empty", "small", "large"])
def test_a_message_without_an_end_is_not_kept(
    arobust: Arobust, network: Network, friend: Keys, readers: list[Any], part: bytes
) -> None:
    """Encryption hides from the guard where it would end."""
    collect = network.start()
    good = Asker(network, friend)
    endless = secured(zmq.DEALER, friend, network.server.public)
    readers += [good, endless]
    assert good.ask(op="status")[0] == b"$status/"
    before = resident_kib(collect.pid)
    endless.sndhwm = 0
    endless.connect(f"tcp://127.0.0.1:{network.port + 1}")
    endless.send_multipart([b"", b'{"op":"status"}'])
    assert endless.poll(20_000)
    # libzmq's client sends a message's first parts only when its last is there.
    endless.send_multipart([part] * (64 * MIB // max(len(part), 64) // (1 if part else 8)))
    network.wait_for(["closed"], 1)
    assert good.ask(op="status")[0] == b"$status/"
    assert resident_kib(collect.pid) - before < 96 * 1024


@pytest.mark.timeout(240)
def test_a_client_that_stops_reading_holds_up_nobody(arobust: Arobust, network: Network, friend: Keys) -> None:
    """Neither those on the machine nor those of the network; it gets the rest when it goes on."""
    collect = network.start()
    total, content = 1200, "x" * 60_000
    stuck = arobust.start_plain("tap", *network.flags(friend), "--json", "--count", str(total))
    afar = arobust.start_plain("tap", *network.flags(friend), "--json", "--count", str(total))
    local = arobust.start_ready("tap", "--json", "--count", str(total))
    wait_until(lambda: "Connected" in stuck.log() and "Connected" in afar.log(), "the clients")
    stuck.pause()
    before = resident_kib(collect.pid)
    for number in range(5):
        arobust.publish(*[f"{number}-{each}-{content}" for each in range(total // 5)])
    # Each ends when it has everything.
    assert local.wait(90) == 0 and afar.wait(90) == 0
    assert resident_kib(collect.pid) - before < 320 * 1024
    stuck.resume()
    assert stuck.wait(90) == 0
    for process in (local, afar, stuck):
        found = re.findall(r"(\d-\d+)-x{60000}", process.output())
        assert found == [f"{number}-{each}" for number in range(5) for each in range(total // 5)]
