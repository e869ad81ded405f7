"""What a fault and a campaign may do to a cluster, however it runs."""

from __future__ import annotations

from typing import Protocol

from .topology import Topology


GRACE_SECONDS = 10
"""Between SIGTERM and SIGKILL, as `docker stop` has it."""


class Failed(Exception):
    """Something could not be done; the message says what, and what the tool said to it."""


class Runtime(Protocol):
    """A cluster. Every method returns when the thing is done; a service is named as in `Topology.services`."""

    topology: Topology

    @property
    def name(self) -> str:
        """How the services run, in words for a person."""
        ...

    def why_not(self, ability: str) -> str:
        """Why `links`, `shaping` or `disk` can't be harmed here; empty if they can."""
        ...

    def up(self) -> None:
        """Starts everything; what it starts needs some seconds more to be of use."""
        ...

    def down(self) -> None:
        """Ends everything and removes what it left; may be called at any time, and twice."""
        ...

    def start(self, service: str) -> None: ...

    def kill(self, services: list[str]) -> None:
        """SIGKILL for all of them at once."""
        ...

    def stop(self, service: str) -> tuple[int, float]:
        """As its operator would: SIGTERM, or what its image has instead, and after `GRACE_SECONDS` SIGKILL. The exit status and the seconds that it took."""
        ...

    def pause(self, service: str) -> None:
        """None of its instructions runs any more."""
        ...

    def resume(self, service: str) -> None: ...

    def cut_link(self, node: int) -> None:
        """No byte passes between the node's bridge and the masters any more."""
        ...

    def slow_link(self, node: int) -> str:
        """Makes the link slow and lossy; how, in words."""
        ...

    def heal_link(self, node: int) -> None:
        """Undoes both."""
        ...

    def inside(self, *arguments: str) -> str:
        """Runs `python3 -m cluster inside ...` where the nodes' states and the masters' stores are; what it prints.

        The status 1 of a red verdict is no failure; every other but 0 raises `Failed`.
        """
        ...

    def tail(self, service: str) -> str:
        """The end of what the service logged."""
        ...
