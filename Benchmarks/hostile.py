"""What a hostile master costs: the agent's CPU time while a master, or a metrics page, sends nothing of use without end.

Compared with one that takes requests and says nothing.
"""

import time
from pathlib import Path

from figures import cpu_seconds, print_table
from harness.endless import GRPC, HTTP, HostileServer
from harness.process import Arobust, resident_kib

SECONDS = 10


def measure(scratch: Path, runs: int, build: Path) -> None:
    """One run of each."""
    rows = []
    for service, modes in [("grpc", [None, *GRPC]), ("http", [None, *HTTP]), ("page", [None, *HTTP])]:
        rows += [one(scratch, service, mode) for mode in modes]
    header = ["what is sent without end", "CPU ms/s", "peak MiB", "requests", "left"]
    print_table(f"Hostile masters and metrics pages, {SECONDS} s each", header, rows)


def one(scratch: Path, service: str, mode: str | None) -> list[str]:
    server = HostileServer("grpc" if service == "grpc" else "http", mode)
    folder = scratch / f"{service} {mode}"
    folder.mkdir()
    log = folder / "train.log"
    log.write_text("line\n" * 200)
    arobust = Arobust(folder)
    try:
        if service == "page":
            address = ["--metrics-url", f"http://127.0.0.1:{server.port}/metrics", "--metrics-interval", "1s"]
        else:
            address = ["--master", f"dlrover+{service}://127.0.0.1:{server.port}"]
        agent = arobust.start_ready("agent", "--log-file", log, *address)
        before = cpu_seconds(agent.pid)
        time.sleep(SECONDS)
        cpu = cpu_seconds(agent.pid) - before
        peak = resident_kib(agent.pid, peak=True) / 1024
        return [f"{service}: {mode or 'nothing'}", f"{cpu / SECONDS * 1000:.1f}", f"{peak:.0f}", str(server.requests), str(server.left)]
    finally:
        arobust.close()
        server.close()
