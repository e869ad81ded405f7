"""A service manager's end of sd_notify(3): a datagram socket, and what came in over it, with its time."""

import os
import socket
import threading
import time
from pathlib import Path

from .process import wait_until


class Manager:
    """Listens at a path, or at a name of the abstract namespace that begins with `@`."""

    def __init__(self, address: str | Path, watchdog: float | None = None) -> None:
        self.address = str(address)
        self.watchdog = watchdog
        self.heard: list[tuple[float, str]] = []  # when, and a line
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + self.address[1:] if self.address.startswith("@") else self.address)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while data := self._socket.recv(65536):
            now = time.monotonic()
            self.heard += [(now, line) for line in data.decode().split("\n")]

    @property
    def environment(self) -> dict[str, str]:
        """What systemd sets for a service; the pid only where it is known before the start."""
        watchdog = {"WATCHDOG_USEC": str(int(self.watchdog * 1e6))} if self.watchdog else {}
        return {"NOTIFY_SOCKET": self.address, **watchdog}

    @property
    def lines(self) -> list[str]:
        return [line for _, line in list(self.heard)]

    def count(self, line: str) -> int:
        return self.lines.count(line)

    def time_of(self, line: str) -> float:
        """When the line came first."""
        return next(when for when, heard in list(self.heard) if heard == line)

    @property
    def status(self) -> str:
        """The newest sentence."""
        return next((line.removeprefix("STATUS=") for line in reversed(self.lines) if line.startswith("STATUS=")), "")

    def wait_for(self, line: str, count: int = 1, seconds: float = 20) -> None:
        wait_until(lambda: self.count(line) >= count, lambda: f"{count} times {line}; heard {self.lines}", seconds)

    def wait_for_status(self, part: str, seconds: float = 20) -> None:
        wait_until(lambda: part in self.status, lambda: f"a status with {part!r}; heard {self.lines}", seconds)

    def close(self) -> None:
        """Ends the reader with an empty message."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._reader.join(5)
        self._socket.close()
        if not self.address.startswith("@"):
            os.unlink(self.address)
