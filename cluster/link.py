"""A slow and lossy link, with the kernel's traffic control (tc-netem(8), tc-tbf(8))."""

from __future__ import annotations

from collections.abc import Callable

from .runtime import Failed

NETEM = ["netem", "delay", "200ms", "50ms", "loss", "5%"]
BUCKET = ["tbf", "rate", "64kbit", "burst", "3kb", "limit", "6kb"]
"""For a kernel without netem: what finds the queue of four packets full is dropped."""

RunTC = Callable[[list[str]], str]
"""Runs `tc` with these arguments at the right place; what it says when it fails, else nothing."""


def slow(device: str, tc: RunTC) -> str:
    """Shapes what leaves the device; how, in words."""
    problems = []
    for how in (NETEM, BUCKET):
        problem = tc(["qdisc", "replace", "dev", device, "root", *how])
        if not problem:
            return " ".join(how)
        problems.append(f"{how[0]}: {problem}")
    raise Failed("; ".join(problems))


def restore(device: str, tc: RunTC) -> None:
    tc(["qdisc", "delete", "dev", device, "root"])  # fails where nothing was shaped


def why_not(device: str, tc: RunTC) -> str:
    """Why the device can't be slowed; empty if it can. It tries."""
    try:
        slow(device, tc)
    except Failed as problem:
        return str(problem)
    restore(device, tc)
    return ""
