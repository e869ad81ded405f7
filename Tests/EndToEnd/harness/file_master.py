"""What a `file:` master holds: a metric a line, with the publisher, epoch and sequence beside DLRover's keys."""

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
        """The whole lines of one data type; a line that is still being written does not count."""
        if not self.path.exists():
            return []
        whole, _, _ = self.path.read_bytes().rpartition(b"\n")
        metrics = [json.loads(line) for line in whole.splitlines()]
        return [metric for metric in metrics if metric["data_type"] == data_type]

    def contents(self, data_type: str) -> list[str]:
        return [metric["data_content"] for metric in self.store(data_type)]
