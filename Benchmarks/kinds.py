"""What it costs to report to each kind of master: the same metrics from the same journal, beside Python's clients for the same masters."""

import json
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from console import pending, record
from figures import Series, cpu_seconds, print_table, ratio, run_for_cpu
from goals import Goal
from harness.console import Console
from harness.dlrover_master import DLRoverMaster
from harness.nats_servers import Servers
from harness.process import AROBUST, Arobust, Process, wait_until
from otlp_sinks import GRPCSink, HTTPSink
from pipeline import write_metrics

METRICS = 20_000  # of 1 KiB, eight log lines each
WARM_UP = 200
HAS_OTLP = find_spec("opentelemetry.sdk") is not None


@dataclass
class Started:
    """A master that runs: how arobust names it, and Python's client for it, if there is one."""

    url: str
    environment: dict[str, str] = field(default_factory=dict)
    python: list[str | Path] = field(default_factory=list)


Start = Callable[[Path, ExitStack, Path], Started]


def file(scratch: Path, cleanup: ExitStack, metrics: Path) -> Started:
    return Started(f"file://{scratch}/held.ndjson")


def console(scratch: Path, cleanup: ExitStack, metrics: Path) -> Started:
    master = Console(scratch, store=scratch / "store")
    cleanup.callback(master.kill)
    return Started(master.start_ready().master)


def dlrover(service: str, joins: bool) -> Start:
    def start(scratch: Path, cleanup: ExitStack, metrics: Path) -> Started:
        master = DLRoverMaster(scratch, service=service)
        cleanup.callback(master.kill)
        master.start().wait_ready()
        client: list[str | Path] = [Path(__file__).with_name("dlrover_client.py"), master.address, metrics, str(WARM_UP)]
        return Started(master.url, {"AROBUST_DELIVERY_JOIN": str(joins).lower()}, client if service == "grpc" and not joins else [])

    return start


def stream(count: int, under_way: int = 1) -> Start:
    def start(scratch: Path, cleanup: ExitStack, metrics: Path) -> Started:
        servers = Servers(scratch, count)
        cleanup.callback(servers.kill)
        servers.start_ready()
        servers.ask(lambda jetstream: jetstream.add_stream(name="python", subjects=["python.>"], num_replicas=count))
        client = [Path(__file__).with_name("nats_client.py"), servers.addresses[0], "python", metrics, str(WARM_UP), str(under_way)]
        return Started(servers.url(), {"AROBUST_DELIVERY_STREAM_REPLICAS": str(count)}, client)

    return start


def otlp(sink: type[HTTPSink] | type[GRPCSink]) -> Start:
    def start(scratch: Path, cleanup: ExitStack, metrics: Path) -> Started:
        master = sink()
        cleanup.callback(master.close)
        client: list[str | Path] = [Path(__file__).with_name("otlp_client.py"), sink.kind, f"127.0.0.1:{master.port}", metrics, str(WARM_UP)]
        return Started(master.url, python=client if HAS_OTLP else [])

    return start


KINDS: dict[str, Start] = {
    "file:": file,
    "arobust:, console": console,
    "dlrover+grpc:, logs joined": dlrover("grpc", True),
    "dlrover+grpc:, one metric a call": dlrover("grpc", False),
    "dlrover+http:, one metric a call": dlrover("http", False),
    "nats:, one server": stream(1),
    "nats:, three servers, three copies": stream(3),
    "otlp+http:, a record a line": otlp(HTTPSink),
    "otlp+grpc:, a record a line": otlp(GRPCSink),
}
"""A row each. A further kind is a function that starts its master."""


def bridge(arobust: Arobust, master: Started) -> tuple[float, float]:
    """CPU us a metric of the bridge, and metrics a second, until everything is delivered and in the ledger."""
    started = time.monotonic()
    running = arobust.start_ready("bridge", "--master", master.url, environment=master.environment)
    wait_until(lambda: pending(arobust, master.url) == 0, lambda: f"{pending(arobust, master.url)} wait; {running.tail()}", 300, every=0.2)
    seconds, used = time.monotonic() - started, cpu_seconds(running.pid)
    assert running.stop() == 0, running.tail()
    return used / METRICS * 1e6, METRICS / seconds


def python(scratch: Path, command: list[str | Path]) -> tuple[float, float]:
    environment = {"DLROVER_LOG_LEVEL": "WARNING", "DLROVER_EVENT_ENABLE": "false", "PYTHONPATH": ":".join(sys.path)}
    client = Process("python-client", [sys.executable, *command], scratch, environment)
    assert client.wait(300) == 0, client.tail()
    took = json.loads(client.output().splitlines()[-1])
    client.output_path.unlink()
    return took["cpu"] / (METRICS - WARM_UP) * 1e6, (METRICS - WARM_UP) / took["seconds"]


def measure(scratch: Path, runs: int, build: Path) -> list[Goal]:
    ours: dict[str, tuple[Series, Series]] = {}
    peers: dict[str, tuple[Series, Series]] = {}
    metrics = write_metrics(scratch / "metrics", "kinds", 0, METRICS)
    for _ in range(runs):
        for name, start in KINDS.items():
            with ExitStack() as cleanup:
                work = scratch / "work"
                work.mkdir()
                cleanup.callback(shutil.rmtree, work)
                arobust = Arobust(work)
                cleanup.callback(arobust.close)
                arobust.start_ready("collect")
                with open(metrics, "rb") as lines:
                    run_for_cpu([AROBUST, "publish", "--state-dir", arobust.state], stdin=lines)
                master = start(work, cleanup, metrics)
                record(ours, name, bridge(arobust, master))
                if master.python:
                    record(peers, name, python(work, master.python))
    rows = []
    for name, (used, rate) in ours.items():
        row = [name, used.text(1), rate.text(0)]
        peer = peers.get(name)
        rows.append([*row, *((peer[0].text(1), ratio(peer[0], used, 1), peer[1].text(0)) if peer else ("", "", ""))])
    if not HAS_OTLP:
        print("Python's OTLP client is not installed: .venv/bin/pip install --requirement Benchmarks/requirements.txt")
    header = ["", "bridge's CPU us a metric", "metrics a second", "Python's", "of ours", "its metrics a second"]
    print_table(f"Reporting {METRICS:,} log metrics of 1 KiB that are in the journal", header, rows)
    return []
