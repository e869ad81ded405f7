"""The bus over the network: who has a key that is authorized gets everything, anybody else nothing, and nobody harms the others."""

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.auth
from harness.curve import Asker, Keys, Network, Reader, cable, secured
from harness.file_master import FileMaster
from harness.process import Arobust, Process, resident_kib, wait_until

MIB = 1 << 20
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def network(arobust: Arobust) -> Network:
    return Network(arobust)


@pytest.fixture
def friend(network: Network) -> Keys:
    keys = network.make("friend")
    network.authorize((keys, "friend"))
    return keys


@pytest.fixture
def readers() -> Iterator[list[Any]]:
    made: list[Any] = []
    yield made
    for one in made:
        one.close()


def cpu_seconds(process: Process) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def wait_for_count(network: Network, key: str, least: int) -> None:
    wait_until(lambda: network.status()[key] >= least, f"{key} of at least {least}", every=0.2)


# Keys and settings


def test_the_key_files_are_those_of_pyzmq(arobust: Arobust, scratch: Path) -> None:
    made = arobust.run_plain("keys", "new", scratch / "one")
    line = made.output().strip()
    public, secret = zmq.auth.load_certificate(scratch / "one.key_secret")
    assert secret is not None and zmq.curve_public(secret) == public
    assert zmq.auth.load_certificate(scratch / "one.key") == (public, None)
    assert line == f"{public.decode()} one"
    assert (scratch / "one.key_secret").stat().st_mode & 0o777 == 0o600
    before = (scratch / "one.key_secret").read_bytes()
    assert arobust.run_plain("keys", "new", scratch / "one").child.returncode == 1
    assert (scratch / "one.key_secret").read_bytes() == before
    theirs, _ = zmq.auth.create_certificates(scratch, "theirs")
    shown = arobust.run_plain("keys", "public", theirs)
    assert shown.output().strip().encode() == zmq.auth.load_certificate(theirs)[0]


@pytest.mark.parametrize(
    ("left_out", "sentence"),
    [
        ("AROBUST_PUBLISHER_KEY_FILE", "over the network the bus has clients with CURVE keys only"),
        ("AROBUST_PUBLISHER_AUTHORIZED_KEYS", "over the network the bus has clients with CURVE keys only"),
        ("AROBUST_PUBLISHER_LISTEN", "is for publisher.listen, which is not set"),
    ],
)
def test_without_keys_it_does_not_start(arobust: Arobust, network: Network, left_out: str, sentence: str) -> None:
    settings = {name: value for name, value in network.settings.items() if name != left_out}
    ended = arobust.run("collect", environment=settings)
    assert ended.child.returncode == 64 and sentence in ended.log(), ended.tail()


def test_what_is_wrong_with_the_files_is_said(arobust: Arobust, network: Network) -> None:
    network.server.file.chmod(0o644)
    assert "others may read the secret key" in arobust.run("collect", environment=network.settings).log()
    network.server.file.chmod(0o600)
    network.authorized.write_text(f"{network.server.public.decode()} good\nnonsense here\n")
    log = arobust.run("collect", environment=network.settings).log()
    assert "line 2: it must begin with a public key" in log
    network.authorized.unlink()
    assert "there is no file of authorized keys" in arobust.run("collect", environment=network.settings).log()


# Who comes in


def test_an_authorized_client_gets_everything(arobust: Arobust, network: Network, friend: Keys, readers: list[Any]) -> None:
    network.start()
    arobust.publish("before")
    reader = Reader(network, friend)
    asker = Asker(network, friend)
    readers += [reader, asker]
    reader.wait_connected()
    arobust.publish("one", "two", "ä" * 100_000)
    assert reader.first(3) == ["one", "two", "ä" * 100_000]
    topic, status = asker.ask(op="status")
    assert topic == b"$status/" and status["network"]["connections"] == 2
    asker.socket.send_multipart([b"", b'{"op":"replay","data_type":"GENERIC"}'])
    replayed = []
    while topic != b"$end/":
        _, topic, _, body = asker.socket.recv_multipart()
        if not topic.startswith(b"$"):
            replayed.append(json.loads(body)["data_content"])
    assert replayed == ["before", "one", "two", "ä" * 100_000]
    last = json.loads(body)["through"]
    lanes = [{"data_type": "GENERIC", "through": last}]
    assert asker.ask(op="commit", consumer="far", lanes=lanes)[0] == b"$done/"
    assert asker.ask(op="status")[1]["consumers"][0]["account"]["consumer"] == "far"


