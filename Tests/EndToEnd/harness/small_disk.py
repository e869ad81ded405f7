"""A disk of a few MiB that can be filled and made read-only: a tmpfs in its own mount namespace, which disappears with its processes."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

from .process import Process, wait_until


@functools.cache
def why_not() -> str:
    """Why such a disk is impossible here; empty if it is possible."""
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=1m", "none", "/mnt"], capture_output=True, text=True
    )
    return "" if tried.returncode == 0 else f"needs a mount namespace and tmpfs: {tried.stderr.strip()}"


class SmallDisk:
    def __init__(self, scratch: Path, mebibytes: int, name: str = "disk", inodes: int = 0) -> None:
        """`inodes` is how many files and folders there may be; 0: as many as the system gives."""
        self.path = scratch / name
        """Its path in the namespace, for commands that begin with `prefix`."""
        self.path.mkdir(parents=True)
        limit = f"nr_inodes={inodes}" if inodes else "rw"
        command = f"mount -t tmpfs -o mode=700,size={mebibytes}m,{limit} none {self.path} && echo mounted && exec sleep infinity"
        self._holder = Process(f"{name}-mount", ["unshare", "--mount", "sh", "-c", command], scratch)
        self.outside = Path(f"/proc/{self._holder.pid}/root{self.path}")
        """Its path for this process."""
        self.prefix = ["nsenter", f"--target={self._holder.pid}", "--mount"]
        wait_until(lambda: "mounted" in self._holder.output(), lambda: f"the mount; {self._holder.tail()}")

    def fill(self) -> None:
        """Fills the disk."""
        with open(self.outside / "filling", "ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while file.write(b"\0" * size) == size:
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        (self.outside / "filling").unlink()

    def use_up_inodes(self) -> None:
        """Makes files until no more can be made."""
        (self.outside / "files").mkdir()
        try:
            for number in range(1 << 20):
                (self.outside / f"files/{number}").touch()
        except OSError:
            return

    def free_inodes(self) -> None:
        shutil.rmtree(self.outside / "files")

    @property
    def free_bytes(self) -> int:
        found = os.statvfs(self.outside)
        return found.f_bavail * found.f_frsize

    def set_read_only(self, read_only: bool) -> None:
        mode = "ro" if read_only else "rw"
        subprocess.run([*self.prefix, "mount", "-o", f"remount,{mode}", self.path], check=True, capture_output=True)

    def close(self) -> None:
        self._holder.kill()
