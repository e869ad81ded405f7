"""The console's HTTP API with a simulated job behind it: a fake, for what a real console won't show on demand.

The page is the real one, from Sources/Console/Resources. What is simulated: a thousand ranks, a server that goes away and comes back, hostile
lines, every kind of finding at once. `python -m harness.simulated_console PORT RANKS` serves it to look at.
"""

import json
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

RESOURCES = Path(__file__).resolve().parents[3] / "Sources" / "Console" / "Resources"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
KINDS = {"html": "text/html; charset=utf-8", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
HOSTILE = [
    "<script>alert(1)</script><script>window.hurt=1</script>",
    "<img src=x onerror='window.hurt=1'><b>bold</b>",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2Jcleared \x1b[1;92mgreen",
    "left \u202eright to left\u202c \u200bnothing \x00 \x07 bell",
    "javascript:alert(1) '\" onload=alert(1) {{7*7}} ${7*7} %s",
]


class Job:
    """What the API tells: all in one place, so that a test can change it while a page looks."""

    def __init__(self, ranks: int = 8, per_node: int = 4) -> None:
        self.keys = [(rank // per_node, rank) for rank in range(ranks)]
        self.lock = threading.Lock()
        self.lines: list[dict[str, Any]] = []
        self.level, self.text, self.link = "ok", "All is well: every rank makes steps.", None
        self.others: list[dict[str, Any]] = []
        self.states = {key: "running" for key in self.keys}
        self.incidents: list[dict[str, Any]] = []
        self.stacks: dict[str, Any] = {"time": None, "incident": None, "samples": 0, "groups": [], "flame": None, "sides": []}
        self.failures: list[dict[str, Any]] = []
        self.gaps: list[dict[str, Any]] = []
        self.metrics = True
        self.start = time.time()
        self.generator = random.Random(18)
        self.noise: list[float | None] = [round(0.4 + self.generator.random() * 0.05, 4) for _ in range(2000)]

    def key(self, rank: int) -> str:
        return f"{self.keys[rank][0]}/{rank}"

    def write(self, text: str, rank: int = 0, when: float | None = None, mark: dict[str, str] | None = None, gap: Any = None) -> int:
        with self.lock:
            line = {
                "id": len(self.lines) + 1, "time": round(when or time.time(), 3), "node_rank": self.keys[rank][0], "rank": rank,
                "type": "TRAINING_LOG", "text": text, "truncated": False, "mark": mark, "gap": gap,
            }  # fmt: skip
            self.lines.append(line)
            return line["id"]

    def fill(self, lines: int) -> None:
        """Lines of the last minutes, of all ranks."""
        now = time.time()
        for index in range(lines):
            rank = index % len(self.keys)
            self.write(f"[rank{rank}] step {index // len(self.keys)} loss {2 + self.generator.random():.4f}", rank, now - (lines - index) * 0.3)

    def trouble(self) -> None:
        """A hang with its outlier, a failure with its evidence, a gap, hostile lines."""
        now = time.time()
        last = len(self.keys) - 1
        for text in HOSTILE:
            self.write(text, 0, now - 4)
        self.write("huge " + "x" * 1_048_571, 1, now - 3)
        self.write("", 1, now - 2.5, gap={"from": [1, 10], "through": [1, 21], "count": 12})
        evidence = self.write("RuntimeError: CUDA error: out of memory", last, now - 2, {"rule": "cuda-oom", "title": "GPU out of memory"})
        self.states[self.keys[last]] = "failed"
        self.states[self.keys[1]] = "hang"
        self.level, self.text, self.link = "critical", f"Rank {last} ran out of GPU memory; rank 1 waits for it.", "#/incidents/a'%22b"
        self.others = [{"level": "warning", "text": "Node 0 is 40 s late.", "since": now - 40, "link": "#/delivery"}]
        self.gaps = [{"node_rank": 0, "data_type": "TRAINING_LOG", "from": [1, 10], "through": [1, 21], "count": 12, "time": now - 2.5}]
        self.failures = [{
            "id": 1, "time": now - 2, "node_rank": self.keys[last][0], "rank": last, "rule": "cuda-oom", "title": "GPU out of memory",
            "category": "memory", "action": "job_abortion", "count": 3,
            "evidence": [{"id": evidence, "time": now - 2, "text": "RuntimeError: CUDA error: out of memory <b>"}],
        }]  # fmt: skip
        self.incidents = [{
            "id": "a'\"b", "time": now - 60, "node_rank": 0, "nodes": [0, 1], "sentence": "Rank 1 did not enter all_reduce 4711 <i>of the default group</i>.",
            "hang": True, "triggers": ["no step for 60 s"], "pieces": 3, "missing": 1, "ended": False,
            "text": ["Hang of 60 s.", "7 ranks wait in all_reduce, 1 is missing: 1"],
            "collectives": [{"group": "default", "operation": "all_reduce 4711", "missing": [1], "waiting": [0, 2, 3]}],
            "details": [
                {"node_rank": 0, "rank": 0, "kind": "stacks", "source": "py-spy", "time": now - 59, "bytes": 4096, "missing": None},
                {"node_rank": 0, "rank": 1, "kind": "stacks", "source": "py-spy", "time": now - 59, "bytes": 2048, "missing": None},
                {"node_rank": 1, "rank": 5, "kind": "recording", "source": None, "time": None, "bytes": None, "missing": "no dump within 30 s"},
            ],
        }]  # fmt: skip
        waiting = ["wait_tensor (torch/distributed/ops.py:12)", "backward (model.py:40)", "train (train.py:88)", "<module> (train.py:101)"]
        outlier = ["read (dataset.py:7)", "__getitem__ (dataset.py:19)", "train (train.py:85)", "<module> (train.py:101)"]
        others = [self.key(rank) for rank in range(len(self.keys)) if rank != 1]
        self.stacks = {
            "time": now - 59, "incident": self.incidents[0]["id"], "samples": 2 * len(self.keys),
            "groups": [
                {"ranks": [self.key(1)], "count": 1, "outlier": True, "text": outlier, "state": "reading", "note": "It alone is not in a collective."},
                {"ranks": others, "count": len(others), "outlier": False, "text": waiting, "state": "waiting", "note": None},
            ],
            "flame": {"name": "all", "value": 16, "children": [{"name": "<module> (train.py:101)", "value": 16, "children": [
                {"name": "train (train.py:88)", "value": 14, "children": [{"name": "backward (model.py:40)", "value": 14, "children": []}]},
                {"name": "train (train.py:85)", "value": 2, "children": [{"name": "read (dataset.py:7)", "value": 2, "children": []}]}]}]},
            "sides": [{"key": self.key(1), "samples": [outlier, ["seek (dataset.py:6)", *outlier[1:]]]}, {"key": others[0], "samples": [waiting, waiting]}],
        }  # fmt: skip

    # Answers

    def overview(self, _: dict[str, str]) -> dict[str, Any]:
        now = time.time()
        nodes = len({node for node, _ in self.keys}) if self.lines else 0
        return {
            "now": now, "job": "llama <8b>",
            "verdict": {"level": self.level, "text": self.text, "since": self.start, "link": self.link}, "others": self.others,
            "freshness": {"nodes": nodes, "heard": nodes, "within_seconds": 5, "silent": []}, "ranks": len(self.keys) if self.lines else 0, "last_line_id": len(self.lines),
            "store": {"bytes": 52_428_800, "limit_bytes": 1_073_741_824, "oldest": self.start - 600, "lines": len(self.lines)},
        }  # fmt: skip

    def ranks(self, _: dict[str, str]) -> dict[str, Any]:
        now = time.time()
        return {"ranks": [
            {"key": self.key(rank), "node_rank": node, "rank": rank, "last_line": now - 1, "lines": 100 + rank, "step": 1200, "step_seconds": 0.4,
             "last_step": now - 1, "state": self.states[(node, rank)], "alarm": None if self.states[(node, rank)] == "running" else "no step for 60 s"}
            for node, rank in self.keys] if self.lines else []}  # fmt: skip

    def heatmap(self, query: dict[str, str]) -> dict[str, Any]:
        until = time.time()
        since = point(query.get("since", "-1h"), until)
        until = point(query["until"], until) if "until" in query else until
        count = int(query.get("buckets", "120"))
        rows = []
        for node, rank in self.keys if self.lines else []:
            place = rank * 37 % 1000
            steps = [round(0.35 + noise, 4) if rank == 2 and x > count * 0.7 else noise for x, noise in enumerate(self.noise[place : place + count])]
            lines: list[int | None] = [3] * count
            marks = [0] * count
            state = self.states[(node, rank)]
            for x in range(count - 8, count):
                if state in ("hang", "failed"):
                    steps[x], marks[x] = None, 2 if state == "hang" else 3
            if rank == 0 and self.gaps:
                lines[count // 2] = steps[count // 2] = None
            rows.append({"key": self.key(rank), "node_rank": node, "rank": rank, "state": state,
                         "step_seconds": steps, "lines": lines, "marks": marks})  # fmt: skip
        return {"since": since, "until": until, "bucket_seconds": (until - since) / count, "rows": rows}

    def logs(self, query: dict[str, str]) -> dict[str, Any]:
        now = time.time()
        limit = min(5000, int(query.get("limit", "200")))
        words = query.get("query", "").lower().replace('"', "").split()
        nodes, ranks = ({int(x) for x in query[name].split(",")} if query.get(name) else None for name in ("node_rank", "rank"))
        since, until = (point(query[name], now) if name in query else None for name in ("since", "until"))
        with self.lock:
            found = [
                line for line in self.lines
                if (nodes is None or line["node_rank"] in nodes) and (ranks is None or line["rank"] in ranks)
                and (since is None or line["time"] >= since) and (until is None or line["time"] < until)
                and ("marked" not in query or line["mark"]) and all(word in line["text"].lower() for word in words)
            ]  # fmt: skip
        if "newer" in query:
            found = [line for line in found if line["id"] > int(query["newer"])]
            page = found[:limit]
            return {"lines": [cut(line) for line in page], "next": "more" if len(found) > limit else None,
                    "last_id": page[-1]["id"] if len(found) > limit else len(self.lines)}  # fmt: skip
        found.sort(key=lambda line: (line["time"], line["id"]), reverse=query.get("order") == "desc")
        after = query.get("after")
        start = next((i + 1 for i, line in enumerate(found) if str(line["id"]) == after), 0)
        page = found[start : start + limit]
        return {"lines": [cut(line) for line in page], "next": str(page[-1]["id"]) if start + limit < len(found) else None}

    def line(self, number: int, query: dict[str, str]) -> dict[str, Any]:
        line = self.lines[number - 1]
        stream = [other for other in self.lines if other["rank"] == line["rank"]]
        place, context = stream.index(line), int(query.get("context", "20"))
        return {"line": line, "before": [cut(x) for x in stream[max(0, place - context) : place]],
                "after": [cut(x) for x in stream[place + 1 : place + 1 + context]]}  # fmt: skip

    def series(self, query: dict[str, str]) -> dict[str, Any]:
        names = ["xpu_timer_step_seconds", "xpu_timer_gpu_utilization", "DCGM_FI_DEV_GPU_TEMP"] if self.metrics and self.lines else []
        return {"series": [{"name": name, "unit": None, "streams": len(self.keys), "last": time.time()}
                           for name in names if name.startswith(query.get("prefix", ""))], "next": None}  # fmt: skip

    def samples(self, query: dict[str, str]) -> dict[str, Any]:
        count, now = int(query.get("points", "300")), time.time()
        rows = []
        for node, rank in self.keys[:200]:
            noise = random.Random(rank)
            values = [round(0.4 + noise.random() * 0.04 + (0.2 if rank == 2 else 0), 4) if noise.random() > 0.02 else None for _ in range(count)]
            rows.append({"key": self.key(rank), "node_rank": node, "rank": rank, "labels": {"rank": str(rank), "gpu": 'A"100'}, "values": values, "last": values[-1]})
        return {"name": query["name"], "since": point(query.get("since", "-1h"), now), "until": now, "bucket_seconds": 12, "rows": rows,
                "slowest": self.key(2) if "seconds" in query["name"] and len(self.keys) > 2 else None, "left_out": max(0, len(self.keys) - 200)}  # fmt: skip

    def delivery(self, _: dict[str, str]) -> dict[str, Any]:
        nodes = sorted({node for node, _ in self.keys}) if self.lines else []
        return {"nodes": [{"key": str(node), "node_rank": node, "publisher": f"p{node}", "lanes": [
            {"data_type": "TRAINING_LOG", "epoch": 1, "sequence": 900, "received": 900, "duplicates": 3, "missing": 12 if self.gaps and node == 0 else 0,
             "last_heard": time.time(), "lag_seconds": 0.8}], "consumers": [
            {"name": "dlrover+grpc://master:50001", "delivered": 880, "skipped": {"oversize": 1}, "lost": {"evicted": 12} if self.gaps else {}, "pending": 4,
             "state": {"breaker": "closed"}}]} for node in nodes], "gaps": self.gaps}  # fmt: skip

    def nodes(self, _: dict[str, str]) -> dict[str, Any]:
        return {"nodes": [{"key": str(node), "node_type": "worker", "node_rank": node, "node_id": node, "host": f"gpu-{node:02}", "publisher": f"p{node}",
                           "version": "0.9", "source": "arobust", "last_heard": time.time(), "lag_seconds": 0.8, "received": 900, "duplicates": 3, "missing": 0}
                          for node in sorted({node for node, _ in self.keys})]}  # fmt: skip

    def answer(self, path: str, query: dict[str, str]) -> dict[str, Any] | None:
        name, _, rest = path.partition("/")
        if name == "logs" and rest:
            return self.line(int(rest), query) if rest.isdigit() and 0 < int(rest) <= len(self.lines) else None
        if name == "incidents":
            shown = [{key: value for key, value in one.items() if key not in ("text", "collectives", "details")} for one in self.incidents]
            if not rest:
                return {"incidents": shown, "next": None}
            return next((one | {"pieces": one["details"]} for one in self.incidents if one["id"] == rest), None)
        fixed = {"stacks": self.stacks, "failures": {"failures": self.failures, "next": None}, "attempts": {"attempts": [
            {"run": "r1", "attempt": 2, "node_rank": 0, "first": self.start - 600, "last": time.time(), "steps": 1200, "lost_seconds": 42.0, "goodput": 0.93}]
            if self.lines else []}}  # fmt: skip
        if name in fixed:
            return fixed[name]
        known = {"overview": self.overview, "ranks": self.ranks, "heatmap": self.heatmap, "logs": self.logs, "series": self.series,
                 "samples": self.samples, "delivery": self.delivery, "nodes": self.nodes}  # fmt: skip
        return known[name](query) if name in known else None


def point(text: str, now: float) -> float:
    if text.startswith("-"):
        return now - float(text[1:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]
    return float(text)


def cut(line: dict[str, Any]) -> dict[str, Any]:
    return line | {"text": line["text"][:4096], "truncated": True} if len(line["text"]) > 4096 else line


class SimulatedConsole:
    """Serves the page and a `Job` on a port of loopback; `away` makes it drop every connection, as a console that restarts does."""

    def __init__(self, job: Job, port: int = 0) -> None:
        self.job, self.away, self.streams = job, False, 0
        console = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                if console.away:
                    self.close_connection = True
                    return
                console.handle(self)

        class Server(ThreadingHTTPServer):
            request_queue_size = 128  # a browser opens several connections at once

        self.server = Server(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.away = True
        self.server.shutdown()
        self.server.server_close()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        path = unquote(parts.path)
        if path == "/api/v1/events":
            self.stream(request)
        elif path.startswith("/api/v1/"):
            try:
                answer = self.job.answer(path[8:], {name: values[0] for name, values in parse_qs(parts.query).items()})
            except ValueError as error:
                return self.send(request, 400, "application/json; charset=utf-8", json.dumps({"error": str(error)}).encode())
            body = json.dumps(answer if answer is not None else {"error": f"there is no {path}"}).encode()
            self.send(request, 200 if answer is not None else 404, "application/json; charset=utf-8", body)
        else:
            name = "index.html" if path == "/" else path.removeprefix("/app/")
            file = RESOURCES / name
            if path.startswith("/app/") and "/" in name or not file.is_file():
                self.send(request, 404, "text/plain", b"no such file")
            else:
                self.send(request, 200, KINDS[name.rpartition(".")[2]], file.read_bytes())

    def send(self, request: BaseHTTPRequestHandler, status: int, kind: str, body: bytes) -> None:
        request.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Content-Security-Policy", POLICY),
                            ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-cache")):  # fmt: skip
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def stream(self, request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        self.streams += 1
        seen = None
        number = 0
        spoken = 0.0
        try:
            while not self.away:
                now = (len(self.job.lines), self.job.text, len(self.job.incidents))
                if now != seen or time.monotonic() - spoken > 10:
                    number, seen, spoken = number + 1, now, time.monotonic()
                    data = {"now": time.time(), "last_line_id": now[0], "lines": now[0], "what": ["logs", "metrics", "incidents", "failures", "nodes"]}
                    request.wfile.write(f"id: {number}\nevent: change\ndata: {json.dumps(data)}\n\n".encode())
                time.sleep(0.1)
        except OSError:
            pass


if __name__ == "__main__":
    lively = Job(int(sys.argv[2]))
    lively.fill(3000)
    lively.trouble()
    shown = SimulatedConsole(lively, int(sys.argv[1]))
    print(shown.url, flush=True)
    while True:
        time.sleep(0.5)
        lively.write(f"step {len(lively.lines)}", lively.generator.randrange(len(lively.keys)))
