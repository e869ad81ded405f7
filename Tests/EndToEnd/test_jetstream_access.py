"""Who NATS servers let in: users, tokens, keys, credentials files and certificates, right and wrong ones."""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.certificates import Authority
from harness.nats_keys import Key, Operator, as_user
from harness.nats_servers import Servers
from harness.process import AROBUST, Arobust
from harness.stream_lines import assert_all, wait_for_books, wait_for_line, write_lines

MakeServers = Callable[..., Servers]
SETTING = "AROBUST_DELIVERY_"


def secret(path: Path, text: str) -> str:
    path.write_text(f"{text}\n")
    path.chmod(0o600)
    return str(path)


class Way:
    """A way to be let in: the server's settings, this node's, wrong ones, and how nats-py comes in to look."""

    def __init__(self, name: str, folder: Path) -> None:
        if name == "token":
            self.lines = 'authorization { token: "a token of many letters" }'
            self.right = {f"{SETTING}NATS_TOKEN_FILE": secret(folder / "token", "a token of many letters")}
            self.wrong = {f"{SETTING}NATS_TOKEN_FILE": secret(folder / "wrong", "another token")}
            self.reader = {"token": "a token of many letters"}
        elif name == "user":
            self.lines = 'authorization { user: "agent", password: "a word" }'
            self.right = {f"{SETTING}NATS_USER": "agent", f"{SETTING}NATS_PASSWORD_FILE": secret(folder / "word", "a word")}
            self.wrong = {**self.right, f"{SETTING}NATS_PASSWORD_FILE": secret(folder / "wrong", "another word")}
            self.reader = {"user": "agent", "password": "a word"}
        elif name == "nkey":
            key, other = Key(folder / "keys", "user", "node"), Key(folder / "keys", "user", "other")
            self.lines = f'authorization {{ users: [ {{ nkey: {key.public} }}, {{ user: "reader", password: "r" }} ] }}'
            self.right = {f"{SETTING}NATS_NKEY": key.public, f"{SETTING}NATS_NKEY_FILE": str(key.write_seed(folder / "seed"))}
            self.wrong = {f"{SETTING}NATS_NKEY": other.public, f"{SETTING}NATS_NKEY_FILE": str(other.write_seed(folder / "other"))}
            self.reader = {"user": "reader", "password": "r"}
        else:
            operator, stranger = Operator(folder / "keys"), Operator(folder / "others")
            self.lines = operator.settings
            key, jwt = operator.user("node")
            self.right = {f"{SETTING}NATS_CREDENTIALS_FILE": str(key.credentials(folder / "node.creds", jwt))}
            other, told = stranger.user("stranger")
            self.wrong = {f"{SETTING}NATS_CREDENTIALS_FILE": str(other.credentials(folder / "other.creds", told))}
            self.reader = as_user(key, jwt)


@pytest.mark.parametrize("name", ["token", "user", "nkey", "creds"])
def test_the_right_one_is_let_in_and_the_wrong_one_told_why(name: str, arobust: Arobust, scratch: Path, make_servers: MakeServers) -> None:
    way = Way(name, scratch)
    servers = make_servers(lines=way.lines)
    servers.options = way.reader
    log = scratch / "train.log"
    write_lines(log, 1, 20)
    agent = arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=way.wrong)
    agent.wait_for_log("Authorization Violation")
    assert servers.stored() == []
    assert agent.stop() == 0
    agent = arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=way.right)
    assert_all(wait_for_line(servers, 20), range(1, 21))
    wait_for_books(arobust)
    for path in way.right.values():
        if Path(path).is_file():
            assert Path(path).read_text().splitlines()[0] not in agent.log()


def test_who_is_refused_for_a_while_comes_back(arobust: Arobust, scratch: Path, make_servers: MakeServers) -> None:
    """libnats gives up a connection that was refused twice: somebody had the wrong token in the servers' settings for a while."""
    servers = make_servers(lines="authorization { token: right }")
    servers.options = {"token": "right"}
    (server,) = servers.all
    log = scratch / "train.log"
    write_lines(log, 1, 10)
    environment = {f"{SETTING}NATS_TOKEN_FILE": secret(scratch / "token", "right"), f"{SETTING}BACKOFF_MAX": "500ms"}
    agent = arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=environment)
    wait_for_line(servers, 10)
    server.kill()
    server.lines = "authorization { token: wrong }"
    server.start().wait_ready()
    assert server.process
    server.process.wait_for_log("authentication error", 40, count=2)
    write_lines(log, 11, 20)
    agent.wait_for_log("Authorization Violation")
    server.kill()
    server.lines = "authorization { token: right }"
    server.start().wait_ready()
    assert_all(wait_for_line(servers, 20), range(1, 21))


@pytest.fixture
def authority(scratch: Path) -> Authority:
    return Authority(scratch / "certificates")


def tls(authority: Authority, names: str, more: str = "") -> str:
    pair = authority.sign("server", names=names)
    return f'tls {{ cert_file: "{pair.certificate}", key_file: "{pair.key}", {more} }}'


