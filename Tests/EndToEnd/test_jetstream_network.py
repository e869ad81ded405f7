"""The network between an agent, a stream's leader and the other servers is cut: numbered lines, none missing, none twice, in order."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.nats_network import WiredServers
from harness.own_network import own_network
from harness.process import SEED, Arobust, wait_until
from harness.stream_lines import assert_all, wait_for_books, wait_for_line, write_lines

ENVIRONMENT = {
    "AROBUST_LOGS_CHUNK_SIZE": "1KiB", "AROBUST_DELIVERY_BACKOFF_MAX": "500ms", "AROBUST_DELIVERY_DEADLINE": "2s",
    "AROBUST_DELIVERY_STREAM_REPLICAS": "3",
}  # fmt: skip


def why_not() -> str:
    tried = subprocess.run(["unshare", "--net", "ip", "link", "add", "x", "type", "bridge"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"needs network namespaces: {tried.stderr.strip()}"


pytestmark = pytest.mark.skipif(why_not() != "", reason=why_not() or "there are network namespaces")


@pytest.fixture
def wired(scratch: Path) -> Iterator[WiredServers]:
    with own_network():
        made = WiredServers(scratch)
        try:
            made.servers.start_ready()
            yield made
        finally:
            made.close()


def test_an_agent_that_is_cut_off_from_the_leader(arobust: Arobust, scratch: Path, wired: WiredServers) -> None:
    """The servers still reach each other: there is no new leader, and the agent comes to it through another server."""
    chance = random.Random(SEED)
    servers, log = wired.servers, scratch / "train.log"
    write_lines(log, 0, 499)
    agent = arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=ENVIRONMENT)
    wait_for_line(servers, 499)
    leader = servers.leader()
    write_lines(log, 500, 1499)
    time.sleep(chance.random() / 4)
    wired.hide(leader, True)
    write_lines(log, 1500, 1999)
    others = [server for server in servers.all if server is not leader]
    whole, servers.all = servers.all, others
    messages = wait_for_line(servers, 1999, 90)
    assert_all(messages, range(2000))
    wired.hide(leader, False)
    servers.all = whole
    wait_for_books(arobust)
    assert agent.stop() == 0


def test_a_leader_that_is_cut_off_from_all(arobust: Arobust, scratch: Path, wired: WiredServers) -> None:
    """The two others choose a new one. The old one, back again, gives up what only it had."""
    chance = random.Random(SEED)
    servers, log = wired.servers, scratch / "train.log"
    write_lines(log, 0, 499)
    arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=ENVIRONMENT)
    wait_for_line(servers, 499)
    written = 500
    for _ in range(2):
        leader = servers.leader()
        write_lines(log, written, written + 999)
        time.sleep(chance.random() / 4)
        wired.cut_off(leader, True)
        write_lines(log, written + 1000, written + 1499)
        written += 1500
        whole, servers.all = servers.all, [server for server in servers.all if server is not leader]
        wait_until(lambda old=leader: servers.leader() is not old, "another leader", 60)
        wait_for_line(servers, written - 1, 90)
        wired.cut_off(leader, False)
        servers.all = whole
    assert_all(wait_for_line(servers, written - 1, 90), range(written))
    wait_for_books(arobust)
