"""Linux namespaces for a cluster of plain processes: nodes with a network, process ids and a disk of their own."""

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
"""In the environment of a process that has been put into namespaces of its own."""
MASTERS = "10.77.0.1"
"""Where the masters are; node N is at 10.77.N.2, its way out at 10.77.N.1."""
DEVICE = "uplink"
"""The node's end of its link."""


def unshare(*options: str) -> list[str]:
    """Whoever runs this and dies, takes all processes in there with it. For others than root, with a user namespace."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, *options, "--pid", "--net", "--fork", "--mount-proc", "--kill-child"]


def why_not() -> str:
    """Why there can be no namespaces here; empty if there can."""
    script = "ip link add name one type veth peer name two && mount -t tmpfs none /mnt"
    try:
        tried = subprocess.run([*unshare("--mount"), "sh", "-c", script], capture_output=True, text=True, check=False)
    except FileNotFoundError as missing:
        return str(missing)
    return "" if tried.returncode == 0 else tried.stderr.strip()


def enter(command: list[str]) -> None:
    """Becomes this command in namespaces of its own, under a shell that reaps what loses its parent."""
    full = [*unshare("--mount"), "bash", "-c", '"$@"; exit $?', "bash", *command]
    os.execvpe(full[0], full, os.environ | {MARK: "1", "AROBUST_BIN": str(AROBUST)})


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip()}")


class NodeNamespaces:
    """The nodes of a cluster, seen from the namespaces that `enter` made, in which the masters run."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._holders: dict[int, Process] = {}
        self._pids: dict[int, int] = {}

    def open(self) -> None:
        run("ip", "link", "set", "lo", "up")
        run("ip", "address", "add", f"{MASTERS}/32", "dev", "lo")

    def add_disk(self, folder: Path, mebibytes: int) -> None:
        """Has to come before the nodes that shall see it."""
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
        """Before a command that shall run in the node."""
        return ["nsenter", f"--target={self._pids[node]}", "--net", "--pid", "--mount"]

    def cut(self, node: int) -> None:
        """At the far end, so that nobody in the node is told."""
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
            psutil.Process(self._pids[node]).kill()  # the first process of the node: all others end with it
            holder.wait()
        self._holders.clear()


def child_of(pid: int, seconds: float = 10) -> int:
    """The process that runs inside, of a tool that forks it and waits for it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if children := psutil.Process(pid).children():
            return children[0].pid
        time.sleep(0.01)
    raise Failed(f"process {pid} started nothing within {seconds:.0f} s")
