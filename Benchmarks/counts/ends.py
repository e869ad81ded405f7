"""What is at both ends of a measured arobust: what feeds it, and the masters and consumers that count what comes."""

import json
import struct
import subprocess
import sys
import threading
from pathlib import Path

import zmq
from harness.process import AROBUST, Arobust, Process, die_with_parent, free_port, wait_until


class Feed:
    """`arobust publish` with a pipe to write metrics to."""

    def __init__(self, arobust: Arobust) -> None:
        self.sent = 0
        command = [AROBUST, "publish", "--timeout", "90s", "--state-dir", arobust.state]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def send(self, count: int) -> None:
        """Log metrics of 1 KiB: eight lines."""
        assert self.child.stdin
        for number in range(self.sent, self.sent + count):
            lines = [f"<metric {number}> step".ljust(127, "#")]
            lines += [f"2026-11-23 18:00:00,123 INFO [rank 0] step {number} part {line} loss 0.1234 lr 3.0e-04".ljust(127, "#") for line in range(7)]
            metric = {"data_type": "TRAINING_LOG", "data_content": "\n".join(lines) + "."}
            self.child.stdin.write(json.dumps(metric).encode() + b"\n")
        self.child.stdin.flush()
        self.sent += count

    def close(self) -> None:
        assert self.child.stdin
        self.child.stdin.close()
        self.child.wait(20)


class GrpcMaster:
    """`grpc_master.py`, a process of its own: gRPC's C core cannot be in a process that starts others."""

    def __init__(self, scratch: Path) -> None:
        port = free_port()
        self.url = f"dlrover+grpc://127.0.0.1:{port}"
        self._counter = scratch / "grpc-master.count"
        self._counter.write_bytes(b"")
        command = [sys.executable, Path(__file__).with_name("grpc_master.py"), str(port), self._counter]
        self._process = Process("grpc-master", command, scratch)
        wait_until(lambda: self._counter.read_bytes(), lambda: f"the gRPC master; {self._process.tail()}", 60)

    @property
    def metrics(self) -> int:
        return struct.unpack("Q", self._counter.read_bytes())[0]

    def close(self) -> None:
        self._process.kill()


class FileMaster:
    """The file of a `file:` master, and how many metrics it holds."""

    def __init__(self, scratch: Path) -> None:
        self.path = scratch / "held.ndjson"
        self.url = f"file://{self.path}"
        self._read, self._metrics = 0, 0

    @property
    def metrics(self) -> int:
        if self.path.exists():
            with open(self.path, "rb") as held:
                held.seek(self._read)
                whole, newline, _ = held.read().rpartition(b"\n")
            self._read += len(whole + newline)
            self._metrics += whole.count(b"<metric ")
        return self._metrics

    def close(self) -> None:
        self.path.unlink(missing_ok=True)


class Consumer:
    """Subscribes to everything and counts the lines of log that come, in a thread of this process."""

    def __init__(self, arobust: Arobust) -> None:
        self.lines = self.messages = 0
        self._ended = False
        self._endpoint = f"ipc://{arobust.state}/pub.sock"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with zmq.Context() as context, context.socket(zmq.SUB) as socket:
            socket.rcvhwm, socket.linger = 100_000, 0
            socket.subscribe(b"")
            socket.connect(self._endpoint)
            while not self._ended:
                if socket.poll(50):
                    frames = socket.recv_multipart()
                    self.messages += 1
                    self.lines += 0 if frames[0].startswith(b"$") else frames[-1].count(b"INFO [rank 0]")

    def close(self) -> None:
        self._ended = True
        self._thread.join()
