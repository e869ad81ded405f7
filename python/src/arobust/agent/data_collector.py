"""The arobust guide's collectors, each by itself: `is_enabled`, `collect_data`, `store_data`."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union
from urllib.parse import urlsplit

from .. import _lifetime
from .._feed import Feed
from .._report import MasterClient, Reporter, logger, words
from .._wire import Envelope
from ..metric import DiagnosisDataType, WorkerTrainingMetric

StrPath = Union[str, "os.PathLike[str]"]

START_TIME = 15.0
"""How long the first `collect_data` waits for the executable to start and to collect, in seconds."""


class DataCollector:
    """What the three have in common. The executable starts with the first `collect_data`, and ends with the process or `close`."""

    data_type = DiagnosisDataType.GENERIC

    def __init__(self, arguments: Sequence[str], purpose: str, state_dir: Optional[StrPath]) -> None:
        self._arguments = list(arguments)
        self._purpose = purpose
        self._wanted_state = None if state_dir is None else Path(state_dir)
        self._lock = threading.RLock()
        self._client: Optional[MasterClient] = None
        self._reporter = Reporter()
        self._feed: Optional[Feed] = None
        self._collected: Optional[tuple[Envelope, WorkerTrainingMetric]] = None

    def set_client(self, client: Optional[MasterClient]) -> None:
        """Sets who is reported to."""
        self._client = client

    def close(self) -> None:
        """Ends the executable. Called at the end of the process, if not before."""
        with self._lock:
            feed, self._feed, self._collected = self._feed, None, None
            if feed is not None and feed.pid == os.getpid():
                feed.stop_collecting()
                feed.wait_for_child(5)
                feed.commit(is_last=True)
                feed.close()

    def __del__(self) -> None:
        """One that nobody has any more leaves nothing running; it does not wait for that."""
        feed = getattr(self, "_feed", None)
        if feed is not None and feed.pid == os.getpid():
            feed.stop_collecting()
            feed.close()

    def _next(self, wait: float, until: Optional[Callable[[], bool]] = None) -> Optional[Envelope]:
        """The next envelope of this collector's type, or what was collected last and not stored yet."""
        if self._collected:
            return self._collected[0]
        feed = self._started()
        if feed is None:
            return None
        deadline = time.monotonic() + wait
        while True:
            envelope = feed.next(min(0.1, max(0.0, deadline - time.monotonic())))
            if envelope is not None:
                if self._take(envelope):
                    return envelope
                feed.finish(envelope)
            elif time.monotonic() >= deadline or (until is not None and until()):
                return None

    def _newest(self) -> str:
        """The content of the newest envelope; older ones that were not stored are of no use any more."""
        with self._lock:
            wait = START_TIME if self._feed is None else 0.2
            if self._next(wait) is None:
                return ""
            while self._feed and (envelope := self._feed.next(0)):
                last = self._collected
                if not self._take(envelope):
                    self._collected = last
                elif last:
                    self._feed.finish(last[0])
            return self._content()

    def _take(self, envelope: Envelope) -> bool:
        try:
            self._collected = (envelope, WorkerTrainingMetric.from_json(envelope.body))
        except ValueError as error:
            logger.warning("A metric is left out: %s", error)
            return False
        return True

    def _content(self) -> str:
        return self._collected[1].data_content if self._collected else ""

    def _finish(self) -> None:
        if self._collected and self._feed:
            self._feed.finish(self._collected[0])
        self._collected = None

    def _started(self) -> Optional[Feed]:
        if self._feed is None:
            key = f"{type(self).__name__} {self._arguments} {os.environ.get('LOCAL_RANK', '')}"
            try:
                feed = Feed.open(self._arguments, self._wanted_state, self._purpose, key, [str(self.data_type)])
                feed.start()
            except Exception as error:
                logger.error("Nothing can be collected: %s", error)
                return None
            self._feed = feed
            _lifetime.register(self)
        return self._feed

    def _report(self, content: str, *, is_collected: bool) -> bool:
        """Reports content; what was collected is then finished, and comes again until it is."""
        data = words(str(self.data_type))[1]
        if not isinstance(content, str) or not content:
            logger.warning("There is no %s to report: %s", data, f"it is {type(content).__name__}" if content else "it is empty")
            return False
        with self._lock:
            if is_collected and self._collected:
                metric = self._collected[1]
            else:
                metric = WorkerTrainingMetric(data_type=self.data_type, data_content=content)
            if not self._reporter.send(metric, self._client):
                return False
            if is_collected:
                self._finish()
            return True

    def _stop_at_exit(self) -> None:
        self.close()

    def _forget_parent(self) -> None:
        self._lock = threading.RLock()
        self._feed = self._collected = None


