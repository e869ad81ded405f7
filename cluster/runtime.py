"""What faults and campaigns can do to a cluster, in containers or as plain processes."""

from __future__ import annotations

from typing import Protocol

from .topology import Topology


GRACE_SECONDS = 10
"""The time between SIGTERM and SIGKILL, the default of `docker stop`."""


class Failed(Exception):
    """Something could not be done; the message says what, and includes the tool's error."""


class Runtime(Protocol):
    """A cluster. Every method returns when it is done; services are named as in `Topology.services`."""

    topology: Topology

    @property
    def name(self) -> str:
        """How the services run, in words."""
        ...

    def why_not(self, ability: str) -> str:
        """Why faults of `links`, `shaping` or `disk` are impossible here; empty if they are possible."""
        ...

    def up(self) -> None:
        """Starts everything; the services need a few more seconds to be ready."""
        ...

    def down(self) -> None:
        """Stops everything and removes its files; may be called at any time, and repeatedly."""
        ...

    def start(self, service: str) -> None: ...

    def kill(self, services: list[str]) -> None:
        """Sends SIGKILL to all of them at once."""
        ...

    def stop(self, service: str) -> tuple[int, float]:
        """Stops it as an operator would: SIGTERM, or the image's stop signal, and SIGKILL after `GRACE_SECONDS`.

        Returns the exit status and the seconds it took.
        """
        ...

    def pause(self, service: str) -> None:
        """Suspends it; it executes nothing until `resume`."""
        ...

    def resume(self, service: str) -> None: ...

    def cut_link(self, node: int) -> None:
        """Stops all traffic between the node's bridge and the masters."""
        ...

    def slow_link(self, node: int) -> str:
        """Makes the link slow and lossy; returns how, in words."""
        ...

    def heal_link(self, node: int) -> None:
        """Undoes both."""
        ...

    def inside(self, *arguments: str) -> str:
        """Runs `python3 -m cluster inside ...` where the nodes' state directories and the masters' stores are; returns its output.

        Exit status 1, a red verdict, is not a failure; any other status but 0 raises `Failed`.
        """
        ...

    def tail(self, service: str) -> str:
        """The end of the service's log."""
        ...
