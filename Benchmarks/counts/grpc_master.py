"""Answers every call with success, like a DLRover master that stores nothing, and counts the metrics in what it is told.

grpc_master.py PORT FILE: the file gets the count, as eight bytes, once the port is open and after each call.
"""

import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

SUCCESS = b"\x08\x01"  # Response{success: true}


class Anything(grpc.GenericRpcHandler):
    def __init__(self, counter: Path) -> None:
        self.counter = open(counter, "r+b", buffering=0)
        self.metrics = 0

    def say(self) -> None:
        self.counter.seek(0)
        self.counter.write(struct.pack("Q", self.metrics))

    def answer(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        self.metrics += body.count(b"<metric ")
        self.say()
        return SUCCESS

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(self.answer, None, None)


def main() -> None:
    anything = Anything(Path(sys.argv[2]))
    server = grpc.server(ThreadPoolExecutor(1), handlers=[anything])
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    server.start()
    anything.say()
    server.wait_for_termination()


main()
