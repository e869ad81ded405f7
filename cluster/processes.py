"""A cluster of plain processes: each node in its own namespaces where these are available, otherwise all on one loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.dlrover_master import RUNNER, RUNNER_ENVIRONMENT
from harness.process import AROBUST, ROOT, Process, free_port, new_scratch, status_of, wait_until

from .namespaces import MARK, MASTERS, NodeNamespaces, child_of
from .runtime import GRACE_SECONDS, Failed
from .topology import MASTER_PORTS, Topology, default_masters

STATE_MEBIBYTES = 64
LAUNCH = ROOT / "demo/launch.py"


class ProcessRuntime:
    """Implements `Runtime`. All files are in one scratch folder."""

    def __init__(self, nodes: int) -> None:
        self._scratch = new_scratch()
        self._namespaces: NodeNamespaces | None = None
        self._running: dict[str, Process] = {}
        # The harness's children die with the thread that started them (PR_SET_PDEATHSIG(2const)), so one thread starts them all.
        self._starter = ThreadPoolExecutor(max_workers=1)
        root, web = str(self._scratch), f"127.0.0.1:{free_port()}"
        if MARK in os.environ:
            self._namespaces = NodeNamespaces(self._scratch)
            self.topology = Topology(nodes, default_masters(MASTERS, MASTER_PORTS), root, web=web)
        else:
            masters = default_masters("127.0.0.1", (free_port(), free_port(), free_port(), free_port()))
            self.topology = Topology(nodes, masters, root, "127.0.0.1", web, tuple(free_port() for _ in range(nodes)))

    @property
    def name(self) -> str:
        if self._namespaces:
            return "plain processes, each node in its own network namespace"
        return "plain processes, all on one loopback"

    def why_not(self, ability: str) -> str:
        if self._namespaces is None and ability in ("links", "shaping", "disk"):
            return "needs Linux namespaces"
        return self._own_namespaces.why_not_slow(1) if ability == "shaping" else ""

    def up(self) -> None:
        if not AROBUST.exists():
            raise Failed(f"{AROBUST} does not exist; `make build` builds it")
        topology = self.topology
        if self._namespaces:
            self._namespaces.open()
        for master in topology.masters:
            if master.is_console and self._namespaces:
                self._namespaces.add_disk(topology.master_folder(master), STATE_MEBIBYTES)
            else:
                topology.master_folder(master).mkdir(parents=True)
        for node in topology.node_numbers:
            topology.log(node).parent.mkdir(parents=True)
            if self._namespaces:
                self._namespaces.add_disk(topology.state(node), STATE_MEBIBYTES)
            else:
                topology.state(node).mkdir(parents=True, mode=0o700)
        if self._namespaces:
            for node in topology.node_numbers:
                self._namespaces.add_node(node)
        for service in topology.services:
            self.start(service)

    def down(self) -> None:
        for process in self._running.values():
            _kill_group(process)
        self._running.clear()
        self._starter.shutdown()
        if self._namespaces:
            self._namespaces.close()
            topology = self.topology
            disks = [topology.state(node) for node in topology.node_numbers]
            disks += [topology.master_folder(master) for master in topology.masters if master.is_console]
            for disk in disks:
                subprocess.run(["umount", disk], capture_output=True, check=False)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def start(self, service: str) -> None:
        self._running[service] = self._spawn(service)
        # gRPC's C core aborts once in several hundred starts; see DLRoverMaster.wait_ready.
        while service in self.topology.master_services and not self._listens(service):
            self._running[service] = self._spawn(service)

    def _spawn(self, service: str) -> Process:
        kind, _, number = service.partition("-")
        arguments = self.topology.command(service)
        environment = self.topology.environment(service)
        prefix = self._namespaces.prefix(int(number)) if self._namespaces and number.isdigit() else []
        if kind == "master":
            self.topology.control(self.topology.master(service)).unlink(missing_ok=True)
            environment |= RUNNER_ENVIRONMENT
            program = [sys.executable, str(RUNNER)]
        elif kind == "stream":
            program = ["nats-server"]
        elif kind == "trainer":
            environment |= {"PYTHONPATH": str(ROOT / "Tests/EndToEnd")}
            program = [sys.executable, str(LAUNCH)]
        else:
            environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # py-spy is there
            program = [str(AROBUST)]
        command = [*prefix, *program, *arguments]
        return self._starter.submit(Process, service, command, self._scratch, environment).result()

    def _listens(self, service: str) -> bool:
        """Waits until the master listens, or has been aborted; returns whether it listens."""
        process = self._running[service]
        master = self.topology.master(service)

        def settled() -> bool:
            listens = _answers(master.address) if master.is_console or master.is_stream else self.topology.control(master).exists()
            return listens or process.child.poll() is not None

        wait_until(settled, f"{service} to listen", 60)
        ended = process.child.poll()
        if ended is not None and (ended != -signal.SIGABRT or not master.is_dlrover):
            raise Failed(f"{service} ended with {ended}; {process.tail()}")
        return ended is None

    def kill(self, services: list[str]) -> None:
        for service in services:
            _signal_group(self._running[service], signal.SIGKILL)
        for service in services:
            self._running[service].wait()

    def stop(self, service: str) -> tuple[int, float]:
        process = self._running.pop(service)
        started = time.monotonic()
        os.kill(self._main_pid(process), signal.SIGTERM)
        try:
            status = process.child.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            _kill_group(process)
            status = process.child.wait()
        return status, time.monotonic() - started

    def pause(self, service: str) -> None:
        process = self._running[service]
        _signal_group(process, signal.SIGSTOP)
        pid = self._main_pid(process)
        wait_until(lambda: status_of(pid)["State"].startswith("T"), f"{service} to stop")

    def resume(self, service: str) -> None:
        _signal_group(self._running[service], signal.SIGCONT)

    def cut_link(self, node: int) -> None:
        self._own_namespaces.cut(node)

    def slow_link(self, node: int) -> str:
        return self._own_namespaces.slow(node)

    def heal_link(self, node: int) -> None:
        self._own_namespaces.heal(node)

    @property
    def _own_namespaces(self) -> NodeNamespaces:
        assert self._namespaces, "`why_not` says that there are none"
        return self._namespaces

    def inside(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "cluster", "inside", *arguments]
        environment = os.environ | {"CLUSTER_TOPOLOGY": self.topology.to_json(), "CLUSTER_AROBUST": str(AROBUST)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise Failed(f"inside {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def tail(self, service: str) -> str:
        return (self._scratch / f"{service}.log").read_text(errors="replace")[-4000:]

    def _main_pid(self, process: Process) -> int:
        """The pid of the program itself: in a node, it is the child of the tool that entered the namespaces."""
        is_in_node = self._namespaces and process.name.rpartition("-")[2].isdigit()
        return child_of(process.pid) if is_in_node else process.pid


def _answers(address: str) -> bool:
    """Whether something listens there."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def _signal_group(process: Process, number: signal.Signals) -> None:
    """Signals the process and its children: each service has its own session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _kill_group(process: Process) -> None:
    _signal_group(process, signal.SIGKILL)
    process.wait()
