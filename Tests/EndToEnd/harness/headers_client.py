"""A client of the listener that begins calls and sends nothing of them but headers."""

from __future__ import annotations

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, SETTINGS, PING = 1, 4, 6


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


class HeadersClient:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        # The server's settings hold once they are acknowledged.
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, 1, 0))

    def open_streams(self, count: int, fields: int) -> None:
        # :method POST, :scheme http, :path, :authority, content-type: as in RFC 7541, appendix A, not indexed.
        call = b"\x83\x86\x04" + literal("/a.B/C") + b"\x01" + literal("a") + b"\x0f\x10" + literal("application/grpc")
        # "a: " is entered into the table by the first call, and is one byte from then on.
        entry = b"\x40" + literal("a") + literal("")
        frames = [
            frame(HEADERS, 4, 2 * number + 1, call + (entry if number == 0 and fields else b"") + b"\xbe" * (fields - (number == 0)))
            for number in range(count)
        ]
        try:
            self.socket.sendall(b"".join(frames))
        except OSError:
            pass

    def wait_until_read(self) -> None:
        """Until a ping that follows everything is answered."""
        self.socket.sendall(frame(PING, 0, 0, b"all read"))
        seen = b""
        while b"all read" not in seen:
            part = self.socket.recv(65536)
            assert part, f"the connection is closed: {seen[-80:]!r}"
            seen += part

    def is_closed(self) -> bool:
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True
