"""What a test cluster consists of, and where its files are; the same for containers and for plain processes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

METRICS_PORT = 18889
"""XPUTimer's default port."""
MASTER_PORTS = (50001, 8080, 50052, 4222)
"""The ports for gRPC, for HTTP, of the console and of the stream's server."""
STREAM = "arobust"
"""The stream's name."""
PAGE_PORT = 8080
"""The port of the console's page within its container."""
TOKEN = "token-of-the-test-clusters"
"""What a console beyond loopback wants from nodes, and from browsers. No secret: a cluster's console is reached from this machine only."""


@dataclass(frozen=True)
class Master:
    """A master, named after its service."""

    name: str
    scheme: str
    address: str = ""

    @property
    def is_dlrover(self) -> bool:
        return self.scheme.startswith("dlrover")

    @property
    def is_console(self) -> bool:
        return self.scheme == "arobust"

    @property
    def is_stream(self) -> bool:
        return self.scheme == "nats"

    @property
    def is_service(self) -> bool:
        """Whether it is a program of its own, which can be stopped, and not a file."""
        return self.is_dlrover or self.is_console or self.is_stream


@dataclass(frozen=True)
class Topology:
    """A number of nodes, each reporting to all masters. `root` holds what outlives the processes."""

    nodes: int
    masters: tuple[Master, ...]
    root: str = "/cluster"
    listen: str = "0.0.0.0"
    """The address that the masters listen on."""
    web: str = f"0.0.0.0:{PAGE_PORT}"
    """Where the console's page is."""
    metrics_ports: tuple[int, ...] = ()
    """The ports of the nodes' XPUTimer pages if the nodes share one loopback; otherwise each uses the default port on its own."""

    @classmethod
    def from_json(cls, text: str) -> Topology:
        values = json.loads(text)
        masters = tuple(Master(**each) for each in values.pop("masters"))
        return cls(masters=masters, metrics_ports=tuple(values.pop("metrics_ports")), **values)

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    # MARK: names

    @property
    def node_numbers(self) -> range:
        return range(1, self.nodes + 1)

    @property
    def dlrover_masters(self) -> list[Master]:
        return [master for master in self.masters if master.is_dlrover]

    @property
    def master_services(self) -> list[str]:
        return [master.name for master in self.masters if master.is_service]

    def master(self, name: str) -> Master:
        (found,) = (master for master in self.masters if master.name == name)
        return found

    def node_services(self, node: int) -> list[str]:
        """In start order: the collector runs in the trainer's namespaces."""
        return [f"trainer-{node}", f"collect-{node}", f"bridge-{node}"]

    @property
    def services(self) -> list[str]:
        """All services of the cluster itself, in start order."""
        return self.master_services + [name for node in self.node_numbers for name in self.node_services(node)] + ["tap"]

    @property
    def arobust_services(self) -> list[str]:
        return [service for service in self.services if service.startswith(("console", "collect-", "bridge-", "tap"))]

    # MARK: places

    def state(self, node: int) -> Path:
        return Path(self.root, "nodes", str(node), "state")

    def log(self, node: int) -> Path:
        return Path(self.root, "logs", f"node-{node}", "train.log")

    def master_folder(self, master: Master) -> Path:
        return Path(self.root, "masters", master.name)

    def store(self, master: Master, node: int) -> Path:
        """The file with what the master stored from this node, and perhaps from others; of a stream the folder."""
        if master.is_stream:
            return self.master_folder(master) / f"store/jetstream/$G/streams/{STREAM}/msgs"
        if master.is_console:
            return self.console_store(master) / "console.sqlite"
        return self.master_folder(master) / ("accepted.ndjson" if master.is_dlrover else f"node-{node}.ndjson")

    def console_store(self, master: Master) -> Path:
        return self.master_folder(master) / "store"

    def control(self, master: Master) -> Path:
        return self.master_folder(master) / "control.sock"

    def url(self, master: Master, node: int) -> str:
        """The URL that the node reports to. It is also the consumer's name in the node's account."""
        if master.is_stream:
            return f"{master.scheme}://{master.address}/{STREAM}"
        return f"{master.scheme}://{master.address}" if master.is_service else f"file://{self.store(master, node)}"

    def metrics_port(self, node: int) -> int:
        return self.metrics_ports[node - 1] if self.metrics_ports else METRICS_PORT

    # MARK: what runs

    def command(self, service: str) -> list[str]:
        """The arguments of the service's program: `arobust`, demo/launch.py, nats-server, or the runner of DLRover's master."""
        for master in self.masters:
            if master.name == service:
                _, _, port = master.address.rpartition(":")
                if master.is_console:
                    store, listen = str(self.console_store(master)), f"arobust://{self.listen}:{port}"
                    return ["console", "--store", store, "--listen", listen, "--web", self.web]
                if master.is_stream:
                    return ["--jetstream", "--store_dir", str(self.master_folder(master) / "store"), "--addr", self.listen, "--port", port]
                return [
                    "--service", master.scheme.rpartition("+")[2], "--port", port, "--address", self.listen,
                    "--control", str(self.control(master)), "--accept-log", str(self.store(master, 0)),
                ]  # fmt: skip
        kind, _, number = service.partition("-")
        if kind == "trainer":
            return [
                "--log", str(self.log(int(number))), "--number-lines", "--metrics-port", str(self.metrics_port(int(number))),
                "--", "--steps", "1000000", "--step-seconds", "0.2",
            ]  # fmt: skip
        if kind == "tap":
            return ["tap", *(part for node in self.node_numbers for part in ("--state-dir", str(self.state(node))))]
        return [kind]

    def environment(self, service: str) -> dict[str, str]:
        """The settings of a program of arobust's; a node's identity is in the variables of DLRover's own agent."""
        kind, _, number = service.partition("-")
        if kind == "console":
            return {"AROBUST_CONSOLE_TOKEN": TOKEN}
        if kind not in ("collect", "bridge"):
            return {}
        node = int(number)
        found = {"NODE_ID": str(node - 1), "NODE_RANK": str(node - 1), "AROBUST_STATE_DIR": str(self.state(node))}
        if kind == "collect":
            return found | {
                "AROBUST_LOGS_FILES": str(self.log(node)),
                "AROBUST_METRICS_INTERVAL": "10s",
                "AROBUST_STACKS_INTERVAL": "15s",
                "AROBUST_STACKS_RANKS": "true",
                "XPU_TIMER_PORT": str(self.metrics_port(node)),
            }
        urls = ",".join(self.url(master, node) for master in self.masters)
        return found | {"AROBUST_MASTERS": urls, "AROBUST_CONSOLE_TOKEN": TOKEN}


def default_masters(host: str = "", ports: tuple[int, int, int, int] = MASTER_PORTS) -> tuple[Master, ...]:
    """DLRover over gRPC, DLRover over HTTP, arobust's console, a stream of NATS, and a file. Without a shared `host`, each master's name is its host name."""
    grpc, http, console, stream = ports
    return (
        Master("master-grpc", "dlrover+grpc", f"{host or 'master-grpc'}:{grpc}"),
        Master("master-http", "dlrover+http", f"{host or 'master-http'}:{http}"),
        Master("console", "arobust", f"{host or 'console'}:{console}"),
        Master("stream", "nats", f"{host or 'stream'}:{stream}"),
        Master("file", "file"),
    )
