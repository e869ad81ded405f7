"""Writes docker/compose.cluster.yaml for any number of nodes."""

from __future__ import annotations

import json
from pathlib import Path

from .topology import PAGE_PORT, Topology, default_masters

PROJECT = Path(__file__).resolve().parents[1]
FILE = PROJECT / "docker/compose.cluster.yaml"
NODES = 4
"""The number of nodes in that file."""

HEAD = """\
# A test cluster: {nodes} nodes, each reporting to {masters} masters. See docs/clusters.md.
# Written by `python3 -m cluster compose-file --nodes {nodes}`; change cluster/composefile.py instead.

x-arobust: &arobust
  image: arobust
  build: {{context: .., dockerfile: docker/Dockerfile, target: arobust}}

x-demo: &demo
  image: arobust-demo
  build: {{context: .., dockerfile: docker/Dockerfile, target: demo}}

x-stream: &stream
  image: arobust-nats
  build: {{context: .., dockerfile: docker/Dockerfile, target: nats}}
  restart: on-failure
  networks: [masters]

x-master: &master
  image: arobust-master
  build: {{context: .., dockerfile: docker/Dockerfile, target: master}}
  init: true
  stop_signal: SIGINT
  restart: on-failure
  networks: [masters]

services:
"""

STATE_OPTIONS = "size=64m,uid=1000,gid=1000,mode=0700"
"""A disk that a fault can fill, and that disappears with the cluster."""
FOLDER_OPTIONS = "size=256m,uid=1000,gid=1000,mode=0755"


def compose_file(nodes: int) -> str:
    topology = Topology(nodes, default_masters())
    parts = [HEAD.format(nodes=nodes, masters=len(topology.masters))]
    parts += [_master(topology, master.name) for master in topology.dlrover_masters]
    parts += [_console(topology, master.name) for master in topology.masters if master.is_console]
    parts += [_stream(topology, master.name) for master in topology.masters if master.is_stream]
    parts += [_node(topology, node) for node in topology.node_numbers]
    parts += [_watchers(topology), _volumes(topology), "\nnetworks:\n  masters:\n"]
    return "".join(parts)


def _master(topology: Topology, name: str) -> str:
    return f"""\
  {name}:
    <<: *master
    command: {json.dumps(topology.command(name))}
    volumes: ["{name}:/cluster/masters/{name}"]

"""


def _console(topology: Topology, name: str) -> str:
    return f"""\
  {name}:
    <<: *arobust
    command: {json.dumps(topology.command(name))}
    environment:{_mapping(topology.environment(name))}
    restart: on-failure
    healthcheck: {{disable: true}}
    networks: [masters]
    ports: ["127.0.0.1::{PAGE_PORT}"]
    volumes: ["{name}:/cluster/masters/{name}"]

"""


def _stream(topology: Topology, name: str) -> str:
    return f"""\
  {name}:
    <<: *stream
    command: {json.dumps(topology.command(name))}
    volumes: ["{name}:/cluster/masters/{name}"]

"""


def _node(topology: Topology, node: int) -> str:
    trainer, collect, bridge = topology.node_services(node)
    state = f"state-{node}:{topology.state(node)}"
    logs = f"logs-{node}:{topology.log(node).parent}"
    return f"""\
  {trainer}:
    <<: *demo
    entrypoint: ["python3", "/opt/arobust/demo/launch.py"]
    command: {json.dumps(topology.command(trainer))}
    init: true
    healthcheck: {{disable: true}}
    volumes: ["{logs}"]

  {collect}:
    <<: *demo
    command: {json.dumps(topology.command(collect))}
    depends_on: [{trainer}]
    network_mode: service:{trainer}
    pid: service:{trainer}
    cap_add: [SYS_PTRACE]
    environment:{_mapping(topology.environment(collect))}
    volumes: ["{state}", "{logs}:ro"]

  {bridge}:
    <<: *arobust
    command: {json.dumps(topology.command(bridge))}
    environment:{_mapping(topology.environment(bridge))}
    networks: [masters]
    volumes: ["{state}", "file:/cluster/masters/file"]

"""


def _watchers(topology: Topology) -> str:
    states = [f"state-{node}:{topology.state(node)}" for node in topology.node_numbers]
    logs = [f"logs-{node}:{topology.log(node).parent}:ro" for node in topology.node_numbers]
    masters = [f"{master.name}:{topology.master_folder(master)}" for master in topology.masters]
    return f"""\
  # Shows what is on the bus of every node.
  tap:
    <<: *arobust
    command: {json.dumps(topology.command("tap"))}
    healthcheck: {{disable: true}}
    network_mode: none
    volumes:{_list(states)}

  # Reads what the masters stored, and says every half minute whether anything is missing.
  audit:
    <<: *demo
    entrypoint: ["python3", "-m", "cluster", "inside"]
    command: ["watch", "30"]
    environment:
      CLUSTER_TOPOLOGY: '{topology.to_json()}'
    healthcheck: {{disable: true}}
    network_mode: none
    volumes:{_list([*states, *logs, *masters])}

"""


def _volumes(topology: Topology) -> str:
    lines = ["volumes:"]
    for node in topology.node_numbers:
        lines += [_volume(f"state-{node}", STATE_OPTIONS), _volume(f"logs-{node}", FOLDER_OPTIONS)]
    lines += [_volume(master.name, FOLDER_OPTIONS) for master in topology.masters]
    return "\n".join(lines) + "\n"


def _volume(name: str, options: str) -> str:
    return f'  {name}: {{driver: local, driver_opts: {{type: tmpfs, device: tmpfs, o: "{options}"}}}}'


def _mapping(values: dict[str, str]) -> str:
    return "".join(f"\n      {key}: {json.dumps(value)}" for key, value in values.items())


def _list(values: list[str]) -> str:
    return "".join(f"\n      - {value}" for value in values)
