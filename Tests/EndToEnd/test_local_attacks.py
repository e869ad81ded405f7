"""What another program of the own user can do to a publisher: nothing fells it, and its memory, descriptors and books stay in bounds."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import zmq
from harness.bus import ReplayClient, ReplayError, publish
from harness.falsified import falsified
from harness.file_master import FileMaster
from harness.headers_client import HeadersClient
from harness.process import Arobust, Process, free_port, resident_kib, wait_until
from harness.zmtp import RawPeer, frame

MIB = 1 << 20
LARGE = "k" * (15 * MIB)


def descriptors(process: Process) -> int:
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def limited(count: int) -> list[str]:
    return ["sh", "-c", f'ulimit -n {count}; exec "$@"', "sh"]


def balanced(arobust: Arobust) -> bool:
    return arobust.run("audit", "--strict").child.returncode == 0


# Descriptors


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", ["ingest", "replay", "push", "pub"])
@pytest.mark.parametrize("shake_hands", [False, True], ids=["silent", "greeting"])
def test_idle_connections_leave_descriptors_for_work(
    arobust: Arobust, scratch: Path, name: str, shake_hands: bool
) -> None:
    arobust.prefix = limited(300)
    received, log = FileMaster(scratch / "all.ndjson"), scratch / "train.log"
    log.touch()
    agent = arobust.start_ready("agent", "--master", received.url, "--log-file", log)
    arobust.prefix = []
    idle = []
    for _ in range(400):
        try:
            idle.append(RawPeer(arobust.state, name, shake_hands))
        except (OSError, AssertionError):
            pass
    assert descriptors(agent) < 300 - 64
    log.rename(scratch / "train.log.1")
    log.write_text("after the rotation\n")
    wait_until(lambda: received.contents("TRAINING_LOG") != [], "a line of a new file")
    wait_until(lambda: "Connections to a socket were closed." in agent.log(), "a word on it in the log")
    for peer in idle:
        peer.socket.close()
    wait_until(lambda: publish(arobust.state, {"data_type": "GENERIC", "data_content": "x"})["accepted"] == 1, "room")
    assert agent.stop() == 0


# Bytes


@pytest.mark.parametrize("name", ["ingest", "replay", "push", "pub"])
@pytest.mark.parametrize("part", [MIB, 4000, 1, 0])
def test_a_message_without_an_end_is_not_kept(arobust: Arobust, name: str, part: int) -> None:
    collect = arobust.start_ready("collect")
    before = resident_kib(collect.pid)
    block = frame(b"p" * part, more=True)
    with RawPeer(arobust.state, name) as peer:
        # Empty frames are what libzmq takes longest for.
        sent = peer.pour(block * max(1, 65536 // len(block)), (200 if part > 1 else 60) * MIB)
        assert peer.is_closed()
        assert sent < 40 * MIB
    assert resident_kib(collect.pid, peak=True) - before < 120 << 10
    assert publish(arobust.state, {"data_type": "GENERIC", "data_content": "x"})["accepted"] == 1
    assert collect.stop() == 0


@pytest.mark.timeout(120)
def test_a_stopped_subscriber_costs_no_more_than_its_share(arobust: Arobust, scratch: Path) -> None:
    received = FileMaster(scratch / "all.ndjson")
    agent = arobust.start_ready("agent", "--master", received.url, "--journal-size", "2GiB")
    taps = [arobust.start_ready("tap", "--json") for _ in range(2)]
    for tap in taps:
        tap.pause()
    before = resident_kib(agent.pid)
    for _ in range(20):
        assert publish(arobust.state, {"data_type": "GENERIC", "data_content": LARGE})["accepted"] == 1
    # What all may have unread, one message being read, one being answered, and the reporter's own queue.
    assert resident_kib(agent.pid, peak=True) - before < 450 << 10
    wait_until(lambda: len(received.contents("GENERIC")) == 20, "the other consumer to have all", 60)
    for tap in taps:
        tap.resume()


@pytest.mark.timeout(120)
def test_unread_replays_are_not_kept(arobust: Arobust) -> None:
    collect = arobust.start_ready("collect", "--journal-size", "1GiB")
    for _ in range(6):
        publish(arobust.state, {"data_type": "GENERIC", "data_content": LARGE})
    for _ in range(50):
        publish(arobust.state, *[{"data_type": "SMALL", "data_content": "s" * 3000}] * 200)
    before = resident_kib(collect.pid)
    context = zmq.Context()
    try:
        for number in range(4):
            socket = context.socket(zmq.DEALER)
            socket.linger, socket.rcvhwm, socket.rcvbuf = 0, 1, 4096
            socket.connect(f"ipc://{arobust.state}/replay.sock")
            for request in range(100):
                wanted = {"op": "replay", "data_type": ("GENERIC", "SMALL")[request % 2]}
                socket.send_multipart([b"%d" % request, b"", json.dumps(wanted).encode()])
        # Long enough for gigabytes, at the rate of replays.
        time.sleep(6)
        assert resident_kib(collect.pid, peak=True) - before < 250 << 10
        answer = ReplayClient(arobust.state).replay("SMALL", credit=100_000)
        assert len(answer.envelopes) > 20
    finally:
        context.destroy(0)
    assert collect.stop() == 0


def test_calls_that_are_headers_alone_do_not_fill_the_memory(arobust: Arobust) -> None:
    """Each has 450 fields of one byte (HPACK), and nothing follows: 24 KiB that count in the budget, as twice that."""
    port = free_port()
    collect = arobust.start_ready("collect", "--listen", f"dlrover+grpc://127.0.0.1:{port}")
    collect.wait_for_log("Listening for DLRover clients.")
    before = resident_kib(collect.pid)
    clients = [HeadersClient(port) for _ in range(6)]
    for client in clients:
        client.open_streams(300, fields=450)
    for client in clients:
        client.wait_until_read()
    assert resident_kib(collect.pid, peak=True) - before < 90 << 10
    # What is longer than may be, or more than may be at a time, costs the connection.
    for streams, fields in [(1, 600), (600, 0)]:
        client = HeadersClient(port)
        client.open_streams(streams, fields)
        assert client.is_closed()
    for client in clients:
        client.socket.close()
    assert collect.stop() == 0


def test_subscriptions_do_not_fill_the_memory(arobust: Arobust) -> None:
    collect = arobust.start_ready("collect")
    before = resident_kib(collect.pid)
    chance = random.Random(7)
    for _ in range(30):
        with RawPeer(arobust.state, "pub") as peer:
            peer.pour(b"".join(frame(b"\1" + chance.randbytes(3)) for _ in range(2000)), 10 * MIB)
            assert peer.is_closed()
    assert resident_kib(collect.pid, peak=True) - before < 150 << 10
    assert collect.stop() == 0


def test_long_answers_are_not_asked_for(arobust: Arobust) -> None:
    """A return path is repeated in each answer, and a refusal may repeat the sender's words."""
    collect = arobust.start_ready("collect")
    answer = publish(arobust.state, {"data_type": "x" * (8 * MIB), "data_content": ""}, {"\x1b" * 100_000: 1})
    assert answer["accepted"] == 0
    assert all(len(refusal["reason"]) < 500 for refusal in answer["refused"])
    answer = publish(arobust.state, *[b"{}"] * 20_000)
    assert answer == {"accepted": 0, "refused": [{"index": 0, "reason": answer["refused"][0]["reason"]}]}
    assert "10000 metrics" in answer["refused"][0]["reason"]
    with RawPeer(arobust.state, "ingest") as peer:
        peer.pour(frame(b"p" * 500_000, more=True) + frame(b"", more=True) + frame(b"{}"), 20 * MIB)
    client = ReplayClient(arobust.state)
    client.socket.send_multipart([b"1", b"p" * 5000, b"", b'{"op":"status"}'])
    with pytest.raises(ReplayError, match="short ones of your own"):
        message = client.socket.recv_multipart()
        raise ReplayError(json.loads(message[-1])["error"])
    assert collect.stop() == 0


