"""`python3 -m cluster`: test clusters of arobust. See docs/clusters.md."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
from typing import Any

from . import faults, inside
from .campaign import BREAKS, Campaign
from .compose import ComposeRuntime
from .composefile import FILE, NODES, PROJECT, compose_file
from .runtime import Failed, Runtime
from .topology import TOKEN
from .verdict import rows_from_json, table


def main() -> int:
    if sys.argv[1:2] == ["inside"]:
        return inside.main(sys.argv[2:])
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return int(arguments.act(arguments))
    except Failed as problem:
        print(f"cluster: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m cluster", description="Test clusters of arobust; see docs/clusters.md.")
    parser.add_argument("--project", default="arobust-cluster", help="name of the compose project (default: %(default)s)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, act: Any, what: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=what, description=what)
        found.set_defaults(act=act)
        return found

    up = command("up", _up, "Build the images and start a cluster of containers.")
    up.add_argument("--nodes", type=_at_least_one, default=NODES)
    command("down", _down, "Remove the cluster and everything it stored.")
    command("faults", _faults, "List the faults.")
    fault = command("fault", _fault, "Inject a fault, and repair it afterwards.")
    fault.add_argument("name", metavar="FAULT", help=f"one of {', '.join(faults.FAULTS)}")
    fault.add_argument("--target", help="a node's number or a master's name (default: a random one)")
    audit = command("audit", _audit, "Compare what the masters stored with what was written; exit status 1 if a promise was broken.")
    audit.add_argument("--json", action="store_true")
    audit.add_argument("--at-rest", action="store_true", help="expect that nothing is in transit any more")
    test = command("test", _test, "Start a cluster, inject faults in random order, judge it, remove it.")
    test.add_argument("--runtime", choices=("compose", "processes"), default="compose")
    test.add_argument("--nodes", type=_at_least_one, default=NODES)
    test.add_argument("--faults", help="names, or FAULT@TARGET, separated by commas (default: all that are possible here)")
    test.add_argument("--seed", type=int, default=None, help="repeat the schedule of this seed (default: a random one)")
    test.add_argument("--pace", type=float, default=1, help="factor for all times (default: %(default)s)")
    test.add_argument("--break", dest="broken", choices=BREAKS, default="", help="break a promise on purpose: the verdict must be red")
    file = command("compose-file", _compose_file, "Print the compose file for a number of nodes.")
    file.add_argument("--nodes", type=_at_least_one, default=NODES)
    file.add_argument("--check", action="store_true", help=f"only check that {FILE.relative_to(PROJECT)} is up to date")
    return parser


def _at_least_one(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 250:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 250")
    return int(text)


def _up(arguments: argparse.Namespace) -> int:
    runtime = ComposeRuntime(arguments.project, arguments.nodes)
    runtime.up()
    print(f"Its console: http://{runtime.page()}/?token={TOKEN}", flush=True)
    return 0


def _down(arguments: argparse.Namespace) -> int:
    ComposeRuntime(arguments.project).down()
    return 0


def _faults(arguments: argparse.Namespace) -> int:
    print(faults.listing())
    return 0


def _fault(arguments: argparse.Namespace) -> int:
    fault, runtime = faults.find(arguments.name), ComposeRuntime(arguments.project)
    target = arguments.target or random.choice(fault.targets(runtime))
    faults.apply(fault, runtime, target, lambda said: print(said, flush=True))
    return 0


def _audit(arguments: argparse.Namespace) -> int:
    flags = ["--at-rest"] if arguments.at_rest else []
    text = ComposeRuntime(arguments.project).inside("audit", "--json", *flags)
    rows = rows_from_json(json.loads(text))
    print(text.strip() if arguments.json else table(rows))
    return 1 if any(row.is_red for row in rows) else 0


def _test(arguments: argparse.Namespace) -> int:
    seed = random.randrange(1 << 32) if arguments.seed is None else arguments.seed
    names = arguments.faults.split(",") if arguments.faults else list(faults.FAULTS)
    for name in names:
        faults.find(name)
    runtime = _make_runtime(arguments)
    green = Campaign(runtime, seed, arguments.pace, arguments.broken).run(names)
    return 0 if green else 1


def _make_runtime(arguments: argparse.Namespace) -> Runtime:
    if arguments.runtime == "compose":
        # Its own project, so that a cluster that someone is using is left alone.
        return ComposeRuntime(f"{arguments.project}-test", arguments.nodes)
    try:
        from . import namespaces
        from .processes import ProcessRuntime
    except ImportError as problem:
        raise Failed(f"{problem}: use .venv/bin/python, which scripts/bootstrap makes") from None
    if namespaces.MARK not in os.environ:
        if reason := namespaces.why_not():
            print(f"no namespaces here ({reason})", flush=True)
        else:
            namespaces.enter([sys.executable, "-m", "cluster", *sys.argv[1:]])
    return ProcessRuntime(arguments.nodes)


def _compose_file(arguments: argparse.Namespace) -> int:
    text = compose_file(arguments.nodes)
    if not arguments.check:
        print(text, end="")
    elif FILE.read_text() != text:
        raise Failed(f"{FILE.relative_to(PROJECT)} is not what `python3 -m cluster compose-file` prints")
    return 0


if __name__ == "__main__":
    sys.exit(main())
