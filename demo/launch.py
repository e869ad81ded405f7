"""Starts the ranks of `train.py` on this node as torchrun would, and serves a simulated XPUTimer page for them.

Prints one line of JSON once the ranks are running: their process ids and the page's URL. Exits when the ranks do.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness.process import die_with_parent, free_port
from harness.xpu_timer_page import PageServer, xpu_timer_page


def rank_environment(rank: int, ranks: int, port: int, run: str) -> dict[str, str]:
    return os.environ | {
        "NUMBERED_RUN": run,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(ranks),
        "LOCAL_WORLD_SIZE": str(ranks),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": f"demo-{os.getpid()}",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--metrics-port", type=int, default=0, help="the port to serve the page on; 0 picks a free one")
    parser.add_argument("--number-lines", action="store_true", help="prefix each line with the time the run started, the rank and a number")
    parser.add_argument("training", nargs="*", help="arguments for train.py, after --")
    arguments = parser.parse_args()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    port = free_port()
    started = time.monotonic()
    run = str(int(time.time())) if arguments.number_lines else ""
    children: list[subprocess.Popen[bytes]] = []

    def page() -> str:
        step = arguments.log.read_bytes().count(b"step ") // arguments.ranks
        microseconds = int((time.monotonic() - started) * 1e6) // max(step, 1)
        return xpu_timer_page("demo/launch.py", arguments.ranks, len(server.served) + 1, step, microseconds)

    try:
        with open(arguments.log, "ab") as log:
            for rank in range(arguments.ranks):
                command = [sys.executable, Path(__file__).with_name("train.py"), *arguments.training]
                environment = rank_environment(rank, arguments.ranks, port, run)
                children.append(
                    subprocess.Popen(command, stdout=log, stderr=log, env=environment, preexec_fn=die_with_parent)
                )
        server = PageServer(page, arguments.metrics_port)
        print(json.dumps({"pids": [child.pid for child in children], "metrics_url": server.url}), flush=True)
        return max(child.wait() for child in children)
    finally:
        for child in children:
            child.kill()


if __name__ == "__main__":
    sys.exit(main())
