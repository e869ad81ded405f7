"""A ZMTP 3.0 client by hand (rfc.zeromq.org/spec/23), so that it can send what no client of libzmq sends."""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from types import TracebackType

from harness.process import wait_until

GREETING = b"\xff" + b"\0" * 8 + b"\x7f\x03\0NULL" + b"\0" * 48
SOCKETS = {"ingest": b"DEALER", "replay": b"DEALER", "push": b"PUSH", "pub": b"SUB"}


def frame(content: bytes, more: bool = False) -> bytes:
    return bytes([2 | more]) + struct.pack(">Q", len(content)) + content


class RawPeer:
    """A connection to one of a publisher's sockets."""

    def __init__(self, state: Path, name: str, shake_hands: bool = True) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        path = state / f"{name}.sock"
        wait_until(path.exists, f"{path}")  # a client of libzmq tries again, too
        self.socket.connect(str(path))
        if shake_hands:
            self.socket.sendall(GREETING)
            self.take(64)
            kind = SOCKETS[name]
            ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
            self.socket.sendall(bytes([4, len(ready)]) + ready)
            self.take(self.take(2)[1])

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.socket.close()

    def take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            piece = self.socket.recv(count - len(taken))
            assert piece, "the connection was closed"
            taken += piece
        return taken

    def pour(self, block: bytes, total: int) -> int:
        """Sends the block again and again; returns after how many bytes the other side closed the connection, or the total."""
        sent = 0
        try:
            while sent < total:
                self.socket.sendall(block)
                sent += len(block)
        except OSError:
            pass
        return sent

    def is_closed(self) -> bool:
        """Whether the other side closes the connection within 20 s."""
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True
