"""Text that tries to give a terminal orders, to reorder or hide text, or to look like more lines than it is; and who says such things."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc

FORGED = "FORGED 2026-01-01T00:00:00+0000 error arobust: all is lost"
# A file name can have all of it but a slash and a zero.
TEXT = f"x\x1b[31;1m\x1b]52;c;cm0=\a\x7f\x08\r\x9b2J\u202e\u2066\u200b\u2028\u2029\u061c\ufeff\u034f\u3164\ufe0f\u2800\U000e0101\n{FORGED}\n"

_INVISIBLE = {0x7F, 0xAD, 0x61C, 0xFEFF, *range(0x80, 0xA0), *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070)}
_INVISIBLE |= {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x2800, 0x3164, 0xFFA0, 0x16FE4, *range(0xFE00, 0xFE10), *range(0xE0000, 0xE0200)}


def problems(output: bytes) -> list[str]:
    """What a terminal must not be sent: all control characters but newlines, what is invisible, and lines that somebody else made."""
    try:
        text = output.decode()
    except UnicodeDecodeError as problem:
        return [f"not UTF-8: {problem}: {output[max(0, problem.start - 60) : problem.end + 60]!r}"]
    found = [i for i, c in enumerate(text) if c != "\n" and (ord(c) < 0x20 or ord(c) in _INVISIBLE)]
    bad = [f"{text[i]!r} in {text[max(0, i - 80) : i + 40]!r}" for i in found[:5]]
    return bad + [f"forged: {line!r}" for line in text.split("\n") if line.startswith("FORGED")]


class GRPCMaster:
    """Answers every call with UNAVAILABLE and a hostile message, which gRPC sends percent-encoded."""

    def __init__(self) -> None:
        class Refusing(grpc.GenericRpcHandler):
            def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
                def refuse(_: bytes, context: grpc.ServicerContext) -> bytes:
                    context.abort(grpc.StatusCode.UNAVAILABLE, TEXT)
                    return b""

                return grpc.unary_unary_rpc_method_handler(refuse)

        self._server = grpc.server(ThreadPoolExecutor(2), handlers=[Refusing()])
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def close(self) -> None:
        self._server.stop(0)


class HTTPServer:
    """Answers every request with what `body` gives, under a hostile reason and type unless it is polite."""

    def __init__(self, status: int, body: Callable[[], bytes], is_polite: bool = False) -> None:
        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                content = body()
                self.send_response(status, "Reason" if is_polite else "\x1b[32mReason\x9b")
                self.send_header("Content-Type", "text/plain" if is_polite else "text/\x1b[33mplain")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = answer

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
