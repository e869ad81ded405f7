"""`arobust console` as a master: every line once through kills, DLRover's clients, state directories, tokens, a full disk."""

import http.cookiejar
import json
import os
import random
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import small_disk
from harness.bus import publish
from harness.console import Console
from harness.process import AROBUST, SEED, Arobust, Process, wait_until
from prometheus_client.parser import text_string_to_metric_families

CLIENT = Path(__file__).parent / "harness/dlrover_client.py"
TOKEN = "a-token-of-the-tests-0123"


@pytest.fixture
def console(scratch: Path) -> Iterator[Console]:
    made = Console(scratch)
    yield made.start_ready()
    made.kill()


def write_lines(log: Path, first: int, last: int) -> None:
    with open(log, "a") as file:
        file.write("".join(f"line {number}\n" for number in range(first, last + 1)))


def audit(arobust: Arobust) -> dict:
    process = arobust.run("audit", "--json")
    assert process.child.returncode == 0, process.log() + process.output()
    return json.loads(process.output())


def test_an_agents_lines_arrive_with_their_rank_and_time(arobust: Arobust, scratch: Path, console: Console) -> None:
    log = scratch / "train.log"
    write_lines(log, 1, 100)
    arobust.start_ready("agent", "--master", console.master, "--log-file", log, "--node-rank", "3")
    assert console.wait_for_numbers(100) == list(range(1, 101))
    line = console.lines(query="42", type="TRAINING_LOG")[0]
    assert (line["text"], line["node_rank"]) == ("line 42", 3)
    [node] = console.get("api/v1/nodes")["nodes"]
    assert (node["node_rank"], node["source"], node["missing"]) == (3, "arobust", 0)
    wait_until(lambda: console.get("api/v1/nodes")["nodes"][0].get("host"), "a beat")
    assert console.get("api/v1/overview")["freshness"]["heard"] == 1


@pytest.mark.timeout(240)
def test_every_line_is_there_once_through_kills(arobust: Arobust, scratch: Path, console: Console) -> None:
    seed = SEED if SEED is not None else random.SystemRandom().randrange(1 << 31)
    print(f"AROBUST_SEED={seed}")
    chance = random.Random(seed)
    log = scratch / "train.log"
    log.touch()
    arobust.start_ready("collect", "--log-file", log)
    start_bridge = lambda: arobust.start("bridge", "--master", console.master)  # noqa: E731
    bridge = start_bridge()
    last = 0
    for _ in range(16):
        first, last = last + 1, last + chance.randrange(1, 3000)
        write_lines(log, first, last)
        victims = chance.choice([{"console"}, {"bridge"}, {"console", "bridge"}])
        # Sometimes in the middle of a report, sometimes when all is stored.
        wait_until(lambda end=chance.uniform(0, 0.6), begin=os.times().elapsed: os.times().elapsed - begin > end, "a moment")
        if "console" in victims:
            console.kill()
        if "bridge" in victims:
            bridge.kill()
            bridge = start_bridge()
        if "console" in victims:
            console.start_ready()
    assert console.wait_for_numbers(last) == list(range(1, last + 1))
    [delivery] = console.get("api/v1/delivery")["nodes"]
    assert all(lane["missing"] == 0 for lane in delivery["lanes"])
    wait_until(lambda: arobust.run("audit", "--strict").child.returncode == 0, "a balance", 30, every=0.5)


def test_dlrovers_own_client_reports_to_it(console: Console, scratch: Path) -> None:
    calls = [["report", *[f"line {number}" for number in range(1, 51)]], ["report_heart_beat", 1800000000]]
    client = Process("client", [sys.executable, CLIENT, f"127.0.0.1:{console.reports}", json.dumps(calls[:1])], scratch)
    assert client.wait(60) == 0, client.tail()
    assert json.loads(client.output().splitlines()[-1]) == [50]
    assert console.wait_for_numbers(50) == list(range(1, 51))
    assert console.get("api/v1/nodes")["nodes"][0]["source"] == "dlrover"


def test_a_state_directory_is_read_without_a_network(arobust: Arobust, scratch: Path) -> None:
    log = scratch / "train.log"
    write_lines(log, 1, 500)
    arobust.start_ready("collect", "--log-file", log)
    console = Console(scratch, "--state-dir", arobust.state)
    try:
        console.start_ready()
        assert console.wait_for_numbers(500) == list(range(1, 501))
        console.kill()
        write_lines(log, 501, 600)
        console.start_ready()
        assert console.wait_for_numbers(600) == list(range(1, 601))
    finally:
        console.kill()


