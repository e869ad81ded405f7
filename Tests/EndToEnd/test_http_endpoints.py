"""`--http`: metrics, health, readiness and status of agent, collect and bridge, and callers that mean no good."""

import json
import os
import signal
import socket
import stat
import subprocess
import tarfile
import time
from pathlib import Path

import pytest
from harness import inspection
from harness.file_master import FileMaster
from harness.http_page import HTTPPage, write_lines
from harness.process import Arobust, free_port, wait_until

HTTP = ("--http", "127.0.0.1:0")


def without_times(report: dict) -> dict:
    """A report as it is at any moment of rest."""
    text = json.dumps(report, sort_keys=True)
    kept = json.loads(text)
    kept.pop("time")
    for consumer in kept["consumers"]:
        consumer.pop("heard")
        consumer.pop("pace", None)
        consumer["account"]["state"] = {}
    return kept


def test_an_agent_shows_what_status_shows(arobust: Arobust, scratch: Path) -> None:
    log, master = scratch / "train.log", FileMaster(scratch / "out.ndjson")
    write_lines(log, 1, 500)
    agent = arobust.start_ready("agent", "--log-file", log, "--log-from", "start", "--master", master.url, *HTTP)
    page = HTTPPage(agent)
    wait_until(lambda: page.metrics().all("arobust_consumer_delivered_total", lane="TRAINING_LOG") not in ([], [0]), "a delivery")
    wait_until(lambda: page.metrics().all("arobust_consumer_pending_envelopes") == [0], "nothing pending")
    assert page.ask("/healthz") == (200, "ok\n")
    assert page.ask("/readyz") == (200, "ready\n")
    (shown,) = page.status()
    assert without_times(shown) == without_times(inspection.status(arobust.state))
    metrics = page.metrics()
    lane = {"lane": "TRAINING_LOG"}
    assert metrics.one("arobust_lane_envelopes_total", **lane) == shown["lanes"][0]["produced"]
    assert metrics.one("arobust_lane_published_bytes_total", **lane) >= sum(len(f"line {n}\n") for n in range(1, 501))
    assert metrics.one("arobust_consumer_delivered_total", consumer=master.url, **lane) == shown["consumers"][0]["account"]["lanes"][0]["delivered"]
    assert metrics.one("arobust_log_lines_total", file=str(log)) == 500
    assert metrics.one("arobust_journal_writable") == metrics.one("arobust_ready") == 1
    assert metrics.one("arobust_consumer_difference_envelopes", **lane) == 0
    assert abs(metrics.one("process_start_time_seconds") - time.time()) < 3600
    assert metrics.one("process_open_fds") <= metrics.one("process_max_fds")
    agent.stop()
    assert agent.child.returncode == 0


def test_a_bridge_and_its_publisher_each_show_their_part(arobust: Arobust, scratch: Path) -> None:
    master = FileMaster(scratch / "out.ndjson")
    bridge = arobust.start("bridge", "--master", master.url, *HTTP)
    page = HTTPPage(bridge)
    # It waits for a publisher: that is its work.
    assert page.ask("/readyz") == (200, "ready\n")
    assert page.status() == []
    collect = arobust.start_ready("collect", "--http", f"unix:{scratch}/http.sock")
    other = HTTPPage(collect)
    assert stat.S_IMODE(os.stat(scratch / "http.sock").st_mode) == 0o600
    arobust.publish("one", "two")
    wait_until(lambda: page.metrics().all("arobust_consumer_delivered_total", consumer=master.url) == [2], "the delivery")
    assert not any(name.startswith(("arobust_lane_", "arobust_journal_")) for name in page.metrics().names())
    assert other.metrics().one("arobust_lane_envelopes_total", lane="GENERIC") == 2
    bridge.kill()
    # The publisher works, whatever becomes of the bridge; what knows both says so.
    wait_until(lambda: any("no process reports" in problem for problem in other.status()[0]["problems"]), "the problem")
    assert other.ask("/readyz") == (200, "ready\n")
    collect.stop()
    assert not (scratch / "http.sock").exists()


def test_a_master_that_is_down_is_shown_and_leaves_the_node_ready(arobust: Arobust, scratch: Path) -> None:
    agent = arobust.start_ready("agent", "--master", f"dlrover+http://127.0.0.1:{free_port()}", *HTTP)
    page = HTTPPage(agent)
    arobust.publish("one")
    wait_until(lambda: page.metrics().all("arobust_consumer_breaker_state", state="open") == [1], "the breaker to open", seconds=60)
    metrics = page.metrics()
    assert metrics.one("arobust_consumer_pending_envelopes", lane="GENERIC") == 1
    assert page.ask("/readyz") == (200, "ready\n")
    wait_until(lambda: page.metrics().one("arobust_consumer_lag_seconds", lane="GENERIC") >= 1, "the lag to grow")


