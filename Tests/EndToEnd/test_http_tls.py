"""`--http` over TLS: with a token, with callers' certificates, with files that change or cannot be used."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from harness.certificates import Authority, Pair, replace
from harness.http_page import HTTPPage
from harness.process import AROBUST, Arobust, wait_until

TOKEN = "0123456789abcdef0123"


@pytest.fixture
def authority(scratch: Path) -> Authority:
    return Authority(scratch / "certificates")


def settings(scratch: Path, served: Pair, *, token: bool = False, **more: Path) -> dict[str, str]:
    found = {"AROBUST_HTTP_LISTEN": "0.0.0.0:0", "AROBUST_HTTP_TLS_CERTIFICATE_FILE": str(served.certificate), "AROBUST_HTTP_TLS_KEY_FILE": str(served.key)}
    if token:
        file = scratch / "token"
        file.write_text(TOKEN + "\n")
        file.chmod(0o600)
        found["AROBUST_HTTP_TOKEN_FILE"] = str(file)
    return found | {f"AROBUST_HTTP_TLS_{name.upper()}": str(value) for name, value in more.items()}


def ask(page: HTTPPage, path: str, authority: Authority, own: Pair | None = None, **headers: str) -> tuple[int, str]:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if own:
        context.load_cert_chain(own.certificate, own.key)
    connection = http.client.HTTPSConnection("127.0.0.1", page.port, context=context, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_beyond_loopback_with_a_token(arobust: Arobust, scratch: Path, authority: Authority) -> None:
    first, served = authority.sign("first"), Pair(scratch / "served.pem", scratch / "served.key")
    replace(served.certificate, first.certificate)
    replace(served.key, first.key)
    collect = arobust.start_ready("collect", environment=settings(scratch, served, token=True))
    page = HTTPPage(collect)
    assert page.address.startswith("https://") and "can be read on the way" not in collect.log()
    assert ask(page, "/healthz", authority) == (200, "ok\n")
    assert ask(page, "/metrics", authority)[0] == 401
    code, body = ask(page, "/metrics", authority, Authorization=f"Bearer {TOKEN}")
    assert code == 200 and "arobust_ready 1" in body
    with pytest.raises((OSError, http.client.HTTPException)):
        page.ask("/healthz")  # in plain text
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION|protocol version|UNSUPPORTED|unsupported"):
        old = ssl.create_default_context(cafile=str(authority.certificate))
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with socket.create_connection(("127.0.0.1", page.port), timeout=20) as plain, old.wrap_socket(plain, server_hostname="localhost"):
            pass
    # Replaced while it runs, by another authority.
    other = Authority(scratch / "other", "other")
    second = other.sign("second")
    replace(served.certificate, second.certificate)
    replace(served.key, second.key)
    wait_until(lambda: answers(page, other), collect.tail)
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        ask(page, "/healthz", authority)
    assert collect.stop() == 0


def answers(page: HTTPPage, authority: Authority) -> bool:
    """The first connection after a change may still meet a certificate without its key."""
    try:
        return ask(page, "/healthz", authority)[0] == 200
    except OSError:
        return False


def test_callers_with_certificates_need_no_token(arobust: Arobust, scratch: Path, authority: Authority) -> None:
    """Whoever shows none gets nothing, and neither does one that was revoked."""
    prometheus, lists = authority.sign("prometheus"), authority.write_list(scratch / "lists.pem")
    environment = settings(scratch, authority.sign("node"), client_ca_file=authority.certificate, revocation_file=lists)
    collect = arobust.start_ready("collect", environment=environment)
    page = HTTPPage(collect)
    code, body = ask(page, "/metrics", authority, prometheus)
    assert code == 200 and "arobust_ready 1" in body
    for stranger in (None, Authority(scratch / "other", "other").sign("stranger")):
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(page, "/healthz", authority, stranger)
    authority.revoke(prometheus)
    authority.write_list(lists)
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(page, "/metrics", authority, prometheus)
    collect.wait_for_log("A client was refused.")
    assert "its certificate was revoked" in collect.log()
    assert ask(page, "/metrics", authority, authority.sign("another"))[0] == 200
    assert collect.stop() == 0


def test_callers_that_speak_no_tls_hold_nothing_up(arobust: Arobust, scratch: Path, authority: Authority) -> None:
    collect = arobust.start_ready("collect", environment=settings(scratch, authority.sign("node"), token=True))
    page = HTTPPage(collect)
    before = len(os.listdir(f"/proc/{collect.pid}/fd"))
    callers = [socket.create_connection(("127.0.0.1", page.port), timeout=20) for _ in range(100)]
    try:
        for number, caller in enumerate(callers):
            try:
                caller.sendall([b"", b"GET /metrics HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", os.urandom(5000)][number % 4])
            except OSError:
                pass  # it was closed
        assert ask(page, "/healthz", authority) == (200, "ok\n")
        assert len(os.listdir(f"/proc/{collect.pid}/fd")) <= before + 40
    finally:
        for caller in callers:
            caller.close()
    assert collect.stop() == 0


def test_a_token_that_goes_in_plain_text_is_warned_of(arobust: Arobust, scratch: Path, authority: Authority) -> None:
    environment = {name: value for name, value in settings(scratch, authority.sign("node"), token=True).items() if "TLS" not in name}
    collect = arobust.start_ready("collect", environment=environment)
    assert HTTPPage(collect).ask("/metrics", Authorization=f"Bearer {TOKEN}")[0] == 200
    assert "the token and the answers can be read on the way to 0.0.0.0:0: set http.tls-certificate-file" in collect.log()
    assert collect.stop() == 0


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("no key", "a listener needs a certificate and its key"), ("another key", "cannot be used together"),
        ("missing", "/none.pem"), ("socket", "a Unix socket has no TLS, nor needs it"), ("nobody asked", "http.tls-client-ca-file"),
        ("list alone", "needs the file of the authorities"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_used(case: str, says: str, scratch: Path, authority: Authority) -> None:
    own = authority.sign("node")
    environment = settings(scratch, own, token=case != "nobody asked")
    match case:
        case "no key":
            del environment["AROBUST_HTTP_TLS_KEY_FILE"]
        case "another key":
            environment["AROBUST_HTTP_TLS_KEY_FILE"] = str(authority.sign("other").key)
        case "missing":
            environment["AROBUST_HTTP_TLS_CERTIFICATE_FILE"] = "/none.pem"
        case "socket":
            environment["AROBUST_HTTP_LISTEN"] = f"unix:{scratch}/http.sock"
        case "list alone":
            environment["AROBUST_HTTP_TLS_REVOCATION_FILE"] = str(authority.write_list(scratch / "lists.pem"))
    for command in (["config", "check"], ["collect"]):
        done = subprocess.run(
            [AROBUST, *command, "--state-dir", scratch / "state"], env={"PATH": "/usr/bin:/bin"} | environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode != 0 and says in done.stdout + done.stderr, done
    assert not (scratch / "state" / "publisher.lock").exists()
