"""A process whose Python stack shows its progress: it is in step_0001, then in step_0002, and so on. Run as a program."""

import time
from collections.abc import Callable

STEP_SECONDS = 0.1


def step(number: int) -> Callable[[], None]:
    scope: dict[str, Callable[[], None]] = {}
    exec(f"def step_{number:04}(): time.sleep({STEP_SECONDS})", globals(), scope)
    return scope[f"step_{number:04}"]


if __name__ == "__main__":
    for current in range(1, 10000):
        step(current)()
