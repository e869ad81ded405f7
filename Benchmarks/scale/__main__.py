"""What a job of many nodes costs its master: measured here with a few, computed for a thousand and more. `make bench-scale`; docs/scale.md.

    scripts/bench-scale measure [--out FILE]   real agents: up to 64 on this machine; about ten minutes
    scripts/bench-scale costs FILE             the costs that the model has of such a file, as Benchmarks/scale/costs.toml
    scripts/bench-scale check FILE             the model beside what was measured
    scripts/bench-scale simulate [--seed N]    the tables of docs/scale.md
"""

import argparse
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for name in list(os.environ):  # what arobust and DLRover would read
    if name.startswith(("AROBUST_", "DLROVER_", "NODE_", "XPU_TIMER_")) and name != "AROBUST_BIN" or name in ("JOB_UID", "WORKER_RANK"):
        del os.environ[name]
os.environ.setdefault("AROBUST_BIN", str(ROOT / ".build/release/arobust"))  # read when the harness is imported


def measure(arguments: argparse.Namespace) -> None:
    from . import ends, jetstream, measuring, resources, tables

    if not Path(ends.AROBUST).exists():
        sys.exit(f"there is no {ends.AROBUST}: `make release` builds it")
    why = ends.why_no_jetstream()
    found: dict[str, list[dict[str, object]]] = {"runs": [], "jetstream": [], "held": []}

    def keep() -> None:
        Path(arguments.out).write_text(json.dumps(found, indent=1) + "\n")

    for case in measuring.CASES:
        if arguments.end and case.end != arguments.end:
            continue
        if case.end == "jetstream" and why:
            print(f"JetStream, {case.name}: left out. {why}", flush=True)
            continue
        for nodes in case.nodes:
            if nodes <= arguments.nodes:
                found["runs"].append(asdict(measuring.measure(case, nodes, arguments.seconds)))
                keep()
                print(f"{case.end}, {case.name}, {nodes} nodes: done", flush=True)
    if arguments.end is None:
        found["held"] = [asdict(held) for held in resources.measure()]
        keep()
    if ends.has_servers() and arguments.end in (None, "jetstream"):
        for servers in (1, 3):
            found["jetstream"] += [asdict(jetstream.measure(servers, size, 3000)) for size in jetstream.SIZES]
            keep()
    tables.print_measured(found)


def costs(arguments: argparse.Namespace) -> None:
    from . import fitting

    print(fitting.as_toml(fitting.fit(json.loads(Path(arguments.file).read_text()))), end="")


def check(arguments: argparse.Namespace) -> None:
    from . import tables, validation
    from .model import Costs

    tables.print_check(validation.compare(json.loads(Path(arguments.file).read_text()), Costs.read()))


def simulate(arguments: argparse.Namespace) -> None:
    from . import scenarios
    from .model import Costs

    scenarios.print_all(Costs.read(), arguments.seed)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that child processes are ended
    parser = argparse.ArgumentParser(prog="scripts/bench-scale")
    commands = parser.add_subparsers(required=True)
    measured = commands.add_parser("measure", help="measure real agents against real masters")
    measured.add_argument("--out", default="scale.json", help="where the figures go (scale.json)")
    measured.add_argument("--nodes", type=int, default=64, help="the most agents at once (64)")
    measured.add_argument("--seconds", type=float, default=20, help="how long each run is (20)")
    measured.add_argument("--end", choices=("dlrover", "console", "jetstream"), help="one of them alone")
    measured.set_defaults(work=measure)
    for name, work in (("costs", costs), ("check", check)):
        command = commands.add_parser(name)
        command.add_argument("file", help="what measure has written")
        command.set_defaults(work=work)
    simulated = commands.add_parser("simulate", help="compute 100, 1,000 and 10,000 nodes")
    simulated.add_argument("--seed", type=int, default=1)
    simulated.set_defaults(work=simulate)
    arguments = parser.parse_args()
    arguments.work(arguments)


if __name__ == "__main__":
    main()
