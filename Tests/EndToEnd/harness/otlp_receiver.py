"""A receiver of OTLP over HTTP or gRPC that answers as it is told, and reads what it gets with OpenTelemetry's own messages."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc as logs_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc

from .certificates import Pair


def attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        assert pair.key not in found, f"{pair.key} stands twice"
        found[pair.key] = getattr(pair.value, pair.value.WhichOneof("value"))
    return found


@dataclass(frozen=True)
class Record:
    """A log record with all that is said of it."""

    body: str | bytes
    severity: int
    time: int
    observed: int
    own: dict[str, Any]
    scope: dict[str, Any]
    resource: dict[str, Any]

    @property
    def id(self) -> tuple[Any, ...]:
        """What a receiver can tell duplicates by (docs/masters.md)."""
        return (
            self.resource["arobust.publisher"], self.resource["arobust.epoch"], self.scope["arobust.data_type"],
            self.own["arobust.sequence"], self.own.get("arobust.line"), self.own.get("arobust.part"),
        )  # fmt: skip


def records(request: logs.ExportLogsServiceRequest) -> list[Record]:
    return [
        Record(
            getattr(record.body, record.body.WhichOneof("value")), record.severity_number, record.time_unix_nano, record.observed_time_unix_nano,
            attributes(record.attributes), attributes(scope.scope.attributes), attributes(resource.resource.attributes),
        )
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What a call is answered with. Over gRPC `status` is a code of gRPC's, over HTTP one of HTTP's."""

    status: int | None = None  # None: success
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""
    retry_info: float | None = None  # seconds, over gRPC
    rejected: int | None = None  # partial success; -1: all
    hang: bool = False
    reset: bool = False

    @property
    def takes(self) -> bool:
        """Whether a client must see a success in it."""
        return self.status is None and not (self.hang or self.reset or self.body) and self.rejected != -1


OK = Answer()
Script = Callable[[int, list[Record]], Answer]


def status_details(code: int, text: str, seconds: float) -> bytes:
    """A google.rpc.Status with a RetryInfo. Its message is an Any's neighbour, so that no further package is needed."""
    delay = Duration()
    delay.FromNanoseconds(int(seconds * 1e9))
    info = b"\x0a" + bytes([delay.ByteSize()]) + delay.SerializeToString()
    detail = AnyMessage(type_url="type.googleapis.com/google.rpc.RetryInfo", value=info).SerializeToString()
    return b"\x08" + bytes([code]) + b"\x12" + bytes([len(text)]) + text.encode() + b"\x1a" + bytes([len(detail)]) + detail


class Receiver:
    """What both protocols have: a list of all calls, and what was taken. `script` is asked with the call's number from 0, and its records."""

    def __init__(self, script: Script = lambda _number, _records: OK) -> None:
        self.script = script
        self.calls: list[tuple[float, Answer, list[Record]]] = []
        self.sizes: list[int] = []
        self.headers: list[dict[str, str]] = []
        self.taken: list[Record] = []
        self.metrics: list[metrics.ExportMetricsServiceRequest] = []
        self.closing = threading.Event()
        self._lock = threading.Lock()

    def decide(self, found: list[Record], size: int, headers: dict[str, str]) -> Answer:
        with self._lock:
            answer = self.script(len(self.calls), found)
            self.calls.append((time.monotonic(), answer, found))
            self.sizes.append(size)
            self.headers.append(headers)
            if answer.takes:
                self.taken += found
        if answer.hang:
            self.closing.wait(60)
        return answer

    def bodies(self) -> list[str | bytes]:
        return [record.body for record in list(self.taken)]


class HTTPReceiver(Receiver):
    def __init__(self, script: Script = lambda _number, _records: OK, path: str = "", own: Pair | None = None) -> None:
        super().__init__(script)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver.post(self, path)

            def log_message(self, *_arguments: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        if own:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(own.certificate, own.key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"otlp+http{'s' if own else ''}://{'localhost' if own else '127.0.0.1'}:{self.port}{path}"
        threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()

    def post(self, call: BaseHTTPRequestHandler, path: str) -> None:
        body = call.rfile.read(int(call.headers["content-length"]))
        size = len(body)
        assert call.headers["content-type"] == "application/x-protobuf"
        if call.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        headers = {name.lower(): value for name, value in call.headers.items()}
        if call.path == path + "/v1/metrics":
            self.metrics.append(metrics.ExportMetricsServiceRequest.FromString(body))
            answer, response = self.decide([], size, headers), metrics.ExportMetricsServiceResponse()
        else:
            assert call.path == path + "/v1/logs", call.path
            found = records(logs.ExportLogsServiceRequest.FromString(body))
            answer, response = self.decide(found, size, headers), logs.ExportLogsServiceResponse()
            if answer.rejected is not None:
                response.partial_success.rejected_log_records = answer.rejected if answer.rejected >= 0 else len(found)
                response.partial_success.error_message = answer.text
        if answer.hang or answer.reset:
            with contextlib.suppress(OSError):
                call.connection.shutdown(socket.SHUT_RDWR)
            return
        call.send_response(answer.status or 200)
        said = answer.body or (b"" if answer.status else response.SerializeToString())
        if not any(name.lower() == "content-type" for name, _ in answer.headers):
            call.send_header("Content-Type", "application/x-protobuf")
        for name, value in answer.headers:
            call.send_header(name, value)
        call.send_header("Content-Length", str(len(said)))
        call.end_headers()
        call.wfile.write(said)

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


class GRPCReceiver(Receiver):
    def __init__(self, script: Script = lambda _number, _records: OK, own: Pair | None = None) -> None:
        super().__init__(script)
        receiver = self

        class Logs(logs_grpc.LogsServiceServicer):
            def Export(self, request: Any, context: grpc.ServicerContext) -> Any:
                found = records(request)
                answer, response = receiver.answer(context, found, request.ByteSize()), logs.ExportLogsServiceResponse()
                if answer.rejected is not None:
                    response.partial_success.rejected_log_records = answer.rejected if answer.rejected >= 0 else len(found)
                    response.partial_success.error_message = answer.text
                return response

        class Metrics(metrics_grpc.MetricsServiceServicer):
            def Export(self, request: Any, context: grpc.ServicerContext) -> Any:
                receiver.metrics.append(request)
                receiver.answer(context, [], request.ByteSize())
                return metrics.ExportMetricsServiceResponse()

        self.server = grpc.server(ThreadPoolExecutor(8))
        logs_grpc.add_LogsServiceServicer_to_server(Logs(), self.server)
        metrics_grpc.add_MetricsServiceServicer_to_server(Metrics(), self.server)
        if own:
            credentials = grpc.ssl_server_credentials([(own.key.read_bytes(), own.certificate.read_bytes())])
            self.port = self.server.add_secure_port("127.0.0.1:0", credentials)
        else:
            self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.url = f"otlp+grpc{'s' if own else ''}://{'localhost' if own else '127.0.0.1'}:{self.port}"
        self.server.start()

    def answer(self, context: grpc.ServicerContext, found: list[Record], size: int) -> Answer:
        headers = {name: str(value) for name, value in context.invocation_metadata()}
        answer = self.decide(found, size, headers)
        if answer.status is not None:
            if answer.retry_info is not None:
                context.set_trailing_metadata([("grpc-status-details-bin", status_details(answer.status, answer.text, answer.retry_info))])
            code = next(code for code in grpc.StatusCode if code.value[0] == answer.status)
            context.abort(code, answer.text)
        return answer

    def close(self) -> None:
        self.closing.set()
        self.server.stop(0).wait()