def test_a_backlog_says_how_long_it_takes(arobust: Arobust, scratch: Path) -> None:
    # A master that stands still: everything stays pending, and the pace is told as such.
    agent = arobust.start_ready("agent", "--master", f"dlrover+http://127.0.0.1:{free_port()}", *HTTP)
    page = HTTPPage(agent)
    arobust.publish(*[f"number {n}" for n in range(50)])
    wait_until(lambda: page.metrics().all("arobust_consumer_finished_per_second") == [0], "the pace", seconds=60)
    assert page.metrics().all("arobust_consumer_remaining_seconds") == []
    text = inspection.run("status", "--state-dir", arobust.state)
    assert "pending 50, 0.0/s finished, " in text and "it does not get less" in text, text


def test_readiness_says_what_is_wrong_and_ends_before_the_process(arobust: Arobust, scratch: Path) -> None:
    agent = arobust.start_ready("agent", "--master", f"file://{scratch}/out.ndjson", *HTTP)
    page = HTTPPage(agent)
    (arobust.state / "replay.sock").unlink()
    code, body = wait_until(lambda: (answer := page.ask("/readyz"))[0] == 503 and answer, "to be unready")
    assert "replay.sock" in body or "no longer find" in body, body
    assert page.metrics().one("arobust_ready") == 0
    # The publisher itself still answers here, though no other program finds it.
    assert page.status()[0]["publisher"]
    assert page.ask("/healthz") == (200, "ok\n")


def test_a_publisher_that_hangs_is_seen_by_its_bridge(arobust: Arobust, scratch: Path) -> None:
    collect = arobust.start_ready("collect")
    bridge = arobust.start_ready("bridge", "--master", f"file://{scratch}/out.ndjson", *HTTP)
    page = HTTPPage(bridge)
    collect.pause()
    code, body = wait_until(lambda: (answer := page.ask("/readyz"))[0] == 503 and answer, "to be unready", seconds=40)
    assert "does not answer" in body, body
    assert page.ask("/healthz")[0] == 200
    collect.resume()
    wait_until(lambda: page.ask("/readyz") == (200, "ready\n"), "to be ready again")


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421"),
        ("GET /metrics HTTP/1.1\r\n\r\n", "4"),
        ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n", "403"),
        ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n", "403"),
        ("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "405"),
        ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n123456789", "413"),
        (f"GET /{'a' * 2000} HTTP/1.1\r\nHost: localhost\r\n\r\n", "414"),
        ("GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
        ("GET /api/v1/logs HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
    ],
)
def test_requests_that_nobody_needs_are_refused(arobust: Arobust, request_text: str, status: str) -> None:
    page = HTTPPage(arobust.start_ready("collect", *HTTP))
    with page.connect() as caller:
        caller.sendall(request_text.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1).encode())
        answer = caller.makefile("rb").read().decode()
    assert answer.startswith(f"HTTP/1.1 {status}"), answer[:200]
    assert "arobust_" not in answer


def test_hostile_callers_hold_up_neither_the_agent_nor_prometheus(arobust: Arobust, scratch: Path) -> None:
    master = FileMaster(scratch / "out.ndjson")
    agent = arobust.start_ready("agent", "--master", master.url, *HTTP)
    page = HTTPPage(agent)
    before = len(os.listdir(f"/proc/{agent.pid}/fd"))
    callers: list[socket.socket] = []
    try:
        for number in range(200):
            caller = page.connect()
            callers.append(caller)
            try:
                match number % 4:
                    case 0:
                        pass  # says nothing
                    case 1:
                        caller.sendall(b"GET /metrics HTTP/1.1\r\nHost: local")  # never ends
                    case 2:
                        caller.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 60_000)
                    case 3:
                        caller.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)  # never reads
            except OSError:
                pass  # it was closed
            if number % 20 == 0:
                assert page.ask("/healthz")[0] == 200
        assert page.metrics().one("arobust_http_connections") <= 32
        assert len(os.listdir(f"/proc/{agent.pid}/fd")) <= before + 40
        arobust.publish("through all of that")
        wait_until(lambda: master.contents("GENERIC") == ["through all of that"], "the delivery")
    finally:
        for caller in callers:
            caller.close()
    assert page.ask("/readyz") == (200, "ready\n")
    assert agent.stop() == 0


