"""Streams of NATS JetStream as masters, with Debian's nats-server: exactly once and in order, whatever breaks."""

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import bus
from harness.inspection import audit, rows, status
from harness.nats_servers import Servers, Stored, assert_once_and_in_order
from harness.process import SEED, Arobust, wait_until

Start = Callable[..., Servers]


@pytest.fixture
def start(scratch: Path) -> Iterator[Start]:
    made: list[Servers] = []

    def servers(count: int = 1, lines: str = "") -> Servers:
        made.append(Servers(scratch, count, lines))
        return made[-1].start_ready()

    yield servers
    for each in made:
        each.kill()


def numbers(messages: list[Stored]) -> list[int]:
    """The numbers of all lines that are `line N`."""
    found = []
    for message in messages:
        if message.headers["Arobust-Data-Type"] == "TRAINING_LOG":
            found += [int(line.split()[1]) for line in json.loads(message.body)["data_content"].split("\n") if line.startswith("line ")]
    return found


def wait_for_line(servers: Servers, last: int, seconds: float = 60) -> list[Stored]:
    def stored() -> list[Stored]:
        try:
            messages = servers.stored()
        except Exception:  # nobody answers just now
            return []
        return messages if last in numbers(messages) else []

    return wait_until(stored, f"line {last} in the stream", seconds, every=0.5)


def write_lines(log: Path, first: int, last: int) -> None:
    with log.open("a") as lines:
        lines.writelines(f"line {number}\n" for number in range(first, last + 1))


def test_each_envelope_is_a_message(arobust: Arobust, scratch: Path, start: Start) -> None:
    servers = start()
    log = scratch / "train.log"
    write_lines(log, 1, 3)
    arobust.start_ready("agent", "--log-file", log, "--node-rank", "3", "--job-uid", "job a.1", "--master", servers.url())
    bus.publish(arobust.state, {"data_type": "MY.TYPE", "data_content": "x"})
    wait_for_line(servers, 3)
    messages = wait_until(lambda: (all_of := servers.stored()) and len({m.subject for m in all_of}) == 2 and all_of, "both lanes")
    assert {message.subject for message in messages} == {"arobust.job%20a%2E1.TRAINING_LOG.worker.3", "arobust.job%20a%2E1.MY%2ETYPE.worker.3"}
    message = next(message for message in messages if "TRAINING" in message.subject)
    assert json.loads(message.body)["node_rank"] == 3
    assert json.loads(message.headers["Arobust-Origin"])["path"] == str(log)
    assert message.headers["Nats-Msg-Id"] == "/".join(message.headers[f"Arobust-{key}"] for key in ("Publisher", "Data-Type", "Epoch", "Sequence"))
    assert abs(int(message.headers["Arobust-Publish-Time"]) / 1e9 - time.time()) < 60
    row = rows(audit(arobust.state))[servers.url(), "TRAINING_LOG"]
    wait_until(lambda: rows(audit(arobust.state))[servers.url(), "TRAINING_LOG"].pending == 0, "the ledger")
    assert row.lost == {} and row.difference == 0


def test_a_stream_is_made_as_the_settings_say(arobust: Arobust, scratch: Path, start: Start) -> None:
    servers = start()
    log = scratch / "train.log"
    write_lines(log, 1, 1)
    flags = {
        "AROBUST_DELIVERY_STREAM_MAX_AGE": "48h", "AROBUST_DELIVERY_STREAM_MAX_SIZE": "64MiB", "AROBUST_DELIVERY_STREAM_DUPLICATE_WINDOW": "30s",
    }  # fmt: skip
    arobust.start_ready("agent", "--log-file", log, "--master", servers.url("jobs"), environment=flags)
    wait_until(lambda: servers.stored("jobs"), "a message")
    configuration = servers.ask(lambda stream: stream.stream_info("jobs")).config
    assert (configuration.subjects, configuration.max_age, configuration.max_bytes, configuration.duplicate_window) == (["jobs.>"], 172800, 64 << 20, 30)


def test_a_stream_that_is_missing_is_waited_for(arobust: Arobust, scratch: Path, start: Start) -> None:
    servers = start()
    log = scratch / "train.log"
    write_lines(log, 1, 2)
    environment = {"AROBUST_DELIVERY_STREAM_CREATE": "false", "AROBUST_DELIVERY_BACKOFF_MAX": "1s"}
    agent = arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=environment)
    agent.wait_for_log("have no stream arobust, and none is to be made")
    servers.ask(lambda stream: stream.add_stream(name="arobust", subjects=["arobust.>"]))
    assert numbers(wait_for_line(servers, 2)) == [1, 2]


def test_what_is_too_large_is_split_at_line_ends(arobust: Arobust, scratch: Path, start: Start) -> None:
    servers = start(lines="max_payload: 8192")
    log = scratch / "train.log"
    log.write_text("".join(f"line {number} {'x' * 1000}\n" for number in range(100)) + "y" * 20_000 + "\nline 100\n")
    arobust.start_ready("agent", "--log-file", log, "--master", servers.url())
    bus.publish(arobust.state, {"data_type": "GENERIC", "data_content": "z" * 9000})
    messages = wait_for_line(servers, 100)
    assert numbers(messages) == list(range(101))
    assert_once_and_in_order(messages)
    assert max(len(message.body) for message in messages) <= 8192
    assert any("more bytes are cut" in message.body.decode() for message in messages)
    book = wait_until(
        lambda: (found := rows(audit(arobust.state))) and all(row.pending == 0 for row in found.values()) and found, "the ledger"
    )
    assert book[servers.url(), "GENERIC"].skipped == {"refused": 1}


