"""Hostile programs of this machine, for `siege`: each attack takes seconds, and leaves nothing behind but what arobust keeps of it."""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import zmq

from .bus import ReplayClient, ReplayError
from .falsified import falsified
from .zmtp import SOCKETS, RawPeer, frame

MIB = 1 << 20
Attack = Callable[[Path, random.Random], None]


def idle_connections(state: Path, chance: random.Random) -> None:
    held = []
    for _ in range(200):
        try:
            held.append(RawPeer(state, chance.choice(list(SOCKETS)), shake_hands=chance.random() < 0.5))
        except (OSError, AssertionError):
            pass
    time.sleep(2)
    for peer in held:
        peer.socket.close()


def endless_message(state: Path, chance: random.Random) -> None:
    part = frame(b"p" * chance.choice([0, 1, 4000, MIB]), more=True)
    with RawPeer(state, chance.choice(list(SOCKETS))) as peer:
        peer.pour(part * max(1, 65536 // len(part)), 100 * MIB)


def garbage(state: Path, chance: random.Random) -> None:
    with RawPeer(state, chance.choice(list(SOCKETS)), shake_hands=chance.random() < 0.5) as peer:
        peer.pour(chance.randbytes(4096), MIB)


def subscriptions(state: Path, chance: random.Random) -> None:
    with RawPeer(state, "pub") as peer:
        peer.pour(b"".join(frame(b"\1" + chance.randbytes(3)) for _ in range(1000)), 10 * MIB)


@contextmanager
def connected(state: Path, kind: int, name: str, **options: object) -> Iterator[zmq.Socket[bytes]]:
    """A socket of a context of its own, so that none of its threads and buffers outlive the attack."""
    context = zmq.Context()
    try:
        one = context.socket(kind)
        for option, value in {"linger": 0, **options}.items():
            setattr(one, option, value)
        one.connect(f"ipc://{state}/{name}.sock")
        yield one
    finally:
        context.destroy(0)


def unread_replays(state: Path, chance: random.Random) -> None:
    with connected(state, zmq.DEALER, "replay", rcvhwm=1, rcvbuf=4096) as reader:
        for number in range(100):
            wanted = {"op": "replay", "data_type": chance.choice(["TRAINING_LOG", "JUNK", "XPU_TIMER_METRIC"])}
            reader.send_multipart([b"%d" % number, b"", json.dumps(wanted).encode()])
        time.sleep(3)


def unread_stream(state: Path, chance: random.Random) -> None:
    with connected(state, zmq.SUB, "pub", rcvhwm=1, rcvbuf=4096) as reader:
        reader.subscribe(b"")
        time.sleep(3)


def large_metrics(state: Path, chance: random.Random) -> None:
    with connected(state, zmq.DEALER, "ingest") as client:
        for _ in range(2):
            client.send_multipart([b"", json.dumps({"data_type": "JUNK", "data_content": "k" * (8 * MIB)}).encode()])
            client.poll(10_000) and client.recv_multipart()


def refused_pushes(state: Path, chance: random.Random) -> None:
    with connected(state, zmq.PUSH, "push") as pusher:
        for _ in range(2000):
            pusher.send(b'{"data_type":"GENERIC\x1b[31m\n')
        time.sleep(1)


def false_books(state: Path, chance: random.Random) -> None:
    client = ReplayClient(state)
    try:
        epoch = json.loads(client.receive(client.ask("status"))[2])["epoch"]
        for request in falsified(epoch):
            try:
                client.receive(client.ask_raw(request))
                raise AssertionError(f"taken: {request[:200]!r}")
            except ReplayError:
                pass
    except TimeoutError:
        pass  # others have taken all connections
    finally:
        client.close()


LOCAL: list[Attack] = [
    idle_connections, endless_message, garbage, subscriptions, unread_replays, unread_stream, large_metrics, refused_pushes,
    false_books,
]


def flood_listener(port: int, chance: random.Random) -> None:
    """Connections of any user, silent or with frames of no use."""
    held = []
    for _ in range(100):
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=2)
            held.append(connection)
            if chance.random() < 0.5:
                settings = b"\0\0\0\4\0\0\0\0\0"
                ping = struct.pack(">I", 8)[1:] + b"\6\0" + struct.pack(">I", 0) + b"12345678"
                connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + ping * 1000)
        except OSError:
            pass
    time.sleep(2)
    for connection in held:
        connection.close()


class Attackers:
    """Threads that attack until they are stopped; `counts` says what they did, `failure` why one gave up."""

    def __init__(self, state: Path, port: int, seed: int, threads: int = 3) -> None:
        self.counts: dict[str, int] = {}
        self.failure: AssertionError | None = None
        self._stop = threading.Event()
        self._state, self._port = state, port
        self._threads = [threading.Thread(target=self._run, args=(seed + n,), daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, seed: int) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        chance = random.Random(seed)
        while not self._stop.is_set():
            attack = chance.choice([*LOCAL, flood_listener])
            try:
                if attack is flood_listener:
                    flood_listener(self._port, chance)
                else:
                    attack(self._state, chance)
            except AssertionError as failure:
                if str(failure).startswith("taken"):
                    self.failure = failure
                    return
            except (OSError, TimeoutError):
                pass  # turned away
            self.counts[attack.__name__] = self.counts.get(attack.__name__, 0) + 1
            time.sleep(0.5)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
