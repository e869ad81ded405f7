"""A training with everything that arobust can do beside it, while hostile programs attack it: what it takes must not grow, its books must
balance, and the training must not become slower. `make siege MINUTES=120`."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from .attackers import Attackers
from .dlrover_master import DLRoverMaster
from .file_master import FileMaster
from .process import Arobust, Process, new_scratch, resident_kib, wait_until
from .xpu_timer_page import PageServer, xpu_timer_page

# Work of some 5 ms, then a line; every thousand steps the log is rotated.
TRAINER = """
import hashlib, os, sys, time
log, times = sys.argv[1:]
step, data = 0, b"x" * (1 << 20)
file = open(log, "a", buffering=1)
with open(times, "a", buffering=1) as out:
    while True:
        begin = time.perf_counter()
        for _ in range(4): hashlib.sha256(data).digest()
        step += 1
        file.write(f"step {step} loss {1 / step:.6f} \\x1b[31mhost\\x07ile\\n")
        out.write(f"{time.perf_counter() - begin:.6f}\\n")
        if step % 1000 == 0:
            file.close(); os.replace(log, log + ".1"); file = open(log, "a", buffering=1)
        time.sleep(0.02)
"""


@dataclass
class Sample:
    resident_mib: float
    threads: int
    descriptors: int
    disk_mib: float


def sample(agent: Process, state: Path) -> Sample:
    folder = Path(f"/proc/{agent.pid}")
    disk = sum(path.stat().st_size for path in state.rglob("*") if path.is_file())
    return Sample(
        resident_kib(agent.pid) / 1024, len(os.listdir(folder / "task")), len(os.listdir(folder / "fd")), disk / (1 << 20)
    )


def median_step(times: Path, after: int = 0) -> float:
    return statistics.median(float(line) for line in times.read_text().split()[after:])


class Siege:
    def __init__(self, scratch: Path, seed: int) -> None:
        self.scratch, self.seed = scratch, seed
        self.arobust = Arobust(scratch)
        self.log, self.times = scratch / "train.log", scratch / "times"
        self.received = FileMaster(scratch / "all.ndjson")

    def run(self, minutes: float) -> list[str]:
        """Answers what is wrong."""
        trainer = Process("trainer", [sys.executable, "-c", TRAINER, str(self.log), str(self.times)], self.scratch)
        scrapes = iter(range(1 << 40))
        page = PageServer(lambda: xpu_timer_page(__file__, 8, next(scrapes), next(scrapes), 1000))
        master = DLRoverMaster(self.scratch).start()
        try:
            time.sleep(min(60.0, minutes * 6))
            alone, steps = median_step(self.times), len(self.times.read_text().split())
            agent = self.arobust.start_ready(
                "agent", "--master", self.received.url, "--master", master.url, "--log-file", self.log,
                "--metrics-url", page.url, "--metrics-interval", "5s", "--stack-pid", str(trainer.pid),
                "--stack-interval", "10s", "--listen", "dlrover+grpc://127.0.0.1:0", "--journal-size", "64MiB",
            )  # fmt: skip
            agent.wait_for_log("address=dlrover+grpc://127.0.0.1:")
            port = int(re.findall(r"address=dlrover\+grpc://127\.0\.0\.1:(\d+)", agent.log())[0])
            attackers = Attackers(self.arobust.state, port, self.seed)
            samples = self.watch(agent, minutes)
            attackers.stop()
            besieged = median_step(self.times, after=steps)
            return self.report(agent, samples, attackers, besieged / alone)
        finally:
            trainer.kill()
            page.close()
            master.kill()
            self.arobust.close()

    def watch(self, agent: Process, minutes: float) -> list[Sample]:
        samples: list[Sample] = []
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end and agent.child.poll() is None:
            time.sleep(5)
            samples.append(sample(agent, self.arobust.state))
            if len(samples) % 60 == 1:
                print(f"  {len(samples) * 5 // 60} min: {samples[-1]}", flush=True)
        return samples

    def report(self, agent: Process, samples: list[Sample], attackers: Attackers, ratio: float) -> list[str]:
        problems: list[str] = []
        if agent.child.poll() is not None:
            return [f"the agent ended with {agent.child.returncode}: {agent.tail()}"]
        if attackers.failure:
            problems.append(f"a false account was {attackers.failure}")
        # The first third is for caches, journal and databases to fill.
        early, late = samples[len(samples) // 3 : 2 * len(samples) // 3], samples[2 * len(samples) // 3 :]
        for name, slack in (("resident_mib", 60), ("threads", 8), ("descriptors", 200), ("disk_mib", 40)):
            before, after = (statistics.median(getattr(one, name) for one in part) for part in (early, late))
            most = max(getattr(one, name) for one in samples)
            print(f"  {name}: median {before:.0f}, then {after:.0f}; at most {most:.0f}")
            if after > before * 1.1 + slack:
                problems.append(f"{name} grew from {before:.0f} to {after:.0f}")
        print(f"  attacks: {dict(sorted(attackers.counts.items()))}")
        print(f"  the trainer's median step, beside one without arobust: {ratio:.3f}")
        time.sleep(20)  # connections of attackers are let go
        audit = self.arobust.run("audit", "--strict")
        print("  " + audit.output().strip().splitlines()[-1])
        if audit.child.returncode:
            problems.append(f"the audit ended with {audit.child.returncode}")
        missing = self.missing_steps()
        if missing:
            problems.append(f"{missing} lines of the log are missing at the file master")
        if agent.stop(30):
            problems.append(f"the agent ended with {agent.child.returncode}")
        return problems

    def missing_steps(self) -> int:
        """Lines that the file master does not have, up to the last that it has."""
        wait_until(lambda: self.received.path.stat().st_size > 0, "the file master to have something")
        steps = [
            int(step)
            for line in open(self.received.path, "rb")
            if b'"TRAINING_LOG"' in line
            for step in re.findall(r"^step (\d+) ", json.loads(line)["data_content"], re.MULTILINE)
        ]
        return max(steps) - len(set(steps)) - (min(steps) - 1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/siege", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long to attack (10)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    scratch = new_scratch()
    problems = Siege(scratch, arguments.seed).run(arguments.minutes)
    for problem in problems:
        print(f"PROBLEM: {problem}")
    if problems:
        print(f"its files are in {scratch}")
        return 1
    print("nothing grew, the books balance")
    shutil.rmtree(scratch)
    return 0


if __name__ == "__main__":
    sys.exit(main())