def test_after_the_servers_have_forgotten_the_ids_nothing_is_there_twice(arobust: Arobust, scratch: Path, start: Start) -> None:
    """The bridge is killed before it has noted what the stream has, and comes back when the stream knows no ids any more."""
    servers = start()
    log = scratch / "train.log"
    arobust.start_ready("collect", "--log-file", log)
    environment = {"AROBUST_DELIVERY_STREAM_DUPLICATE_WINDOW": "100ms", "AROBUST_LOGS_CHUNK_SIZE": "1KiB"}
    for turn in range(5):
        bridge = arobust.start_ready("bridge", "--master", servers.url(), environment=environment)
        write_lines(log, 1000 * turn, 1000 * turn + 999)
        time.sleep(random.Random(f"{SEED}{turn}").random())
        bridge.kill()
        time.sleep(0.3)
    arobust.start_ready("bridge", "--master", servers.url(), environment=environment)
    messages = wait_for_line(servers, 4999)
    assert_once_and_in_order(messages)
    assert numbers(messages) == list(range(5000))


def test_a_cluster_loses_nothing_and_has_nothing_twice(arobust: Arobust, scratch: Path, start: Start) -> None:
    """Three servers, three copies: the leader is killed again and again under load, a follower, all of them, and the bridge."""
    chance = random.Random(SEED)
    servers = start(3)
    log = scratch / "train.log"
    environment = {"AROBUST_DELIVERY_STREAM_REPLICAS": "3", "AROBUST_LOGS_CHUNK_SIZE": "1KiB", "AROBUST_DELIVERY_BACKOFF_MAX": "1s"}
    arobust.start_ready("collect", "--log-file", log, environment={"AROBUST_LOGS_CHUNK_SIZE": "1KiB"})
    bridge = arobust.start_ready("bridge", "--master", servers.url(), environment=environment)
    write_lines(log, 0, 99)
    wait_for_line(servers, 99)
    written = 100
    for turn in ("leader", "follower", "bridge", "all", "leader"):
        write_lines(log, written, written + 1999)
        written += 2000
        time.sleep(chance.random() / 2)
        if turn == "bridge":
            bridge.kill()
            bridge = arobust.start_ready("bridge", "--master", servers.url(), environment=environment)
            continue
        leader = servers.leader()
        victims = {"leader": [leader], "all": servers.all, "follower": [server for server in servers.all if server is not leader][:1]}[turn]
        for server in victims:
            server.kill()
        write_lines(log, written, written + 999)
        written += 1000
        time.sleep(1)
        for server in victims:
            server.start()
        for server in victims:
            server.wait_ready()
        servers.wait_leader()
    messages = wait_for_line(servers, written - 1, 90)
    assert_once_and_in_order(messages)
    assert numbers(messages) == list(range(written))
    wait_until(lambda: all(row.pending == 0 for row in rows(audit(arobust.state)).values()), "the ledger")


def test_who_may_not_in_is_told_why(arobust: Arobust, scratch: Path, start: Start) -> None:
    servers = start(lines='authorization { user: "agent", password: "secret word" }')
    log, secret = scratch / "train.log", scratch / "password"
    write_lines(log, 1, 2)
    agent = arobust.start_ready("agent", "--log-file", log, "--master", servers.url())
    agent.wait_for_log("Authorization Violation")
    assert agent.stop() == 0
    secret.write_text("secret word\n")
    secret.chmod(0o600)
    environment = {"AROBUST_DELIVERY_NATS_USER": "agent", "AROBUST_DELIVERY_NATS_PASSWORD_FILE": str(secret)}
    agent = arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=environment)
    wait_until(lambda: status(arobust.state)["consumers"] and pending(arobust) == 0, "the ledger")
    assert "secret word" not in agent.log()


def pending(arobust: Arobust) -> int:
    return sum(row.pending for row in rows(audit(arobust.state)).values())


def test_servers_that_hang_are_given_up_and_come_back(arobust: Arobust, scratch: Path, start: Start) -> None:
    servers = start()
    log = scratch / "train.log"
    write_lines(log, 1, 10)
    environment = {"AROBUST_DELIVERY_DEADLINE": "1s", "AROBUST_DELIVERY_BACKOFF_MAX": "1s"}
    agent = arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=environment)
    wait_for_line(servers, 10)
    os.kill(servers.all[0].process.pid, signal.SIGSTOP)
    write_lines(log, 11, 20)
    agent.wait_for_log("did not answer", 30)
    os.kill(servers.all[0].process.pid, signal.SIGCONT)
    messages = wait_for_line(servers, 20)
    assert numbers(messages) == list(range(1, 21))
    assert_once_and_in_order(messages)
