"""Masters through an HTTP proxy: only where `delivery.http-proxy` says so, over gRPC, over HTTP and to a console, with Debian's tinyproxy."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.certificates import Authority
from harness.console import Console
from harness.dlrover_master import DLRoverMaster
from harness.http_proxy import TINYPROXY, SayingProxy, TinyProxy
from harness.process import AROBUST, Arobust, Process, free_port, wait_until
from harness.tls_proxy import TLSProxy

PASSWORD = "Pa55-word.of:the=proxy"
needs_tinyproxy = pytest.mark.skipif(not TINYPROXY, reason="scripts/bootstrap installs Debian's tinyproxy")


@pytest.fixture(params=["grpc", "http"])
def master(request: pytest.FixtureRequest, scratch: Path) -> Iterator[DLRoverMaster]:
    master = DLRoverMaster(scratch, service=request.param).start().wait_ready()
    yield master
    master.kill()


def agent(arobust: Arobust, url: str, proxy: str, **more: str) -> Process:
    """With variables that would lead other programs to a proxy that is not there."""
    nowhere = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "grpc_proxy")}
    settings = {"AROBUST_DELIVERY_BACKOFF_MAX": "1s", "AROBUST_DELIVERY_HTTP_PROXY": proxy}
    arobust.environment = nowhere | settings | {f"AROBUST_DELIVERY_{name.upper()}": value for name, value in more.items()}
    return arobust.start_ready("agent", "--master", url, "--log-level", "debug")


def credentials(scratch: Path, text: str = f"node:{PASSWORD}") -> str:
    file = scratch / "proxy-credentials"
    file.write_text(text + "\n")
    file.chmod(0o600)
    return str(file)


def has(master: DLRoverMaster, text: str) -> bool:
    return text in "\n".join(master.contents("TRAINING_LOG"))


@needs_tinyproxy
@pytest.mark.parametrize("over", ["plain", "tls"])
def test_a_master(over: str, arobust: Arobust, scratch: Path, master: DLRoverMaster) -> None:
    authority = Authority(scratch / "certificates")
    secure = TLSProxy(master.port, authority.sign("server", names="DNS:localhost"))
    port = master.port if over == "plain" else secure.port
    proxy = TinyProxy(scratch, port)
    try:
        scheme = f"dlrover+{master.service}{'s' if over == 'tls' else ''}"
        running = agent(arobust, f"{scheme}://localhost:{port}", proxy.url, tls_ca_file=str(authority.certificate))
        arobust.publish("through the proxy", data_type="TRAINING_LOG")
        wait_until(lambda: has(master, "through the proxy"), running.tail)
        assert set(proxy.connected()) == {f"localhost:{port}"}
        assert running.stop() == 0
    finally:
        proxy.kill()


@needs_tinyproxy
def test_a_console(arobust: Arobust, scratch: Path) -> None:
    console = Console(scratch).start_ready()
    proxy = TinyProxy(scratch, console.reports)
    try:
        running = agent(arobust, console.master, proxy.url)
        arobust.publish("line 1", data_type="TRAINING_LOG")
        assert console.wait_for_numbers(1) == [1]
        assert set(proxy.connected()) == {f"127.0.0.1:{console.reports}"}
        assert running.stop() == 0
    finally:
        proxy.kill()
        console.kill()


@pytest.mark.sample(3)
@needs_tinyproxy
@pytest.mark.parametrize("case", ["right", "none", "wrong"])
def test_a_proxy_that_wants_a_password(case: str, arobust: Arobust, scratch: Path, master: DLRoverMaster) -> None:
    proxy = TinyProxy(scratch, master.port, credentials="node:Pa55word")
    try:
        given = {"right": "node:Pa55word", "wrong": f"node:{PASSWORD}"}.get(case)
        files = {"http_proxy_credentials_file": credentials(scratch, given)} if given else {}
        running = agent(arobust, master.url, proxy.url, **files)
        arobust.publish("who are you", data_type="TRAINING_LOG")
        if case == "right":
            wait_until(lambda: has(master, "who are you"), running.tail)
        else:
            # tinyproxy says 407 to who shows none, and 401 to who shows something else.
            says = "wants a user and a password (407)" if case == "none" else "does not accept the user and the password of"
            wait_until(lambda: f"the proxy 127.0.0.1:{proxy.port} {says}" in running.log(), running.tail)
            assert master.contents("TRAINING_LOG") == []
        assert PASSWORD not in running.log() and "Pa55word" not in running.log()
    finally:
        proxy.kill()


@needs_tinyproxy
def test_a_proxy_that_does_not_connect_there(arobust: Arobust, scratch: Path, master: DLRoverMaster) -> None:
    proxy = TinyProxy(scratch, free_port())
    try:
        running = agent(arobust, master.url, proxy.url)
        arobust.publish("not for you", data_type="TRAINING_LOG")
        running.wait_for_log(f"the proxy 127.0.0.1:{proxy.port} does not connect to 127.0.0.1:{master.port}: 403")
        assert master.contents("TRAINING_LOG") == []
    finally:
        proxy.kill()


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Header: " + b"x" * 1000 + b"\r\n")


def hang(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


SAYS = {
    "nothing": (hang, "has not connected to 127.0.0.1:PORT within 5000 ms"),
    "endless": (endless, "has answered more than 16384 bytes before the way was open"),
    "another protocol": (lambda connection: connection.sendall(b"220 mail.example ESMTP\r\n\r\n"), "gave an answer that is not HTTP/1.1; is it a proxy?"),
    "the end": (lambda connection: None, "closed the connection before it was open"),
    "407": (lambda connection: connection.sendall(b"HTTP/1.1 407 Who\r\n\r\n"), "does not accept the user and the password of"),
    "terminal": (lambda connection: connection.sendall(b"HTTP/1.1 502 \x1b[31mRed\r\n\r\n"), "does not connect to 127.0.0.1:PORT: 502 \\x1b[31mRed"),
}


@pytest.mark.sample(5)
@pytest.mark.parametrize("case", SAYS)
def test_a_proxy_that_answers_badly(case: str, arobust: Arobust, scratch: Path, master: DLRoverMaster) -> None:
    answer, says = SAYS[case]
    proxy = SayingProxy(answer)
    try:
        running = agent(
            arobust, master.url, proxy.url, deadline="60s", http_proxy_credentials_file=credentials(scratch)
        )
        arobust.publish("never", data_type="TRAINING_LOG")
        running.wait_for_log(says.replace("PORT", str(master.port)), 60)
        assert PASSWORD not in running.log()
        assert "Proxy-Authorization: Basic " in proxy.requests[0] and f"CONNECT 127.0.0.1:{master.port} HTTP/1.1\r\n" in proxy.requests[0]
    finally:
        proxy.close()


def test_what_comes_in_pieces_and_with_more_behind_it(arobust: Arobust, scratch: Path, master: DLRoverMaster) -> None:
    """The master's first bytes may come with the proxy's last ones."""

    def pass_on(connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", master.port)) as server:
            # gRPC's server speaks first.
            server.settimeout(1 if master.service == "grpc" else 0.01)
            try:
                first = server.recv(4096)
            except TimeoutError:
                first = b""
            connection.sendall(b"HTTP/1.0 200 Connection")
            connection.sendall(b" established\r\nVia: x\r\n\r\n" + first)
            connection.settimeout(0.02)
            server.settimeout(0.02)
            while True:
                for source, sink in ((connection, server), (server, connection)):
                    try:
                        data = source.recv(65536)
                    except TimeoutError:
                        continue
                    if not data:
                        return
                    sink.sendall(data)

    proxy = SayingProxy(pass_on)
    try:
        running = agent(arobust, master.url, proxy.url)
        arobust.publish("in pieces", data_type="TRAINING_LOG")
        wait_until(lambda: has(master, "in pieces"), running.tail)
        assert running.stop() == 0
    finally:
        proxy.close()


def test_no_proxy_there(arobust: Arobust, master: DLRoverMaster) -> None:
    port = free_port()
    running = agent(arobust, master.url, f"http://127.0.0.1:{port}")
    arobust.publish("nowhere", data_type="TRAINING_LOG")
    running.wait_for_log(f"the proxy 127.0.0.1:{port} cannot be reached: Connection refused")
    assert master.contents("TRAINING_LOG") == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"HTTP_PROXY": f"http://user:{PASSWORD}@127.0.0.1:3128"}, "it must be http://, a host and a port"),
        ({"HTTP_PROXY": "https://127.0.0.1:3128"}, "it must be http://, a host and a port"),
        ({"HTTP_PROXY": "socks5://127.0.0.1:3128"}, "it must be http://, a host and a port"),
        ({"HTTP_PROXY": "http://127.0.0.1"}, "it must be http://, a host and a port"),
        ({"HTTP_PROXY": "http://127.0.0.1:3128", "HTTP_PROXY_CREDENTIALS_FILE": "OPEN"}, "everybody may read the password in"),
        ({"HTTP_PROXY": "http://127.0.0.1:3128", "HTTP_PROXY_CREDENTIALS_FILE": "BAD"}, "must be a user, a colon and a password"),
        ({"HTTP_PROXY": "http://127.0.0.1:3128", "HTTP_PROXY_CREDENTIALS_FILE": "/none"}, "the password cannot be read"),
    ],
)
def test_settings_that_cannot_be_used(settings: dict[str, str], says: str, scratch: Path) -> None:
    opened, bad = scratch / "open", scratch / "bad"
    opened.write_text(f"node:{PASSWORD}\n")
    bad.write_text(PASSWORD.replace(":", "") + "\n")
    opened.chmod(0o644)
    bad.chmod(0o600)
    places = {"OPEN": str(opened), "BAD": str(bad)}
    environment = {f"AROBUST_DELIVERY_{name}": places.get(value, value) for name, value in settings.items()}
    for command in (["config", "check"], ["agent"]):
        done = refused(scratch, command, "dlrover+http://127.0.0.1:9", environment)
        assert says in done, done
        assert PASSWORD not in done and PASSWORD.replace(":", "") not in done


def refused(scratch: Path, command: list[str], master: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [AROBUST, *command, "--state-dir", scratch / "state", "--master", master],
        env={"PATH": "/usr/bin:/bin"} | environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize("scheme", ["dlrover+grpcs", "dlrover+https", "arobusts"])
def test_a_certificate_is_never_compared_with_the_proxys_address(scheme: str, scratch: Path) -> None:
    environment = {"AROBUST_DELIVERY_HTTP_PROXY": "http://127.0.0.1:3128"}
    assert "is named by its address" in refused(scratch, ["config", "check"], f"{scheme}://127.0.0.1:9", environment)
