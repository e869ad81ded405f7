"""Receivers of OTLP that take everything and read nothing, so that what is measured waits for the client and not for them."""

from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import grpc
from harness.otlp_receiver import HTTPReceiver


class HTTPSink(HTTPReceiver):
    kind = "http"

    def post(self, call: BaseHTTPRequestHandler, path: str) -> None:
        call.rfile.read(int(call.headers["content-length"]))
        call.send_response(200)
        call.send_header("Content-Type", "application/x-protobuf")
        call.send_header("Content-Length", "0")
        call.end_headers()


class GRPCSink:
    kind = "grpc"

    def __init__(self) -> None:
        self.server = grpc.server(ThreadPoolExecutor(8))
        # Without a function for it, a message stays the bytes that it is; an empty one is the response of a full success.
        export = grpc.unary_unary_rpc_method_handler(lambda request, context: b"")
        logs = grpc.method_handlers_generic_handler("opentelemetry.proto.collector.logs.v1.LogsService", {"Export": export})
        self.server.add_generic_rpc_handlers((logs,))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.url = f"otlp+grpc://127.0.0.1:{self.port}"
        self.server.start()

    def close(self) -> None:
        self.server.stop(0).wait()
