"""The end of the interpreter, and forks: what runs is stopped once, by the process that started it."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Protocol

from . import _state


class Stoppable(Protocol):
    """What runs until it is stopped."""

    def _stop_at_exit(self) -> None: ...

    def _forget_parent(self) -> None: ...


_running: weakref.WeakSet[Stoppable] = weakref.WeakSet()


def register(running: Stoppable) -> None:
    """Has it stopped at the end of the interpreter, and told of forks."""
    _running.add(running)


@atexit.register
def _stop_all() -> None:
    for each in list(_running):
        each._stop_at_exit()


def _after_fork() -> None:
    _state.forget_used()
    for each in list(_running):
        each._forget_parent()
    _running.clear()


os.register_at_fork(after_in_child=_after_fork)