def test_the_documents_example_runs(arobust: Arobust, network: Network, friend: Keys, scratch: Path) -> None:
    """The code of docs/wire-format.md, with this publisher's address and keys in the place of the page's."""
    network.start()
    arobust.publish("from the page")
    page = (ROOT / "docs/wire-format.md").read_text()
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.S) if "curve_serverkey" in block]
    for old, new in [
        ("tcp://node-7:5561", f"tcp://127.0.0.1:{network.port + 1}"),
        ("/etc/arobust/reader.key_secret", str(friend.file)),
        ("/etc/arobust/node-7.key", str(network.server.file.with_suffix(".key"))),
    ]:
        assert old in code
        code = code.replace(old, new)
    (scratch / "page.py").write_text(code)
    python = Process("page", [ROOT / ".venv/bin/python", scratch / "page.py"], scratch)
    try:
        assert python.wait() == 0, python.tail()
        assert python.output() == "from the page\n"
    finally:
        python.kill()


@pytest.mark.parametrize("who", ["stranger", "no-curve", "wrong-publisher-key"])
def test_an_unknown_client_sees_nothing(
    arobust: Arobust, network: Network, friend: Keys, readers: list[Any], who: str
) -> None:
    collect = network.start()
    keys = {"stranger": network.make("stranger"), "no-curve": None, "wrong-publisher-key": friend}[who]
    server = network.make("other").public if who == "wrong-publisher-key" else None
    strange = Reader(network, keys, server)
    asker = Asker(network, keys, server)
    good = Reader(network, friend)
    readers += [strange, asker, good]
    asker.socket.send_multipart([b"", b'{"op":"status"}'])
    good.wait_connected()
    arobust.publish("secret")
    assert good.first(1) == ["secret"]
    wait_for_count(network, "unproved" if who != "no-curve" else "closed", 2)
    if who == "stranger":
        assert network.status()["refused"] >= 2
        collect.wait_for_log("A client of the network was refused")
        assert keys is not None and keys.public[:8].decode() in collect.log() and "127.0.0.1" in collect.log()
    assert not strange.socket.poll(0) and not asker.socket.poll(500)
    assert collect.child.poll() is None


def test_a_revoked_key_gets_nothing_more_and_others_miss_nothing(
    arobust: Arobust, network: Network, friend: Keys, readers: list[Any]
) -> None:
    """On the connection that it has, too."""
    other = network.make("other")
    network.authorize((friend, "friend"), (other, "other"))
    collect = network.start()
    revoked, asker, good = Reader(network, other), Asker(network, other), Reader(network, friend)
    readers += [revoked, asker, good]
    for reader in (revoked, good):
        reader.wait_connected()
    assert asker.ask(op="status")[0] == b"$status/"
    arobust.publish("both")
    assert revoked.first(1) == good.first(1) == ["both"]
    network.authorize((friend, "friend"))
    collect.wait_for_log("The authorized keys of the bus have changed")
    wait_for_count(network, "refused", 1)
    good.wait_connected()
    arobust.publish("one alone")
    assert good.first(1) == ["one alone"]
    with pytest.raises(TimeoutError):
        asker.ask(seconds=1, op="status")
    while revoked.socket.poll(200):
        assert b"one alone" not in revoked.socket.recv_multipart()[-1]
    network.authorize((friend, "friend"), (other, "other"))
    revoked.reconnect()
    revoked.wait_connected()
    arobust.publish("both again")
    assert good.first(1) == revoked.first(1) == ["both again"]


