"""The faults: each harms one thing for a while, and mends it again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from .runtime import Failed, Runtime

Harm = Callable[[Runtime, str], AbstractContextManager[str]]
"""Harms the target until its context is left; says what it did."""


@dataclass(frozen=True)
class Fault:
    what: str
    target: str
    """`node` or `master`: what one has to be chosen."""
    seconds: float
    """How long the harm lasts, at a pace of 1."""
    harm: Harm
    needs: str = ""
    """An ability of the runtime; see `Runtime.why_not`."""

    def targets(self, runtime: Runtime) -> list[str]:
        if self.target == "master":
            return [master.name for master in runtime.topology.dlrover_masters]
        return [str(node) for node in runtime.topology.node_numbers]


def _killed(service: str) -> Harm:
    @contextmanager
    def harm(runtime: Runtime, target: str) -> Iterator[str]:
        services = [f"{service}-{target}"] if service else [target]
        with _dead(runtime, services) as said:
            yield said

    return harm


@contextmanager
def _dead(runtime: Runtime, services: list[str]) -> Iterator[str]:
    runtime.kill(services)
    try:
        yield f"killed {', '.join(services)}"
    finally:
        for service in services:
            runtime.start(service)


@contextmanager
def _dead_node(runtime: Runtime, target: str) -> Iterator[str]:
    with _dead(runtime, runtime.topology.node_services(int(target))) as said:
        yield said


@contextmanager
def _paused_bridge(runtime: Runtime, target: str) -> Iterator[str]:
    runtime.pause(f"bridge-{target}")
    try:
        yield f"stopped bridge-{target}"
    finally:
        runtime.resume(f"bridge-{target}")


@contextmanager
def _restarted_master(runtime: Runtime, target: str) -> Iterator[str]:
    status, seconds = runtime.stop(target)
    runtime.start(target)
    yield f"restarted {target}; it ended with {status} after {seconds:.1f} s"


def _misbehaving(kind: str, seconds: float, words: str) -> Harm:
    """A fault of the runner of the masters (Tests/EndToEnd/harness/dlrover_faults.py)."""

    @contextmanager
    def harm(runtime: Runtime, target: str) -> Iterator[str]:
        def ask(kind: str, seconds: float = 0) -> None:
            runtime.inside("master", target, json.dumps({"op": "fault", "kind": kind, "seconds": seconds}))

        ask(kind, seconds)
        try:
            yield f"{target} {words}"
        finally:
            ask("none")

    return harm


@contextmanager
def _cut_link(runtime: Runtime, target: str) -> Iterator[str]:
    runtime.cut_link(int(target))
    try:
        yield f"cut the link of node {target}"
    finally:
        runtime.heal_link(int(target))


@contextmanager
def _slow_link(runtime: Runtime, target: str) -> Iterator[str]:
    how = runtime.slow_link(int(target))
    try:
        yield f"the link of node {target} has {how}"
    finally:
        runtime.heal_link(int(target))


@contextmanager
def _full_disk(runtime: Runtime, target: str) -> Iterator[str]:
    runtime.inside("fill", target)
    try:
        yield f"filled the disk of node {target}"
    finally:
        runtime.inside("free", target)


@contextmanager
def _poison(runtime: Runtime, target: str) -> Iterator[str]:
    runtime.inside("poison", target)
    yield f"published a log metric in milliseconds at node {target}"


FAULTS = {
    "bridge-killed": Fault("a bridge is killed, and started again", "node", 8, _killed("bridge")),
    "bridge-stopped": Fault("a bridge stands still for a minute", "node", 60, _paused_bridge),
    "collector-killed": Fault("a collector is killed, and started again", "node", 8, _killed("collect")),
    "node-killed": Fault("trainer, collector and bridge of a node are killed at once", "node", 10, _dead_node),
    "master-killed": Fault("a master is killed, and started again with an empty memory", "master", 15, _killed("")),
    "master-restarted": Fault("a master is restarted with SIGTERM", "master", 0, _restarted_master),
    "master-slow": Fault("a master takes 2 s for each report", "master", 20, _misbehaving("delay", 2, "takes 2 s a report")),
    "master-refusing": Fault(
        "a master answers success=false", "master", 10, _misbehaving("success_false", 0, "refuses everything")
    ),
    "link-cut": Fault("nothing passes between a node and the masters", "node", 20, _cut_link, "links"),
    "link-slow": Fault("a node's link is slow and lossy", "node", 20, _slow_link, "shaping"),
    "disk-full": Fault("a node's disk is full", "node", 15, _full_disk, "disk"),
    "poison": Fault("a metric is published that would poison a DLRover master", "node", 0, _poison),
}


def find(name: str) -> Fault:
    if name not in FAULTS:
        raise Failed(f"there is no fault {name!r}; there are {', '.join(FAULTS)}")
    return FAULTS[name]


def apply(fault: Fault, runtime: Runtime, target: str, say: Callable[[str], None], pace: float = 1) -> None:
    """Harms and mends; what it does is said when it is done."""
    if target not in fault.targets(runtime):
        raise Failed(f"there is no {fault.target} {target!r}; there are {', '.join(fault.targets(runtime))}")
    if reason := runtime.why_not(fault.needs):
        raise Failed(f"this can't be done here: {reason}")
    with fault.harm(runtime, target) as said:
        say(said)
        time.sleep(fault.seconds * pace)
    if fault.seconds:
        say(f"{said}: mended after {fault.seconds * pace:.0f} s")


def listing() -> str:
    """A line for each fault."""
    width = max(map(len, FAULTS))
    return "\n".join(f"{name:{width}}  {fault.target:6}  {fault.seconds:2.0f} s  {fault.what}" for name, fault in FAULTS.items())
