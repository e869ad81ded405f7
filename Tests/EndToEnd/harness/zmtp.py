"""ZMTP 3.0 by hand (rfc.zeromq.org/spec/23), so that a client or a publisher can send what none of libzmq sends."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path
from types import TracebackType

from harness.process import wait_until

GREETING = b"\xff" + b"\0" * 8 + b"\x7f\x03\0NULL" + b"\0" * 48
SOCKETS = {"ingest": b"DEALER", "replay": b"DEALER", "push": b"PUSH", "pub": b"SUB"}


def frame(content: bytes, more: bool = False) -> bytes:
    return bytes([2 | more]) + struct.pack(">Q", len(content)) + content


def command(name: bytes, content: bytes = b"", flags: int = 4) -> bytes:
    body = bytes([len(name)]) + name + content
    return bytes([flags | 2]) + struct.pack(">Q", len(body)) + body


def ready(kind: bytes) -> bytes:
    return command(b"READY", b"\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind)


def connected(path: Path) -> socket.socket:
    """Tries again until somebody listens, as a client of libzmq does: between a socket's name and its first `accept` there is a moment."""
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(20)

    def connects() -> bool:
        try:
            peer.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    wait_until(connects, f"{path} to listen")
    return peer


class RawPeer:
    """A connection to one of a publisher's sockets."""

    def __init__(self, state: Path, name: str, shake_hands: bool = True) -> None:
        self.socket = connected(state / f"{name}.sock")
        if shake_hands:
            self.socket.sendall(GREETING)
            self.take(64)
            self.socket.sendall(ready(SOCKETS[name]))
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


class RawPublisher:
    """Listens in a state directory as a publisher does, and sends everybody who comes the same block until it has sent the total."""

    KINDS = {"pub": b"XPUB", "ingest": b"ROUTER", "replay": b"ROUTER", "push": b"PULL"}

    def __init__(self, state: Path, block: bytes, total: int) -> None:
        self._block, self._left = block, total
        self._listeners = [self._listen(state / f"{name}.sock", kind) for name, kind in self.KINDS.items()]

    def _listen(self, path: Path, kind: bytes) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(50)
        threading.Thread(target=self._serve, args=(listener, kind), daemon=True).start()
        return listener

    def _serve(self, listener: socket.socket, kind: bytes) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._pour, args=(connection, kind), daemon=True).start()

    def _pour(self, connection: socket.socket, kind: bytes) -> None:
        try:
            with connection:
                connection.sendall(GREETING + ready(kind))
                while self._left > 0:
                    connection.sendall(self._block)
                    self._left -= len(self._block)
        except OSError:
            pass  # left

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
