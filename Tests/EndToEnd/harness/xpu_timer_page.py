"""A /metrics page like XPUTimer's, served on loopback. The numbers are made up; its first line says so."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def xpu_timer_page(author: str, ranks: int, scrapes: int, step: int, step_microseconds: int) -> str:
    lines = [
        f"# simulated by {author}: no accelerator is involved",
        "# HELP exposer_scrapes_total Number of times metrics were scraped",
        "# TYPE exposer_scrapes_total counter",
        f"exposer_scrapes_total {scrapes}",
        "# TYPE XPU_TIMER_COMMON_HANG gauge",
    ]
    for name, value in (("HANG", 0), ("GC_COUNT", scrapes), ("DATA_LOADER_COUNT", step)):
        lines += [f"XPU_TIMER_COMMON_{name}{{{labels(rank)}}} {value}" for rank in range(ranks)]
    for name, more in (
        ("MM_KERNEL_AVG_LATENCY", 'dtype="fp64",level="0",operation="Matmul"'),
        ("COLL_KERNEL_AVG_LATENCY", 'algorithm="star",dtype="fp64",level="0",operation="AllReduce",small="1"'),
    ):
        lines += [f"XPU_TIMER_{name}{{{more},{labels(rank)}}} {step_microseconds}" for rank in range(ranks)]
    return "\n".join(lines) + "\n"


HANG = "XPU_TIMER_COMMON_HANG"


def hang_page(value: str, lines: int = 4, hang_last: bool = False) -> str:
    """A page of two local ranks with this text as the value of their HANG lines, and this many other lines."""
    hang = [f"{HANG}{{{labels(rank)}}} {value}" for rank in range(2)]
    other = [f"XPU_TIMER_MM_KERNEL_AVG_LATENCY{{level=\"{n}\",{labels(n % 2)}}} {1000 + n}" for n in range(lines)]
    comment = [f"# simulated by {__file__}: no accelerator is involved", f"# TYPE {HANG} gauge"]
    return "\n".join(comment + (other + hang if hang_last else hang + other)) + "\n"


def hang_lines(content: str) -> list[str]:
    return [line for line in content.splitlines() if line.startswith(HANG)]


def labels(rank: int) -> str:
    return f'ip="127.0.0.1",job_name="demo",local_rank="{rank}",pod_name="node-0",rank="{rank}"'


def as_dlrover_reports(page: str) -> str:
    """A page as DLRover's own agent filters it (`xpu_timer_metric_collector.py`)."""
    return "\n".join(line for line in page.splitlines() if not line.startswith(("#", "exposer")))


class PageServer:
    """Serves what `next_page` returns, and 503 while that is None; `served` holds every page that went out."""

    def __init__(self, next_page: Callable[[], str | None], port: int = 0) -> None:
        self.served: list[str] = []
        self.asked = 0
        lock = threading.Lock()
        served, counter = self.served, self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with lock:
                    counter.asked += 1
                    page = next_page() if self.path == "/metrics" else None
                    if page is not None:
                        served.append(page)
                body = (page or "").encode()
                self.send_response(503 if page is None else 200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                """A scraper may end in the middle of an answer."""

        self._server = Server(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/metrics"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
