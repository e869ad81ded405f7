"""The bus over the network: keys, a publisher that listens there, and clients in pyzmq, written from docs/wire-format.md."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq
import zmq.auth

from .process import Arobust, Process, free_port, wait_until


def free_port_pair() -> int:
    """A port that is free together with the next one."""
    while True:
        port = free_port()
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue


@dataclass(frozen=True)
class Keys:
    public: bytes
    secret: bytes
    file: Path


class Network:
    """A publisher's settings for the network, and who may come."""

    def __init__(self, arobust: Arobust) -> None:
        self.arobust = arobust
        self.folder = arobust.scratch / "keys"
        self.folder.mkdir()
        self.authorized = self.folder / "authorized"
        self.authorized.write_text("# Clients of the test.\n")
        self.server = self.make("publisher")
        self.port = free_port_pair()

    def make(self, name: str) -> Keys:
        """A new pair, as `arobust keys new` makes it and pyzmq reads it."""
        path = self.folder / name
        made = self.arobust.run_plain("keys", "new", path)
        assert made.child.returncode == 0, made.tail()
        file = path.with_suffix(".key_secret")
        public, secret = zmq.auth.load_certificate(file)
        assert secret is not None
        return Keys(public, secret, file)

    def authorize(self, *clients: tuple[Keys, str]) -> None:
        """Exactly these may come from now on."""
        lines = [f"{keys.public.decode()} {name} of a test" for keys, name in clients]
        new = self.authorized.with_suffix(".new")
        new.write_text("# Clients of the test.\n" + "\n".join(lines) + "\n")
        new.rename(self.authorized)

    @property
    def settings(self) -> dict[str, str]:
        return {
            "AROBUST_PUBLISHER_LISTEN": f"tcp://127.0.0.1:{self.port}",
            "AROBUST_PUBLISHER_KEY_FILE": str(self.server.file),
            "AROBUST_PUBLISHER_AUTHORIZED_KEYS": str(self.authorized),
        }

    def start(self, command: str = "collect", *arguments: str | Path) -> Process:
        return self.arobust.start_ready(command, *arguments, environment=self.settings)

    def start_at(self, address: str) -> Process:
        settings = {**self.settings, "AROBUST_PUBLISHER_LISTEN": f"tcp://{address}:{self.port}"}
        return self.arobust.start_ready("collect", environment=settings)

    def wait_for(self, keys: list[str], least: int) -> None:
        """Waits until the publisher's status has counted so many of these together."""

        def counted() -> bool:
            status = self.status()
            return sum(status[key] for key in keys) >= least

        wait_until(counted, lambda: f"{least} of {keys} in {self.status()}", every=0.2)

    def flags(self, keys: Keys, port: int | None = None, host: str = "127.0.0.1") -> list[str]:
        """Of arobust's own clients."""
        return [
            *("--connect", f"tcp://{host}:{port or self.port}"),
            *("--server-key", self.server.public.decode(), "--key", str(keys.file)),
        ]

    def status(self) -> dict[str, Any]:
        asked = self.arobust.run("status", "--json")
        (status,) = json.loads(asked.output())
        return status["network"]


def secured(kind: int, keys: Keys | None, server: bytes) -> zmq.Socket[bytes]:
    """A socket that goes to a publisher with this key; without keys of its own it speaks no CURVE at all."""
    client = zmq.Context.instance().socket(kind)
    client.linger = 0
    client.reconnect_ivl = 50
    if keys is not None:
        client.curve_serverkey, client.curve_publickey, client.curve_secretkey = server, keys.public, keys.secret
    return client


class Reader:
    """Reads everything live."""

    def __init__(self, network: Network, keys: Keys | None, server: bytes | None = None, receive_mark: int = 0) -> None:
        self.socket = secured(zmq.SUB, keys, server or network.server.public)
        self.socket.rcvhwm = receive_mark
        self.hello = f"$hello/{uuid.uuid4()}".encode()
        for topic in (b"", self.hello):
            self.socket.subscribe(topic)
        self.endpoint = f"tcp://127.0.0.1:{network.port}"
        self.socket.connect(self.endpoint)

    def reconnect(self) -> None:
        """libzmq itself does not, once it was told that its key is not known."""
        try:
            self.socket.disconnect(self.endpoint)
        except zmq.ZMQError:
            pass  # it has forgotten the endpoint
        self.socket.connect(self.endpoint)

    def wait_connected(self) -> None:
        while self.receive(20)[0] != self.hello:
            pass

    def receive(self, seconds: float) -> list[bytes]:
        if not self.socket.poll(seconds * 1000):
            raise TimeoutError(f"nothing came within {seconds} s")
        return self.socket.recv_multipart()

    def contents(self, seconds: float = 20) -> Iterator[str]:
        while True:
            topic, _, body = self.receive(seconds)
            if not topic.startswith(b"$"):
                yield json.loads(body)["data_content"]

    def first(self, count: int) -> list[str]:
        return list(itertools.islice(self.contents(), count))

    def close(self) -> None:
        self.socket.close()


