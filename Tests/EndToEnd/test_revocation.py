"""Lists of revoked certificates (CRLs of openssl): for masters over gRPC and HTTP, and for nodes that report to a console."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.certificates import Authority, Pair, replace
from harness.console import Console
from harness.dlrover_master import DLRoverMaster
from harness.process import AROBUST, Arobust, wait_until
from harness.tls_proxy import TLSProxy, secure, start_agent


@pytest.fixture
def authority(scratch: Path) -> Authority:
    return Authority(scratch / "certificates")


@pytest.fixture(params=["grpc", "http"])
def master(request: pytest.FixtureRequest, scratch: Path) -> Iterator[DLRoverMaster]:
    master = DLRoverMaster(scratch, service=request.param).start().wait_ready()
    yield master
    master.kill()


def has(master: DLRoverMaster, text: str) -> bool:
    return text in "\n".join(master.contents("TRAINING_LOG"))


REFUSED = {
    "revoked": "its certificate was revoked: the list of its authority in",
    "ended": "has ended (nextUpdate); put a new one there",
    "another authority's": "has no list of revoked certificates of 'CN=authority'",
    "stranger": "no authority that is trusted here has signed it ('CN=stranger')",
    "expired": "it has expired ('CN=expired')",
    "another name": "its certificate is for another name",
}


@pytest.mark.sample(5)
@pytest.mark.parametrize("case", ["right", *REFUSED])
def test_a_master(case: str, arobust: Arobust, scratch: Path, authority: Authority, master: DLRoverMaster) -> None:
    """Whatever the library checks without a list is checked with one, too."""
    other, lists = Authority(scratch / "other", "other"), scratch / "lists.pem"
    server = {
        "stranger": lambda: other.sign("stranger"), "expired": lambda: authority.sign("expired", expired=True),
        "another name": lambda: authority.sign("elsewhere", names="DNS:elsewhere.example"),
    }.get(case, lambda: authority.sign("server"))()  # fmt: skip
    # Some other certificate is always revoked.
    authority.revoke(authority.sign("old"), *([server] if case == "revoked" else []))
    (other if case == "another authority's" else authority).write_list(lists, ended=case == "ended")
    if case == "right":
        replace(lists, other.write_list(scratch / "second.pem"), lists)
    running = start_agent(arobust, secure(master, TLSProxy(master.port, server)), authority.certificate, AROBUST_DELIVERY_TLS_REVOCATION_FILE=str(lists))
    arobust.publish("for the right one alone", data_type="TRAINING_LOG")
    if case == "right":
        wait_until(lambda: has(master, "for the right one alone"), running.tail)
        assert running.stop() == 0
    else:
        wait_until(lambda: REFUSED[case] in running.log(), running.tail)
        assert master.contents("TRAINING_LOG") == []


def test_a_list_that_is_replaced_while_it_runs(arobust: Arobust, scratch: Path, authority: Authority, master: DLRoverMaster) -> None:
    """The next connection is checked against it; one that is open stays. A list that cannot be used leaves the one before in use."""
    server, lists = authority.sign("server"), authority.write_list(scratch / "lists.pem")
    proxy = TLSProxy(master.port, server)
    running = start_agent(arobust, secure(master, proxy), authority.certificate, AROBUST_DELIVERY_TLS_REVOCATION_FILE=str(lists))
    arobust.publish("line 1", data_type="TRAINING_LOG")
    wait_until(lambda: has(master, "line 1"), running.tail)
    authority.revoke(server)
    authority.write_list(lists)
    proxy.cut()
    arobust.publish("line 2", data_type="TRAINING_LOG")
    wait_until(lambda: REFUSED["revoked"] in running.log(), running.tail)
    assert "New certificates are in use." in running.log() and not has(master, "line 2")
    # The same name, another key.
    replace(lists, Authority(scratch / "twin").write_list(scratch / "twin.pem"))
    running.wait_for_log("The new certificates cannot be used; the old ones stay in use.")
    assert "the list of 'CN=authority' is not signed by that authority" in running.log() and not has(master, "line 2")
    # A new certificate for the server instead of the revoked one.
    authority.write_list(lists)
    proxy.context.load_cert_chain(*(lambda new: (new.certificate, new.key))(authority.sign("new")))
    wait_until(lambda: has(master, "line 2"), running.tail)
    assert running.stop() == 0


@pytest.mark.parametrize("case", ["right", "the root's list alone", "revoked by the root"])
def test_a_chain_needs_a_list_of_each_authority(case: str, arobust: Arobust, scratch: Path, authority: Authority) -> None:
    master = DLRoverMaster(scratch, service="grpc").start().wait_ready()
    try:
        middle = Authority(scratch / "middle", "middle", parent=authority)
        server, lists = middle.sign("server"), scratch / "lists.pem"
        if case == "revoked by the root":
            authority.revoke(Pair(middle.certificate, middle.key))
        authority.write_list(lists)
        if case != "the root's list alone":
            replace(lists, lists, middle.write_list(scratch / "middle-list.pem"))
        running = start_agent(arobust, secure(master, TLSProxy(master.port, server)), authority.certificate, AROBUST_DELIVERY_TLS_REVOCATION_FILE=str(lists))
        arobust.publish("through the middle", data_type="TRAINING_LOG")
        if case == "right":
            wait_until(lambda: has(master, "through the middle"), running.tail)
        else:
            says = "has no list of revoked certificates of 'CN=middle'" if "alone" in case else "has it ('CN=middle')"
            wait_until(lambda: says in running.log(), running.tail)
            assert master.contents("TRAINING_LOG") == []
    finally:
        master.kill()


def falsified(lists: Path) -> None:
    """One bit of the signature is another one."""
    lines = lists.read_text().splitlines()
    encoded = bytearray(base64.b64decode("".join(lines[1:-1])))
    encoded[-1] ^= 1
    lists.write_text("\n".join([lines[0], base64.b64encode(encoded).decode(), lines[-1]]) + "\n")


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("missing", "lists.pem"), ("no list", "it has no list of revoked certificates (PEM, BEGIN X509 CRL)"),
        ("signature", "the list of 'CN=authority' is not signed by that authority"), ("cut", "a list in it is broken"),
        ("large", "is larger than such a file may be (16 MiB)"), ("no authorities", "needs the file of the authorities"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_stop_it_at_the_start(case: str, says: str, arobust: Arobust, scratch: Path, authority: Authority) -> None:
    lists = authority.write_list(scratch / "lists.pem")
    match case:
        case "missing":
            lists.unlink()
        case "no list":
            replace(lists, authority.certificate)
        case "signature":
            falsified(lists)
        case "cut":
            lists.write_text(lists.read_text().replace("-----END", "")[:200] + "\n-----END X509 CRL-----\n")
        case "large":
            with open(lists, "ab") as file:
                file.truncate(17 << 20)
    environment = {"AROBUST_DELIVERY_TLS_REVOCATION_FILE": str(lists)}
    if case != "no authorities":
        environment["AROBUST_DELIVERY_TLS_CA_FILE"] = str(authority.certificate)
    ended = arobust.run("agent", "--master", "arobusts://127.0.0.1:9", environment=environment)
    assert ended.child.returncode not in (0, None)
    assert says in ended.log()


def secured_console(scratch: Path, authority: Authority, lists: Path) -> Console:
    own = authority.sign("console")
    console = Console(
        scratch, "--tls-certificate-file", own.certificate, "--tls-key-file", own.key, "--tls-client-ca-file", authority.certificate,
        "--tls-revocation-file", lists,
    )  # fmt: skip
    return console.start_ready()


def lines(console: Console, authority: Authority) -> str:
    """What the page has."""
    context = ssl.create_default_context(cafile=str(authority.certificate))
    with socket.create_connection(("127.0.0.1", console.web), timeout=20) as plain, context.wrap_socket(plain, server_hostname="localhost") as page:
        page.sendall(b"GET /api/v1/logs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return page.makefile("rb").read().decode()


def test_nodes_that_report_to_a_console(arobust: Arobust, scratch: Path, authority: Authority) -> None:
    """A revoked one is refused at its next connection; an ended list refuses all, with a sentence, until there is a new one."""
    lists, node, other = authority.write_list(scratch / "lists.pem"), authority.sign("node"), authority.sign("other")
    console = secured_console(scratch, authority, lists)
    url = console.master.replace("arobust://", "arobusts://")
    try:
        running = start_agent(arobust, url, authority.certificate, own=node)
        arobust.publish("line 1", data_type="TRAINING_LOG")
        wait_until(lambda: "line 1" in lines(console, authority), running.tail)
        authority.revoke(node)
        authority.write_list(lists)
        # Another node's connection has the new list read; the revoked one's stays open, and it reports on.
        with client(authority, other).wrap_socket(socket.create_connection(("127.0.0.1", console.reports), timeout=20), server_hostname="localhost"):
            console.process.wait_for_log("New certificates are in use.")
        arobust.publish("line 2", data_type="TRAINING_LOG")
        wait_until(lambda: "line 2" in lines(console, authority), running.tail)
        assert running.stop() == 0
        running = start_agent(arobust, url, authority.certificate, own=node)
        arobust.publish("line 3", data_type="TRAINING_LOG")
        running.wait_for_log("it does not accept this node's certificate")
        console.process.wait_for_log("A client was refused.")
        assert "its certificate was revoked" in console.process.log() and "line 3" not in lines(console, authority)
        running.kill()
        authority.write_list(lists, ended=True)
        running = start_agent(arobust, url, authority.certificate, own=other)
        console.process.wait_for_log("A list of revoked certificates has ended")
        wait_until(lambda: REFUSED["ended"] in console.process.log(), console.process.tail)
        assert "ended=2025-02-01T00:00:00Z" in console.process.log() and "line 3" not in lines(console, authority)
        authority.write_list(lists)
        wait_until(lambda: "line 3" in lines(console, authority), running.tail)
        assert running.stop() == 0
    finally:
        console.kill()


def client(authority: Authority, own: Pair) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # its handshake is over before anything is sent
    context.load_cert_chain(own.certificate, own.key)
    context.set_alpn_protocols(["h2"])
    return context


def test_a_session_is_no_way_around_a_new_list(scratch: Path, authority: Authority) -> None:
    lists, node = authority.write_list(scratch / "lists.pem"), authority.sign("node")
    console = secured_console(scratch, authority, lists)
    context = client(authority, node)

    @contextlib.contextmanager
    def connected(session: ssl.SSLSession | None = None) -> Iterator[ssl.SSLSocket]:
        with socket.create_connection(("127.0.0.1", console.reports), timeout=20) as plain:
            yield context.wrap_socket(plain, server_hostname="localhost", session=session)

    try:
        with connected() as first:
            session = first.session
            assert session.has_ticket
        with connected(session) as second:
            assert second.session_reused
        authority.revoke(node)
        authority.write_list(lists)
        with pytest.raises((ssl.SSLError, ConnectionError)), connected(session) as third:
            assert not third.session_reused
        console.process.wait_for_log("its certificate was revoked")
    finally:
        console.kill()


@pytest.mark.parametrize(
    ("flags", "says"),
    [(["--tls-certificate-file", "c", "--tls-key-file", "k"], "--tls-revocation-file needs --tls-client-ca-file"), ([], "must be given together")],
)
def test_a_console_that_asks_for_no_certificates_needs_no_list(flags: list[str], says: str, scratch: Path) -> None:
    ended = Console(scratch, "--tls-revocation-file", "lists.pem", *flags).start()
    assert ended.child.wait(20) != 0
    assert says in ended.log()


def test_config_check_looks_at_the_list(scratch: Path, authority: Authority) -> None:
    files = {"AROBUST_DELIVERY_TLS_CA_FILE": str(authority.certificate), "AROBUST_DELIVERY_TLS_REVOCATION_FILE": str(scratch / "none.pem")}

    def check(master: str) -> subprocess.CompletedProcess[str]:
        command = [AROBUST, "config", "check", "--state-dir", scratch / "state", "--master", master]
        return subprocess.run(command, env=os.environ | files, capture_output=True, text=True, timeout=60)

    done = check("arobusts://127.0.0.1:9")
    assert done.returncode != 0 and "none.pem" in done.stdout + done.stderr
    assert check(f"file://{scratch}/out.ndjson").returncode == 0