# Books


def test_no_client_unbalances_the_books(arobust: Arobust, scratch: Path) -> None:
    received = FileMaster(scratch / "all.ndjson")
    for way_to_end in (signal.SIGTERM, signal.SIGKILL, None):
        agent = arobust.start_ready("agent", "--master", received.url)
        arobust.publish("x")
        wait_until(lambda: balanced(arobust), "the books to balance")
        status = json.loads(arobust.run("status", "--json").output())[0]
        for request in falsified(status["epoch"]):
            client = ReplayClient(arobust.state)
            with pytest.raises(ReplayError) as refusal:
                client.receive(client.ask_raw(request))
            assert 10 < len(str(refusal.value)) < 400, request[:200]
            assert not any(word in str(refusal.value) for word in ("Decod", "Swift.", "\x1b", "\n")), refusal.value
            client.close()
        assert balanced(arobust)
        assert [one["account"]["consumer"] for one in json.loads(arobust.run("status", "--json").output())[0]["consumers"]] == [
            received.url
        ]
        if way_to_end:
            agent.send(way_to_end)
            agent.wait()
            assert balanced(arobust), "nobody runs"
    assert (arobust.state / "ledger.json").stat().st_size < 10_000
    assert agent.stop() == 0


def consumers(arobust: Arobust) -> list[str]:
    status = json.loads(arobust.run("status", "--json").output())[0]
    return [one["account"]["consumer"] for one in status["consumers"]]