def test_a_client_of_the_network_gives_no_orders(
    arobust: Arobust, network: Network, friend: Keys, scratch: Path, readers: list[Any]
) -> None:
    master = FileMaster(scratch / "out.ndjson")
    network.start("agent", "--master", master.url)
    asker = Asker(network, friend)
    readers.append(asker)
    for op in ("forget", "dump", "reload"):
        topic, answer = asker.ask(op=op, consumer="x")
        assert topic == b"$error/" and "only for those on the publisher's own machine" in answer["error"]
    topic, answer = asker.ask(op="commit", consumer=master.url, lanes=[])
    assert topic == b"$error/" and "take another name" in answer["error"]


# arobust's own clients


def test_tap_and_status_say_why_they_are_not_let_in(arobust: Arobust, network: Network, friend: Keys) -> None:
    network.start()
    arobust.publish("seen from afar")
    tap = arobust.run_plain("tap", *network.flags(friend), "--from", "oldest", "--count", "1", "--json")
    assert "seen from afar" in tap.output(), tap.tail()
    status = arobust.run_plain("status", *network.flags(friend))
    assert status.child.returncode == 0 and f"tcp://127.0.0.1:{network.port}" in status.output(), status.tail()
    stranger = network.make("stranger")
    for command in (["tap", "--wait", "3s"], ["status"]):
        refused = arobust.run_plain(command[0], *network.flags(stranger), *command[1:])
        assert refused.child.returncode != 0
        assert f"the publisher does not know this key: put {stranger.public.decode()}" in refused.log(), refused.tail()
    wrong = [flag.replace(network.server.public.decode(), stranger.public.decode()) for flag in network.flags(friend)]
    refused = arobust.run_plain("status", *wrong)
    assert "the publisher ended the handshake" in refused.log(), refused.tail()
    without = arobust.run_plain("tap", "--connect", "tcp://192.0.2.1:5560")
    assert without.child.returncode == 64 and "over the network the bus needs keys" in without.log()


def test_a_bridge_killed_and_cut_off_misses_nothing(
    arobust: Arobust, network: Network, friend: Keys, scratch: Path
) -> None:
    """It has nothing of the publisher's but its key; its ledger is its own."""
    master = FileMaster(scratch / "out.ndjson")
    network.start()
    expected = []
    with cable(network) as way:
        environment = {"AROBUST_CONSUMERS_DIR": str(scratch / "far")}
        flags = [*network.flags(friend, way.port), "--master", master.url]
        bridge = None
        for step in range(6):
            bridge = bridge or arobust.start_plain("bridge", *flags, environment=environment)
            lines = [f"{step}-{number}" for number in range(40)]
            arobust.publish(*lines[:20])
            expected += lines
            if step % 2:
                bridge.kill()
                bridge = None
            else:
                way.cut()
            arobust.publish(*lines[20:])
        bridge = bridge or arobust.start_plain("bridge", *flags, environment=environment)
        wait_until(lambda: len(set(master.contents("GENERIC"))) >= len(expected), lambda: bridge.tail(), 40)
        got = master.contents("GENERIC")
        assert list(dict.fromkeys(got)) == expected
        assert way.cuts >= 3
        wait_until(lambda: pending(arobust, master.url) == 0, "the cursor at the publisher")
        assert bridge.stop() == 0
    # At most what was under way at each kill came twice.
    assert len(got) - len(expected) <= 3 * 40


def pending(arobust: Arobust, consumer: str) -> int | None:
    (status,) = json.loads(arobust.run("status", "--json").output())
    lanes = [lane for each in status["consumers"] if each["account"]["consumer"] == consumer for lane in each["lanes"]]
    return sum(lane["pending"] for lane in lanes) if lanes else None


def test_a_console_reads_over_the_network(arobust: Arobust, network: Network, friend: Keys, scratch: Path) -> None:
    network.start()
    arobust.publish("for the page")
    environment = {"AROBUST_CONSUMERS_DIR": str(scratch / "far")}
    flags = ["--store", scratch / "store", "--web", "127.0.0.1:0", *network.flags(friend)]
    console = arobust.start_plain("console", *flags, environment=environment)
    wait_until(lambda: pending(arobust, f"console:{scratch}/store") == 0, lambda: console.tail())


