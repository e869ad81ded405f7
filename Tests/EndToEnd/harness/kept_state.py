"""State directories as an earlier arobust left them: recorded by `scripts/keep-state-directory`, opened by `test_upgrade.py`.

Positions, ledgers and the names of consumers have absolute paths in them. So whoever writes or opens such a directory sees it at `/mnt`, in a
mount namespace of its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from .console import Console
from .file_master import FileMaster
from .process import AROBUST, ROOT, Arobust, Process, wait_until

KEPT = ROOT / "Tests/StateDirectories"
MOST_BYTES = 200 << 10
SEEN = Path("/mnt")
MASTERS = ("file:///mnt/up/master.ndjson", "file:///mnt/down/master.ndjson")
LINES, BEHIND = 100, 40
"""How many lines of the log were read, and how many of them the second master has got."""


class KeptState:
    """The folder in which everything is, and commands that see it at `/mnt`."""

    def __init__(self, scratch: Path) -> None:
        self.folder = scratch / "kept"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        # The kernel's log and the name of whoever's machine this is are nothing to keep.
        command = f"mount --bind {self.folder} {SEEN} && if [ -e /dev/kmsg ]; then mount --bind /dev/null /dev/kmsg; fi && hostname kept"
        hold = "echo mounted && exec sleep infinity"
        self._holder = Process("kept-mount", ["unshare", "--mount", "--uts", "sh", "-c", f"{command} && {hold}"], scratch)
        self.prefix = ["nsenter", f"--target={self._holder.pid}", "--mount", "--uts"]
        wait_until(lambda: "mounted" in self._holder.output(), lambda: f"the mount; {self._holder.tail()}")
        self.arobust = Arobust(scratch)
        self.arobust.prefix = self.prefix
        self.arobust.state = SEEN / "state"
        # Whatever year it is, nothing is too old to be kept.
        self.console = Console(scratch, "--state-dir", SEEN / "state", "--store-age", "876000h", store=SEEN / "console", prefix=self.prefix)
        self.current = FileMaster(self.folder / "up/master.ndjson")
        self.behind = FileMaster(self.folder / "down/master.ndjson")

    def start_agent(self) -> Process:
        masters = [word for url in MASTERS for word in ("--master", url)]
        quick = {"AROBUST_DELIVERY_BACKOFF_MAX": "200ms", "AROBUST_DELIVERY_BATCH_TIME": "20ms"}
        return self.arobust.start_ready("agent", "--log-file", SEEN / "train.log", "--node-rank", "3", *masters, environment=quick)

    def write_lines(self, first: int, last: int) -> None:
        with open(self.folder / "train.log", "a") as log:
            log.write("".join(f"line {number}\n" for number in range(first, last + 1)))

    def run(self, command: str, *arguments: str | Path, text: str = "") -> tuple[int, str, str]:
        """Runs a command to its end; returns its status, what it printed, and what it said on standard error."""
        words = [*self.prefix, AROBUST, *command.split(), "--state-dir", SEEN / "state", *arguments]
        done = subprocess.run([str(word) for word in words], input=text, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def close(self) -> None:
        self.arobust.close()
        self.console.kill()
        self._holder.kill()


def lines(master: FileMaster) -> list[int]:
    """The numbers of the log's lines that a master has, in their order."""
    text = "\n".join(master.contents("TRAINING_LOG"))
    return [int(number) for number in re.findall(r"^line (\d+)$", text, re.M)]


def record(kept: KeptState) -> dict[str, Any]:
    """Lets a real agent leave a directory behind: a log that was read, a master that has all, one that is behind, an incident, a console."""
    for name in ("up", "down"):
        (kept.folder / name).mkdir(mode=0o700)
    (kept.folder / "train.log").touch()
    agent = kept.start_agent()
    kept.console.start_ready()
    kept.write_lines(1, BEHIND)
    kept.arobust.publish("checkpoint saved")
    for master in (kept.current, kept.behind):
        wait_until(lambda: lines(master)[-1:] == [BEHIND] and master.contents("GENERIC"), lambda: f"lines; {agent.tail()}")
    status, shown, problem = kept.run("dump", "--reason", "to be kept")
    incident = re.search(r"^incident (\S+)", shown, re.M)
    assert status == 0 and incident, shown + problem
    wait_until(lambda: kept.behind.contents("INCIDENT") == kept.current.contents("INCIDENT"), "the incident at both masters")
    (kept.folder / "down").rename(kept.folder / "gone")
    kept.write_lines(BEHIND + 1, LINES)
    wait_until(lambda: lines(kept.current)[-1:] == [LINES], lambda: f"all lines; {agent.tail()}")
    kept.console.wait_for_numbers(LINES)
    wait_until(lambda: kept.console.get("api/v1/incidents")["incidents"], "the incident in the console")
    assert agent.stop() == 0, agent.tail()
    assert kept.console.process and kept.console.process.stop() == 0
    assert lines(FileMaster(kept.folder / "gone/master.ndjson"))[-1] == BEHIND
    return {"lines": LINES, "behind": BEHIND, "incident": incident[1]}


def pack(kept: KeptState, facts: dict[str, Any], archive: Path) -> None:
    """Writes the archive; refuses one that is too large for the repository."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        text = json.dumps(facts, indent=2).encode() + b"\n"
        about = tarfile.TarInfo("about.json")
        about.size = len(text)
        tar.addfile(about, io.BytesIO(text))
        for path in sorted(kept.folder.rglob("*")):
            if path.is_socket():
                continue
            entry = tar.gettarinfo(path, str(path.relative_to(kept.folder)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            with path.open("rb") if entry.isreg() else io.BytesIO() as content:
                tar.addfile(entry, content)
    size = len(packed.getvalue())
    if size > MOST_BYTES:
        raise SystemExit(f"{archive} would have {size} bytes, and {MOST_BYTES} are allowed")
    archive.write_bytes(packed.getvalue())


def unpack(archive: Path, kept: KeptState) -> dict[str, Any]:
    with tarfile.open(archive) as tar:
        tar.extractall(kept.folder, filter="tar")
    return json.loads((kept.folder / "about.json").read_text())


def contents(folder: Path) -> dict[str, str]:
    """Every file with a hash of its bytes, and every folder: what must be as it was."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }


def version_of(program: Path) -> str:
    """`0.1.0`, as the program says it."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[0]
