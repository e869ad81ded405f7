"""The executable that the wheel brings along, and how it is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

PATH = Path(__file__).with_name("bin") / "arobust"


class ExecutableMissing(Exception):
    """The executable is not there or may not be run."""


def find() -> str:
    """Its path. Raises `ExecutableMissing` with a sentence for the log."""
    if not PATH.is_file():
        raise ExecutableMissing(f"{PATH} is missing; it comes with the wheel (pip install --force-reinstall arobust)")
    if not os.access(PATH, os.X_OK):
        raise ExecutableMissing(f"{PATH} may not be executed by this user (chmod +x; a file system that is mounted noexec?)")
    return str(PATH)


def environment(**changes: str) -> Mapping[str, str]:
    """A trainer's environment without what is meant for the trainer alone: libraries that are to be loaded into it."""
    return {**{name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}, **changes}


def main() -> None:
    """The command `arobust`: becomes the executable."""
    try:
        os.execv(find(), ["arobust", *sys.argv[1:]])
    except (OSError, ExecutableMissing) as error:
        sys.exit(f"Error: cannot start arobust: {error}")
