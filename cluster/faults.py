"""The faults: each breaks one thing for a while, and then repairs it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from .runtime import Failed, Runtime

Harm = Callable[[Runtime, str], str]
"""Breaks something at the target; returns what it did."""
Mend = Callable[[Runtime, str], None]


def _nothing(runtime: Runtime, target: str) -> None:
    """For faults that need no repair."""


@dataclass(frozen=True)
class Fault:
    what: str
    target: str
    """The kind of target: `node`, `master` (any that is a program), `dlrover` (a master of DLRover's) or `console`."""
    seconds: float
    """How long the fault lasts, at a pace of 1."""
    harm: Harm
    mend: Mend = _nothing
    needs: str = ""
    """An ability of the runtime; see `Runtime.why_not`."""

    def targets(self, runtime: Runtime) -> list[str]:
        topology = runtime.topology
        match self.target:
            case "master":
                return topology.master_services
            case "dlrover":
                return [master.name for master in topology.dlrover_masters]
            case "console":
                return [master.name for master in topology.masters if master.is_console]
            case _:
                return [str(node) for node in topology.node_numbers]


Services = Callable[[Runtime, str], list[str]]
"""The services at a target."""


def _node(runtime: Runtime, node: str) -> list[str]:
    return runtime.topology.node_services(int(node))


def _bridge(runtime: Runtime, node: str) -> list[str]:
    return [f"bridge-{node}"]


def _collector(runtime: Runtime, node: str) -> list[str]:
    return [f"collect-{node}"]


def _master(runtime: Runtime, master: str) -> list[str]:
    return [master]


def _killed(what: str, target: str, seconds: float, services: Services) -> Fault:
    def kill(runtime: Runtime, target: str) -> str:
        runtime.kill(services(runtime, target))
        return f"killed {', '.join(services(runtime, target))}"

    def start(runtime: Runtime, target: str) -> None:
        for service in services(runtime, target):
            runtime.start(service)

    return Fault(what, target, seconds, kill, start)


def _misbehaving(what: str, seconds: float, kind: str, delay: float, said: str) -> Fault:
    """A fault that the runner of DLRover's master injects (Tests/EndToEnd/harness/dlrover_faults.py)."""

    def ask(runtime: Runtime, target: str, kind: str) -> None:
        runtime.inside("master", target, json.dumps({"op": "fault", "kind": kind, "seconds": delay}))

    def misbehave(runtime: Runtime, target: str) -> str:
        ask(runtime, target, kind)
        return f"{target} {said}"

    return Fault(what, "dlrover", seconds, misbehave, lambda runtime, target: ask(runtime, target, "none"))


def _stopped(what: str, target: str, seconds: float, services: Services) -> Fault:
    """A fault in which programs stand still: the kernel still takes what is sent to them, and nothing answers."""

    def pause(runtime: Runtime, target: str) -> str:
        for service in services(runtime, target):
            runtime.pause(service)
        return f"stopped {', '.join(services(runtime, target))}"

    def resume(runtime: Runtime, target: str) -> None:
        for service in services(runtime, target):
            runtime.resume(service)

    return Fault(what, target, seconds, pause, resume)


def _restart_master(runtime: Runtime, master: str) -> str:
    status, seconds = runtime.stop(master)
    runtime.start(master)
    return f"restarted {master}; it ended with {status} after {seconds:.1f} s"


def _cut_link(runtime: Runtime, node: str) -> str:
    runtime.cut_link(int(node))
    return f"cut the link of node {node}"


def _slow_link(runtime: Runtime, node: str) -> str:
    return f"the link of node {node} has {runtime.slow_link(int(node))}"


def _heal_link(runtime: Runtime, node: str) -> None:
    runtime.heal_link(int(node))


def _fill_disk(runtime: Runtime, place: str) -> str:
    runtime.inside("fill", place)
    return f"filled the disk of {f'node {place}' if place.isdigit() else place}"


def _free_disk(runtime: Runtime, place: str) -> None:
    runtime.inside("free", place)


def _poison(runtime: Runtime, node: str) -> str:
    runtime.inside("poison", node)
    return f"published a log metric in milliseconds at node {node}"


FAULTS = {
    "bridge-killed": _killed("a bridge is killed, and started again", "node", 8, _bridge),
    "bridge-stopped": _stopped("a bridge stands still for a minute", "node", 60, _bridge),
    "collector-killed": _killed("a collector is killed, and started again", "node", 8, _collector),
    "node-killed": _killed("trainer, collector and bridge of a node are killed at once", "node", 10, _node),
    "master-killed": _killed("a master is killed, and started again; DLRover's has an empty memory then", "master", 15, _master),
    "master-stopped": _stopped("a master stands still, and its connections stay open", "master", 20, _master),
    "master-restarted": Fault("a master is restarted, as its operator would", "master", 0, _restart_master),
    "master-slow": _misbehaving("a DLRover master takes 2 s for each report", 20, "delay", 2, "takes 2 s a report"),
    "master-refusing": _misbehaving("a DLRover master answers success=false", 10, "success_false", 0, "refuses everything"),
    "link-cut": Fault("nothing passes between a node and the masters", "node", 20, _cut_link, _heal_link, "links"),
    "link-slow": Fault("a node's link is slow and lossy", "node", 20, _slow_link, _heal_link, "shaping"),
    "disk-full": Fault("a node's disk is full", "node", 15, _fill_disk, _free_disk, "disk"),
    "console-full": Fault("the disk with the console's store is full", "console", 15, _fill_disk, _free_disk, "disk"),
    "poison": Fault("a metric is published that would poison a DLRover master", "node", 0, _poison),
}


def find(text: str) -> Fault:
    """The fault of a text `FAULT` or `FAULT@TARGET`."""
    name, _, _ = text.partition("@")
    if name not in FAULTS:
        raise Failed(f"there is no fault {name!r}; the faults are {', '.join(FAULTS)}")
    return FAULTS[name]


def check_target(fault: Fault, runtime: Runtime, target: str) -> None:
    if target not in fault.targets(runtime):
        kind = "DLRover master" if fault.target == "dlrover" else fault.target
        raise Failed(f"there is no {kind} {target!r}; choose one of {', '.join(fault.targets(runtime))}")


def apply(fault: Fault, runtime: Runtime, target: str, say: Callable[[str], None], pace: float = 1) -> None:
    """Injects a fault and repairs it, even if it is interrupted or injected only in part; reports each step once it is done."""
    check_target(fault, runtime, target)
    if reason := runtime.why_not(fault.needs):
        raise Failed(f"this can't be done here: {reason}")
    try:
        said = fault.harm(runtime, target)
    except BaseException:
        with contextlib.suppress(Failed):  # the first failure says more
            fault.mend(runtime, target)
        raise
    try:
        say(said)
        time.sleep(fault.seconds * pace)
    finally:
        fault.mend(runtime, target)
    if fault.seconds:
        say(f"{said}: mended after {fault.seconds * pace:.0f} s")


def listing() -> str:
    """One line per fault."""
    width = max(map(len, FAULTS))
    return "\n".join(f"{name:{width}}  {fault.target:7}  {fault.seconds:2.0f} s  {fault.what}" for name, fault in FAULTS.items())
