"""A slow and lossy link, with the kernel's traffic control (tc-netem(8), tc-tbf(8))."""

from __future__ import annotations

from collections.abc import Callable

from .runtime import Failed

NETEM = ["netem", "delay", "200ms", "50ms", "loss", "5%"]
BUCKET = ["tbf", "rate", "64kbit", "burst", "3kb", "limit", "6kb"]
"""For a kernel without netem: packets that find the queue of four packets full are dropped."""

RunTC = Callable[[list[str]], str]
"""Runs `tc` with these arguments in the right place; returns its error message, or an empty text."""


def slow(device: str, tc: RunTC) -> str:
    """Shapes outgoing traffic of the device; returns how, in words."""
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
    """Tries to slow the device, and returns why that is impossible; empty if it worked."""
    try:
        slow(device, tc)
    except Failed as problem:
        return str(problem)
    restore(device, tc)
    return ""
