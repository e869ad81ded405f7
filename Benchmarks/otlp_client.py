"""Exports the lines of metrics with OpenTelemetry's Python SDK, as a Python program would, and prints what that costs. Run as a program of its own.

otlp_client.py http|grpc ADDRESS FILE WARM_UP: the file has a metric a line, of which each line becomes a log record; the first WARM_UP metrics are not
counted, nor is the import. 512 records go at once, the SDK's default, the next when these are taken: its queue would drop what is too much for it.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from harness.process import resident_kib
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GRPCExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HTTPExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

BATCH = 512
RESOURCE = Resource({"service.name": "python", "arobust.publisher": "00000000-0000-4000-8000-000000000000", "arobust.node_rank": 0})
SCOPE = InstrumentationScope("python", attributes={"arobust.data_type": "TRAINING_LOG"})


def records(number: int, metric: dict[str, str]) -> list[ReadableLogRecord]:
    time_ns = time.time_ns()
    return [
        ReadableLogRecord(
            LogRecord(
                timestamp=time_ns, observed_timestamp=time_ns, severity_number=SeverityNumber.INFO, body=line,
                attributes={"arobust.sequence": number, "arobust.line": place},
            ),
            RESOURCE, SCOPE,
        )
        for place, line in enumerate(metric["data_content"].split("\n"))
    ]  # fmt: skip


def export(exporter: Any, metrics: list[dict[str, str]], first: int) -> None:
    batch: list[ReadableLogRecord] = []
    for number, metric in enumerate(metrics, first):
        batch += records(number, metric)
        while len(batch) >= BATCH:
            assert exporter.export(batch[:BATCH]) is LogRecordExportResult.SUCCESS
            del batch[:BATCH]
    if batch:
        assert exporter.export(batch) is LogRecordExportResult.SUCCESS


if __name__ == "__main__":
    kind, address, path, warm_up = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    metrics = [json.loads(line) for line in path.read_text().splitlines()]
    exporter = HTTPExporter(f"http://{address}/v1/logs") if kind == "http" else GRPCExporter(f"http://{address}", insecure=True)
    export(exporter, metrics[:warm_up], 0)
    before, started = time.process_time(), time.monotonic()
    export(exporter, metrics[warm_up:], warm_up)
    took = {"cpu": time.process_time() - before, "seconds": time.monotonic() - started, "peak_kib": resident_kib(os.getpid(), peak=True)}
    print(json.dumps(took))
