"""Hands every metric to the client, on a thread of its own: a client that is slow, raises or hangs stops nothing but itself."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Optional

from ._feed import Feed
from ._report import MasterClient, Reporter
from ._wire import Envelope
from .metric import WorkerTrainingMetric

logger = logging.getLogger("arobust")

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 30.0
SUSPECT_TRIES, SUSPECT_TIME = 5, 60.0
NOT_FOR_CLIENTS = frozenset({"INCIDENT"})
"""Pieces of evidence of many MiB, for `arobust incident` and a console."""


class Delivery:
    """Reports what a feed collects until `stop`.

    A metric that the client does not take is tried again, with pauses of up to 30 s, for as long as it takes nothing else either. One
    that failed for a minute, while the client takes the next one, is given up, and the log says so.
    """

    def __init__(self, feed: Feed) -> None:
        self.client: Optional[MasterClient] = None
        self._feed = feed
        self._reporter = Reporter()
        self._stopping = threading.Event()
        self._changed = threading.Event()
        """Set by `set_client` and `stop`, to end a pause."""
        self._deadline = 0.0
        self._tries, self._since = 0, 0.0
        self._thread = threading.Thread(target=self._run, name="arobust-delivery", daemon=True)

    def start(self) -> None:
        """Starts executable and thread; returns at once."""
        self._feed.start()
        self._thread.start()

    def set_client(self, client: Optional[MasterClient]) -> None:
        """From the next metric on."""
        self.client = client
        self._changed.set()

    def stop(self, seconds: float) -> None:
        """Collects and reports what is left. What can't be reported in that time comes at the next start."""
        deadline = time.monotonic() + seconds
        self._deadline = deadline
        self._feed.wait_ready(seconds * 0.4)
        self._feed.stop_collecting()
        self._feed.wait_for_child(max(0.5, seconds * 0.6))
        self._stopping.set()
        self._changed.set()
        self._thread.join(max(0.0, deadline - time.monotonic()) + 0.2)
        if self._thread.is_alive():
            logger.warning("The client did not return within %.0f s; what it has not reported comes at the next start.", seconds)
        else:
            self._feed.close()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                if envelope := self._feed.next(0.2):
                    self._deliver(envelope)
                else:
                    self._feed.commit()
            self._finish()
        except Exception:
            logger.exception("Reporting has ended; what is collected stays in %s.", self._feed.state.path)

    def _deliver(self, envelope: Envelope) -> bool:
        """Reports it, however long that takes; false if it is not finished because of `stop`."""
        self._tries, self._since = 0, time.monotonic()
        while not self._try(envelope):
            if self._stopping.is_set() and time.monotonic() >= self._deadline:
                return False
            self._tries += 1
            if self._is_refused_alone(envelope):
                return True
            self._pause()
        self._feed.finish(envelope)
        return True

    def _try(self, envelope: Envelope) -> bool:
        if envelope.data_type in NOT_FOR_CLIENTS:
            return True
        try:
            metric = WorkerTrainingMetric.from_json(envelope.body)
        except ValueError as error:
            logger.warning("A metric is left out: %s", error)
            return True
        return self._reporter.send(metric, self.client, is_own_thread=True)

    def _pause(self) -> None:
        pause = min(FIRST_PAUSE * 2 ** min(self._tries - 1, 20), LONGEST_PAUSE)
        if self._stopping.is_set():
            time.sleep(max(0.0, min(pause, self._deadline - time.monotonic())))
        elif self._changed.wait(pause):
            self._changed.clear()

    def _is_refused_alone(self, envelope: Envelope) -> bool:
        """Whether the client takes the next one, though not this one; both are then finished."""
        if self.client is None or self._tries < SUSPECT_TRIES or time.monotonic() - self._since < SUSPECT_TIME:
            return False
        following = self._feed.next(0)
        if following is None:
            return False
        if not self._try(following):
            self._feed.give_back(following)
            return False
        name = f"{envelope.data_type} {envelope.position[0]}/{envelope.position[1]}"
        logger.error("The client refuses one metric and takes the next one: %s is given up after %d tries.", name, self._tries)
        self._feed.finish(envelope)
        self._feed.finish(following)
        return True

    def _finish(self) -> None:
        for envelope in self._feed.rest(self._deadline):
            if not self._deliver(envelope) or time.monotonic() >= self._deadline:
                logger.warning("Not everything could be reported in time; the rest comes at the next start.")
                return
        self._feed.commit(is_last=True)

    def is_of_this_process(self) -> bool:
        """False in a process that was forked from the one that started it: there it is nothing but memory."""
        return self._feed.pid == os.getpid()
