"""Reads the bus without losing anything: live envelopes where they follow what was read, a replay of the journal where they don't."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Optional

import zmq

from ._wire import Envelope, Position, WireError, read_answer, read_envelope, read_header, read_lanes

logger = logging.getLogger("arobust")

CREDIT = 1 << 20
"""How many bytes of a replay are held in memory at once; a single larger envelope comes alone."""
ANSWER_TIME = 5.0
HELD = 64
"""How many volatile envelopes wait for those before them."""


class BusReader:
    """A consumer of one publisher's bus. For one thread at a time, of the process that made it.

    It subscribes to everything, and takes the journal's word for what it did not see: in a lane an envelope is taken as it comes only if
    it directly follows the last one. While nobody calls `next`, libzmq holds up to 256 envelopes and the publisher drops the rest, which
    are then asked for again.
    """

    def __init__(self, state_dir: Path, publisher: Optional[str], cursors: dict[str, Position], types: Iterable[str] = ()) -> None:
        """`publisher` and `cursors` say what was read before; no types: all."""
        self.publisher = publisher
        self.read = dict(cursors)
        self.types = frozenset(types)
        self.heard = 0.0
        """When the publisher was last heard, by the monotonic clock."""
        self.known: set[str] = set(cursors)
        """The data types that it has."""
        self.is_over = False
        """Set from another thread once the publisher has ended: nothing is asked of it any more."""
        self._state_dir = state_dir
        self._context = zmq.Context()
        self._ready: deque[Envelope] = deque()
        self._behind: set[str] = set()
        self._held: dict[str, deque[Envelope]] = {}
        self._dealer: Optional[zmq.Socket[bytes]] = None
        self._sub = self._context.socket(zmq.SUB)
        self._sub.linger = 0
        self._sub.rcvhwm = 256
        self._sub.reconnect_ivl, self._sub.reconnect_ivl_max = 50, 500
        for topic in [f"{each}/" for each in sorted(self.types)] or [""]:
            self._sub.subscribe(topic.encode())
        self._sub.subscribe(b"$beat/")
        # Answered at once when the subscription is there, and after each reconnection.
        self._sub.subscribe(f"$hello/{uuid.uuid4()}".encode())
        self._sub.connect(f"ipc://{state_dir}/pub.sock")

    def close(self) -> None:
        """Closes the sockets; waits for nothing."""
        self._context.destroy(linger=0)

    def put_back(self, envelope: Envelope) -> None:
        """The next call of `next` returns it again."""
        self._ready.appendleft(envelope)

    def next(self, seconds: float) -> Optional[Envelope]:
        """The next envelope, each lane in its order; `None` if none comes within that time."""
        deadline = time.monotonic() + seconds
        while not self._ready:
            if self._behind:
                self._replay(next(iter(self._behind)))
                if not self._ready and time.monotonic() >= deadline:
                    return None
                continue
            left = max(0.0, deadline - time.monotonic())
            if not self._sub.poll(int(left * 1000)):
                return None
            self._take(self._sub.recv_multipart())
        return self._ready.popleft()

    def next_live(self) -> Optional[Envelope]:
        """The next one that has already come, without asking the publisher, which has ended."""
        while not self._ready and self._sub.poll(0):
            self._take(self._sub.recv_multipart())
        return self._ready.popleft() if self._ready else None

    def commit(self, consumer: str, cursors: dict[str, Position]) -> None:
        """Tells the publisher what is finished, so that its journal keeps the rest first. The answer is not waited for."""
        lanes = [{"data_type": data_type, "through": through} for data_type, through in cursors.items()]
        self._ask(b"commit", {"op": "commit", "consumer": consumer, "lanes": lanes})

    # Live

    def _take(self, frames: list[bytes]) -> None:
        try:
            topic, header, body = frames
            self.heard = time.monotonic()
            self._meet(read_header(header)[0])
            if topic.startswith(b"$"):
                for data_type, newest in read_lanes(body).items():
                    if self._wants(data_type):
                        self.known.add(data_type)
                        if newest > self.read.get(data_type, (0, 0)):
                            self._behind.add(data_type)
                return
            envelope = read_envelope(topic, header, body)
        except (WireError, ValueError) as error:
            logger.warning("A message on the bus is left out: %s", error)
            return
        if not self._wants(envelope.data_type):
            return
        self.known.add(envelope.data_type)
        last, position = self.read.get(envelope.data_type), envelope.position
        if last is not None and position == (last[0], last[1] + 1):
            self._accept(envelope)
        elif last is None or position > last:
            self._behind.add(envelope.data_type)
            if envelope.is_volatile:
                self._held.setdefault(envelope.data_type, deque(maxlen=HELD)).append(envelope)

    def _wants(self, data_type: str) -> bool:
        return not self.types or data_type in self.types

    def _meet(self, publisher: str) -> None:
        """Another publisher's positions mean nothing here: its state directory was removed."""
        if publisher != self.publisher:
            if self.publisher is not None:
                self.read.clear()
                self._behind.clear()
                self._held.clear()
            self.publisher = publisher

    def _accept(self, envelope: Envelope) -> None:
        self.read[envelope.data_type] = envelope.position
        self._ready.append(envelope)

    # Replay

    def _replay(self, data_type: str) -> None:
        """Asks for what follows in a lane, up to the credit. A publisher that does not answer is asked again at its next beat."""
        # Of a lane that is new here, everything from its very beginning: what is gone of it is then told.
        after = self.read.get(data_type, (0, 0))
        request = {"op": "replay", "data_type": data_type, "credit": CREDIT, "after": after}
        tag = uuid.uuid4().bytes
        dealer = self._ask(tag, request)
        while True:
            deadline = time.monotonic() + ANSWER_TIME
            while not dealer.poll(100):
                if self.is_over or time.monotonic() >= deadline:
                    self._abandon(data_type)
                    return
            frames = dealer.recv_multipart()
            if frames[0] != tag:
                continue  # an answer to a commit, or to a replay that was given up
            try:
                _, _, topic, header, body = frames
                if self._read_answer(data_type, topic, header, body):
                    return
            except (WireError, ValueError, KeyError) as error:
                logger.warning("The journal's answer can't be read: %s", error)
                self._abandon(data_type)
                return

    def _read_answer(self, data_type: str, topic: bytes, header: bytes, body: bytes) -> bool:
        """Takes one message of the answer; true after the last one."""
        if topic == b"$error/":
            logger.warning("The journal can't be read: %s", read_answer(body).get("error"))
            self._behind.discard(data_type)
            return True
        if topic == b"$gap/":
            gap = read_answer(body)
            self._fill(data_type, gap)
            self.read[data_type] = max(self.read.get(data_type, (0, 0)), gap["through"])
        elif topic == b"$end/":
            end = read_answer(body)
            self.read[data_type] = max(self.read.get(data_type, (0, 0)), end["through"])
            if end["complete"]:
                self._behind.discard(data_type)
            return True
        elif not topic.startswith(b"$"):
            envelope = read_envelope(topic, header, body)
            if envelope.position > self.read.get(data_type, (0, 0)):
                self._accept(envelope)
        return False

    def _fill(self, data_type: str, gap: dict[str, Any]) -> None:
        """What the journal does not have, but came by as volatile."""
        held = [each for each in self._held.pop(data_type, ()) if gap["after"] < each.position]
        mine = [each for each in held if each.position <= gap["through"]]
        for envelope in mine:
            self._accept(envelope)
        if later := [each for each in held if each.position > gap["through"]]:
            self._held[data_type] = deque(later, maxlen=HELD)
        if lost := int(gap.get("count", 0)) - len(mine):
            logger.warning("%d metrics of type %s are gone before they were read: %s", lost, data_type, gap.get("reason"))

    def _ask(self, tag: bytes, request: dict[str, Any]) -> zmq.Socket[bytes]:
        if self._dealer is None:
            self._dealer = self._context.socket(zmq.DEALER)
            self._dealer.linger = 0
            self._dealer.sndhwm, self._dealer.sndtimeo = 64, 0
            self._dealer.reconnect_ivl, self._dealer.reconnect_ivl_max = 50, 500
            self._dealer.connect(f"ipc://{self._state_dir}/replay.sock")
        while self._dealer.poll(0) and tag == b"commit":
            self._dealer.recv_multipart()
        try:
            self._dealer.send_multipart([tag, b"", json.dumps(request).encode()])
        except zmq.Again:
            pass  # nobody is there, and 64 requests wait: this one is made again
        return self._dealer

    def _abandon(self, data_type: str) -> None:
        """The request may be lost with its publisher: a new socket has no old answers."""
        self._behind.discard(data_type)
        if self._dealer is not None:
            self._dealer.close(0)
            self._dealer = None
