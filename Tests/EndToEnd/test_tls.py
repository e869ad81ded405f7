"""TLS: to DLRover's masters behind a proxy, and to the console, with the right, the wrong, expired, missing and replaced certificates of openssl."""

from __future__ import annotations

import http.client
import os
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.certificates import Authority, Pair
from harness.console import Console
from harness.dlrover_master import DLRoverMaster
from harness.process import Arobust, wait_until
from harness.tls_proxy import TLSProxy, secure, start_agent


@pytest.fixture
def authority(scratch: Path) -> Authority:
    return Authority(scratch / "certificates")


@pytest.fixture(params=["grpc", "http"])
def master(request: pytest.FixtureRequest, scratch: Path) -> Iterator[DLRoverMaster]:
    master = DLRoverMaster(scratch, service=request.param).start().wait_ready()
    yield master
    master.kill()


def test_a_dlrover_master_behind_a_proxy(arobust: Arobust, scratch: Path, authority: Authority, master: DLRoverMaster) -> None:
    """Also with variables that would lead other programs to a proxy that is not there."""
    proxy = TLSProxy(master.port, authority.sign("server"))
    nowhere = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "grpc_proxy")}
    running = start_agent(arobust, secure(master, proxy), authority.certificate, **nowhere)
    arobust.publish("over TLS", data_type="TRAINING_LOG")
    wait_until(lambda: "over TLS" in "\n".join(master.contents("TRAINING_LOG")), running.tail)
    assert proxy.handshakes >= 1
    assert running.stop() == 0


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("another authority", "its certificate is not accepted"), ("expired", "its certificate is not accepted"),
        ("another name", "its certificate is for another name"), ("no TLS", "it does not speak TLS on this port"),
    ],
)  # fmt: skip
def test_a_server_that_is_not_to_be_trusted_gets_nothing(
    case: str, says: str, arobust: Arobust, scratch: Path, authority: Authority, master: DLRoverMaster
) -> None:
    other = Authority(scratch / "other", "other")
    own = {
        "another authority": lambda: other.sign("server"), "expired": lambda: authority.sign("server", expired=True),
        "another name": lambda: authority.sign("server", names="DNS:elsewhere.example"), "no TLS": lambda: authority.sign("server"),
    }[case]()  # fmt: skip
    proxy = TLSProxy(master.port, own)
    port = master.port if case == "no TLS" else proxy.port
    running = start_agent(arobust, f"dlrover+{master.service}s://127.0.0.1:{port}", authority.certificate)
    arobust.publish("for the right one alone", data_type="TRAINING_LOG")
    # A server that waits for the end of a line of text is silent.
    wait_until(lambda: says in running.log() or (case == "no TLS" and "did not answer within" in running.log()), running.tail)
    assert master.contents("TRAINING_LOG") == []


def test_a_name_of_its_own(arobust: Arobust, authority: Authority, master: DLRoverMaster) -> None:
    proxy = TLSProxy(master.port, authority.sign("server", names="DNS:master.example"))
    running = start_agent(arobust, secure(master, proxy), authority.certificate, AROBUST_DELIVERY_TLS_SERVER_NAME="master.example")
    arobust.publish("by its name", data_type="TRAINING_LOG")
    wait_until(lambda: "by its name" in "\n".join(master.contents("TRAINING_LOG")), running.tail)