class LogCollector(DataCollector):
    """Follows a training log: each line is reported once, also across restarts. Rotation is followed."""

    data_type = DiagnosisDataType.TRAINING_LOG

    def __init__(self, log_file_path: StrPath, *, state_dir: Optional[StrPath] = None, arguments: Sequence[str] = ()) -> None:
        """`state_dir` holds the position in the log; without it a directory that belongs to the log."""
        self._path = os.path.abspath(log_file_path)
        super().__init__(["--log-file", self._path, *arguments], Path(self._path).stem, state_dir)

    def is_enabled(self) -> bool:
        """Whether there is a file at the path."""
        return os.path.isfile(self._path)

    def collect_data(self) -> str:
        """Lines that were not reported yet, up to 64 KiB, and the same again until they are; empty if there are none.

        There may be more: after `store_data`, call again until it is empty. A last line without its end comes after 2 s without a change.
        """
        with self._lock:
            self._next(START_TIME if self._feed is None else 3.0, self._has_all)
            return self._content()

    def store_data(self, data: str) -> bool:
        """Reports the lines. Returns whether the client took them; the reason why not is logged."""
        return self._report(data, is_collected=bool(self._collected) and data == self._content())

    def _has_all(self) -> bool:
        """Whether the file has nothing that was not stored."""
        try:
            now = os.stat(self._path)
        except OSError:
            return True
        ends = self._feed.state.ends if self._feed else {}
        return now.st_size == 0 or ends.get(str(self.data_type)) == (now.st_ino, now.st_size)


class MetricCollector(DataCollector):
    """Scrapes XPUTimer's metrics page."""

    data_type = DiagnosisDataType.XPU_TIMER_METRIC

    def __init__(
        self,
        xpu_timer_port: Optional[int] = None,
        *,
        url: Optional[str] = None,
        interval: str = "15s",
        state_dir: Optional[StrPath] = None,
        arguments: Sequence[str] = (),
    ) -> None:
        """A port of 127.0.0.1, or another page; with neither `XPU_TIMER_PORT`. `interval`: how often it is scraped."""
        port = xpu_timer_port if xpu_timer_port is not None else os.environ.get("XPU_TIMER_PORT", "")
        self._url = url or (f"http://127.0.0.1:{port}/metrics" if port else "")
        flags = ["--metrics-url", self._url] if self._url else []
        super().__init__([*flags, "--metrics-interval", interval, *arguments], "xpu-timer", state_dir)

    def is_enabled(self) -> bool:
        """Whether a page is set, and something listens there."""
        try:
            place = urlsplit(self._url)
            with socket.create_connection((place.hostname or "", place.port or 80), timeout=1):
                return bool(self._url)
        except (OSError, ValueError):
            return False

    def collect_data(self) -> str:
        """The newest page that was not stored yet; empty if there is none."""
        return self._newest() if self._url else ""

    def store_data(self, data: str) -> bool:
        """Reports the page. Returns whether the client took it; the reason why not is logged."""
        return self._report(data, is_collected=bool(self._collected) and data == self._content())


class StackCollector(DataCollector):
    """Takes the Python stacks of training processes; none is stopped for it."""

    data_type = DiagnosisDataType.STACK_TRACE

    def __init__(
        self,
        pids: Sequence[int] = (),
        *,
        interval: str = "15s",
        state_dir: Optional[StrPath] = None,
        arguments: Sequence[str] = (),
    ) -> None:
        """These processes, or all training ranks of this node. `interval`: how often they are looked at."""
        flags = [flag for pid in pids for flag in ("--stack-pid", str(pid))] or ["--stack-ranks"]
        super().__init__([*flags, "--stack-interval", interval, *arguments], "stacks", state_dir)

    def is_enabled(self) -> bool:
        """Always: the ranks are looked for each time."""
        return True

    def collect_data(self) -> dict[str, str]:
        """The newest stacks that were not stored yet: a text for each process, by its header. Empty if there are none."""
        text = self._newest()
        blocks = re.split(r"\n\n(?=Process \d+[,:])", text) if text else []
        return {block.split("\n", 1)[0]: block for block in blocks}

    def store_data(self, data: Mapping[str, Any]) -> bool:
        """Reports the stacks as one metric. Returns whether the client took it; the reason why not is logged."""
        if not isinstance(data, Mapping):
            logger.warning("There is no stack trace to report: it is %s", type(data).__name__)
            return False
        text = self._format_stacks(data)
        return self._report(text, is_collected=bool(self._collected) and text == self._content())

    @staticmethod
    def _format_stacks(data: Mapping[str, Any]) -> str:
        return "\n\n".join(str(block) for block in data.values())
