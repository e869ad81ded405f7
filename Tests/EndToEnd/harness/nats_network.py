"""NATS servers that each have a network of their own, and wires between them and the test that can be cut."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .nats_servers import Server, Servers
from .process import Process, wait_until

NETWORK = "10.78.0"


def ip(*words: str, inside: int = 0) -> None:
    prefix = ["nsenter", f"--target={inside}", "--net"] if inside else []
    done = subprocess.run([*prefix, "ip", *words], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


class WiredServers:
    """A cluster at 10.78.0.11, .12, .13, on a switch at which the test is 10.78.0.1. To be made in a network of its own (`own_network`)."""

    def __init__(self, scratch: Path, count: int = 3) -> None:
        ip("link", "add", "switch", "type", "bridge")
        ip("address", "add", f"{NETWORK}.1/24", "dev", "switch")
        ip("link", "set", "switch", "up")
        self.holders: list[Process] = []
        made = []
        for number in range(count):
            holder = Process(f"network-{number}", ["unshare", "--net", "sleep", "infinity"], scratch)
            self.holders.append(holder)
            own = Path("/proc/self/ns/net").readlink()
            wait_until(lambda pid=holder.pid: Path(f"/proc/{pid}/ns/net").readlink() != own, "a network namespace")
            ip("link", "add", f"wire{number}", "type", "veth", "peer", "name", "uplink", "netns", str(holder.pid))
            ip("link", "set", f"wire{number}", "master", "switch", "up")
            ip("link", "set", "lo", "up", inside=holder.pid)
            ip("address", "add", f"{NETWORK}.{11 + number}/24", "dev", "uplink", inside=holder.pid)
            ip("link", "set", "uplink", "up", inside=holder.pid)
            made.append(Server(f"n{number}", scratch, prefix=["nsenter", f"--target={holder.pid}", "--net"], host=f"{NETWORK}.{11 + number}"))
        self.servers = Servers(scratch, made=made)

    def cut_off(self, server: Server, isolated: bool) -> None:
        """From the other servers, and from the test."""
        ip("link", "set", f"wire{server.name[1:]}", "down" if isolated else "up")

    def hide(self, server: Server, hidden: bool) -> None:
        """From the test alone; the other servers reach it. What was connected to it hears nothing more."""
        ip("route", "add" if hidden else "del", "blackhole", f"{server.host}/32")

    def close(self) -> None:
        self.servers.kill()
        for holder in self.holders:
            holder.kill()
