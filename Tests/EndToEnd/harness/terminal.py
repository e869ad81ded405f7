"""A terminal of a size of its own (a pseudo-terminal, and pyte that draws what is written to it), in which a command runs."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping

import pyte

from .process import AROBUST, die_with_parent


class Terminal:
    """Runs arobust with its own session on the terminal, as a shell runs what is in its foreground."""

    def __init__(self, *arguments: object, rows: int = 30, columns: int = 120, environment: Mapping[str, str] | None = None) -> None:
        self.master, self.slave = pty.openpty()
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.written = b""
        self.set_size(rows, columns)
        self.settings = termios.tcgetattr(self.slave)
        variables = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")} | {"TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            [str(AROBUST), *map(str, arguments)],
            stdin=self.slave, stdout=self.slave, stderr=self.slave, env=variables | dict(environment or {}), preexec_fn=self._own_session,
        )

    @staticmethod
    def _own_session() -> None:
        die_with_parent()
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def set_size(self, rows: int, columns: int) -> None:
        """Changes the window, of which the kernel tells the command with SIGWINCH."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def read(self, seconds: float = 0.05) -> None:
        """Draws what the command has written by then."""
        while select.select([self.master], [], [], seconds)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # nobody has the other end open any more
                return
            self.written += data
            self.stream.feed(data)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, condition: str | Callable[[str], object], seconds: float = 40) -> str:
        """Reads until the text is on the screen, or the condition holds for what is on it."""
        deadline = time.monotonic() + seconds
        while True:
            self.read()
            text = self.text
            if (condition in text) if isinstance(condition, str) else condition(text):
                return text
            assert time.monotonic() < deadline, f"still waiting for {condition}; on the screen is\n{text}"
            assert self.process.poll() is None, f"it has ended with {self.process.returncode}; on the screen is\n{text}"

    def wait(self, seconds: float = 20) -> int:
        """Its exit status; negative: the signal that ended it."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            self.read()
            assert time.monotonic() < deadline, "it does not end"
        self.read()
        return self.process.returncode

    def wait_until_stopped(self, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while True:
            self.read()
            pid, status = os.waitpid(self.process.pid, os.WUNTRACED | os.WNOHANG)
            if pid:
                assert os.WIFSTOPPED(status), status
                return
            assert time.monotonic() < deadline, "it does not stop"

    @property
    def has_its_settings(self) -> bool:
        return bool(termios.tcgetattr(self.slave) == self.settings)

    @property
    def is_as_before(self) -> bool:
        """Whether the terminal works as before the command: its settings, the normal screen, a cursor."""
        return self.has_its_settings and all(self.written.rfind(on) < self.written.rfind(off) for on, off in ((b"\x1b[?1049h", b"\x1b[?1049l"), (b"\x1b[?25l", b"\x1b[?25h")))

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def hang_up(self) -> None:
        """The terminal's window is closed."""
        os.close(self.master)
        self.master = -1

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for descriptor in (self.master, self.slave):
            try:
                os.close(descriptor)
            except OSError:
                pass
