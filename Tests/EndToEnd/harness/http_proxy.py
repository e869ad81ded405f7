"""HTTP proxies for one test: Debian's tinyproxy, and one that says whatever a test wants."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from .process import Process, free_port

TINYPROXY = shutil.which("tinyproxy")


class TinyProxy:
    """On a free port of loopback. `credentials`: what it wants. `ports`: to which it connects on."""

    def __init__(self, scratch: Path, *ports: int, credentials: str = "") -> None:
        self.port = free_port()
        settings = scratch / f"tinyproxy-{self.port}.conf"
        lines = [
            f"Port {self.port}", "Listen 127.0.0.1", "Timeout 60", "MaxClients 50", "LogLevel Connect",
            f'LogFile "{scratch}/tinyproxy-{self.port}.access"',
        ]  # fmt: skip
        lines += [f"ConnectPort {port}" for port in ports]
        if credentials:
            lines.append("BasicAuth " + credentials.replace(":", " "))
        settings.write_text("\n".join(lines) + "\n")
        self._access = scratch / f"tinyproxy-{self.port}.access"
        self._process = Process(f"tinyproxy-{self.port}", [str(TINYPROXY), "-d", "-c", settings], scratch)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connected(self) -> list[str]:
        """To which `host:port` somebody has asked it to connect."""
        return re.findall(r"CONNECT (\S+) HTTP/1\.1", self._access.read_text(errors="replace")) if self._access.exists() else []

    def kill(self) -> None:
        self._process.kill()


class SayingProxy:
    """Gets a request and does what `answer` does with the connection, until that returns."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._answer = answer
        self.requests: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(30)
            request = b""
            while b"\r\n\r\n" not in request:
                piece = connection.recv(4096)
                if not piece:
                    return
                request += piece
            self.requests.append(request.decode())
            self._answer(connection)
