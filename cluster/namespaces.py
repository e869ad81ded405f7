"""Linux namespaces for a cluster of plain processes: each node has its own network, process ids and disk."""

from __future__ import annotations

import functools
import os
import subprocess
import time
from pathlib import Path

import psutil
from harness.process import AROBUST, Process

from . import link
from .runtime import Failed

MARK = "CLUSTER_NAMESPACES"
"""An environment variable of processes that are already in their own namespaces."""
MASTERS = "10.77.0.1"
"""The masters' address; node N has 10.77.N.2, its gateway is 10.77.N.1."""
DEVICE = "uplink"
"""The node's end of its link."""


def unshare(*options: str) -> list[str]:
    """A command prefix that starts new namespaces, all of whose processes die with it. Adds a user namespace unless run as root."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, *options, "--pid", "--net", "--fork", "--mount-proc", "--kill-child"]


def why_not() -> str:
    """Why namespaces can't be created here; empty if they can."""
    script = "ip link add name one type veth peer name two && mount -t tmpfs none /mnt"
    try:
        tried = subprocess.run([*unshare("--mount"), "sh", "-c", script], capture_output=True, text=True, check=False)
    except FileNotFoundError as missing:
        return str(missing)
    return "" if tried.returncode == 0 else tried.stderr.strip()


def enter(command: list[str]) -> None:
    """Replaces this process with the command, in new namespaces, under a shell that reaps orphans."""
    full = [*unshare("--mount"), "bash", "-c", '"$@"; exit $?', "bash", *command]
    os.execvpe(full[0], full, os.environ | {MARK: "1", "AROBUST_BIN": str(AROBUST)})


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip()}")


class NodeNamespaces:
    """The nodes of a cluster, as seen from the namespaces that `enter` created, where the masters run."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._holders: dict[int, Process] = {}
        self._pids: dict[int, int] = {}

    def open(self) -> None:
        run("ip", "link", "set", "lo", "up")
        run("ip", "address", "add", f"{MASTERS}/32", "dev", "lo")

    def add_disk(self, folder: Path, mebibytes: int) -> None:
        """Must be called before `add_node` for the nodes that should see the disk."""
        folder.mkdir(parents=True)
        run("mount", "-t", "tmpfs", "-o", f"mode=700,size={mebibytes}m", "none", str(folder))

    def add_node(self, node: int) -> None:
        holder = Process(f"node-{node}", ["unshare", "--pid", "--net", "--fork", "--mount-proc", "sleep", "infinity"], self._scratch)
        self._holders[node] = holder
        pid = self._pids[node] = child_of(holder.pid)
        outside = f"node{node}"
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", DEVICE, "netns", str(pid))
        run("ip", "address", "add", f"10.77.{node}.1/30", "dev", outside)
        run("ip", "link", "set", outside, "up")
        inside = ["nsenter", f"--target={pid}", "--net", "ip"]
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "address", "add", f"10.77.{node}.2/30", "dev", DEVICE)
        run(*inside, "link", "set", DEVICE, "up")
        run(*inside, "route", "add", "default", "via", f"10.77.{node}.1")

    def prefix(self, node: int) -> list[str]:
        """The prefix of a command that is to run in the node."""
        return ["nsenter", f"--target={self._pids[node]}", "--net", "--pid", "--mount"]

    def cut(self, node: int) -> None:
        """Cuts at the far end, so that nothing in the node is notified."""
        run("ip", "link", "set", f"node{node}", "down")

    def slow(self, node: int) -> str:
        return link.slow(DEVICE, functools.partial(self._tc, node))

    def why_not_slow(self, node: int) -> str:
        return link.why_not(DEVICE, functools.partial(self._tc, node))

    def heal(self, node: int) -> None:
        run("ip", "link", "set", f"node{node}", "up")
        link.restore(DEVICE, functools.partial(self._tc, node))

    def _tc(self, node: int, arguments: list[str]) -> str:
        command = ["nsenter", f"--target={self._pids[node]}", "--net", "tc", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()

    def close(self) -> None:
        for node, holder in self._holders.items():
            psutil.Process(self._pids[node]).kill()  # the node's first process: all others die with it
            holder.wait()
        self._holders.clear()


def child_of(pid: int, seconds: float = 10) -> int:
    """The process that a tool has forked into the namespace and waits for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if children := psutil.Process(pid).children():
            return children[0].pid
        time.sleep(0.01)
    raise Failed(f"process {pid} started nothing within {seconds:.0f} s")
