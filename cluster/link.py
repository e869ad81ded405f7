"""A slow and lossy link, with the kernel's traffic control (tc-netem(8), tc-tbf(8))."""

from __future__ import annotations

from collections.abc import Callable

NETEM = ["netem", "delay", "200ms", "50ms", "loss", "5%"]
BUCKET = ["tbf", "rate", "64kbit", "burst", "3kb", "limit", "6kb"]
"""For a kernel without netem: what finds the queue of four packets full is dropped."""

RunTC = Callable[[list[str]], bool]
"""Runs `tc` with these arguments at the right place; whether it succeeded."""


def slow(device: str, tc: RunTC) -> str:
    """Shapes what leaves the device; how, in words, or empty where the kernel can't."""
    for how in (NETEM, BUCKET):
        if tc(["qdisc", "replace", "dev", device, "root", *how]):
            return " ".join(how)
    return ""


def restore(device: str, tc: RunTC) -> None:
    tc(["qdisc", "delete", "dev", device, "root"])  # fails where nothing was shaped