def test_after_a_lost_ledger_the_master_is_believed_and_nobody_is_harmed(arobust: Arobust, scratch: Path) -> None:
    received = FileMaster(scratch / "all.ndjson")
    epochs = []
    for number in range(3):
        agent = arobust.start_ready("agent", "--master", received.url)
        arobust.publish(f"{number}")
        wait_until(lambda: len(received.contents("GENERIC")) == number + 1, "the metric")
        wait_until(lambda: balanced(arobust), "the books to balance")
        status = json.loads(arobust.run("status", "--json").output())[0]
        epochs.append(status["epoch"])
        # An origin in a run that is not recorded: what is said of it is in no sum but that account's own.
        client = ReplayClient(arobust.state)
        unrecorded = epochs[0] if number else epochs[0] - 9
        lane = {"data_type": "GENERIC", "origin": [unrecorded, 0], "through": [status["epoch"], 1]}
        for counts in ({"delivered": 999}, {"delivered": 2**64 - 1, "lost": {"evicted": 2**64 - 1}}, {"delivered": 0}):
            try:
                client.receive(client.ask("commit", consumer="stranger", lanes=[{**lane, **counts}]))
            except ReplayError:
                pass
            assert balanced(arobust), counts
            assert json.loads(arobust.run("status", "--json").output())[0]["lanes"] == status["lanes"]
        client.close()
        assert "could not do what it was asked" not in agent.log()
        assert arobust.run("status", "--check").child.returncode == 0
        assert agent.stop() == 0
        assert balanced(arobust), "nobody runs"
        (arobust.state / "ledger.json").unlink()


