"""The bus: how fast envelopes go from a publisher to a subscriber in another process, compared with libzmq alone."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from figures import Series, print_table, ratio
from goals import Goal
from harness.process import die_with_parent

MESSAGES = 300_000
# How many metrics are published at once: a log collector publishes one, ingest as many as a request holds.
BATCHES = {"arobust, one at a time": 1, "arobust, 64 at a time": 64}
LIMIT = "libzmq alone, in C"
LIMIT_SOURCE = Path(__file__).parent / "limit/buslimit.c"


def build_limit(scratch: Path) -> Path:
    """Any C compiler will do; a Swift toolchain brings clang."""
    beside_swift = Path(shutil.which("swift") or "").resolve().with_name("clang")
    compiler = shutil.which("cc") or shutil.which("clang") or str(beside_swift)
    program = scratch / "buslimit"
    subprocess.run([compiler, "-O2", "-o", program, LIMIT_SOURCE, "-lzmq"], check=True)
    return program


def run_limit(program: Path, scratch: Path, body_bytes: int) -> dict[str, Any]:
    path = scratch / "limit.sock"
    path.unlink(missing_ok=True)
    command = [program, path, str(MESSAGES), str(body_bytes)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120).stdout)


def run_ours(program: Path, scratch: Path, batch: int) -> dict[str, Any]:
    state = scratch / "state"
    with subprocess.Popen(
        [program, "subscribe", state, str(MESSAGES)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=die_with_parent,
    ) as subscriber:
        assert subscriber.stdout
        command = [program, "publish", state, str(MESSAGES), str(batch)]
        publisher = subprocess.run(
            command, stdin=subscriber.stdout, stdout=subprocess.PIPE, check=True, preexec_fn=die_with_parent, timeout=120
        )
        subscriber.stdout.close()
        errors = subscriber.communicate(timeout=20)[1]
    assert subscriber.returncode == 0, errors
    shutil.rmtree(state)
    return {**json.loads(publisher.stdout), "subscriber": json.loads(errors)}


def measure(scratch: Path, runs: int, build: Path) -> list[Goal]:
    limit = build_limit(scratch)
    program = build / "BusBenchmark"
    figures: dict[str, list[Series]] = {name: [Series() for _ in range(5)] for name in [LIMIT, *BATCHES]}

    def note(name: str, result: dict[str, Any]) -> None:
        publisher, subscriber = result["publisher"], result["subscriber"]
        values = [
            MESSAGES / result["seconds"] / 1000,
            publisher["cpu"] / MESSAGES * 1e6,
            subscriber["cpu"] / MESSAGES * 1e6,
            publisher["peak_kib"] / 1024,
            subscriber["peak_kib"] / 1024,
        ]
        for series, value in zip(figures[name], values, strict=True):
            series.add(value)

    body_bytes = run_ours(program, scratch, 64)["body_bytes"]  # and a warm-up
    for _ in range(runs):
        note(LIMIT, run_limit(limit, scratch, body_bytes))
        for name, batch in BATCHES.items():
            note(name, run_ours(program, scratch, batch))

    rows = []
    for name, (rate, publisher, subscriber, publisher_peak, subscriber_peak) in figures.items():
        row = [name, rate.text(0), ratio(rate, figures[LIMIT][0]), publisher.text(2), subscriber.text(2)]
        rows.append([*row, f"{publisher_peak.median:.0f} / {subscriber_peak.median:.0f}"])
    header = ["", "1000 msgs/s", "of the limit", "publisher us/msg", "subscriber us/msg", "peak MiB"]
    title = f"Bus: {MESSAGES} metrics of 1 KiB (a body of {body_bytes} B), PUB to SUB over ipc, {os.cpu_count()} CPUs; us are CPU"
    print_table(title, header, rows)
    peer = f"libzmq alone, in C: {figures[LIMIT][0].median:.0f}"
    goals = []
    for name, least in [("one at a time", 0.6), ("64 at a time", 0.9)]:
        rate = figures[f"arobust, {name}"][0]
        share = ratio(rate, figures[LIMIT][0])
        used = [sum(figures[row][side].median for side in (1, 2)) for row in (LIMIT, f"arobust, {name}")]
        measured = f"{rate.median:.0f}; {share} of the limit, by CPU {used[0] / used[1]:.2f}"
        goals.append(Goal(f"bus, {name}, journal on, 1000 msgs/s", measured, f"{least} of the limit", peer, float(share) >= least))
    return goals
