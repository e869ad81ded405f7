"""End to end: log metrics of 1 KiB to the real DLRover master, compared with DLRover's own Python client."""

import json
import re
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from figures import Series, cpu_seconds, print_table, ratio, run_for_cpu
from goals import Goal
from harness.dlrover_master import DLRoverMaster
from harness.foreign_agent import message_of, pickle_of
from harness.process import AROBUST, Arobust, Process, die_with_parent, resident_kib, wait_until

CLIENT = Path(__file__).with_name("dlrover_client.py")
CPP_SOURCE = Path(__file__).parent / "limit/grpcclient.cc"
CPP = {"gRPC C++, one call after another": 1, "gRPC C++, 64 calls under way": 64}
WARM_UP = 200
METRICS = 4_000  # in cases with one call per metric
JOINED_METRICS = 20_000
PYTHON = "DLRover's GrpcMasterClient, Python"
JOINED = "arobust, logs joined (the default)"
ALONE = "arobust, delivery.join: false"


def content(case: str, number: int) -> str:
    """1 KiB: eight log lines, the first with the case and number that show what arrived."""
    lines = [f"<{case} {number}> step"] + [
        f"2026-11-23 18:00:00,123 INFO [rank 0] step {number} part {line} loss 0.1234 lr 3.0e-04" for line in range(7)
    ]
    return "\n".join(line.ljust(127, "#") for line in lines) + "."


def write_metrics(path: Path, case: str, first: int, count: int) -> Path:
    with open(path, "w") as file:
        for number in range(first, first + count):
            file.write(json.dumps({"data_type": "TRAINING_LOG", "data_content": content(case, number)}) + "\n")
    return path


def wait_for_all(master: DLRoverMaster, case: str, count: int, in_order: bool = True) -> None:
    """Waits until all have arrived; fails unless they are in order and there once. A master takes calls that are under way at once in any order."""
    marker = re.compile(rf"<{case} (\d+)>")
    arrived: list[int] = []

    def all_there() -> bool:
        arrived[:] = map(int, marker.findall("\n".join(master.contents("TRAINING_LOG"))))
        return len(arrived) >= count

    wait_until(all_there, lambda: f"{count} metrics; {len(arrived)} are there", seconds=60, every=0.5)
    assert (arrived if in_order else sorted(arrived)) == list(range(count)), f"what arrived of '{case}' is not what was sent, in order: {arrived[:20]}…"


def run_python(master: DLRoverMaster, scratch: Path) -> tuple[float, float]:
    """CPU us per metric, and MiB."""
    metrics = write_metrics(scratch / "metrics", "python", 0, WARM_UP + METRICS)
    environment = {"DLROVER_LOG_LEVEL": "WARNING", "DLROVER_EVENT_ENABLE": "false"}
    command = [sys.executable, CLIENT, master.address, metrics, str(WARM_UP)]
    client = Process("python-client", command, scratch, environment)
    try:
        assert client.wait(120) == 0, client.tail()
    finally:
        client.kill()
    wait_for_all(master, "python", WARM_UP + METRICS)
    figures = json.loads(client.output().splitlines()[-1])
    return figures["cpu"] / METRICS * 1e6, figures["peak_kib"] / 1024


def build_cpp(scratch: Path) -> Path | None:
    """gRPC's C++ client, if Debian's libgrpc++-dev and a C++ compiler are installed."""
    program = scratch / "grpcclient"
    libraries = ["-Wl,--copy-dt-needed-entries", "-lgrpc++", "-lgrpc", "-lgpr"]
    command = ["c++", "-std=c++17", "-O2", "-o", program, CPP_SOURCE, *libraries]
    if not shutil.which("c++") or subprocess.run(command, stderr=subprocess.DEVNULL).returncode != 0:
        return None
    return program


def run_cpp(program: Path, master: DLRoverMaster, scratch: Path, case: str, window: int) -> tuple[float, float]:
    """CPU us per metric, and MiB. The requests are made before: what is measured is the calls."""
    requests = scratch / "requests"
    with open(requests, "wb") as file:
        for number in range(WARM_UP + METRICS):
            metric = {"data_type": "TRAINING_LOG", "data_content": content(case, number), "timestamp": int(time.time())}
            metric |= {"node_id": 0, "node_type": "worker", "node_rank": 0, "is_final_result": False, "need_report": False}
            request = message_of(pickle_of(json.dumps(metric).encode(), "comm"))
            file.write(struct.pack("<I", len(request)) + request)
    done = subprocess.run(
        [program, master.address, requests, str(WARM_UP), str(window)], stdout=subprocess.PIPE, check=True, timeout=120, preexec_fn=die_with_parent
    )
    wait_for_all(master, case, WARM_UP + METRICS, in_order=window == 1)
    figures = json.loads(done.stdout)
    return figures["cpu"] / METRICS * 1e6, figures["peak_kib"] / 1024


