"""What `--http` of a running command says."""

from __future__ import annotations

import http.client
import json
import re
import socket
from pathlib import Path
from typing import Any

from . import loglines
from .process import Process

SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\.)*)"')


class HTTPPage:
    """The server of a process that was started with `--http 127.0.0.1:0`, or a Unix socket."""

    def __init__(self, process: Process) -> None:
        process.wait_for_log(loglines.SHOWN_OVER_HTTP)
        found = re.findall(r"at=(\S+) \[Monitoring\]", process.log())
        self.address: str = found[-1]

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    def ask(self, path: str, seconds: float = 30, **headers: str) -> tuple[int, str]:
        """The status and the body."""
        connection = http.client.HTTPConnection("127.0.0.1", timeout=seconds)
        if self.address.startswith("unix:"):
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(seconds)
            connection.sock.connect(self.address.removeprefix("unix:"))
        else:
            connection.port = self.port
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def status(self) -> list[dict[str, Any]]:
        code, body = self.ask("/status")
        assert code == 200, body
        return json.loads(body)

    def metrics(self) -> Metrics:
        code, body = self.ask("/metrics")
        assert code == 200, body
        return Metrics(body)


class Metrics:
    """A page of metrics; fails at a line that is none."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples: list[tuple[str, dict[str, str], float]] = []
        for line in text.splitlines():
            if not line.startswith("#"):
                match = SAMPLE.fullmatch(line)
                assert match, line
                self.samples.append((match[1], dict(LABEL.findall(match[2] or "")), float(match[3])))

    def all(self, name: str, **labels: str) -> list[float]:
        return [value for found, has, value in self.samples if found == name and labels.items() <= has.items()]

    def one(self, name: str, **labels: str) -> float:
        values = self.all(name, **labels)
        assert len(values) == 1, f"{name}{labels}: {values}"
        return values[0]

    def names(self) -> set[str]:
        return {name for name, _, _ in self.samples}


def write_lines(path: Path, first: int, last: int) -> None:
    with open(path, "a") as log:
        log.writelines(f"line {number}\n" for number in range(first, last + 1))
