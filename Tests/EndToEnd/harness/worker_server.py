"""A stand-in for a rank with PyTorch's worker server, which needs torch (5.4 GB): it answers the same requests at a Unix socket or a port.

    worker_server.py SOCKET|PORT BEHAVIOUR [FOLDER]

Prints `ready` and then trains: the main thread is in `step`. Its requests are in SOCKET.requests, a line each, and those of one asker in SOCKET.requests.PID: agents of other tests find it as well. A traceback's text is
faulthandler's own; as with the real server, the thread that writes it has no Python frame.

Behaviours: `well`; `stuck`: dump_traceback answers only once SOCKET.go is there, as while a thread holds Python's lock; and for every request
`hang` after the head, `drip`, `endless`, `missing` (404), `close`. With FOLDER it has a file system of its own there.
"""

import ctypes
import faulthandler
import os
import socket
import struct
import sys
import tempfile
import threading
import time

RECORDER = b'{"version": "2.10", "pg_config": {}, "pg_status": {}, "entries": []}'
COUNTERS = b'{"pytorch.wait_counter.x": {"active_count": 1, "max_time_us": 2, "total_calls": 3, "total_time_us": 4}}'


def own_mounts(folder: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(0x20000) == 0, "unshare"
    assert libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None) == 0, "private"
    assert libc.mount(b"tmpfs", folder.encode(), b"tmpfs", 0, None) == 0, "tmpfs"


def traceback() -> bytes:
    with tempfile.TemporaryFile() as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        threads = file.read().decode().split("\n\n")
    shown = [f"{text.splitlines()[0]}\n  <no Python frame>" if text.startswith("Current") else text for text in threads]
    return "\n\n".join(shown).encode()


class Server:
    def __init__(self, place: str, behaviour: str) -> None:
        self.behaviour = behaviour
        self.place = place
        if place.isdigit():
            self.listener = socket.create_server(("127.0.0.1", int(place)))
            self.requests, self.go = f"/tmp/worker-server-{place}.requests", ""
        else:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(place)
            self.listener.listen()
            self.requests, self.go = f"{place}.requests", f"{place}.go"

    def run(self) -> None:
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = connection.recv(4096)
            if not part:
                return
            head += part
        path = head.split(b" ")[1].decode()
        with open(self.requests, "a") as requests:
            requests.write(path + "\n")
        if connection.family == socket.AF_UNIX:
            asker, _, _ = struct.unpack("iii", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            with open(f"{self.requests}.{asker}", "a") as requests:
                requests.write(path + "\n")
        try:
            self.respond(connection, path)
        except OSError:
            pass
        connection.close()

    def respond(self, connection: socket.socket, path: str) -> None:
        name = path.removeprefix("/handler/")
        if self.behaviour == "hang":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            time.sleep(600)
        elif self.behaviour == "drip":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)
        elif self.behaviour == "endless":
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                connection.sendall(b"x" * 1_000_000)
        elif self.behaviour == "close":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[")
        elif self.behaviour == "missing":
            self.send(connection, f"Handler {name} not found".encode(), "404 Not Found")
        elif name == "":
            self.send(connection, b'["ping","dump_traceback","fr_trace_json","wait_counter_values"]')
        elif name == "ping":
            self.send(connection, b"pong")
        elif name == "fr_trace_json":
            self.send(connection, RECORDER)
        elif name == "wait_counter_values":
            self.send(connection, COUNTERS)
        elif name == "dump_traceback":
            while self.behaviour == "stuck" and not os.path.exists(self.go):
                time.sleep(0.02)
            self.send(connection, traceback())
        else:
            self.send(connection, f"Handler {name} not found".encode(), "404 Not Found")

    def send(self, connection: socket.socket, body: bytes, status: str = "200 OK") -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nContent-Type: text/plain\r\n\r\n"
        connection.sendall(head.encode() + body)


def step() -> None:
    time.sleep(600)


def main() -> None:
    if len(sys.argv) > 3:
        own_mounts(sys.argv[3])
    server = Server(sys.argv[1], sys.argv[2])
    threading.Thread(target=server.run, daemon=True).start()
    print("ready", flush=True)
    step()


if __name__ == "__main__":
    main()
