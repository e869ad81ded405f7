"""`arobust console` for one test, and what its API says."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from .process import AROBUST, Process, free_port, wait_until


class Console:
    """Keeps its ports through restarts."""

    def __init__(self, scratch: Path, *arguments: str | Path, store: Path | None = None, prefix: list[str] | None = None) -> None:
        self.scratch = scratch
        self.store = store or scratch / "console"
        self.arguments = arguments
        self.prefix = prefix or []
        self.reports, self.web = free_port(), free_port()
        self.process: Process | None = None
        self.starts = 0

    @property
    def master(self) -> str:
        return f"arobust://127.0.0.1:{self.reports}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web}/"

    def start(self) -> Process:
        self.starts += 1
        self.process = Process(
            f"console-{self.web}-{self.starts}",
            [
                *self.prefix, AROBUST, "console", "--store", self.store, "--listen", self.master,
                "--web", f"127.0.0.1:{self.web}", *self.arguments,
            ],
            self.scratch,
        )
        return self.process

    def start_ready(self) -> Console:
        process = self.start()
        # The two listeners begin in any order.
        process.wait_for_log("Taking reports.")
        process.wait_for_log("Console at http")
        return self

    def kill(self) -> None:
        if self.process:
            self.process.kill()

    def get(self, path: str, **query: Any) -> Any:
        target = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        with urllib.request.urlopen(target, timeout=20) as answer:
            return json.load(answer)

    def lines(self, **query: Any) -> list[dict[str, Any]]:
        """All lines, page by page."""
        found: list[dict[str, Any]] = []
        after = None
        while True:
            page = self.get("api/v1/logs", limit=1000, **query, **({"after": after} if after else {}))
            found += page["lines"]
            after = page.get("next")
            if not after:
                return found

    def numbers(self, **query: Any) -> list[int]:
        """The numbers of all lines that are `line N`, in the order of their ids."""
        lines = sorted((line for line in self.lines(type="TRAINING_LOG", **query)), key=lambda line: line["id"])
        return [int(found[1]) for line in lines if (found := re.fullmatch(r"line (\d+)", line["text"]))]

    def wait_for_numbers(self, last: int, seconds: float = 60) -> list[int]:
        def numbers() -> list[int]:
            try:
                found = self.numbers()
            except OSError:
                return []
            return found if found and max(found) >= last else []

        return wait_until(numbers, f"line {last} in the console", seconds, every=0.5)