# Who wants to do harm


def test_half_open_connections_and_failed_handshakes_keep_nobody_out(
    arobust: Arobust, network: Network, friend: Keys, readers: list[Any]
) -> None:
    collect = network.start()
    before = resident_kib(collect.pid)
    held = []
    for number in range(300):
        try:
            peer = socket.create_connection(("127.0.0.1", network.port + number % 2), timeout=5)
        except OSError:
            continue  # too many from here
        if number % 3:
            peer.sendall((b"\xff" + bytes(8) + b"\x7f\3\1CURVE" + bytes(47))[: 64 if number % 3 == 1 else 30])
        held.append(peer)
    stranger = network.make("stranger")
    for number in range(1000):
        knock = secured(zmq.DEALER, stranger, network.server.public)
        knock.connect(f"tcp://127.0.0.1:{network.port + 1}")
        knock.send_multipart([b"", b'{"op":"status"}'])
        readers.append(knock)
        if number % 50 == 49:
            time.sleep(0.3)
            for one in readers:
                one.close()
            readers.clear()
    spent = cpu_seconds(collect)
    reader = Reader(network, friend)
    readers.append(reader)
    reader.wait_connected()
    arobust.publish("still here")
    assert reader.first(1) == ["still here"]
    status = network.status()
    assert status["refused"] > 0 and status["unproved"] + status["closed"] >= 300, status
    assert resident_kib(collect.pid) - before < 64 * 1024
    assert spent < 20, "a thousand strangers cost more than this test's own clients"
    # Each that says nothing more is gone after the handshake's time.
    wait_until(lambda: network.status()["connections"] <= 1, "the half-open ones to be gone", every=0.3)
    for peer in held:
        peer.close()


@pytest.mark.parametrize("part", [b"", b"x", b"x" * 200_000], ids=["empty", "small", "large"])
def test_a_message_without_an_end_is_not_kept(
    arobust: Arobust, network: Network, friend: Keys, readers: list[Any], part: bytes
) -> None:
    """Encryption hides from the guard where it would end."""
    collect = network.start()
    good = Asker(network, friend)
    endless = secured(zmq.DEALER, friend, network.server.public)
    readers += [good, endless]
    assert good.ask(op="status")[0] == b"$status/"
    before = resident_kib(collect.pid)
    endless.sndhwm = 0
    endless.connect(f"tcp://127.0.0.1:{network.port + 1}")
    endless.send_multipart([b"", b'{"op":"status"}'])
    assert endless.poll(20_000)
    # libzmq's client sends a message's first parts only when its last is there.
    endless.send_multipart([part] * (64 * MIB // max(len(part), 64) // (1 if part else 8)))
    wait_for_count(network, "closed", 1)
    assert good.ask(op="status")[0] == b"$status/"
    assert resident_kib(collect.pid) - before < 96 * 1024


def test_a_client_that_stops_reading_holds_up_nobody(
    arobust: Arobust, network: Network, friend: Keys, readers: list[Any]
) -> None:
    collect = network.start()
    stuck = arobust.start_plain("tap", *network.flags(friend), "--json")
    local = arobust.start_ready("tap", "--json")
    wait_until(lambda: network.status()["connections"] >= 1, "the client")
    stuck.pause()
    before = resident_kib(collect.pid)
    content = "x" * 60_000
    total = 0
    for _ in range(12):
        arobust.publish(*[content] * 400)
        total += 400
    wait_until(lambda: local.output().count('"GENERIC"') >= total, "the other client", 60)
    assert resident_kib(collect.pid) - before < 320 * 1024
    stuck.resume()
    wait_until(lambda: stuck.output().count('"GENERIC"') >= total, lambda: stuck.tail(), 60)
    assert stuck.output().count('"GENERIC"') == total