@pytest.mark.sample(4)
@pytest.mark.parametrize("case", ["right", "none", "another authority", "expired"])
def test_a_master_that_wants_certificates(case: str, arobust: Arobust, scratch: Path, authority: Authority, master: DLRoverMaster) -> None:
    proxy = TLSProxy(master.port, authority.sign("server"), clients=authority.certificate)
    other = Authority(scratch / "other", "other")
    own = {
        "right": lambda: authority.sign("node"), "none": lambda: None, "another authority": lambda: other.sign("node"),
        "expired": lambda: authority.sign("node", expired=True),
    }[case]()  # fmt: skip
    running = start_agent(arobust, secure(master, proxy), authority.certificate, own)
    arobust.publish("who are you", data_type="TRAINING_LOG")
    if case == "right":
        wait_until(lambda: "who are you" in "\n".join(master.contents("TRAINING_LOG")), running.tail)
    else:
        running.wait_for_log("TLS: it ")
        assert master.contents("TRAINING_LOG") == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"AROBUST_DELIVERY_TLS_CA_FILE": "/missing.pem"}, "/missing.pem"),
        ({"AROBUST_DELIVERY_TLS_CA_FILE": "/etc/passwd"}, "/etc/passwd has no certificate"),
        ({"AROBUST_DELIVERY_TLS_CERTIFICATE_FILE": "CERTIFICATE"}, "a certificate needs its key"),
        ({"AROBUST_DELIVERY_TLS_CERTIFICATE_FILE": "CERTIFICATE", "AROBUST_DELIVERY_TLS_KEY_FILE": "OPEN"}, "everybody may read the key"),
        ({"AROBUST_DELIVERY_TLS_CERTIFICATE_FILE": "CERTIFICATE", "AROBUST_DELIVERY_TLS_KEY_FILE": "OTHER"}, "cannot be used together"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_stop_it_at_the_start(wrong: dict[str, str], says: str, arobust: Arobust, scratch: Path, authority: Authority) -> None:
    own, other = authority.sign("own"), authority.sign("other")
    opened = scratch / "open.key"
    shutil.copy(own.key, opened)
    opened.chmod(0o644)
    places = {"CERTIFICATE": str(own.certificate), "OPEN": str(opened), "OTHER": str(other.key)}
    environment = {name: places.get(value, value) for name, value in wrong.items()}
    ended = arobust.run("agent", "--master", "arobusts://127.0.0.1:9", environment=environment)
    assert ended.child.returncode not in (0, None)
    assert says in ended.log()


def fetch(console: Console, path: str, authority: Path) -> bytes:
    context = ssl.create_default_context(cafile=str(authority))
    with urllib.request.urlopen(f"https://127.0.0.1:{console.web}/{path}", context=context, timeout=20) as answer:
        return bytes(answer.read())


def test_the_console_over_tls(arobust: Arobust, scratch: Path, authority: Authority) -> None:
    """Agents with certificates alone report; browsers need none; certificates are replaced while both run."""
    served = Pair(scratch / "served.pem", scratch / "served.key")
    first = authority.sign("first")
    for source, target in ((first.certificate, served.certificate), (first.key, served.key)):
        shutil.copy(source, target)
    console = Console(
        scratch, "--tls-certificate-file", served.certificate, "--tls-key-file", served.key, "--tls-client-ca-file", authority.certificate
    )
    console.start_ready()
    try:
        console.process.wait_for_log("address=arobusts://")
        url = console.master.replace("arobust://", "arobusts://")
        running = start_agent(arobust, url, authority.certificate, authority.sign("node"))
        arobust.publish("line 1", data_type="TRAINING_LOG")
        wait_until(lambda: b"line 1" in fetch(console, "api/v1/logs", authority.certificate), running.tail)
        with pytest.raises((OSError, http.client.HTTPException)):
            console.get("api/v1/logs")  # in plain text
        # Another certificate, of another authority: whoever does not know it yet is refused, and the agent keeps what it has.
        other = Authority(scratch / "other", "other")
        second = other.sign("second")
        for source, target in ((second.certificate, served.certificate), (second.key, served.key)):
            new = target.with_suffix(".new")
            shutil.copy(source, new)
            os.replace(new, target)
        wait_until(lambda: b"line 1" in fetch(console, "api/v1/logs", other.certificate), console.process.tail)
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            fetch(console, "api/v1/logs", authority.certificate)
        console.process.wait_for_log("New certificates are in use.")
        assert running.stop() == 0
        stranger = start_agent(arobust, url, other.certificate)
        arobust.publish("line 2", data_type="TRAINING_LOG")
        stranger.wait_for_log("TLS: it wants a certificate of this node, which has none")
        assert b"line 2" not in fetch(console, "api/v1/logs", other.certificate)
        stranger.kill()
        running = start_agent(arobust, url, other.certificate, authority.sign("node2"))
        wait_until(lambda: b"line 2" in fetch(console, "api/v1/logs", other.certificate), running.tail)
        assert running.stop() == 0
    finally:
        console.kill()


def test_a_console_beyond_loopback_takes_certificates_for_a_token(scratch: Path, authority: Authority) -> None:
    own = authority.sign("server")
    console = Console(scratch, "--tls-certificate-file", own.certificate, "--tls-key-file", own.key, "--listen", "arobust://0.0.0.0:0")
    ended = console.start()
    assert ended.child.wait(20) != 0
    assert "it needs a token" in ended.log()
    console = Console(
        scratch, "--tls-certificate-file", own.certificate, "--tls-key-file", own.key, "--tls-client-ca-file", authority.certificate,
        "--listen", "arobust://0.0.0.0:0",
    )  # fmt: skip
    console.start_ready()
    console.kill()
