"""Runs DLRover's own local master, as `python -m dlrover.python.master.main --platform local` does, for tests.

What differs from upstream, and nothing else does:

* It listens on 127.0.0.1. Upstream's two servers listen on every interface, without authentication.
* It can have a job uid. Upstream's local master has none and so never refuses anybody's.
* With `--accept-log`, each metric that was stored is appended to a file, which survives the master.
* A control socket (one JSON request and one JSON answer a connection) reads the master's store and sets faults.

Started by `dlrover_master.py` as a process of its own: the master's objects are singletons.
"""

import argparse
import json
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import tornado.httpserver
from dlrover.python.common.constants import NodeType, PlatformType
from dlrover.python.common.global_context import Context
from dlrover.python.master.diagnosis.diagnosis_master import DiagnosisMaster
from dlrover.python.master.local_master import LocalJobMaster
from dlrover.python.master.servicer import MasterServicer
from dlrover.python.scheduler.factory import new_job_args


def listen_on_loopback_only() -> None:
    """Upstream hands `[::]:port` to gRPC and a port without an address to tornado, with no setting for either."""
    make_server = grpc.server

    def make_loopback_server(*args: Any, options: Any = (), **kwargs: Any) -> grpc.Server:
        # Without so_reuseport=0 a second master would share the port instead of being refused.
        server = make_server(*args, options=[*options, ("grpc.so_reuseport", 0)], **kwargs)
        add_port = server.add_insecure_port
        server.add_insecure_port = lambda address: add_port(address.replace("[::]", "127.0.0.1"))
        return server

    grpc.server = make_loopback_server

    listen = tornado.httpserver.HTTPServer.listen
    tornado.httpserver.HTTPServer.listen = lambda self, port: listen(self, port, address="127.0.0.1")


@dataclass
class Faults:
    """What shall go wrong with diagnosis reports, and how many went which way."""

    kind: str = "none"
    seconds: float = 0
    counts: dict[str, int] = field(default_factory=lambda: {"calls": 0, "stored": 0, "refused": 0, "raised": 0})
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _changed: threading.Event = field(default_factory=threading.Event)

    def set(self, kind: str, seconds: float = 0) -> None:
        if kind not in ("none", "unknown", "success_false", "delay"):
            raise ValueError(f"no such fault: {kind}")
        with self._lock:
            self.kind, self.seconds = kind, seconds
            self._changed.set()
            self._changed = threading.Event()

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def apply(self, store: Callable[[], bool]) -> bool:
        """Takes the place of storing one report. What it raises, upstream's servers turn into UNKNOWN or a 500."""
        with self._lock:
            self.counts["calls"] += 1
            kind, seconds, changed = self.kind, self.seconds, self._changed
        if kind == "delay":
            changed.wait(seconds)
        if kind == "unknown":
            self.count("raised")
            raise RuntimeError("fault switched on by the test")
        stored = kind != "success_false" and store()
        self.count("stored" if stored else "refused")
        return stored

    def install(self) -> None:
        store = MasterServicer._report_node_diagnosis_data
        MasterServicer._report_node_diagnosis_data = lambda servicer, message: self.apply(
            lambda: store(servicer, message)
        )


def keep_accepted(path: str) -> None:
    """Notes what the master stores, behind its back. Each metric is one write, so that a kill leaves at most its own line torn."""
    log = open(path, "ab", buffering=0)
    log.write(b"\n")
    collect = DiagnosisMaster.collect_diagnosis_data

    def collect_and_note(manager: DiagnosisMaster, data: Any) -> None:
        with lock:
            collect(manager, data)
            log.write(json.dumps(json.loads(data.to_json())).encode() + b"\n")

    lock = threading.Lock()
    DiagnosisMaster.collect_diagnosis_data = collect_and_note


def start_control(path: str, answer: Callable[[dict[str, Any]], Any]) -> None:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                result = {"ok": answer(json.loads(self.rfile.readline()))}
            except Exception as error:
                result = {"error": repr(error)}
            self.wfile.write(json.dumps(result).encode())

    server = socketserver.ThreadingUnixStreamServer(path, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--service", choices=("grpc", "http"), required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--control", required=True, help="path of the control socket")
    parser.add_argument("--job-uid", default="")
    parser.add_argument("--accept-log", help="a file for every metric that is stored")
    arguments = parser.parse_args()

    listen_on_loopback_only()
    faults = Faults()
    faults.install()
    if arguments.accept_log:
        keep_accepted(arguments.accept_log)

    job = new_job_args(PlatformType.LOCAL, "arobust-test", "default")
    job.initilize()
    job.job_uuid = arguments.job_uid
    job.node_args[NodeType.WORKER].group_resource.count = 2
    context = Context.singleton_instance()
    context.config_master_port(port=arguments.port)
    context.master_service_type = arguments.service
    master = LocalJobMaster(arguments.port, job)
    data = master.diagnosis_manager._data_manager

    def answer(request: dict[str, Any]) -> Any:
        match request["op"]:
            case "store":
                return {kind: [json.loads(item.to_json()) for item in data.get_data(kind)] for kind in list(data.data)}
            case "counts":
                return faults.counts
            case "fault":
                return faults.set(request["kind"], request.get("seconds", 0))
            case op:
                raise ValueError(f"no such request: {op}")

    master.prepare()
    master.pre_check()
    start_control(arguments.control, answer)
    master.run()


if __name__ == "__main__":
    main()