def trusting(authority: Authority, own: str = "node") -> ssl.SSLContext:
    """For nats-py, which only looks: it shows a certificate, in case it is asked."""
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.check_hostname = False
    pair = authority.sign(own)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


@pytest.mark.sample(5)
@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("right", ""),
        ("by its address", ""),
        ("a name of its own", ""),
        ("another authority", "is of an authority that is not known here"),
        ("another name", "is for another name"),
        ("expired", "has expired"),
        ("a certificate is wanted", "it wants a certificate"),
        ("a certificate is shown", ""),
        ("no TLS", "does not speak TLS on this port"),
        ("only TLS", "speaks TLS alone"),
    ],
)
def test_tls(case: str, says: str, arobust: Arobust, scratch: Path, authority: Authority, make_servers: MakeServers) -> None:
    names = {"by its address": "IP:127.0.0.1", "a name of its own": "DNS:nats.example", "another name": "DNS:elsewhere.example"}
    lines = tls(authority, names.get(case, "DNS:localhost"), f'ca_file: "{authority.certificate}", verify: {str("certificate" in case).lower()}')
    if case == "expired":
        authority.sign("server", names="DNS:localhost", expired=True)
    servers = make_servers(lines="" if case == "no TLS" else lines)
    if case not in ("no TLS", "expired"):
        servers.options = {"tls": trusting(authority)}
    environment = {f"{SETTING}TLS_CA_FILE": str(authority.certificate)}
    if case == "another authority":
        environment = {f"{SETTING}TLS_CA_FILE": str(Authority(scratch / "other", "other").certificate)}
    if case == "a name of its own":
        environment[f"{SETTING}TLS_SERVER_NAME"] = "nats.example"
    if case == "a certificate is shown":
        pair = authority.sign("agent")
        environment |= {f"{SETTING}TLS_CERTIFICATE_FILE": str(pair.certificate), f"{SETTING}TLS_KEY_FILE": str(pair.key)}
    host = "127.0.0.1" if case == "by its address" else "localhost"
    url = f"{'nats' if case == 'only TLS' else 'natss'}://{host}:{servers.all[0].port}/arobust"
    log = scratch / "train.log"
    write_lines(log, 1, 5)
    agent = arobust.start_ready("agent", "--log-file", log, "--master", url, environment=environment)
    if says:
        agent.wait_for_log(says)
        assert case == "expired" or servers.stored() == []
    else:
        assert_all(wait_for_line(servers, 5), range(1, 6))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"NATS_USER": "a", "NATS_PASSWORD_FILE": "SECRET", "NATS_TOKEN_FILE": "SECRET"}, "one of nats-user, nats-token-file, .* is allowed"),
        ({"NATS_USER": "a"}, "nats-password-file and nats-user belong together"),
        ({"NATS_NKEY_FILE": "SECRET"}, "nats-nkey-file and nats-nkey belong together"),
        ({"NATS_TOKEN_FILE": "/missing"}, "nats-token-file: .*/missing"),
        ({"NATS_TOKEN_FILE": "OPEN"}, "nats-token-file: everybody may read"),
        ({"NATS_CREDENTIALS_FILE": "/missing"}, "nats-credentials-file: .*/missing"),
        ({"NATS_CREDENTIALS_FILE": "SECRET"}, "does not begin with -----BEGIN NATS USER JWT-----"),
        ({"NATS_NKEY": "UABC", "NATS_NKEY_FILE": "SECRET"}, "a user's public key has 56 characters"),
        ({"NATS_NKEY": "U" * 56, "NATS_NKEY_FILE": "SECRET"}, "does not begin with SU"),
        ({"TLS_REVOCATION_FILE": "LIST", "TLS_CA_FILE": "CA"}, "tls-revocation-file: natss://.* libnats reads none"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(wrong: dict[str, str], says: str, scratch: Path, authority: Authority) -> None:
    opened = scratch / "open"
    opened.write_text("a token\n")
    places = {"SECRET": secret(scratch / "secret", "a word"), "OPEN": str(opened)}
    places |= {"CA": str(authority.certificate), "LIST": str(authority.write_list(scratch / "list.pem"))}
    environment = {"PATH": "/usr/bin", "HOME": str(scratch), "AROBUST_MASTERS": "natss://localhost:9/arobust"}
    environment |= {SETTING + name: places.get(value, value) for name, value in wrong.items()}
    for command in (["config", "check"], ["agent", "--state-dir", scratch / "state"]):
        ended = subprocess.run([AROBUST, *command], env=environment, text=True, capture_output=True, timeout=30)
        assert ended.returncode != 0 and re.search(says, ended.stdout + ended.stderr), ended.stdout + ended.stderr


def test_a_proxy_is_not_used_and_that_is_said(scratch: Path) -> None:
    environment = {
        "PATH": "/usr/bin", "HOME": str(scratch), "AROBUST_MASTERS": "nats://localhost:9/arobust", f"{SETTING}HTTP_PROXY": "http://127.0.0.1:9",
    }  # fmt: skip
    checked = subprocess.run([AROBUST, "config", "check"], env=environment, text=True, capture_output=True, timeout=30)
    assert "is reached without delivery.http-proxy" in checked.stdout + checked.stderr
