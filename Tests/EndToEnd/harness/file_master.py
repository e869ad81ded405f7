"""What a `file:` master holds: one metric per line, with publisher, epoch and sequence in addition to DLRover's keys."""

import json
from pathlib import Path
from typing import Any


class FileMaster:
    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def store(self, data_type: str) -> list[dict[str, Any]]:
        """The complete lines of one data type; a line that is still being written does not count."""
        return [metric for metric in self.everything() if metric["data_type"] == data_type]

    def everything(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        whole, _, _ = self.path.read_bytes().rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()]

    def contents(self, data_type: str) -> list[str]:
        return [metric["data_content"] for metric in self.store(data_type)]


def whole_lines(path: Path) -> list[dict[str, Any]]:
    """The complete lines of a file whose writer may have been killed at any point."""
    if not path.exists():
        return []
    return [metric for line in path.read_bytes().split(b"\n") if (metric := _whole(line)) is not None]


def _whole(line: bytes) -> dict[str, Any] | None:
    try:
        return json.loads(line)
    except ValueError:
        return None
