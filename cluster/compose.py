"""A cluster of containers, with `docker compose` or the older `docker-compose`."""

from __future__ import annotations

import functools
import shutil
import subprocess
import time
from pathlib import Path

from . import link
from .composefile import FILE, NODES, PROJECT, compose_file
from .runtime import GRACE_SECONDS, Failed
from .topology import PAGE_PORT, Topology, default_masters

SECONDS = 300
"""Timeout of a command that prints nothing. None takes that long unless it hangs."""
PAUSE_ATTEMPTS = 5


def run(*command: str, statuses: tuple[int, ...] = (0,)) -> str:
    """Returns what the command prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as hung:
        raise Failed(str(hung)) from None
    if done.returncode not in statuses:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


@functools.cache
def compose_command() -> tuple[str, ...]:
    if shutil.which("docker") is None:
        raise Failed("needs docker, with compose")
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ("docker", "compose")
    if shutil.which("docker-compose"):
        return ("docker-compose",)
    raise Failed("needs docker compose, or docker-compose 1.27 or newer")


class ComposeRuntime:
    """Implements `Runtime` for the compose project of this name, which may already be running."""

    def __init__(self, project: str, nodes: int | None = None) -> None:
        """Without a number of nodes: as many as are running."""
        self._project = project
        self._containers: dict[str, str] = {}
        self.topology = Topology(nodes or self._running_nodes(), default_masters())

    @property
    def name(self) -> str:
        return f"containers, with {' '.join(compose_command())}"

    def why_not(self, ability: str) -> str:
        return link.why_not(self._device(1), functools.partial(self._tc, 1)) if ability == "shaping" else ""

    def up(self) -> None:
        self.build()
        run(*self._compose, "up", "--detach", "--no-build")

    def page(self) -> str:
        """Where the console's page is, on this machine's loopback; another port after each start."""
        return run("docker", "port", self._id("console"), str(PAGE_PORT)).split()[0]

    def build(self) -> None:
        """Builds one service per image: the others use the same images. Shows its output, because it takes minutes."""
        command = [*self._compose, "build", "bridge-1", "trainer-1", "stream", self.topology.dlrover_masters[0].name]
        if status := subprocess.run(command, check=False).returncode:
            raise Failed(f"{compose_command()[-1]} build ended with {status}")

    def down(self) -> None:
        run(*self._compose, "down", "--volumes", "--timeout", str(GRACE_SECONDS))

    def start(self, service: str) -> None:
        run("docker", "start", self._id(service))

    def kill(self, services: list[str]) -> None:
        ids = [self._id(service) for service in services]
        # The collector dies with its trainer, perhaps before it is killed itself.
        subprocess.run(["docker", "kill", *ids], capture_output=True, check=False)
        run("docker", "wait", *ids)

    def stop(self, service: str) -> tuple[int, float]:
        started = time.monotonic()
        run("docker", "stop", "--time", str(GRACE_SECONDS), self._id(service))
        seconds = time.monotonic() - started
        return int(run("docker", "inspect", "--format", "{{.State.ExitCode}}", self._id(service))), seconds

    def pause(self, service: str) -> None:
        for attempt in range(PAUSE_ATTEMPTS):
            try:
                run("docker", "pause", self._id(service))
                return
            except Failed as problem:
                # On a busy machine the kernel does not always get all threads to stand still in the time that runc gives it.
                if "unable to freeze" not in str(problem) or attempt == PAUSE_ATTEMPTS - 1:
                    raise

    def resume(self, service: str) -> None:
        run("docker", "unpause", self._id(service))

    def cut_link(self, node: int) -> None:
        run("docker", "network", "disconnect", self._network, self._id(f"bridge-{node}"))

    def slow_link(self, node: int) -> str:
        return link.slow(self._device(node), functools.partial(self._tc, node))

    def heal_link(self, node: int) -> None:
        bridge = self._id(f"bridge-{node}")
        connected = run("docker", "inspect", "--format", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}", bridge)
        if self._network in connected.split():
            link.restore(self._device(node), functools.partial(self._tc, node))
        else:
            run("docker", "network", "connect", self._network, bridge)

    def inside(self, *arguments: str) -> str:
        command = ["docker", "exec", self._id("audit"), "python3", "-m", "cluster", "inside", *arguments]
        return run(*command, statuses=(0, 1))

    def tail(self, service: str) -> str:
        done = subprocess.run(["docker", "logs", "--tail", "30", self._id(service)], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    @property
    def _network(self) -> str:
        return f"{self._project}_masters"

    def _device(self, node: int) -> str:
        """The bridge's network device. It changes when the bridge is reconnected to the network."""
        lines = self._beside(node, "ip", "-oneline", "link", "show", "type", "veth").stdout
        if not lines:
            raise Failed(f"bridge-{node} has no link")
        return lines.split()[1].partition("@")[0]  # 7: eth0@if8: <BROADCAST,...

    def _tc(self, node: int, arguments: list[str]) -> str:
        return self._beside(node, "tc", *arguments).stderr.strip()

    def _beside(self, node: int, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command in a container that shares the bridge's network: the bridge itself is not allowed to change it."""
        where = ["--network", f"container:{self._id(f'bridge-{node}')}", "--cap-add", "NET_ADMIN", "--user", "0"]
        program, *arguments = command
        full = ["docker", "run", "--rm", *where, "--entrypoint", program, "arobust-demo", *arguments]
        return subprocess.run(full, capture_output=True, text=True, check=False)

    @property
    def _compose(self) -> tuple[str, ...]:
        # --project-directory: paths in the file are relative to docker/, wherever the file is.
        where = ("--project-directory", str(FILE.parent), "--file", str(self._file()))
        return (*compose_command(), "--project-name", self._project, *where)

    def _file(self) -> Path:
        if self.topology.nodes == NODES:
            return FILE
        file = PROJECT / f".build/cluster/compose-{self.topology.nodes}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(compose_file(self.topology.nodes))
        return file

    def _id(self, service: str) -> str:
        if service not in self._containers:
            self._containers = self._list()
        if service not in self._containers:
            raise Failed(f"there is no container of {service} in the project {self._project}; `make cluster-up` makes one")
        return self._containers[service]

    def _list(self) -> dict[str, str]:
        label = '{{.Label "com.docker.compose.service"}}'
        project = f"label=com.docker.compose.project={self._project}"
        lines = run("docker", "ps", "--all", "--filter", project, "--format", f"{label} {{{{.ID}}}}").splitlines()
        return dict(line.split() for line in lines)

    def _running_nodes(self) -> int:
        compose_command()
        return sum(service.startswith("bridge-") for service in self._list()) or NODES
