"""A DLRover master over HTTP that starts in some 50 ms: accepts reports, answers as DLRover does, and keeps what it accepted in a file.

Started by `cheap_master.py` as a process of its own, so that it can be killed and stopped. Does not use DLRover: the classes in the pickles
are defined here, and no others can be loaded.
"""

from __future__ import annotations

import base64
import io
import json
import os
import pickle
import socket
import sys
import threading
import time
import types
from typing import Any

COMM = "dlrover.python.common.comm"


class BaseResponse:
    def __init__(self, success: bool) -> None:
        self.success = success
        self.data = b""


class DiagnosisReportData:
    data_cls: str
    data_content: str
    node_rank: int


def stand_in_for_dlrover() -> None:
    module = types.ModuleType(COMM)
    for kind in (BaseResponse, DiagnosisReportData):
        kind.__module__ = COMM
        kind.__qualname__ = kind.__name__
        setattr(module, kind.__name__, kind)
    parts = COMM.split(".")
    for length in range(1, len(parts)):
        parent = ".".join(parts[:length])
        sys.modules[parent] = types.ModuleType(parent)
    sys.modules[COMM] = module


class Reports(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) != (COMM, "DiagnosisReportData"):
            raise pickle.UnpicklingError(f"{module}.{name}")
        return DiagnosisReportData


class Master:
    def __init__(self, accepted: str, faults: str) -> None:
        self.accepted = os.open(accepted, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.faults = faults
        self.lock = threading.Lock()
        os.write(self.accepted, b"\n")  # ends a line that a kill may have cut off

    def fault(self) -> tuple[str, float]:
        """Read again for each report, so that it can be set while the process is stopped or dead."""
        with open(self.faults) as file:
            kind, seconds = file.read().split()
        return kind, float(seconds)

    def take(self, metric: str) -> None:
        line = metric.encode() + b"\n"
        with self.lock:
            assert os.write(self.accepted, line) == len(line)

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        data = base64.b64decode(json.loads(body)["data"])
        if path != "/report" or not data:
            return 200, pickle.dumps(BaseResponse(True))
        kind, seconds = self.fault()
        if kind == "unavailable":
            return 503, b"try again"
        if kind == "raise":
            return 500, b"fault switched on by the test"
        if kind == "refuse":
            return 200, pickle.dumps(BaseResponse(False))
        if kind == "slow":
            time.sleep(seconds)
        self.take(json.dumps(json.loads(Reports(io.BytesIO(data)).load().data_content)))
        if kind == "mute":  # accepted it, and is killed before it can answer
            raise ConnectionAbortedError
        return 200, pickle.dumps(BaseResponse(True))

    def serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream:
            while request := stream.readline():
                path = request.split()[1].decode()
                length = 0
                while (header := stream.readline()).strip():
                    name, _, value = header.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                try:
                    status, body = self.answer(path, stream.read(length))
                except ConnectionAbortedError:
                    return
                stream.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
                stream.flush()


def main() -> None:
    port, accepted, faults = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    stand_in_for_dlrover()
    master = Master(accepted, faults)
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=master.serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