@pytest.mark.timeout(120)
def test_large_accounts_crowd_out_nobody_and_stay_small(arobust: Arobust, scratch: Path) -> None:
    received = FileMaster(scratch / "all.ndjson")
    agent = arobust.start_ready("agent", "--master", received.url)
    arobust.publish("x")
    wait_until(lambda: balanced(arobust), "the books to balance")
    before = resident_kib(agent.pid)
    client, refused = ReplayClient(arobust.state), 0
    for number in range(300):
        state = {f"{key}": "\1" * 1340 for key in range(28)}
        try:
            client.receive(client.ask("commit", consumer=f"c{number}", lanes=[], state=state))
        except ReplayError as error:
            assert "4 MiB together" in str(error)
            refused += 1
    client.close()
    assert refused > 250
    assert resident_kib(agent.pid, peak=True) - before < 120 << 10
    arobust.publish("y")
    wait_until(lambda: len(received.contents("GENERIC")) == 2, "the metric")
    wait_until(lambda: balanced(arobust), "the books to balance")
    assert received.url in consumers(arobust)
    assert arobust.run("status", "--check").child.returncode == 0
    assert agent.stop() == 0
    assert (arobust.state / "ledger.json").stat().st_size < 6 * MIB


def test_a_master_finds_a_place_among_strangers(arobust: Arobust, scratch: Path) -> None:
    settings = {"AROBUST_PUBLISHER_CONSUMERS": "3"}
    collect = arobust.start_ready("collect", environment=settings)
    client = ReplayClient(arobust.state)
    for number in range(3):
        client.commit(f"stranger {number}")
    received = FileMaster(scratch / "all.ndjson")
    bridge = arobust.start_ready("bridge", "--master", received.url)
    bridge.wait_for_log("as many as publisher.consumers allows")
    sentence = f"the publisher does not take the account of {received.url}: there are 3 named consumers already"
    for command in ("--check", "--json"):
        refused = arobust.run("status", command)
        assert refused.child.returncode == 1
        assert sentence in refused.log() + refused.output()
    audit = arobust.run("audit")
    assert audit.child.returncode == 1
    assert sentence in audit.output() and audit.output().rstrip().endswith("NOT COMPLETE")
    client.forget("stranger 1")
    wait_until(lambda: arobust.run("status", "--check").child.returncode == 0, "the bridge to have a place")
    assert balanced(arobust)
    assert bridge.stop() == 0
    client.commit("stranger 0")
    client.forget(received.url)
    client.commit("stranger 1")
    client.close()
    assert collect.stop() == 0
    # An agent's own masters need not ask.
    agent = arobust.start_ready("agent", "--master", received.url, environment=settings)
    wait_until(lambda: received.url in consumers(arobust), "the master")
    assert consumers(arobust) == [received.url, "stranger 0", "stranger 1"]
    assert arobust.run("status", "--check").child.returncode == 0
    assert agent.stop() == 0


def test_names_are_compared_as_bytes(arobust: Arobust) -> None:
    collect = arobust.start_ready("collect")
    alike = ["caf\u00e9", "cafe\u0301"]
    client = ReplayClient(arobust.state)
    for name in alike:
        client.commit(name)
    assert sorted(consumers(arobust)) == sorted(alike)
    client.close()
    assert collect.stop() == 0
    collect = arobust.start_ready("collect")
    assert sorted(consumers(arobust)) == sorted(alike)
    ReplayClient(arobust.state).forget(alike[0])
    assert consumers(arobust) == alike[1:]
    assert collect.stop() == 0


def test_a_master_too_many_is_told_before_the_start(arobust: Arobust, scratch: Path) -> None:
    masters = [part for number in range(3) for part in ("--master", f"file://{scratch}/{number}.ndjson")]
    settings = {"AROBUST_PUBLISHER_CONSUMERS": "2"}
    refused = arobust.run("agent", *masters, environment=settings)
    assert refused.child.returncode == 64
    assert "there are 3 masters, and 2 named consumers may have a cursor" in refused.log()
    collect = arobust.start_ready("collect", environment=settings)
    bridge = arobust.start_ready("bridge", *masters)
    bridge.wait_for_log("as many as publisher.consumers allows")
    assert bridge.stop() == collect.stop() == 0