def test_without_the_token_nothing_gets_in(arobust: Arobust, scratch: Path) -> None:
    token = scratch / "token"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    console = Console(scratch, "--token-file", token)
    try:
        console.start_ready()
        log = scratch / "train.log"
        write_lines(log, 1, 10)
        agent = arobust.start_ready("agent", "--master", console.master, "--log-file", log)
        agent.wait_for_log("token")
        assert console.lines() == []
        agent.stop()
        arobust.environment["AROBUST_DELIVERY_TOKEN_FILE"] = str(token)
        arobust.start_ready("agent", "--master", console.master, "--log-file", log)
        assert console.wait_for_numbers(10) == list(range(1, 11))
        arobust.environment = {"AROBUST_CONSOLE_TOKEN": TOKEN}
        write_lines(log, 11, 20)
        other = arobust.start_ready("agent", "--master", console.master, "--log-file", log, state=scratch / "other")
        wait_until(lambda: len(console.get("api/v1/nodes")["nodes"]) and len(console.numbers()) >= 30, "the other agent")
        assert other.stop() == 0
        for process in scratch.glob("*.log"):
            assert TOKEN not in process.read_text(errors="replace"), process
    finally:
        console.kill()


def test_its_metrics_are_prometheus_text(console: Console) -> None:
    with urllib.request.urlopen(console.url + "metrics", timeout=20) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    names = [family.name for family in families]
    assert len(set(names)) == len(names)
    assert {"arobust_console_envelopes", "arobust_console_failed_calls", "arobust_listener_closed"} <= set(names)


def run_console(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([AROBUST, "console", *map(str, arguments)], capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (["--listen", "arobust://0.0.0.0:0"], "needs a token", 1),
        (["--web", "0.0.0.0:0"], "beyond loopback", 1),
        (["--listen", "0.0.0.0:0"], "--listen is '0.0.0.0:0'; it must be arobust://", 64),
        (["--web", "8080"], "--web is '8080'; it must be", 64),
        (["--store-size", "1"], "--store-size is '1'; it must be", 64),
        (["--store-age", "7d"], "--store-age is '7d'; it must be", 64),
        (["--token-file", "/nonexistent"], "No such file or directory", 64),
    ],
)
def test_what_cannot_be_is_said(scratch: Path, arguments: list[str], said: str, status: int) -> None:
    ended = run_console("--store", scratch / "store", *arguments)
    assert (said in ended.stderr, ended.returncode) == (True, status), ended.stderr
    assert len(ended.stderr.splitlines()) <= 6


def test_a_second_console_does_not_take_the_store(console: Console) -> None:
    ended = run_console("--store", console.store, "--listen", "none", "--web", "127.0.0.1:0")
    assert ended.returncode == 1
    assert str(console.store) in ended.stderr


@pytest.mark.skipif(bool(small_disk.why_not()), reason=small_disk.why_not())
def test_a_full_disk_loses_nothing(arobust: Arobust, scratch: Path) -> None:
    disk = small_disk.SmallDisk(scratch, 24)
    console = Console(scratch, store=disk.path / "store", prefix=disk.prefix)
    try:
        console.start_ready()
        log = scratch / "train.log"
        write_lines(log, 1, 1000)
        arobust.start_ready("agent", "--master", console.master, "--log-file", log)
        console.wait_for_numbers(1000)
        disk.fill()
        write_lines(log, 1001, 60000)
        wait_until(lambda: health(console) == 503, "the console to say that its disk is full", 40, every=0.5)
        (disk.outside / "filling").unlink()
        assert console.wait_for_numbers(60000, 90) == list(range(1, 60001))
        wait_until(lambda: health(console) == 200, "the console to be well again", 40, every=0.5)
    finally:
        console.kill()


def health(console: Console) -> int:
    try:
        console.get("healthz")
        return 200
    except urllib.error.HTTPError as error:
        return error.code


def test_what_has_no_metric_in_it_is_refused_and_nothing_else_stops(
    arobust: Arobust, console: Console
) -> None:
    arobust.start_ready("agent", "--master", console.master)
    publish(arobust.state, {"data_type": "MINE", "data_content": "<script>alert(1)</script>\x1b[31m"})
    [line] = wait_until(lambda: console.lines(type="MINE"), "the metric")
    assert line["text"] == "<script>alert(1)</script>\x1b[31m"




def test_browsers_are_known_after_a_restart(scratch: Path) -> None:
    token = scratch / "token"

    def write(text: str) -> None:
        token.write_text(text + "\n")
        token.chmod(0o600)

    write(TOKEN)
    console = Console(scratch, "--web-token-file", token)

    def status(cookie: str) -> int:
        request = urllib.request.Request(console.url + "api/v1/overview", headers={"Cookie": cookie})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    try:
        console.start_ready()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies := http.cookiejar.CookieJar()))
        opener.open(f"{console.url}?token={TOKEN}", timeout=20).close()
        [one] = cookies
        cookie = f"{one.name}={one.value}"
        assert status(cookie) == 200 and status("arobust_console=0") == 401
        console.kill()
        console.start_ready()
        assert status(cookie) == 200
        assert (console.store / "session").stat().st_mode & 0o777 == 0o600
        assert console.process and console.process.stop() == 0
        write("another-token-of-the-tests")
        console.start_ready()
        assert status(cookie) == 401
    finally:
        console.kill()
