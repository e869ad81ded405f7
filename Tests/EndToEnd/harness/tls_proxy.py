"""A proxy that speaks TLS in front of a server that does not, as people put one in front of a DLRover master."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path

from .certificates import Pair


class TLSProxy:
    """Listens on a free port of loopback. `clients`: the authority whose certificates clients must show."""

    def __init__(self, target: int, own: Pair, clients: Path | None = None, protocols: list[str] | None = None) -> None:
        self.target = target
        self.handshakes = 0
        self._open: set[socket.socket] = set()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(own.certificate, own.key)
        self.context.set_alpn_protocols(protocols or ["h2", "http/1.1"])
        if clients:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(clients)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.listener.close()

    def cut(self) -> None:
        """Ends all connections; new ones are taken."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.settimeout(10)
            with self.context.wrap_socket(connection, server_side=True) as secure:
                self.handshakes += 1
                self._open.add(secure)
                # One side's bytes at a time: a TLS socket may not be read and written from two threads at once.
                with socket.create_connection(("127.0.0.1", self.target)) as plain:
                    secure.settimeout(0.02)
                    plain.settimeout(0.02)
                    while True:
                        for source, sink in ((secure, plain), (plain, secure)):
                            try:
                                data = source.recv(65536)
                            except (TimeoutError, ssl.SSLWantReadError):
                                continue
                            if not data:
                                return
                            sink.settimeout(10)
                            sink.sendall(data)
                            sink.settimeout(0.02)