# Files


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make files of another user")
@pytest.mark.parametrize("plant", ["file", "link", "parent"])
def test_a_file_master_writes_to_no_file_of_others(arobust: Arobust, scratch: Path, plant: str) -> None:
    folder = scratch / "open"
    folder.mkdir()
    folder.chmod(0o777 if plant == "parent" else 0o1777)
    target, theirs = folder / "out.ndjson", folder / "theirs"
    if plant == "file":
        target.touch()
        os.chown(target, 12345, 12345)
    elif plant == "link":
        theirs.touch()
        target.symlink_to(theirs)
        os.chown(target, 12345, 12345, follow_symlinks=False)
    agent = arobust.start_ready("agent", "--master", f"file://{target}")
    arobust.publish("secret")
    agent.wait_for_log("could")
    words = "has mode 0777" if plant == "parent" else "belongs to user 12345"
    assert words in agent.log()
    assert all(path.stat().st_size == 0 for path in folder.iterdir())
    assert agent.stop() == 0


def test_a_state_directory_that_is_moved_ends_the_agent(arobust: Arobust, scratch: Path) -> None:
    agent = arobust.start_ready("agent", "--master", FileMaster(scratch / "all.ndjson").url)
    wait_until(lambda: (arobust.state / "ingest.sock").exists() and (arobust.state / "replay.sock").exists(), "all sockets")
    arobust.state.rename(scratch / "elsewhere")
    assert agent.wait() != 0
    assert "was moved or removed" in agent.log()
    assert not arobust.state.exists()


# Other users


as_stranger = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
STRANGER = 12345


def by_stranger(*command: str | Path) -> None:
    subprocess.run(command, user=STRANGER, group=STRANGER, extra_groups=[], check=True, cwd="/")


def shared(scratch: Path) -> Path:
    """A folder as `/tmp` is."""
    scratch.chmod(0o755)
    folder = scratch / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


@as_stranger
def test_a_folder_that_another_user_makes_meanwhile_is_not_used(arobust: Arobust, scratch: Path) -> None:
    above = shared(scratch) / "x"
    racing = "while :; do mkdir -m 777 $0 2>/dev/null; rmdir $0 2>/dev/null; done"
    racer = subprocess.Popen(["sh", "-c", racing, above], user=STRANGER, group=STRANGER, extra_groups=[], cwd="/")
    arobust.state = above / "state"
    try:
        for _ in range(12):
            collect = arobust.start("collect")
            wait_until(lambda: collect.child.poll() is not None or "Publishing." in collect.log(), "a start or an error")
            if collect.child.poll() is None:
                assert above.stat().st_uid == 0, "it publishes in the other user's folder"
            else:
                assert "Error: " in collect.log()
            collect.kill()
            shutil.rmtree(above, ignore_errors=True)
    finally:
        racer.kill()
        racer.wait()


@as_stranger
def test_a_strangers_state_directory_is_not_used(arobust: Arobust, scratch: Path) -> None:
    theirs, received = shared(scratch) / "state", FileMaster(scratch / "all.ndjson")
    by_stranger("mkdir", "-m", "700", theirs)
    arobust.state = theirs
    elsewhere = {"AROBUST_CONSUMERS_DIR": str(scratch / "consumers")}
    bridge = arobust.start("bridge", "--master", received.url, environment=elsewhere)
    bridge.wait_for_log("A publisher is not read.")
    for command, *arguments in (["status"], ["status", "--check"], ["audit"], ["forget", "x"], ["tap", "--no-wait"]):
        process = arobust.run(command, *arguments)
        assert process.child.returncode not in (0, None), command
        assert f"{theirs} belongs to user {STRANGER}" in process.log(), command
    refused = arobust.run("publish", text='{"data_type": "GENERIC", "data_content": "secret"}')
    assert refused.child.returncode not in (0, None) and "is not used" in refused.log()
    assert list(theirs.iterdir()) == []
    by_stranger("rmdir", theirs)
    agent = arobust.start_ready("collect")
    arobust.publish("ours")
    wait_until(lambda: received.contents("GENERIC") == ["ours"], "what the real publisher has")
    assert bridge.stop() == agent.stop() == 0


