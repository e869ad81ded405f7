"""The bus over the network: who has a key that is authorized gets everything, anybody else nothing, and nobody harms the others."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.curve import Asker, Keys, Network, Reader, cable, far_machine
from harness.file_master import FileMaster
from harness.own_network import own_network
from harness.process import Arobust, Process, wait_until

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
    # Without CURVE either side may hang up first.
    network.wait_for(["unproved"] if who != "no-curve" else ["closed", "unproved"], 2)
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
    network.wait_for(["refused"], 1)
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
        assert "the publisher does not know the key" in refused.log() and "put what arobust keys public prints" in refused.log(), refused.tail()
    # A key may begin with a hyphen, and is still no flag.
    hyphen = ["--connect", network.flags(friend)[1], "--key", str(friend.file), "--server-key", "-" + "a" * 39]
    assert "the publisher ended the handshake" in arobust.run_plain("status", *hyphen).log()
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


@pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces")
def test_two_machines_and_a_cable_that_is_pulled_out(arobust: Arobust, network: Network, friend: Keys, scratch: Path) -> None:
    """Neither side is told that the network is gone; both notice by themselves."""
    master = FileMaster(scratch / "out.ndjson")
    environment = {"AROBUST_CONSUMERS_DIR": str(scratch / "far")}
    with own_network(), far_machine(scratch) as far:
        network.start_at(far.near_address)
        arobust.prefix = far.prefix
        flags = network.flags(friend, host=far.near_address)
        bridge = arobust.start_plain("bridge", *flags, "--master", master.url, environment=environment)
        arobust.prefix = []
        bridge.wait_for_log("Connected to a publisher.")
        arobust.publish("before")
        wait_until(lambda: master.contents("GENERIC") == ["before"], lambda: bridge.tail())
        far.pull_out()
        arobust.publish("meanwhile")
        wait_until(lambda: network.status()["connections"] == 0, "the publisher to notice", 40, every=0.5)
        far.plug_in()
        arobust.publish("after")
        wait_until(lambda: len(master.contents("GENERIC")) >= 3, lambda: bridge.tail(), 60)
        assert master.contents("GENERIC") == ["before", "meanwhile", "after"]
        assert bridge.stop() == 0


def test_a_console_reads_over_the_network(arobust: Arobust, network: Network, friend: Keys, scratch: Path) -> None:
    network.start()
    arobust.publish("for the page")
    environment = {"AROBUST_CONSUMERS_DIR": str(scratch / "far")}
    flags = ["--store", scratch / "store", "--web", "127.0.0.1:0", *network.flags(friend)]
    console = arobust.start_plain("console", *flags, environment=environment)
    wait_until(lambda: pending(arobust, f"console:{scratch}/store") == 0, lambda: console.tail())


def test_a_client_that_was_not_known_comes_in_when_it_is(arobust: Arobust, network: Network, friend: Keys) -> None:
    """libzmq does not try again by itself."""
    network.start()
    late = network.make("late")
    tap = arobust.start_plain("tap", *network.flags(late), "--json", "--count", "1")
    tap.wait_for_log("the publisher does not know the key")
    network.authorize((friend, "friend"), (late, "late"))
    tap.wait_for_log("Connected to a publisher.")
    arobust.publish("at last")
    assert tap.wait() == 0 and "at last" in tap.output()


def test_another_file_of_keys_is_taken_at_a_reload(
    arobust: Arobust, network: Network, friend: Keys, scratch: Path, readers: list[Any]
) -> None:
    other = network.make("other")
    named = {"AROBUST_PUBLISHER_AUTHORIZED_KEYS": str(scratch / "settled")}
    settings = {key: value for key, value in network.settings.items() if key not in named}
    config = scratch / "settings.yaml"
    config.write_text(f"publisher: {{authorized-keys: {network.authorized}}}\n")
    collect = arobust.start_ready("collect", "--config", config, environment=settings)
    reader = Reader(network, friend)
    readers.append(reader)
    reader.wait_connected()
    (scratch / "settled").write_text(f"{other.public.decode()} other\n")
    config.write_text(f"publisher: {{authorized-keys: {scratch}/settled}}\n")
    reload = arobust.run("reload")
    assert reload.child.returncode == 0, reload.tail()
    collect.wait_for_log("The authorized keys of the bus have changed")
    network.wait_for(["refused"], 1)
    second = Reader(network, other)
    readers.append(second)
    second.wait_connected()
    (scratch / "settled").unlink()
    collect.wait_for_log("nobody is let in")
    config.write_text("publisher: {authorized-keys: /nowhere}\n")
    refused = arobust.run("reload")
    assert refused.child.returncode == 1 and "there is no file of authorized keys at /nowhere" in refused.log()
