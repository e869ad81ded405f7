"""DLRover's own clients report to the agent: their metrics go to the bus, their other calls to the master."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import pytest
from harness import foreign_agent, small_disk
from harness.dlrover_master import DLRoverMaster
from harness.file_master import FileMaster
from harness.process import AROBUST, ROOT, Arobust, Process, free_port, wait_until
from harness.small_disk import SmallDisk

foreign_agent  # gRPC's fork handlers must be off before grpc is imported
import grpc  # noqa: E402

MakeMaster = Callable[..., DLRoverMaster]
LOG = "TRAINING_LOG"
QUICK = {"AROBUST_DELIVERY_BATCH_TIME": "20ms", "AROBUST_DELIVERY_BACKOFF_MAX": "200ms", "AROBUST_DELIVERY_JOIN": "false"}
REPORT, GET = "/elastic.Master/report", "/elastic.Master/get"
WIRES = ["grpc", "http"]


@pytest.fixture
def address() -> str:
    return f"127.0.0.1:{free_port()}"


def start(arobust: Arobust, address: str, *arguments: str, command: str = "agent", wire: str = "grpc") -> Process:
    process = arobust.start_ready(command, "--listen", f"dlrover+{wire}://{address}", *arguments, environment=QUICK)
    process.wait_for_log("Listening for DLRover clients.")
    return process


def dlrover_client(
    scratch: Path, address: str, *calls: list[Any], version: str = "0.6.1", wire: str = "grpc"
) -> list[Any]:
    environment = {"DLROVER_LOG_LEVEL": "ERROR", "DLROVER_EVENT_ENABLE": "false"}
    if version != "0.6.1":
        environment["PYTHONPATH"] = str(ROOT / f".venv/dlrover-{version}")
    runner = ROOT / "Tests/EndToEnd/harness/dlrover_client.py"
    client = Process("client", [sys.executable, runner, address, json.dumps(calls), wire], scratch, environment)
    try:
        assert client.wait(100) == 0, client.tail()
        return json.loads(client.output().splitlines()[-1])
    finally:
        client.kill()
        client.output_path.unlink()


@pytest.mark.sample(3)
@pytest.mark.parametrize("version", ["0.6.1", "0.5.1", "0.4.0"])
@pytest.mark.parametrize("service", ["grpc", "http"])
@pytest.mark.parametrize("wire", WIRES)
def test_one_address_changes_and_two_masters_and_a_tap_have_it(
    arobust: Arobust, make_master: MakeMaster, scratch: Path, address: str, version: str, service: str, wire: str
) -> None:
    if version == "0.4.0" and "http" in (service, wire):
        pytest.skip("0.4.0 has no HTTP")
    master = make_master(service, version=version).start().wait_ready()
    file = FileMaster(scratch / "copy.ndjson")
    agent = start(arobust, address, "--master", file.url, "--master", master.url, wire=wire)
    tap = arobust.start("tap", "--json", "--from", "oldest", "--count", "20")
    contents = [f"line {number} é" for number in range(20)]
    calls = [["report", *contents], ["kv_store_set", "key", "value"], ["kv_store_get", "key"]]
    calls += [["num_nodes_waiting", "elastic-training"]]
    through = dlrover_client(scratch, address, *calls, version=version, wire=wire)
    assert through[0] == 20
    assert through[1:] == dlrover_client(scratch, master.address, *calls[1:], version=version, wire=service)
    assert through[2] == "value"
    wait_until(lambda: file.contents(LOG) == contents and master.contents(LOG) == contents, agent.tail)
    assert tap.wait() == 0
    assert [json.loads(line)["data_content"] for line in tap.output().splitlines()] == contents
    assert agent.stop() == 0


class Recorder(grpc.GenericRpcHandler):
    """A stand-in for a master: records every call's bytes and answers with its own."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes, dict[str, str]]] = []
        self.answer: bytes | grpc.StatusCode = b"\x1a\x03abc"
        self.hold = threading.Event()
        self.hold.set()
        self.cancelled = threading.Event()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        metadata = dict(details.invocation_metadata)

        def handle(message: bytes, context: grpc.ServicerContext) -> bytes:
            self.calls.append((details.method, message, metadata))
            context.add_callback(self.cancelled.set)
            self.hold.wait(20)
            if isinstance(self.answer, grpc.StatusCode):
                context.abort(self.answer, "the master's own words: é%")
            return self.answer

        return grpc.unary_unary_rpc_method_handler(handle)


