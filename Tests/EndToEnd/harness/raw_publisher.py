"""A publisher in Python, written from docs/wire-format.md alone, that puts any given bytes on the bus.

It keeps the accounts that consumers commit, and everything it published, which it replays on request.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq

from .bus import HEADER, Position

MAGIC, VERSION = b"AROB", 1


@dataclass
class Lane:
    envelopes: list[tuple[bytes, bytes, bytes]] = field(default_factory=list)
    """Topic, header, body; the first has sequence 1."""


@dataclass
class Account:
    """What a consumer last committed for a lane."""

    through: Position = (0, 0)
    delivered: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)

    @property
    def finished(self) -> int:
        return self.delivered + sum(self.skipped.values()) + sum(self.lost.values())


class RawPublisher:
    def __init__(self, state_dir: Path) -> None:
        state_dir.mkdir(mode=0o700, exist_ok=True)
        self.lanes: dict[str, Lane] = {}
        self.accounts: dict[str, dict[str, Account]] = {}
        """By consumer and data type."""
        self._id = uuid.uuid4()
        self._epoch = int(time.time())
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        context = zmq.Context.instance()
        self._pub, self._replay = context.socket(zmq.XPUB), context.socket(zmq.ROUTER)
        for socket, name in ((self._pub, "pub"), (self._replay, "replay")):
            socket.linger = 0
            socket.sndhwm = 100_000
            socket.bind(f"ipc://{state_dir}/{name}.sock")
            os.chmod(state_dir / f"{name}.sock", 0o600)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def publish(
        self, data_type: str, body: bytes, collected: int | None = None, node_type: str = "worker", rank: int = 0
    ) -> None:
        """Puts an envelope on the bus, and keeps it."""
        topic = f"{data_type}/{node_type}/{rank}/".encode()
        collected = int(time.time()) if collected is None else collected
        with self._lock:
            lane = self.lanes.setdefault(data_type, Lane())
            header = self._header(len(lane.envelopes) + 1, collected)
            lane.envelopes.append((topic, header, body))
            self._pub.send_multipart([topic, header, body])
            if len(lane.envelopes) == 1:
                self._beat(b"$beat/")

    def send_raw(self, *frames: bytes) -> None:
        """Puts something on the bus that is not an envelope; it is not kept."""
        with self._lock:
            self._pub.send_multipart(list(frames))

    def account(self, consumer: str, data_type: str) -> Account:
        with self._lock:
            return self.accounts.get(consumer, {}).get(data_type, Account())

    def unfinished(self, consumer: str) -> dict[str, tuple[int, Account]]:
        """The lanes in which the consumer's account covers fewer envelopes than there are."""
        counts = {data_type: len(lane.envelopes) for data_type, lane in self.lanes.items()}
        found = {data_type: (count, self.account(consumer, data_type)) for data_type, count in counts.items()}
        return {data_type: (count, account) for data_type, (count, account) in found.items() if account.finished != count}

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._pub.close()
        self._replay.close()

    # In its own thread; a ZeroMQ socket may change threads under a lock.

    def _serve(self) -> None:
        next_beat = 0.0
        while not self._stopped.is_set():
            with self._lock:
                while self._pub.poll(0):
                    message = self._pub.recv()
                    if message.startswith(b"\x01$hello/"):
                        self._beat(message[1:])
                while self._replay.poll(0):
                    self._answer(self._replay.recv_multipart())
                if time.monotonic() >= next_beat:
                    self._beat(b"$beat/")
                    next_beat = time.monotonic() + 1
            time.sleep(0.005)

    def _header(self, sequence: int, collected: int) -> bytes:
        return HEADER.pack(MAGIC, VERSION, 0, 0, self._id.bytes, self._epoch, sequence, collected, time.time_ns())

    def _beat(self, topic: bytes) -> None:
        lanes = [
            {"data_type": name, "first": [self._epoch, 1], "last": [self._epoch, len(lane.envelopes)]}
            for name, lane in self.lanes.items()
        ]
        self._pub.send_multipart([topic, self._header(0, 0), json.dumps({"lanes": lanes}).encode()])

    def _answer(self, message: list[bytes]) -> None:
        route = message[: message.index(b"", 1) + 1]

        def send(topic: bytes, body: dict[str, Any]) -> None:
            self._replay.send_multipart([*route, topic, self._header(0, 0), json.dumps(body).encode()])

        request = json.loads(message[-1])
        match request["op"]:
            case "replay":
                self._play(route, request, send)
            case "commit":
                self._take(request)
                send(b"$done/", {})
            case "forget":
                send(b"$done/", {})
            case _:
                send(b"$error/", {"error": "this publisher is a test's"})

    def _play(self, route: list[bytes], request: dict[str, Any], send: Any) -> None:
        envelopes = self.lanes.get(request["data_type"], Lane()).envelopes
        _, after = request.get("after") or (0, 0)
        if "after" not in request:
            send(b"$start/", {"data_type": request["data_type"], "after": [0, 0]})
        credit = request.get("credit", 16 << 20)
        while after < len(envelopes) and credit > 0:
            self._replay.send_multipart([*route, *envelopes[after]])
            credit -= len(envelopes[after][2])
            after += 1
        last = [self._epoch, len(envelopes)]
        end = {"data_type": request["data_type"], "through": [self._epoch, after], "last": last}
        send(b"$end/", end | {"complete": after == len(envelopes)})

    def _take(self, request: dict[str, Any]) -> None:
        lanes = self.accounts.setdefault(request["consumer"], {})
        for lane in request["lanes"]:
            counts = {key: lane[key] for key in ("delivered", "skipped", "lost") if key in lane}
            lanes[lane["data_type"]] = Account(tuple(lane["through"]), **counts)
