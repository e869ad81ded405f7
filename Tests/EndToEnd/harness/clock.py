"""A time of day that a test advances for arobust and masters alike, while the monotonic clocks stay real.

Not Debian's libfaketime: its 0.9.10 makes Python's `time.sleep` fail (EINVAL) when monotonic clocks are to stay real, opens a file at
each reading of a clock, and leaves shared memory behind after a SIGKILL, which stops a later process with the same id.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from .process import ROOT

SOURCE = Path(__file__).with_name("clock_shim.c")


class Clock:
    """Starts at the real time, or slightly later, at the beginning of a minute."""

    def __init__(self, scratch: Path) -> None:
        path = scratch / "clock"
        path.write_bytes(bytes(8))
        with open(path, "r+b") as file:
            self._page = mmap.mmap(file.fileno(), 8)
        self.environment = {"LD_PRELOAD": str(shim()), "E2E_CLOCK": str(path)}
        self._offset = 0
        self.reach(time.time() // 60 * 60 + 61)

    def now(self) -> float:
        return time.time() + self._offset / 1e9

    def advance(self, seconds: float) -> None:
        self._offset += int(seconds * 1e9)
        self._page[:] = struct.pack("=q", self._offset)  # one store of eight aligned bytes

    def reach(self, when: float) -> None:
        """Advances to that time, unless it is already past."""
        self.advance(max(0, when - self.now()))


def shim() -> Path:
    """The library to preload; compiled if it does not exist."""
    key = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    library = ROOT / f".build/clock-shim-{key}.so"
    if not library.exists():
        swift = shutil.which("swift")
        clang = Path(swift).resolve().with_name("clang") if swift else Path("clang")
        descriptor, temporary = tempfile.mkstemp(dir=library.parent, prefix="clock-shim-", suffix=".tmp")
        os.close(descriptor)
        subprocess.run([clang, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", temporary, SOURCE], check=True)
        os.replace(temporary, library)
    return library
