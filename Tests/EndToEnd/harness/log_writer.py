"""Writes numbered lines to a log like a training: in bursts, sometimes starting with half a line. Run as a program."""

import sys
import time
from pathlib import Path

PER_BURST = 37


def log_lines(count: int) -> list[str]:
    """Lines of different lengths, each with its number; some have nothing else, some are not ASCII."""
    return [f"{n:06} " + "loss 0.1 µ " * (n % 17) if n % 5 else f"{n:06}" for n in range(1, count + 1)]


def write(path: Path, count: int, seconds: float) -> None:
    lines = [line.encode() + b"\n" for line in log_lines(count)]
    pause = seconds * PER_BURST / count
    with open(path, "ab", buffering=0) as log:
        for start in range(0, count, PER_BURST):
            burst = b"".join(lines[start : start + PER_BURST])
            torn = len(burst) * 2 // 3
            log.write(burst[:torn])
            time.sleep(pause)
            log.write(burst[torn:])


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
