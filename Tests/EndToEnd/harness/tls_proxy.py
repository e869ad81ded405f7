"""A proxy that speaks TLS in front of a server that does not, as people put one in front of a DLRover master."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path

from .certificates import Pair
from .dlrover_master import DLRoverMaster
from .process import Arobust, Process


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


def start_agent(arobust: Arobust, url: str, authority: Path | None, own: Pair | None = None, **more: str) -> Process:
    """An agent that reports to a master over TLS; `more` are further settings, as variables."""
    arobust.environment = {"AROBUST_DELIVERY_BACKOFF_MAX": "1s", "AROBUST_DELIVERY_DEADLINE": "5s"} | more
    if authority:
        arobust.environment["AROBUST_DELIVERY_TLS_CA_FILE"] = str(authority)
    if own:
        arobust.environment |= {
            "AROBUST_DELIVERY_TLS_CERTIFICATE_FILE": str(own.certificate), "AROBUST_DELIVERY_TLS_KEY_FILE": str(own.key),
        }  # fmt: skip
    return arobust.start_ready("agent", "--master", url)


def secure(master: DLRoverMaster, proxy: TLSProxy) -> str:
    """The URL of a master behind a proxy."""
    return f"dlrover+{master.service}s://127.0.0.1:{proxy.port}"