def test_the_process_ends_in_time_with_callers_that_stay(arobust: Arobust) -> None:
    collect = arobust.start_ready("collect", *HTTP)
    page = HTTPPage(collect)
    with page.connect() as idle, page.connect() as asked:
        asked.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert asked.recv(4096).startswith(b"HTTP/1.1 200")
        assert collect.stop() == 0
        assert idle.recv(10) == b""


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("0.0.0.0:9090", "beyond loopback"),
        ("[::]:0", "beyond loopback"),
        ("node-1:9090", "must be"),
        ("9090", "must be"),
        ("unix:relative", "must be"),
        ("http://127.0.0.1:9090", "must be"),
    ],
)
def test_an_address_that_is_not_allowed_is_refused_before_anything_starts(arobust: Arobust, address: str, reason: str) -> None:
    process = arobust.start("collect", "--http", address)
    assert process.wait() == 64
    assert reason in process.log() and "http.listen" in process.log()
    assert not (arobust.state / "publisher.lock").exists()


def test_an_address_in_use_ends_the_start_with_a_sentence(arobust: Arobust) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = arobust.start("collect", "--http", f"127.0.0.1:{taken.getsockname()[1]}")
        assert process.wait() == 1
        assert f"cannot listen at 127.0.0.1:{taken.getsockname()[1]}: Address already in use" in process.log()


def test_beyond_loopback_with_a_token(arobust: Arobust, scratch: Path) -> None:
    token = scratch / "token"
    token.write_text("0123456789abcdef0123\n")
    token.chmod(0o600)
    environment = {"AROBUST_HTTP_LISTEN": "0.0.0.0:0", "AROBUST_HTTP_TOKEN_FILE": str(token)}
    page = HTTPPage(arobust.start_ready("collect", environment=environment))
    assert page.ask("/metrics")[0] == 401
    assert page.ask("/status", Authorization="Bearer 0123456789abcdef012X")[0] == 401
    code, body = page.ask("/metrics", Authorization="Bearer 0123456789abcdef0123", Host="node-1.example:9090")
    assert code == 200 and "arobust_ready" in body
    assert page.ask("/readyz")[0] == 200
    token.chmod(0o644)
    refused = arobust.start("collect", environment=environment, state=scratch / "other")
    assert refused.wait() == 64
    assert "everybody may read the token" in refused.log()


SECRETS = ["s3cr3tZq8Lw1Xv5Bn7a", "hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345", "Pa55wordInUrl9x"]


def test_a_support_bundle_has_what_helps_and_no_secret(arobust: Arobust, scratch: Path) -> None:
    token, log = scratch / "token", scratch / "agent.log"
    token.write_text(SECRETS[0] + "\n")
    token.chmod(0o600)
    log.write_text(f"starting\nAuthorization: Bearer {SECRETS[0]}\nHF_TOKEN={SECRETS[1]}\nproxy http://user:{SECRETS[2]}@proxy:3128/\nthe end\n")
    metrics = f"http://127.0.0.1:{free_port()}/metrics?token={SECRETS[1]}"
    environment = {
        "AROBUST_CONSOLE_TOKEN": SECRETS[0], "HF_TOKEN": SECRETS[1], "WANDB_API_KEY": SECRETS[0], "JOB_UID": "job-7",
        "DLROVER_PASSWORD": SECRETS[2], "AROBUST_METRICS_URLS": metrics,
    }  # fmt: skip
    arobust.environment = environment
    agent = arobust.start("agent", "--master", f"file://{scratch}/out.ndjson")
    agent.wait_for_log("Publishing.")
    arobust.publish(f"password: {SECRETS[0]}")
    bundle = scratch / "bundle.tar.gz"
    inspection.run(
        "support-bundle", "--state-dir", arobust.state, "--output", bundle, "--log", log, "--log", scratch / "none.log",
        environment=environment,
    )  # fmt: skip
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    with tarfile.open(bundle) as archive:
        texts = {Path(member.name).relative_to(Path(member.name).parts[0]): archive.extractfile(member).read().decode() for member in archive}
    everything = "\n".join(texts.values())
    for secret in SECRETS:
        assert secret not in everything, [str(name) for name, text in texts.items() if secret in text]
    assert json.loads(texts[Path("state-1/status.json")])["publisher"]
    assert json.loads(texts[Path("state-1/audit.json")])["balanced"]
    assert texts[Path("state-1/health.txt")] == "nothing is wrong\n"
    assert "JOB_UID=job-7" in texts[Path("environment.txt")] and "WANDB" not in texts[Path("environment.txt")]
    assert "Max open files" in texts[Path("limits.txt")] and "arobust 0." in texts[Path("versions.txt")]
    assert "ledger.json" in texts[Path("state-1/files.txt")] and texts[Path("log-1.txt")].endswith("the end\n")
    assert "none.log" in texts[Path("missing.txt")]
    # What is there is not overwritten.
    again = subprocess.run([*map(str, (inspection.AROBUST, "support-bundle", "--state-dir", arobust.state, "--output", bundle))], capture_output=True, text=True)
    assert again.returncode == 1 and "File exists" in again.stderr
    agent.send(signal.SIGTERM)
    agent.wait()
