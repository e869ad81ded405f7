"""`arobust collect` as a child: started again when it ends, its log passed on, gone when this process is gone."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import Optional

from . import _executable

logger = logging.getLogger("arobust")

LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.DEBUG,  # what it does every day is not the trainer's concern
    "notice": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
LINE = re.compile(r"\S+ (trace|debug|info|notice|warning|error|critical) arobust: (.*)")
LONGEST_LINE = 8192
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
HEALTHY = 60.0
"""After so many seconds a child that ended is started again at once."""


class Child:
    """The executable with these arguments, kept running by a thread of its own until `stop`."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = list(arguments)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="arobust-child", daemon=True)
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._lock = threading.Lock()
        self._hurry = threading.Event()
        self.started = float("inf")
        """When it was last started, by the monotonic clock; in the future while it does not run."""
        self.failures = 0
        """How often it could not be started, or ended by itself."""

    def start(self) -> None:
        """Returns at once. Raises `RuntimeError` where no thread can be started."""
        self._thread.start()

    @property
    def pid(self) -> Optional[int]:
        """The child's process id, while there is one."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def hurry(self) -> int:
        """Starts it at once, if it waits to be started again. Returns how often it has failed until now."""
        failures = self.failures
        self._hurry.set()
        return failures

    def terminate(self) -> None:
        """Has it collect what is left and end; it is not started again."""
        self._stopping.set()
        self._hurry.set()
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Waits for its end; one that does not end in time is killed."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            with self._lock:
                if self._process is not None and self._process.poll() is None:
                    logger.warning("arobust did not end within %.0f s and is killed.", seconds)
                    self._process.kill()
            self._thread.join(2)

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                reason = self._run_once()
            except (OSError, ValueError, _executable.ExecutableMissing) as error:
                reason = f"arobust can't be started: {error}"
            if self._stopping.is_set():
                return
            self.started, self.failures = float("inf"), self.failures + 1
            pause = FIRST_PAUSE if time.monotonic() - started >= HEALTHY else min(pause * 2, LONGEST_PAUSE)
            logger.error("%s. It is started again in %.0f s; the training is not affected.", reason, pause)
            self._hurry.wait(pause)
            self._hurry.clear()

    def _run_once(self) -> str:
        """Starts it and passes its log on until it ends; returns how it ended."""
        command = [_executable.find(), *self._arguments, "--parent-pid", str(os.getpid())]
        with self._lock:
            if self._stopping.is_set():
                return "stopped"
            # No preexec_fn: it would copy a large trainer's page tables, and run Python between fork and exec. A session of its own:
            # Ctrl-C is for the trainer, which then stops it.
            process = self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                env=_executable.environment(),
            )
            self.started = time.monotonic()
        assert process.stderr is not None  # PIPE
        _pass_on(process.stderr.fileno())
        status = process.wait()
        process.stderr.close()
        return f"arobust ended ({f'killed by signal {-status}' if status < 0 else f'status {status}'})"


def _pass_on(descriptor: int) -> None:
    """Logs each line until the end of the pipe.

    Without Python's buffered file: its lock, held by a thread that the end of the interpreter stops, would be fatal.
    """
    rest = b""
    while chunk := os.read(descriptor, 65536):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            _log(line)
        rest = rest[:LONGEST_LINE]
    _log(rest)


def _log(line: bytes) -> None:
    text = line[:LONGEST_LINE].decode(errors="replace").strip()
    if found := LINE.fullmatch(text):
        logger.log(LEVELS[found[1]], "arobust: %s", found[2])
    elif text:  # why it could not start, or how it crashed
        logger.error("arobust: %s", text)