@pytest.fixture
def recorder() -> Iterator[tuple[Recorder, str]]:
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", 1 << 28)])
    made = Recorder()
    server.add_generic_rpc_handlers((made,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield made, f"dlrover+grpc://127.0.0.1:{port}"
    made.hold.set()
    server.stop(None)


def channel(address: str) -> grpc.Channel:
    size = [("grpc.max_send_message_length", 1 << 28), ("grpc.max_receive_message_length", 1 << 28)]
    return grpc.insecure_channel(address, options=[*size, ("grpc.enable_retries", 0)])


def test_other_calls_go_byte_for_byte(arobust: Arobust, address: str, recorder: tuple[Recorder, str]) -> None:
    record, url = recorder
    agent = start(arobust, address, "--master", url)
    other = foreign_agent.pickle_of(b"{}", "comm").replace(b"WorkerTrainingMetric", b"SomethingElseMetrics")
    given = [(GET, b""), (GET, b"\xff not protobuf \x00"), (REPORT, b"\x08\x05\x12\x06worker\x1a\x02hi\x98\x06\x01")]
    given += [(REPORT, b"\x1a" + foreign_agent._varint(len(other)) + other), (GET, b"\x1a\x04" + b"x" * 4)]
    big = b"\x1a" + foreign_agent._varint(20 << 20) + bytes(20 << 20)
    with channel(address) as made:
        for method, message in [*given, (GET, big)]:
            answer = made.unary_unary(method)(message, timeout=20, metadata=[("job_uid", "job-7"), ("x-own", "1")])
            assert answer == record.answer
        record.answer = bytes(range(256)) * 40_000
        assert made.unary_unary(GET)(b"", timeout=20) == record.answer
        for status in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED):
            record.answer = status
            with pytest.raises(grpc.RpcError) as error:
                made.unary_unary(REPORT)(b"", timeout=20)
            assert (error.value.code(), error.value.details()) == (status, "the master's own words: é%")
    assert [(method, message) for method, message, _ in record.calls[:6]] == [*given, (GET, big)]
    assert all(sent["job_uid"] == "job-7" and sent["x-own"] == "1" for _, _, sent in record.calls[:6])
    assert agent.stop() == 0


def test_a_master_that_hangs_holds_nobody_up(
    arobust: Arobust, scratch: Path, address: str, recorder: tuple[Recorder, str]
) -> None:
    """Metrics are accepted while other calls wait; a call that its client cancels is cancelled at the master."""
    record, url = recorder
    record.hold.clear()
    file = FileMaster(scratch / "copy.ndjson")
    agent = start(arobust, address, "--master", file.url, "--master", url)
    with channel(address) as made:
        # More than HTTP/2's default limit, and more than the master has threads.
        waiting = [made.unary_unary(GET).future(b"", timeout=30) for _ in range(150)]
        wait_until(lambda: len(record.calls) == 8, "the calls to reach the master")
        metric = {"data_type": LOG, "data_content": "now", "node_id": 0}
        assert foreign_agent.report(address, "grpc", "0.6.1", metric, seconds=5) == "stored"
        wait_until(lambda: file.contents(LOG) == ["now"], agent.tail)
        assert not any(each.done() for each in waiting)
        for each in waiting:
            each.cancel()
        assert record.cancelled.wait(10)
        for _ in range(8):
            with pytest.raises(grpc.RpcError) as error:
                made.unary_unary(GET)(b"", timeout=0.2)
            assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    record.hold.set()
    assert agent.stop() == 0


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("way_to_end", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_while_a_client_is_connected(
    arobust: Arobust, address: str, way_to_end: signal.Signals, wire: str
) -> None:
    """What closes a connection first keeps its port for a minute (TIME_WAIT)."""
    host, port = address.split(":")
    for _ in range(3):
        agent = start(arobust, address, command="collect", wire=wire)
        with socket.create_connection((host, int(port))) as client:
            client.sendall(
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
                if wire == "grpc" else b"POST /none HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
            assert client.recv(1)
            agent.send(way_to_end)
            assert agent.wait() == (0 if way_to_end == signal.SIGTERM else -way_to_end)
    metric = {"data_type": LOG, "data_content": "now", "node_id": 0}
    agent = start(arobust, address, command="collect", wire=wire)
    assert foreign_agent.report(address, wire, "0.6.1", metric) == "stored"
    assert agent.stop() == 0


def test_without_a_master_only_metrics_are_taken(arobust: Arobust, scratch: Path, address: str) -> None:
    file = FileMaster(scratch / "copy.ndjson")
    agent = start(arobust, address, "--master", file.url)
    assert dlrover_client(scratch, address, ["report", "one"]) == [1]
    with channel(address) as made:
        for method in (GET, REPORT):
            with pytest.raises(grpc.RpcError) as error:
                made.unary_unary(method)(b"", timeout=10)
            assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
            assert "--master dlrover+grpc://" in error.value.details()
    wait_until(lambda: file.contents(LOG) == ["one"], agent.tail)
    assert agent.stop() == 0


def test_a_master_that_is_down_and_comes_back(
    arobust: Arobust, make_master: MakeMaster, scratch: Path, address: str
) -> None:
    master = make_master()
    agent = start(arobust, address, "--master", master.url)
    assert dlrover_client(scratch, address, ["report", "early"]) == [1]
    with channel(address) as made:
        with pytest.raises(grpc.RpcError) as error:
            made.unary_unary(GET)(b"", timeout=10)
        assert error.value.code() == grpc.StatusCode.UNAVAILABLE
        assert master.url in error.value.details()
        master.start().wait_ready()

        def answers() -> bool:
            try:
                return made.unary_unary(GET)(b"", timeout=10) is not None
            except grpc.RpcError:
                return False

        wait_until(answers, agent.tail, every=0.2)
    wait_until(lambda: master.contents(LOG) == ["early"], agent.tail)
    assert agent.stop() == 0


@pytest.mark.parametrize("wire", WIRES)
def test_what_cannot_be_on_the_bus_is_refused_with_its_reason(arobust: Arobust, address: str, wire: str) -> None:
    agent = start(arobust, address, command="collect", wire=wire)
    for metric, reason in (
        (b"no json", "arobust: "), ({"data_content": "x"}, "data_type is missing"),
        ({"data_type": "A/B", "data_content": "x"}, "data_type 'A/B' must be"),
    ):
        assert reason in foreign_agent.report(address, wire, "0.6.1", metric)
    assert agent.log().count("A DLRover client's metric was refused.") == 1
    assert agent.stop() == 0


@pytest.mark.parametrize("wire", WIRES)
def test_success_means_that_the_journal_has_it(arobust: Arobust, scratch: Path, address: str, wire: str) -> None:
    """After a SIGKILL right after the answer, the metric is there at the next start."""
    file = FileMaster(scratch / "copy.ndjson")
    collect = start(arobust, address, command="collect", wire=wire)
    for number in range(50):
        metric = {"data_type": "GENERIC", "data_content": f"{number}"}
        assert foreign_agent.report(address, wire, "0.6.1", metric) == "stored"
    collect.send(signal.SIGKILL)
    collect.wait()
    agent = arobust.start_ready("agent", "--master", file.url, environment=QUICK)
    wait_until(lambda: len(file.contents("GENERIC")) >= 50, agent.tail)
    assert file.contents("GENERIC") == [f"{number}" for number in range(50)]
    assert agent.stop() == 0


@pytest.mark.skipif(bool(small_disk.why_not()), reason=small_disk.why_not() or "-")
@pytest.mark.parametrize("wire", WIRES)
def test_a_journal_that_cannot_be_written_is_no_success(
    arobust: Arobust, scratch: Path, address: str, wire: str
) -> None:
    disk = SmallDisk(scratch, 16, "state/journal")
    try:
        arobust.prefix = disk.prefix
        arobust.state.chmod(0o700)
        file = FileMaster(scratch / "copy.ndjson")
        agent = start(arobust, address, "--master", file.url, wire=wire)
        metric = {"data_type": LOG, "data_content": "first"}
        assert foreign_agent.report(address, wire, "0.6.1", metric) == "stored"
        wait_until(lambda: file.contents(LOG) == ["first"], agent.tail)
        disk.fill()
        assert "journal" in foreign_agent.report(address, wire, "0.6.1", {**metric, "data_content": "x" * 60000})
        before = len(file.contents(LOG))
        disk.free()
        wait_until(lambda: dlrover_client(scratch, address, ["report", "last"], wire=wire) == [1], agent.tail)
        wait_until(lambda: file.contents(LOG)[-1:] == ["last"], agent.tail)
        assert (before, file.contents(LOG)) == (1, ["first", "last"])
        assert agent.stop() == 0
    finally:
        disk.close()


@pytest.mark.parametrize(
    ("listen", "status", "words"),
    [
        ("dlrover+grpc://0.0.0.0:50051", 64, "a loopback address"),
        ("http://127.0.0.1:50051", 64, "must be dlrover+grpc:// or dlrover+http://"),
        ("nonsense", 64, "must be dlrover+grpc://"),
        ("taken", 1, "Address already in use"),
    ],
)
def test_addresses_that_will_not_do(
    arobust: Arobust, recorder: tuple[Recorder, str], listen: str, status: int, words: str
) -> None:
    """The one that will not do is named, not the others."""
    listen = recorder[1] if listen == "taken" else listen
    collect = arobust.start("collect", "--listen", "dlrover+http://127.0.0.1:0", "--listen", listen)
    assert collect.wait() == status
    assert words in collect.log()
    assert listen in collect.log()
    assert "127.0.0.1:0:" not in collect.log()


def addresses_of(agent: Process) -> list[str]:
    """Where it says that it listens."""
    lines = [line for line in agent.log().splitlines() if "Listening for DLRover clients." in line]
    return [line.split("address=")[1].split()[0] for line in lines]


def test_several_addresses_are_named_wherever_one_looks(arobust: Arobust, scratch: Path) -> None:
    """Three ports that are free, and a socket; a list in the file."""
    socket_path = scratch / "l.sock"
    settings = scratch / "settings.yaml"
    settings.write_text(
        "listen:\n  - dlrover+grpc://127.0.0.1:0\n  - dlrover+http://127.0.0.1:0\n"
        f"  - dlrover+http://[::1]:0\n  - unix:{socket_path}\nhttp: {{listen: 'unix:{scratch}/http.sock'}}\n"
    )
    checked = [AROBUST, "config", "check", "--config", settings]
    assert subprocess.run(checked, env={**os.environ, "AROBUST_STATE_DIR": str(arobust.state)}, timeout=20).returncode == 0
    agent = arobust.start_ready("agent", "--config", settings, "--master", FileMaster(scratch / "copy").url, environment=QUICK)
    agent.wait_for_log("Listening for DLRover clients.", count=4)
    grpc_address, http_address, ipv6_address, unix_address = addresses_of(agent)
    assert grpc_address.startswith("dlrover+grpc://127.0.0.1:") and http_address.startswith("dlrover+http://127.0.0.1:")
    assert ipv6_address.startswith("dlrover+http://[::1]:") and unix_address == f"unix:{socket_path}"
    assert len({address.rpartition(":")[2] for address in addresses_of(agent)}) == 4
    for number, (address, wire) in enumerate([(grpc_address, "grpc"), (http_address, "http"), (ipv6_address, "http")]):
        metric = {"data_type": LOG, "data_content": f"{number}"}
        assert foreign_agent.report(address.partition("//")[2], wire, "0.6.1", metric) == "stored"
    assert foreign_agent.report(unix_address, "grpc", "0.6.1", {"data_type": LOG, "data_content": "3"}) == "stored"
    text = arobust.run("status").output()
    [status] = json.loads(arobust.run("status", "--json").output())
    assert all(address in text for address in addresses_of(agent)) and text.count("listening  ") == 1
    assert status["listening"] == addresses_of(agent)
    answer = http_get(scratch / "http.sock", "/status")
    assert json.loads(answer)[0]["listening"] == addresses_of(agent)
    metrics = http_get(scratch / "http.sock", "/metrics").decode()
    lines = [line for line in metrics.splitlines() if line.startswith("arobust_listener_")]
    for address in addresses_of(agent):
        assert any("address_info{" in line and f'address="{address}"' in line and line.endswith(" 1") for line in lines)
    for wire in WIRES:
        assert any('outcome="published"' in line and f'wire="{wire}"' in line and line.endswith(" 2") for line in lines)
    assert agent.stop() == 0
    assert not socket_path.exists()


def http_get(path: Path, target: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    return body


def test_the_same_port_twice_is_an_error(arobust: Arobust) -> None:
    twice = ("--listen", "dlrover+grpc://127.0.0.1:50051", "--listen", "dlrover+http://localhost:50051")
    collect = arobust.start("collect", *twice)
    assert collect.wait() == 64
    assert "listen names dlrover+http://127.0.0.1:50051 although another of its addresses is there already" in collect.log()
