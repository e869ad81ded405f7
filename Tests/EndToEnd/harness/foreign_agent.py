"""Reports to a DLRover master carelessly, as another agent might: no guard, no retry. Supports all versions and both services."""

from __future__ import annotations

import base64
import json
import os
import struct
from typing import Any

# Else gRPC's handlers run in each child that the tests fork, before it becomes another program, and now and then one hangs there.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"

import grpc
import requests


def report(
    address: str, service: str, version: str, metric: dict[str, Any] | bytes, job_uid: str = "", seconds: float = 20
) -> str:
    """Sends one metric and returns the result: `stored`, `false`, or the text of what the servicer raised."""
    body = metric if isinstance(metric, bytes) else json.dumps(metric).encode()
    pickled = pickle_of(body, "grpc" if version == "0.4.0" else "comm")
    if service == "http":
        return _over_http(address, pickled, job_uid, seconds)
    return _over_grpc(address, pickled, job_uid, seconds)


def pickle_of(metric: bytes, module: str) -> bytes:
    """`DiagnosisReportData("WorkerTrainingMetric", metric, 0)` in the fewest opcodes."""
    path = f"dlrover.python.common.{module}\nDiagnosisReportData\n".encode()
    return b"c" + path + b"(" + _text(b"WorkerTrainingMetric") + _text(metric) + b"K\x00tR."


def message_of(pickled: bytes) -> bytes:
    """The request of the call `report`: `Message(node_type="worker", data=pickled)` of protobuf."""
    return b"\x12\x06worker\x1a" + _varint(len(pickled)) + pickled


def _text(value: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value


def _over_grpc(address: str, pickled: bytes, job_uid: str, seconds: float) -> str:
    message = message_of(pickled)
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary("/elastic.Master/report")
        try:
            answer = call(message, timeout=seconds, metadata=[("job_uid", job_uid)])
        except grpc.RpcError as error:
            return error.details()
    return "stored" if answer == b"\x08\x01" else "false"


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _over_http(address: str, pickled: bytes, job_uid: str, seconds: float) -> str:
    body = {"node_id": 0, "node_type": "worker", "data": base64.b64encode(pickled).decode()}
    answer = requests.post(f"http://{address}/report", json=body, headers={"job_uid": job_uid}, timeout=seconds)
    if answer.status_code != 200:
        return answer.text
    return "stored" if b"success\x94\x88" in answer.content else "false"