class Asker:
    """Asks the replay socket."""

    def __init__(self, network: Network, keys: Keys | None, server: bytes | None = None) -> None:
        self.socket = secured(zmq.DEALER, keys, server or network.server.public)
        self.socket.connect(f"tcp://127.0.0.1:{network.port + 1}")

    def ask(self, seconds: float = 20, **request: Any) -> tuple[bytes, dict[str, Any]]:
        # Where libzmq has given up there is nobody to send to.
        if not self.socket.poll(seconds * 1000, zmq.POLLOUT):
            raise TimeoutError(f"nobody to ask within {seconds} s")
        # It may give up just now, and then sending would wait for ever.
        self.socket.sndtimeo = int(seconds * 1000)
        try:
            self.socket.send_multipart([b"", json.dumps(request).encode()])
        except zmq.Again as error:
            raise TimeoutError(f"nobody to ask within {seconds} s") from error
        if not self.socket.poll(seconds * 1000):
            raise TimeoutError(f"no answer within {seconds} s")
        _, topic, _, body = self.socket.recv_multipart()
        return topic, json.loads(body)

    def close(self) -> None:
        self.socket.close()


@contextmanager
def cable(network: Network) -> Iterator[Cable]:
    """Another way to the publisher, which can be cut."""
    made = Cable(network)
    try:
        yield made
    finally:
        made.close()


class Cable:
    """Passes both ports on; `cut` ends what is open."""

    def __init__(self, network: Network) -> None:
        self.port = free_port_pair()
        self.cuts = 0
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listeners = [socket.create_server(("127.0.0.1", self.port + step)) for step in (0, 1)]
        for step, listener in enumerate(self._listeners):
            threading.Thread(target=self._accept, args=(listener, network.port + step), daemon=True).start()

    def _accept(self, listener: socket.socket, port: int) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
            except OSError:
                if listener.fileno() < 0:
                    return
                near.close()
                continue
            with self._lock:
                self._open += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    @staticmethod
    def _pass(one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self) -> None:
        with self._lock:
            ends, self._open = self._open, []
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
        self.cuts += 1

    def close(self) -> None:
        for listener in self._listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()


class FarMachine:
    """A network namespace with a cable to the one that this thread is in."""

    near_address = "10.77.201.1"

    def __init__(self, scratch: Path) -> None:
        self._holder = Process("far", ["unshare", "--net", "sleep", "infinity"], scratch)
        self.prefix = ["nsenter", f"--target={self._holder.pid}", "--net"]
        mine = Path("/proc/thread-self/ns/net").readlink()
        wait_until(lambda: Path(f"/proc/{self._holder.pid}/ns/net").readlink() != mine, "the far machine")
        _ip("link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(self._holder.pid))
        _ip("address", "add", f"{self.near_address}/30", "dev", "near")
        _ip("link", "set", "near", "up")
        for words in (("link", "set", "lo", "up"), ("address", "add", "10.77.201.2/30", "dev", "far"), ("link", "set", "far", "up")):
            subprocess.run([*self.prefix, "ip", *words], check=True)

    def pull_out(self) -> None:
        """What is sent goes to nobody, and no call fails: each side has a wrong hardware address for the other."""
        wrong = ("lladdr", "02:00:00:00:00:01", "nud", "permanent", "dev")
        _ip("neigh", "replace", "10.77.201.2", *wrong, "near")
        subprocess.run([*self.prefix, "ip", "neigh", "replace", self.near_address, *wrong, "far"], check=True)

    def plug_in(self) -> None:
        _ip("neigh", "del", "10.77.201.2", "dev", "near")
        subprocess.run([*self.prefix, "ip", "neigh", "del", self.near_address, "dev", "far"], check=True)

    def close(self) -> None:
        self._holder.kill()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def far_machine(scratch: Path) -> Iterator[FarMachine]:
    made = FarMachine(scratch)
    try:
        yield made
    finally:
        made.close()
