"""A server that takes requests as a DLRover master or a metrics page would, and then sends something of no use without end."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


# `:status 200` and a content type, without Huffman coding (RFC 7541).
HEADERS = b"\x88\x0f\x10\x10application/grpc"
EARLY_HINTS = b"\x08\x03103"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def _trailers(stream: int) -> bytes:
    return frame(9, 0, stream, b"\x40\x01a\x01b" * 2000)


# What comes once after a call, and what comes then without end.
GRPC: dict[str, Callable[[int], tuple[bytes, bytes]]] = {
    "ping": lambda stream: (b"", frame(6, 0, 0, b"12345678") * 100),
    "settings": lambda stream: (b"", frame(4, 0, 0) * 100),
    "long settings": lambda stream: (b"", frame(4, 0, 0, b"\x77\x77\0\0\0\1" * 2700)),
    "goaway": lambda stream: (b"", frame(7, 0, 0, struct.pack(">II", stream, 0) + b"go") * 100),
    "priority": lambda stream: (b"", frame(2, 0, stream, b"\0\0\0\0\1") * 100),
    "window updates": lambda stream: (b"", frame(8, 0, 0, struct.pack(">I", 1)) * 100),
    "unknown frames": lambda stream: (b"", frame(0x20, 0, 0) * 100),
    "long unknown frames": lambda stream: (b"", frame(0x20, 0, 0, b"x" * 16000)),
    "early hints": lambda stream: (b"", frame(1, 4, stream, EARLY_HINTS) * 100),
    "headers": lambda stream: (b"", frame(1, 4, stream, HEADERS) * 100),
    "one-byte data": lambda stream: (
        frame(1, 4, stream, HEADERS) + frame(0, 0, stream, b"\0" + struct.pack(">I", 900_000)),
        frame(0, 0, stream, b"z") * 100,
    ),
    "empty data": lambda stream: (frame(1, 4, stream, HEADERS), (frame(0, 0, stream) + frame(0, 0, stream, b"z")) * 50),
    "data": lambda stream: (
        frame(1, 4, stream, HEADERS) + frame(0, 0, stream, b"\0" + struct.pack(">I", 1 << 30)),
        frame(0, 0, stream, b"z" * 16000),
    ),
    "continuation": lambda stream: (frame(1, 0, stream), frame(9, 0, stream) * 100),
    "trailers": lambda stream: (frame(1, 4, stream, HEADERS) + frame(1, 1, stream), _trailers(stream)),
}

HTTP: dict[str, tuple[bytes, bytes]] = {
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"y" * 10000 + b"\r\n"),
    "one-byte chunks": (CHUNKED, b"1\r\nx\r\n" * 1000),
    "chunks": (CHUNKED, b"10000\r\n" + b"x 1\n" * 16384 + b"\r\n"),
    "chunk extension": (CHUNKED + b"1;a=", b"b" * 65536),
    "trailers": (CHUNKED + b"0\r\n", b"X-A: b\r\n" * 1000),
    "empty lines": (b"", b"\r\n" * 10000),
    "body": (b"HTTP/1.1 200 OK\r\n\r\n", b"y 1\n" * 10000),
}


class HostileServer:
    """Serves the mode `grpc MODE` or `http MODE`; with neither, it takes requests and says nothing."""

    def __init__(self, service: str, mode: str | None) -> None:
        self.service, self.mode = service, mode
        # How often a request came, and how often the client closed its connection while this was still sending.
        self.requests = 0
        self.left = 0
        self._is_closed = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._is_closed = True
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(120)
            requests = self._grpc_requests(connection) if self.service == "grpc" else self._http_requests(connection)
            for begin, flood in requests:
                self.requests += 1
                if self.mode is None:
                    continue
                try:
                    connection.sendall(begin)
                    while not self._is_closed:
                        connection.sendall(flood)
                except OSError:
                    self.left += 1
                return

    def _http_requests(self, connection: socket.socket) -> Iterator[tuple[bytes, bytes]]:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._receive(connection)
        yield HTTP[self.mode] if self.mode else (b"", b"")
        while not self._is_closed:
            time.sleep(0.1)

    def _grpc_requests(self, connection: socket.socket) -> Iterator[tuple[bytes, bytes]]:
        received = b""

        def take(count: int) -> bytes:
            nonlocal received
            while len(received) < count:
                received += self._receive(connection)
            taken, received = received[:count], received[count:]
            return taken

        take(24)
        connection.sendall(frame(4, 0, 0))
        while True:
            head = take(9)
            payload = take(int.from_bytes(head[:3], "big"))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
            if kind == 4 and not flags & 1:
                connection.sendall(frame(4, 1, 0))
            if kind == 6 and not flags & 1:
                connection.sendall(frame(6, 1, 0, payload))
            if kind == 0 and flags & 1:
                yield GRPC[self.mode](stream) if self.mode else (b"", b"")

    @staticmethod
    def _receive(connection: socket.socket) -> bytes:
        received = connection.recv(65536)
        if not received:
            raise OSError("the client has gone")
        return received
