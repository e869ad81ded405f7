"""Faults that a test injects for diagnosis reports at a master, and counts of the outcomes. Part of `dlrover_runner.py`."""

import os
import socket
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dlrover.python.master.servicer import MasterServicer

KINDS = ("none", "unknown", "success_false", "delay", "mute", "cut")


@dataclass
class Faults:
    port: int
    kind: str = "none"
    seconds: float = 0
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("calls", "stored", "refused", "raised", "unread"), 0)
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _changed: threading.Event = field(default_factory=threading.Event)
    _thread: threading.local = field(default_factory=threading.local)

    def set(self, kind: str, seconds: float = 0) -> None:
        if kind not in KINDS:
            raise ValueError(f"no such fault: {kind}")
        with self._lock:
            self.kind, self.seconds = kind, seconds
            self._changed.set()
            self._changed = threading.Event()

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def apply(self, store: Callable[[], bool]) -> bool:
        """Replaces storing one report. Upstream's servers turn what it raises into UNKNOWN or a 500."""
        self._thread.has_come = True
        with self._lock:
            self.counts["calls"] += 1
            kind, seconds, changed = self.kind, self.seconds, self._changed
        if kind == "delay":
            changed.wait(seconds)
        try:
            if kind == "unknown":
                raise RuntimeError("fault switched on by the test")
            stored = kind != "success_false" and store()
        except Exception:
            self.count("raised")
            raise
        self.count("stored" if stored else "refused")
        if kind == "mute":
            changed.wait(seconds)
        if kind == "cut":
            cut_connections(self.port, self._thread.peer)
        return stored

    def install(self) -> None:
        store, report = MasterServicer._report_node_diagnosis_data, MasterServicer.report

        def report_and_count(servicer: MasterServicer, request: Any, context: Any) -> Any:
            self._thread.has_come = False
            self._thread.peer = int(context.peer().rpartition(":")[2]) if hasattr(context, "peer") else None
            response = report(servicer, request, context)
            if not response.success and not self._thread.has_come:
                self.count("unread")
            return response

        MasterServicer._report_node_diagnosis_data = lambda servicer, message: self.apply(
            lambda: store(servicer, message)
        )
        MasterServicer.report = report_and_count


def cut_connections(port: int, peer: int | None) -> None:
    """Closes a caller's connection to the master, as the master's death would; all of them if the caller is unknown."""
    for fd in map(int, os.listdir("/proc/self/fd")):
        try:
            if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                continue
            with socket.socket(fileno=os.dup(fd)) as connection:
                if connection.family in (socket.AF_INET, socket.AF_INET6) and connection.getsockname()[1] == port:
                    if connection.getpeername()[1] == (peer or connection.getpeername()[1]):
                        connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue  # closed in the meantime, or the listening one
