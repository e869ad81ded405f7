"""Trainings that really fail: ranks as separate processes with their own logs, and their launcher's report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

RANK = '''
import os, signal, socket, sys, time
rank, port, how = int(os.environ["RANK"]), int(sys.argv[1]), sys.argv[2]
def say(text):
    print(time.strftime("%Y-%m-%d %H:%M:%S,") + "%03d" % (time.time() % 1 * 1000), f"[rank{rank}]", text, flush=True)
peer = socket.create_connection(("127.0.0.1", port)) if rank else None
if not rank:
    server = socket.socket(); server.bind(("127.0.0.1", port)); server.listen(); ready = open(sys.argv[3], "w"); ready.close()
    peer = server.accept()[0]
for step in range(3):
    say(f"step {step} loss {1 / (step + 1):.3f}")
    peer.sendall(b"x"); peer.recv(1)
if rank == 1:
    exec(how)
if not peer.recv(1):
    raise RuntimeError(f"[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:{port}")
'''


class Training:
    """Two ranks, of which rank 1 does what `how` says and rank 0 then loses its peer."""

    def __init__(self, scratch: Path, port: int, how: str, environment: Mapping[str, str] | None = None) -> None:
        self.logs = [scratch / f"rank{rank}.log" for rank in range(2)]
        ready = scratch / "ready"
        ranks = []
        for rank, log in enumerate(self.logs):
            with open(log, "wb") as file:
                ranks.append(
                    subprocess.Popen(
                        [sys.executable, "-c", RANK, str(port), how, ready],
                        stdout=file, stderr=file, stdin=subprocess.DEVNULL, cwd=scratch,
                        env={**os.environ, "RANK": str(rank), **(environment or {})},
                    )
                )
            deadline = time.monotonic() + 20
            while not ready.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
        try:
            codes = [rank.wait(30) for rank in ranks]
        finally:
            for rank in ranks:
                rank.kill()
        self.failures = {
            str(rank): {
                "local_rank": rank,
                "exitcode": code,
                "message": self._message(rank, code),
                "datetime": datetime.now().strftime("%Y-%m-%d %H:%M:%S"),
            }
            for rank, code in enumerate(codes)
            if code
        }

    def _message(self, rank: int, code: int) -> str:
        """As torch elastic reports it: the signal, or the exception's last line."""
        if code < 0:
            return f"Signal {-code} ({signal.Signals(-code).name}) received by PID {rank}"
        return (self.logs[rank].read_text(errors="replace").splitlines() or [""])[-1]

    @property
    def arguments(self) -> list[str]:
        """For `arobust diagnose`."""
        logs = [f"--log={rank}={log}" for rank, log in enumerate(self.logs)]
        return [*logs, "--failures", json.dumps(self.failures)]