def run_ours(master: DLRoverMaster, scratch: Path, case: str, join: bool, count: int) -> tuple[float, float, float]:
    """CPU us per metric of the agent and of `arobust publish`, and the agent's MiB."""
    with ExitStack() as cleanup:
        arobust = Arobust(scratch)
        cleanup.callback(arobust.close)
        arobust.state = scratch / f"state-{case}"
        # A new master gets everything that the journal retains, including the previous run.
        shutil.rmtree(arobust.state, ignore_errors=True)
        environment = {"AROBUST_DELIVERY_JOIN": str(join).lower()}
        agent = arobust.start_ready("agent", "--master", master.url, environment=environment)

        def publish(first: int, count: int) -> float:
            with open(write_metrics(scratch / "metrics", case, first, count), "rb") as metrics:
                return run_for_cpu([AROBUST, "publish", "--state-dir", arobust.state], stdin=metrics)

        publish(0, WARM_UP)
        wait_for_all(master, case, WARM_UP)
        before = cpu_seconds(agent.pid)
        publisher = publish(WARM_UP, count)
        wait_for_all(master, case, WARM_UP + count)
        used = cpu_seconds(agent.pid) - before
        peak = resident_kib(agent.pid, peak=True) / 1024
        assert agent.stop() == 0, agent.tail()
        return used / count * 1e6, publisher / count * 1e6, peak


def measure(scratch: Path, runs: int, build: Path) -> list[Goal]:
    python, python_peak = Series(), Series()
    program = build_cpp(scratch)
    cpp = {name: (Series(), Series()) for name in CPP} if program else {}
    cases: dict[str, Callable[[DLRoverMaster], tuple[float, float, float]]] = {
        JOINED: lambda master: run_ours(master, scratch, "joined", True, JOINED_METRICS),
        ALONE: lambda master: run_ours(master, scratch, "alone", False, METRICS),
    }
    figures = {name: (Series(), Series(), Series()) for name in cases}
    for _ in range(runs):
        master = DLRoverMaster(scratch).start()
        try:
            master.wait_ready()
            used, peak = run_python(master, scratch)
            python.add(used)
            python_peak.add(peak)
            for number, (name, series) in enumerate(cpp.items()):
                assert program
                for one, value in zip(series, run_cpp(program, master, scratch, f"cpp{number}", CPP[name]), strict=True):
                    one.add(value)
            for name, run in cases.items():
                agent, publisher, peak = run(master)
                for series, value in zip(figures[name], (agent, agent + publisher, peak), strict=True):
                    series.add(value)
        finally:
            master.kill()
    rows = [[PYTHON, python.text(0), "", "", "", f"{python_peak.median:.0f}"]]
    for name, (used, peak) in cpp.items():
        rows.append([name, used.text(1), ratio(used, python, 3), "", "", f"{peak.median:.0f}"])
    for name, (agent, both, peak) in figures.items():
        row = [name, agent.text(1), ratio(agent, python, 3), both.text(1), ratio(both, python, 3)]
        rows.append([*row, f"{peak.median:.0f}"])
    header = ["", "client or agent us", "of Python's", "with publish us", "of Python's", "peak MiB"]
    title = (
        "Pipeline: CPU us per log metric of 1 KiB to a DLRover master by gRPC; "
        f"{METRICS} metrics, joined {JOINED_METRICS}, all arrived in order"
    )
    print_table(title, header, rows)
    if not program:
        print("Not measured: gRPC's C++ client. Install Debian's libgrpc++-dev and g++.")
    peers = [f"Python: {python.median:.0f}", *(f"{name}: {used.median:.0f}" for name, (used, _) in cpp.items())]
    peer = "; ".join([*peers, *([] if cpp else ["gRPC C++ is not installed"])])
    goals = []
    for work, name, most_us, most in [
        ("1 KiB log metric, publish to gRPC", JOINED, 8.0, 0.03), ("the same, delivery.join: false", ALONE, None, 0.15),
    ]:  # fmt: skip
        agent = figures[name][0]
        share = float(ratio(agent, python, 3))
        reached = share <= most and (most_us is None or agent.median <= most_us)
        wanted = f"{most_us:.0f} us; {most} of Python" if most_us else f"{most} of Python"
        goals.append(Goal(work, f"{agent.median:.1f} us; {share} of Python", wanted, peer, reached))
    return goals
