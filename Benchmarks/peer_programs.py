"""The reporters that `peers` compares: how each is set up to lose nothing, started, and what of the log its destination has.

Each follows one log and writes into one file. What is set beyond the defaults is what its documentation names for not losing lines.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.process import AROBUST, Process

LONGEST_LINE = 4 << 20  # rsyslog's and Fluent Bit's bound for a line, in bytes


class Program:
    """One of them, in a folder of its own that is kept through restarts."""

    name = ""

    def __init__(self, work: Path, log: Path, held: Path) -> None:
        self.work, self.log, self.held = work, log, held
        self.starts = 0
        work.mkdir()
        self.prepare()

    def prepare(self) -> None:
        """Writes its settings."""

    def command(self) -> list[str | Path]:
        raise NotImplementedError

    def start(self) -> Process:
        self.starts += 1
        return Process(f"run{self.starts}", self.command(), self.work)

    def lines(self) -> Iterator[bytes]:
        """The log's lines that the destination has, in its order, without their ends."""
        if not self.held.exists():
            return
        with open(self.held, "rb") as file:
            for line in file:
                if line.endswith(b"\n"):  # the last one may still be written
                    yield from self.unpack(line[:-1])

    def unpack(self, line: bytes) -> list[bytes]:
        return [line]

    def disk_bytes(self) -> int:
        """What it has put aside."""
        return sum(path.stat().st_size for path in self.work.rglob("*") if path.is_file() and path.suffix not in (".log", ".out"))

    @classmethod
    def executable(cls) -> Path | None:
        """`None` where it is not installed."""
        raise NotImplementedError

    @classmethod
    def installed_bytes(cls) -> int:
        """The executable without its symbols for debuggers, and modules of its own that this work needs."""
        found = cls.executable()
        if not found:
            return 0
        with tempfile.NamedTemporaryFile() as stripped:
            subprocess.run(["strip", "-o", stripped.name, found], check=True)
            return Path(stripped.name).stat().st_size


class Ours(Program):
    name = "arobust agent"

    def command(self) -> list[str | Path]:
        return [AROBUST, "agent", "--state-dir", self.work / "state", "--log-file", self.log, "--master", f"file://{self.held}"]

    def unpack(self, line: bytes) -> list[bytes]:
        metric = json.loads(line)
        return metric["data_content"].encode().split(b"\n") if metric["data_type"] == "TRAINING_LOG" else []

    @classmethod
    def executable(cls) -> Path | None:
        return AROBUST


class Rsyslog(Program):
    name = "rsyslog"

    def prepare(self) -> None:
        (self.work / "rsyslog.conf").write_text(
            f"""global(workDirectory="{self.work}" maxMessageSize="{LONGEST_LINE}" parser.escapeControlCharactersOnReceive="off")
module(load="imfile" mode="inotify")
template(name="line" type="string" string="%msg%\\n")
ruleset(name="out" queue.type="LinkedList" queue.filename="queue" queue.maxDiskSpace="4g" queue.saveOnShutdown="on"
        queue.checkpointInterval="1000") {{
  action(type="omfile" file="{self.held}" template="line" createDirs="off" action.resumeRetryCount="-1" action.resumeInterval="1")
}}
input(type="imfile" file="{self.log}" tag="log" ruleset="out" reopenOnTruncate="on" persistStateInterval="1000")
"""
        )

    def command(self) -> list[str | Path]:
        return ["rsyslogd", "-n", "-f", self.work / "rsyslog.conf", "-i", self.work / "pid"]

    @classmethod
    def executable(cls) -> Path | None:
        found = shutil.which("rsyslogd")
        return Path(found) if found else None

    @classmethod
    def installed_bytes(cls) -> int:
        modules = Path("/usr/lib").glob("*/rsyslog/*.so")
        return super().installed_bytes() + sum(path.stat().st_size for path in modules if path.stem in ("imfile", "lmnet"))


class FluentBit(Program):
    name = "Fluent Bit"

    def prepare(self) -> None:
        (self.work / "fluent-bit.conf").write_text(
            f"""[SERVICE]
    flush 1
    log_level warn
[INPUT]
    name tail
    path {self.log}
    db {self.work}/positions.db
    read_from_head on
    buffer_max_size {LONGEST_LINE}
    rotate_wait 5
    refresh_interval 1
[OUTPUT]
    name file
    match *
    path {self.held.parent}
    file {self.held.name}
    format plain
    retry_limit no_limits
"""
        )

    def command(self) -> list[str | Path]:
        return [self.executable() or "fluent-bit", "-c", self.work / "fluent-bit.conf"]

    def unpack(self, line: bytes) -> list[bytes]:
        return [json.loads(line)["log"].encode(errors="surrogateescape")]

    @classmethod
    def executable(cls) -> Path | None:
        found = os.environ.get("FLUENT_BIT") or shutil.which("fluent-bit")
        return Path(found) if found else None


ALL: tuple[type[Program], ...] = (Ours, Rsyslog, FluentBit)
