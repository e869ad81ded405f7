"""One executable that collects, and its bus read in this process: what the agent and each collector stand on."""

from __future__ import annotations

import logging
import os
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Optional

import zmq

from . import _executable
from ._bus import BusReader
from ._child import Child
from ._state import StateDirectory
from ._wire import Envelope, Position, WireError, exported

logger = logging.getLogger("arobust")

CONSUMER = "python-client"
"""How the publisher's status names the client."""
COMMIT_INTERVAL = 1.0


def tell_gone(data_type: str, last: Optional[Position], next_one: Position) -> None:
    """Says what is missing between two positions of an epoch; of others only the publisher knows."""
    if last and last[0] == next_one[0] and (lost := next_one[1] - last[1] - 1) > 0:
        logger.warning("%d metrics of type %s are gone before they were read: the journal has no room for them", lost, data_type)


class Feed:
    """Collects with `arobust collect ARGUMENTS` and returns the envelopes, each until it is finished.

    `next`, `finish`, `give_back` and `rest` are for one thread at a time.
    """

    def __init__(self, arguments: Sequence[str], state: StateDirectory, types: Iterable[str] = ()) -> None:
        self.pid = os.getpid()
        self.state = state
        self._types = frozenset(types)
        if "AROBUST_JOURNAL_SIZE" not in os.environ and "AROBUST_CONFIG" not in os.environ:
            arguments = [*arguments, "--journal-size", "256MiB"]  # a node may have one for each rank
        self._child = Child(["collect", "--state-dir", str(state.path), *arguments])
        self._bus = BusReader(state.path, state.publisher, state.cursors, self._types)
        self._committed = 0.0
        self._is_open = True

    @classmethod
    def open(
        cls, arguments: Sequence[str], state_dir: Optional[Path], purpose: str, key: str, types: Iterable[str] = ()
    ) -> Feed:
        """Takes a state directory and opens the bus in it. Raises what stands in the way."""
        state = StateDirectory.take(state_dir, purpose, key)
        try:
            return cls(arguments, state, types)
        except BaseException:
            state.release()
            raise

    @property
    def child_pid(self) -> Optional[int]:
        """The executable's process, while it runs."""
        return self._child.pid

    def start(self) -> None:
        """Starts the executable; returns at once."""
        self._child.start()

    def next(self, seconds: float) -> Optional[Envelope]:
        """The next envelope that was not finished before."""
        try:
            return self._bus.next(seconds)
        except zmq.ZMQError as error:
            logger.error("The bus of arobust can't be read: %s", error)
            time.sleep(min(seconds, 1.0))
            return None

    def give_back(self, envelope: Envelope) -> None:
        """`next` returns it again."""
        self._bus.put_back(envelope)

    def finish(self, envelope: Envelope) -> None:
        """The client has it: it does not come again, also not after a restart."""
        if envelope.publisher != self.state.publisher:
            self.state.publisher = envelope.publisher
            self.state.cursors, self.state.ends = {}, {}
        self.state.cursors[envelope.data_type] = envelope.position
        if envelope.origin and "inode" in envelope.origin and "end_offset" in envelope.origin:
            self.state.ends[envelope.data_type] = (envelope.origin["inode"], envelope.origin["end_offset"])
        self.state.save()
        self.commit()

    def commit(self, is_last: bool = False) -> None:
        """Tells the publisher, at most once a second, how far the client is."""
        now = time.monotonic()
        if self.state.cursors and (is_last or now - self._committed >= COMMIT_INTERVAL):
            self._committed = now
            try:
                self._bus.commit(CONSUMER, self.state.cursors)
            except zmq.ZMQError:
                pass  # it is told again with the next one, and only a report for operators depends on it

    def wait_ready(self, seconds: float) -> None:
        """Until the executable publishes, or fails once more. One that is told to end while it starts would not look at the logs."""
        deadline = time.monotonic() + seconds
        failures = self._child.hurry()
        while self._bus.heard <= self._child.started and self._child.failures == failures and time.monotonic() < deadline:
            time.sleep(0.02)

    def stop_collecting(self) -> None:
        """Has the executable collect what is left and end."""
        self._child.terminate()

    def wait_for_child(self, seconds: float) -> None:
        """Until the executable has ended."""
        self._child.wait(seconds)
        self._bus.is_over = True

    def rest(self, deadline: float) -> Iterator[Envelope]:
        """After the executable's end: what it published and nobody has read, first from the socket, then from its journal."""
        while envelope := self._bus.next_live():
            yield envelope
        for data_type in sorted(self._types or {"TRAINING_LOG", *self._bus.known}):
            yield from self._exported(data_type, deadline)

    def _exported(self, data_type: str, deadline: float) -> Iterator[Envelope]:
        last = self._bus.read.get(data_type)
        start = ["--from", f"{last[0]}/{last[1]}"] if last else []
        try:
            process = subprocess.Popen(
                [_executable.find(), "journal", "export", "--state-dir", str(self.state.path), "--type", data_type, *start],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_executable.environment(),
            )
        except (OSError, _executable.ExecutableMissing) as error:
            logger.warning("What is left in the journal comes at the next start: %s", error)
            return
        assert process.stdout is not None  # PIPE
        try:
            for line in process.stdout:
                try:
                    envelope = exported(line)
                except WireError as error:
                    logger.warning("A metric is left out: %s", error)
                    continue
                if last is None or envelope.position > last:
                    tell_gone(data_type, last, envelope.position)
                    last = envelope.position
                    yield envelope
                if time.monotonic() >= deadline:
                    return
        finally:
            process.kill()
            process.stdout.close()
            process.wait()

    def close(self) -> None:
        """Leaves the state directory to others. Not in a forked process, where everything is the parent's."""
        if self._is_open and self.pid == os.getpid():
            self._is_open = False
            self._bus.close()
            self.state.release()
