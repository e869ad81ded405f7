"""What is counted: a function for each kind of work, which returns the counts for one unit of it."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from harness.process import Arobust, Process, die_with_parent, wait_until

from .ends import Consumer, Feed, FileMaster, GrpcMaster
from .tools import Callgrind, Counts, Traced, build_preload, least, need, run_to_end

METRICS = 4_000
"""In a burst: so many that what happens once a burst, or once a second, hardly shows."""
LINE_BYTES, LINES = 200, 40_000
BURSTS = 3


@dataclass
class Bench:
    scratch: Path
    """A folder, with copies of the measured programs: without debug information."""
    preload: Path
    instructions: bool = False
    """Count instructions instead of system calls and allocations."""

    def counts(self, case: "Case", with_instructions: bool) -> Counts:
        counts = case.measure(replace(self, instructions=False))
        if with_instructions and case.has_instructions:
            counts = counts.plus(case.measure(replace(self, instructions=True)))
        return counts


@dataclass
class Case:
    unit: str
    measure: Callable[[Bench], Counts]
    program: str | None = None
    """What is measured in place of arobust; it is always built for release."""
    has_instructions: bool = True
    """Otherwise they would say how long it was measured."""


@contextmanager
def folder(bench: Bench) -> Iterator[Path]:
    path = bench.scratch / f"case{time.monotonic_ns()}"
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path)


def log_in_its_own_folder(scratch: Path) -> Path:
    """arobust watches the folder of a log: what counts must not write there."""
    (scratch / "logs").mkdir()
    return scratch / "logs/train.log"


def burst_counts(bench: Bench, scratch: Path, session: Callable[[Arobust], "contextmanager"], units: int) -> Counts:
    """The counts for one unit, of an arobust that is given `units` of them at once, several times.

    Instructions come from two runs, of one burst and of two: the difference is a burst alone.
    """
    if bench.instructions:
        totals = []
        for bursts in (1, 2):
            callgrind = Callgrind(scratch, bench.preload)
            arobust = Arobust(scratch)
            arobust.state = scratch / f"state{bursts}"
            arobust.prefix, arobust.environment = callgrind.prefix, callgrind.environment
            with session(arobust) as work:
                for _ in range(1 + bursts):  # the first warms up
                    work(units)
            totals.append(callgrind.read_at_end())
        return (totals[1] - totals[0]).per(units)
    traced = Traced(scratch, bench.preload)
    arobust = Arobust(scratch)
    arobust.prefix, arobust.environment = traced.prefix, traced.environment
    measured = []
    with session(arobust) as work:
        work(units // 4)
        for _ in range(BURSTS):
            before = traced.read()
            work(units)
            measured.append((traced.read() - before).per(units))
    return least(measured)


def metric(bench: Bench, make_master: Callable[[Path], GrpcMaster | FileMaster], count: int, **settings: str) -> Counts:
    """publish → ingest → journal → bus → bridge → a master: the whole agent, without `arobust publish`."""
    with folder(bench) as scratch:

        @contextmanager
        def session(arobust: Arobust) -> Iterator[Callable[[int], None]]:
            master = make_master(scratch)
            try:
                agent = start(arobust, "agent", "--master", master.url, **settings)
                feed = Feed(arobust)

                def work(units: int) -> None:
                    feed.send(units)
                    wait_until(lambda: master.metrics >= feed.sent, lambda: f"{feed.sent} metrics, {master.metrics} are there; {agent.tail()}", 100)

                yield work
                feed.close()
                assert agent.stop(60) == 0, agent.tail()
            finally:
                arobust.close()
                master.close()

        return burst_counts(bench, scratch, session, count)


def log_line(bench: Bench) -> Counts:
    """file → journal → PUB, one consumer: `arobust collect`, 8 MB of lines at once. For 1,000 lines."""
    with folder(bench) as scratch:
        log = log_in_its_own_folder(scratch)

        @contextmanager
        def session(arobust: Arobust) -> Iterator[Callable[[int], None]]:
            log.write_text("")
            written = 0
            consumer = None
            try:
                collect = start(arobust, "collect", "--log-file", log)
                consumer = Consumer(arobust)
                wait_until(lambda: consumer.messages > 0, "the subscription", 60)  # a beat

                def work(units: int) -> None:
                    nonlocal written
                    lines = [f"2026-11-23 18:00:00,123 INFO [rank 0] step {n} loss 0.1234 lr 3.0e-04 " for n in range(units)]
                    with open(log, "a") as file:
                        file.write("".join(line.ljust(LINE_BYTES - 1, ".") + "\n" for line in lines))
                    written += units
                    wait_until(lambda: consumer.lines >= written, lambda: f"{written} lines, {consumer.lines} came; {collect.tail()}", 100)

                yield work
                assert collect.stop(60) == 0, collect.tail()
            finally:
                arobust.close()
                if consumer:
                    consumer.close()

        counts = burst_counts(bench, scratch, session, LINES)
        return counts.per(1 / 1000)


def idle(bench: Bench) -> Counts:
    """An agent with one log that does not grow, and a `file:` master: for one second."""
    seconds = 10
    with folder(bench) as scratch:
        log = log_in_its_own_folder(scratch)
        log.write_text("the only line\n")
        traced = Traced(scratch, bench.preload)
        arobust = Arobust(scratch)
        arobust.prefix, arobust.environment = traced.prefix, traced.environment
        master = scratch / "held.ndjson"
        try:
            agent = start(arobust, "agent", "--log-file", log, "--master", f"file://{master}")
            wait_until(lambda: master.exists() and master.read_text().endswith("\n"), "the line at the master")
            time.sleep(3)
            before, began = traced.read(), time.monotonic()
            time.sleep(seconds)
            counts = (traced.read() - before).per(time.monotonic() - began)
            assert agent.stop() == 0, agent.tail()
        finally:
            arobust.close()
    return counts


def bus(bench: Bench, batch: int) -> Counts:
    """A metric of 1 KiB from a publisher with its journal to a subscriber: both programs, of two runs the longer one less the shorter one."""
    short, long = (512, 8_192) if bench.instructions else (1_024, 16_384)
    program = bench.scratch / "BusBenchmark"
    with folder(bench) as scratch:
        kind = Callgrind if bench.instructions else Traced

        def run(messages: int) -> Counts:
            state = scratch / f"state{messages}"
            sides = [kind(scratch, bench.preload) for _ in range(2)]
            environments = [{**os.environ, **side.environment} for side in sides]
            commands = [["subscribe", state, messages], ["publish", state, messages, batch]]
            words = [[str(word) for word in (*side.prefix, program, *command)] for side, command in zip(sides, commands, strict=True)]
            with subprocess.Popen(words[0], env=environments[0], stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_parent) as subscriber:
                try:
                    publisher = subprocess.run(
                        words[1], env=environments[1], stdin=subscriber.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                        preexec_fn=die_with_parent, timeout=170,
                    )  # fmt: skip
                    assert publisher.returncode == 0, publisher.stderr[-2000:]
                    errors = subscriber.communicate(timeout=60)[1]
                    assert subscriber.returncode == 0, errors[-2000:]
                finally:
                    subscriber.kill()
            shutil.rmtree(state)
            return sides[0].read_at_end().plus(sides[1].read_at_end())

        return (run(long) - run(short)).per(long - short)


def rules(bench: Bench) -> Counts:
    """All rules searched for in a log without failures: for one MiB, of two runs of `MatcherBenchmark` the longer one less the shorter one."""
    program = bench.scratch / "MatcherBenchmark"
    with folder(bench) as scratch:
        log = scratch / "train.log"
        lines = (f"2026-11-23 18:{n // 60 % 60:02}:{n % 60:02},123 INFO [rank {n % 8}] step {n} loss {1 / (n + 1):.4f} lr 3.0e-04 grad {n % 97}.{n % 89} " for n in range(1 << 20))
        block, size = bytearray(), 1 << 20
        while len(block) < size:
            block += next(lines).encode().ljust(LINE_BYTES - 1, b"#") + b"\n"
        log.write_bytes(block[: size - 1] + b"\n")
        totals = []
        for times in (1, 5):
            one = (Callgrind if bench.instructions else Traced)(scratch, bench.preload)
            run_to_end([program, log, str(times)], one.prefix, one.environment)
            totals.append(one.read_at_end())
        return (totals[1] - totals[0]).per(4)


def start(arobust: Arobust, command: str, *arguments: str | Path, **settings: str) -> Process:
    """Starts arobust under what counts; that takes longer than the harness's own `start_ready` allows."""
    process = arobust.start(command, *arguments, environment=settings)
    process.wait_for_log("Publishing.", 100)
    if command == "agent":
        process.wait_for_log("Connected to a publisher.", 100)
    return process


def make_bench(scratch: Path, cases: Iterable[Case], build: str) -> Bench:
    counts_instructions = build == "release" or any(case.program for case in cases)
    need("strace", *(["valgrind"] if counts_instructions else []))
    return Bench(scratch, build_preload(scratch))


CASES = {
    "log": Case("1,000 log lines", log_line),
    "metric-to-file": Case("metric", lambda bench: metric(bench, FileMaster, METRICS)),
    "metric-to-grpc": Case("metric", lambda bench: metric(bench, GrpcMaster, METRICS)),
    "metric-alone-to-grpc": Case("metric", lambda bench: metric(bench, GrpcMaster, METRICS // 4, AROBUST_DELIVERY_JOIN="false")),
    "idle": Case("second", idle, has_instructions=False),
    "bus-1": Case("message", lambda bench: bus(bench, 1), program="BusBenchmark"),
    "bus-64": Case("message", lambda bench: bus(bench, 64), program="BusBenchmark"),
    "rules": Case("MiB", rules, program="MatcherBenchmark"),
}