@as_stranger
def test_consumers_have_no_files_where_others_make_some(arobust: Arobust, scratch: Path) -> None:
    folder = shared(scratch)
    by_stranger("touch", folder / "x.dead.ndjson")
    elsewhere = {"AROBUST_CONSUMERS_DIR": str(folder)}
    agent = arobust.run("agent", "--master", FileMaster(scratch / "all.ndjson").url, environment=elsewhere)
    assert agent.child.returncode == 1
    assert f"{folder} has mode 01777" in agent.log()
    assert len(list(folder.iterdir())) == 1


@as_stranger
def test_a_link_of_another_user_is_no_log(arobust: Arobust, scratch: Path) -> None:
    folder, received = shared(scratch), FileMaster(scratch / "all.ndjson")
    secret = scratch / "secret"
    secret.write_text("root's\n")
    secret.chmod(0o600)
    by_stranger("ln", "-s", secret, folder / "train.log")
    by_stranger("sh", "-c", f"echo theirs > {folder}/their-own; ln -s their-own {folder}/latest.log")
    (folder / "root.log").symlink_to(secret.with_name("roots-own"))
    secret.with_name("roots-own").write_text("linked by root\n")
    logs = ["--log-file", folder / "*.log", "--log-file", folder / "train.log"]
    agent = arobust.start_ready("agent", "--master", received.url, *logs)
    wait_until(lambda: len(received.contents("TRAINING_LOG")) >= 2, "the others")
    agent.wait_for_log(f"user {STRANGER} has made the link train.log")
    assert agent.stop() == 0
    assert sorted(received.contents("TRAINING_LOG")) == ["linked by root", "theirs"]


@as_stranger
def test_an_endless_hole_holds_up_no_other_log(arobust: Arobust, scratch: Path) -> None:
    folder, received = shared(scratch), FileMaster(scratch / "all.ndjson")
    by_stranger("truncate", "-s", "4T", folder / "a.log")
    (folder / "train.log").write_text("step 1\n")
    agent = arobust.start_ready("agent", "--master", received.url, "--log-file", folder / "*.log")
    wait_until(lambda: received.contents("TRAINING_LOG") == ["step 1"], "a line of the other log")
    assert agent.stop() == 0


@as_stranger
def test_whoever_may_read_a_file_does_not_keep_it_from_being_written(arobust: Arobust, scratch: Path) -> None:
    scratch.chmod(0o755)
    received = FileMaster(scratch / "all.ndjson")
    received.path.touch()
    received.path.chmod(0o644)
    reader = subprocess.Popen(
        ["flock", "--nonblock", "--no-fork", received.path, "sh", "-c", "echo held; exec sleep 600"],
        user=STRANGER, group=STRANGER, extra_groups=[], cwd="/", stdout=subprocess.PIPE,
    )
    try:
        assert reader.stdout and reader.stdout.readline() == b"held\n"
        agent = arobust.start_ready("agent", "--master", received.url)
        arobust.publish("x")
        wait_until(lambda: received.contents("GENERIC") == ["x"], "the metric")
        assert agent.stop() == 0
    finally:
        reader.kill()
        reader.wait()


@pytest.mark.parametrize("what", ["journal", "consumers", "consumers/*.db", "consumers/*.lock"])
def test_a_journal_or_ledger_that_is_moved_ends_the_agent(arobust: Arobust, scratch: Path, what: str) -> None:
    agent = arobust.start_ready("agent", "--master", FileMaster(scratch / "all.ndjson").url)
    wait_until(lambda: (arobust.state / "ingest.sock").exists() and (arobust.state / "replay.sock").exists(), "all sockets")
    for path in arobust.state.glob(what):
        path.rename(scratch / "elsewhere")
    assert agent.wait() != 0
    assert "was moved or removed while" in agent.log()
