"""Runs DLRover's own local master, as `python -m dlrover.python.master.main --platform local` does, for tests.

The version is 0.4.0, 0.5.1 or 0.6.1: whichever comes first in PYTHONPATH.

The only differences from upstream:

* It listens on 127.0.0.1, unless `--address` says otherwise. Upstream's two servers listen on every interface, without authentication.
* It can have a job uid. Upstream's local master has none, and so never refuses one.
* With `--accept-log`, each metric that was stored is appended to a file, which survives the master.
* A control socket (one JSON request and one JSON answer a connection) reads the master's store, sets faults, and asks the
  hang detector, which a local master has but does not start.
* The servicer of 0.4.0 gets the diagnosis manager that its local master leaves out.

Started by `dlrover_master.py` as a process of its own: the master's objects are singletons.
"""

import argparse
import json
import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlrover_events
import grpc
import tornado.httpserver
from dlrover_faults import Faults
from dlrover_upstream import DiagnosisMaster, is_hang, make_master


def listen_only_on(address: str) -> None:
    """Upstream hands `[::]:port` to gRPC and a port without an address to tornado, with no setting for either."""
    make_server = grpc.server

    def make_server_there(*args: Any, options: Any = (), **kwargs: Any) -> grpc.Server:
        # Without so_reuseport=0 a second master would share the port instead of being refused.
        server = make_server(*args, options=[*options, ("grpc.so_reuseport", 0)], **kwargs)
        add_port = server.add_insecure_port
        server.add_insecure_port = lambda place: add_port(place.replace("[::]", address))
        return server

    grpc.server = make_server_there

    listen = tornado.httpserver.HTTPServer.listen
    tornado.httpserver.HTTPServer.listen = lambda self, port: listen(self, port, address=address)


def keep_accepted(path: str) -> None:
    """Records what the master stores, without its knowledge. Each metric is one write, so that a kill cuts off at most one line."""
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

    Path(path).unlink(missing_ok=True)  # left by one that was killed
    server = socketserver.ThreadingUnixStreamServer(path, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--service", choices=("grpc", "http"), required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--address", default="127.0.0.1", help="where to listen; in a container or namespace of its own, 0.0.0.0")
    parser.add_argument("--control", required=True, help="path of the control socket")
    parser.add_argument("--job-uid", default="")
    parser.add_argument("--accept-log", help="a file for every metric that is stored")
    arguments = parser.parse_args()

    listen_only_on(arguments.address)
    faults = Faults(arguments.port)
    faults.install()
    dlrover_events.install()
    if arguments.accept_log:
        keep_accepted(arguments.accept_log)
    master, data = make_master(arguments.port, arguments.service, arguments.job_uid)

    def answer(request: dict[str, Any]) -> Any:
        match request["op"]:
            case "store":
                return {kind: [json.loads(item.to_json()) for item in data.get_data(kind)] for kind in list(data.data)}
            case "counts":
                return faults.counts
            case "fault":
                return faults.set(request["kind"], request.get("seconds", 0))
            case "samples":
                return [(item.node_rank, item.timestamp) for item in data.get_data("XPU_TIMER_METRIC")]
            case "events":
                return dlrover_events.answer()
            case "clear":
                return data.data.clear()
            case "hang":
                return is_hang(data)
            case op:
                raise ValueError(f"no such request: {op}")

    master.prepare()
    master.pre_check()
    start_control(arguments.control, answer)
    master.run()


if __name__ == "__main__":
    main()
