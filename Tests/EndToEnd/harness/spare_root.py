"""The machine's own root with a layer above it that takes all changes: what is installed there is gone with the process that holds it.

That is Debian as it is here, with its dpkg, systemd and libraries, and costs neither a download nor a copy. Needs root and overlayfs.
"""

import functools
import os
import shutil
import signal
import subprocess
from pathlib import Path

from .process import Process, wait_until

# Its own mounts end with it. The upper layer is in memory; $1 is the folder, the rest a command that then takes the place of the shell.
MOUNTS = """set -e
base=$1; shift
mount -t tmpfs -o size=2g tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$base/root"
exec "$@"
"""
# What a program expects that is not booted.
CHROOT = 'mount -t proc proc "$0/root/proc" && mount --rbind /dev "$0/root/dev" && touch "$0/ready" && exec sleep infinity'
# Only what a service needs is started, not whatever else this machine has; and packages may start services, which images forbid. What
# systemd-nspawn writes to /run is gone with it.
BEFORE_BOOT = """set -e
mount -t tmpfs tmpfs /run
mkdir -p "$0/root/etc/systemd/system"
rm -rf "$0/root/etc/systemd/system/multi-user.target.wants" "$0/root/usr/sbin/policy-rc.d"
ln -sf /dev/null "$0/root/etc/systemd/system/systemd-resolved.service"
exec "$@"
"""


@functools.cache
def why_not(boots: bool) -> str:
    """Why there can be no such root here, or none that boots; empty if there can."""
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("unshare", "nsenter", "dpkg", "adduser", *(("systemd-nspawn", "systemctl") if boots else ())):
        if not shutil.which(tool):
            return f"needs {tool}"
    base = subprocess.run(["mktemp", "-d", "/tmp/ar-try-XXXXXX"], text=True, capture_output=True, check=True).stdout.strip()
    tried = subprocess.run(["unshare", "--mount", "bash", "-c", MOUNTS, "bash", base, "true"], text=True, capture_output=True)
    Path(base).rmdir()
    return "" if tried.returncode == 0 else f"needs an overlay over /: {tried.stderr.strip()}"


class SpareRoot:
    """One such root. Without `boots`, a chroot in which no systemd runs; with it, systemd is its first process."""

    def __init__(self, scratch: Path, boots: bool = False) -> None:
        self.base = scratch / "spare"
        self.base.mkdir()
        inner = ["bash", "-c", CHROOT, self.base]
        if boots:
            inner = [
                "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--link-journal=no", "--resolv-conf=off", "--timezone=off",
                "--console=pipe", f"--machine=arobust-{os.getpid()}", f"--directory={self.base}/root", "--boot", "systemd.unit=multi-user.target",
            ]  # fmt: skip
            inner = ["bash", "-c", BEFORE_BOOT, self.base, *inner]
        self.boots = boots
        self.leader = 0
        self.holder = Process("spare-root", ["unshare", "--mount", "--propagation", "private", "bash", "-c", MOUNTS, "bash", self.base, *inner], scratch)
        if boots:
            self._boot()
        else:
            ready = Path(f"/proc/{self.holder.pid}/root{self.base}/ready")
            wait_until(ready.exists, lambda: f"the mounts; {self.holder.tail()}")

    def _boot(self) -> None:
        """Waits until systemd has started what a service needs."""

        def first() -> int | None:
            children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
            names = {int(child): Path(f"/proc/{child}/comm").read_text().strip() for child in children}
            return next((child for child, name in names.items() if name == "systemd"), None)

        self.leader = wait_until(first, lambda: f"systemd; {self.holder.tail()}")
        wait_until(
            lambda: self.run("systemctl", "is-active", "multi-user.target", check=False).stdout.strip() == "active",
            lambda: f"multi-user.target; {self.holder.output()[-2000:]}",
            60,
            every=0.2,
        )

    @property
    def root(self) -> Path:
        """The root as seen from outside, while the holder lives."""
        return Path(f"/proc/{self.holder.pid}/root{self.base}/root")

    @property
    def changes(self) -> Path:
        """What was written, and only that."""
        return Path(f"/proc/{self.holder.pid}/root{self.base}/upper")

    def command(self, *words: str | Path) -> list[str]:
        """What runs the words inside."""
        if self.boots:
            return ["nsenter", "--all", f"--target={self.leader}", *map(str, words)]
        return ["nsenter", "--mount", f"--target={self.holder.pid}", "chroot", f"{self.base}/root", *map(str, words)]

    def run(self, *words: str | Path, check: bool = True, text: str | None = None) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}
        done = subprocess.run(self.command(*words), env=environment, input=text, text=True, capture_output=True, timeout=120)
        assert not check or done.returncode == 0, f"{' '.join(map(str, words))}: status {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def close(self) -> None:
        if self.boots and self.leader and self.holder.child.poll() is None:
            # With a pid namespace's first process all others of it end.
            os.kill(self.leader, signal.SIGKILL)
            self.holder.wait()
        self.holder.kill()
        self.base.rmdir()
