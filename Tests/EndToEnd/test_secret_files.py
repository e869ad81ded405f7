"""The secrets that arobust itself is given, tokens, keys and a proxy's password, are shown nowhere: not in its log at its most talkative, in what its
commands and its server say, in the arguments of its processes, nor in a core file."""

from __future__ import annotations

import http.client
import mmap
import os
import shutil
import signal
import ssl
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.certificates import Authority
from harness.console import Console
from harness.http_page import HTTPPage
from harness.http_proxy import SayingProxy
from harness.process import AROBUST, Arobust, Process, wait_until

CONSOLE, PAGE, HTTP, PASSWORD = "c0nsole-T0ken-e5f6a7b8", "w3b-T0ken-9c8d7e6f5a4b", "http-T0ken-1a2b3c4d5e6f", "pr0xy-Pa55word-77"
WORDS = [CONSOLE, PAGE, HTTP, PASSWORD]


def file(path: Path, text: str) -> str:
    path.write_text(text + "\n")
    path.chmod(0o600)
    return str(path)


class Secrets:
    """All of them in files, and the settings that name these."""

    def __init__(self, scratch: Path) -> None:
        authority = Authority(scratch / "certificates")
        node = authority.sign("node")
        self.words = [*WORDS, *[line for line in node.key.read_text().splitlines() if "-----" not in line and len(line) > 20]]
        assert len(self.words) > len(WORDS)
        self.settings = {
            "AROBUST_DELIVERY_TOKEN_FILE": file(scratch / "console-token", CONSOLE), "AROBUST_HTTP_TOKEN_FILE": file(scratch / "http-token", HTTP),
            "AROBUST_DELIVERY_HTTP_PROXY_CREDENTIALS_FILE": file(scratch / "proxy-password", f"node:{PASSWORD}"),
            "AROBUST_DELIVERY_TLS_CERTIFICATE_FILE": str(node.certificate), "AROBUST_DELIVERY_TLS_KEY_FILE": str(node.key),
            "AROBUST_DELIVERY_TLS_CA_FILE": str(authority.certificate), "AROBUST_HTTP_TLS_CERTIFICATE_FILE": str(node.certificate),
            "AROBUST_HTTP_TLS_KEY_FILE": str(node.key), "AROBUST_HTTP_LISTEN": "127.0.0.1:0", "AROBUST_DELIVERY_BACKOFF_MAX": "300ms",
        }  # fmt: skip
        self.authority = authority

    def found(self, text: str) -> list[str]:
        return [word for word in self.words if word in text]


@pytest.fixture
def secrets(scratch: Path) -> Secrets:
    return Secrets(scratch)


@pytest.fixture
def proxy() -> Iterator[SayingProxy]:
    """Refuses, and says back what it was told, as some do."""

    def answer(connection) -> None:  # noqa: ANN001
        connection.sendall(f"HTTP/1.1 403 password={PASSWORD}\r\n\r\n".encode())

    proxy = SayingProxy(answer)
    yield proxy
    proxy.close()


def arguments(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def ask(port: int, path: str, token: str) -> str:
    """The answer with its headers."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=20)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return f"{answer.status} {answer.headers} {answer.read().decode()}"
    finally:
        connection.close()


def test_an_agent_shows_none(arobust: Arobust, scratch: Path, secrets: Secrets, proxy: SayingProxy) -> None:
    arobust.environment = secrets.settings | {"AROBUST_DELIVERY_HTTP_PROXY": proxy.url}
    masters = ["--master", "arobusts://localhost:9", "--master", "dlrover+http://127.0.0.1:9", "--master", "dlrover+grpc://127.0.0.1:8"]
    agent = arobust.start_ready("agent", *masters, "--log-level", "trace")
    arobust.publish("something to report")
    agent.wait_for_log("does not connect to", 40, count=3)
    assert PASSWORD not in proxy.requests[0]  # it goes as base64
    page = HTTPPage(agent)
    told = [agent.log(), arguments(agent.pid)]
    told += [ask(page.port, path, token) for path in ("/metrics", "/status", "/healthz", "/readyz", "/nothing") for token in (HTTP, "wrong")]
    at = ["--state-dir", arobust.state]
    environment = os.environ | secrets.settings
    for command in (["status"], ["status", "--json"], ["audit"], ["audit", "--json"], ["config", "show"], ["config", "check"], ["status", "--check"]):
        done = subprocess.run([AROBUST, *command, *at], env=environment, capture_output=True, text=True, timeout=60)
        told.append(done.stdout + done.stderr)
        assert told[-1] or command[-1] == "--check", command
    assert "delivery.token-file" in "".join(told) and "console-token" in "".join(told)  # where they are is no secret
    bundle = scratch / "bundle.tar.gz"
    subprocess.run([AROBUST, "support-bundle", *at, "--output", bundle, "--log", agent.log_path], env=environment, check=True, timeout=60, capture_output=True)
    with tarfile.open(bundle) as archive:
        told += [found.read().decode() for member in archive if (found := archive.extractfile(member))]
    files = [path for path in arobust.state.rglob("*") if path.is_file() and not path.is_symlink()]
    told += [path.read_bytes().decode(errors="replace") for path in files]
    for text in told:
        assert secrets.found(text) == [], text[:300]
    assert agent.stop() == 0
    assert secrets.found(agent.log()) == []


def test_a_console_shows_none(arobust: Arobust, scratch: Path, secrets: Secrets) -> None:
    node = secrets.authority.sign("node2")
    console = Console(
        scratch, "--token-file", file(scratch / "c", CONSOLE), "--web-token-file", file(scratch / "w", PAGE), "--tls-certificate-file", node.certificate,
        "--tls-key-file", node.key, "--log-level", "trace",
    )  # fmt: skip
    process = console.start()
    process.wait_for_log("Console at https://")
    secrets.words += [line for line in node.key.read_text().splitlines() if "-----" not in line and len(line) > 20]
    try:
        url = console.master.replace("arobust://127.0.0.1", "arobusts://localhost")
        arobust.environment = secrets.settings | {"AROBUST_DELIVERY_TOKEN_FILE": file(scratch / "wrong", "another-T0ken-00112233")}
        stranger = arobust.start_ready("agent", "--master", url)
        arobust.publish("line 1")
        wait_until(lambda: "token" in stranger.log(), stranger.tail)
        told = [stranger.log(), process.log(), arguments(process.pid)]
        told += [ask(console.web, path, token) for path in ("/", "/api/v1/logs", "/metrics", "/healthz") for token in (PAGE, "wrong")]
        for text in told:
            assert secrets.found(text) == [], text[:300]
            assert "another-T0ken-00112233" not in text
    finally:
        console.kill()


@pytest.mark.parametrize(
    "text", ["shortT0ken", "with blanks in-T0ken-0123", "t0ken-\u00e4\u00f6\u00fc-0123456789", "x" * 1100 + "T0ken"], ids=["short", "blanks", "letters", "long"]
)
def test_a_file_that_is_no_token_is_not_shown(text: str, scratch: Path) -> None:
    path = file(scratch / "bad", text)
    environment = os.environ | {"AROBUST_HTTP_LISTEN": "127.0.0.1:0", "AROBUST_HTTP_TOKEN_FILE": path}
    done = subprocess.run([AROBUST, "collect", "--state-dir", scratch / "s"], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and path in done.stderr
    assert text not in done.stderr and "T0ken" not in done.stderr and "t0ken" not in done.stderr


def core_of(arobust: Arobust, scratch: Path, secrets: Secrets, state: str, memory: bool) -> Path:
    """The core file of an agent that a signal has ended. `memory`: somebody has asked the kernel for it."""
    folder = scratch / f"core-{state}"
    folder.mkdir()
    arobust.prefix = ["env", "-C", str(folder), "prlimit", "--core=unlimited"]
    agent = arobust.start_ready("agent", "--master", "arobusts://localhost:9", state=scratch / state)
    arobust.prefix = []
    assert Path(f"/proc/{agent.pid}/coredump_filter").read_text().strip() == "00000000"
    if memory:
        Path(f"/proc/{agent.pid}/coredump_filter").write_text("0x3")
    agent.send(signal.SIGQUIT)
    assert agent.wait(120) == -signal.SIGQUIT
    return next(folder.iterdir())


def has(path: Path, words: list[str]) -> list[str]:
    with open(path, "rb") as core, mmap.mmap(core.fileno(), 0, prot=mmap.PROT_READ) as content:
        return [word for word in words if content.find(word.encode()) >= 0]


@pytest.mark.skipif(Path("/proc/sys/kernel/core_pattern").read_text().startswith(("|", "/")), reason="this machine puts core files elsewhere")
def test_a_core_file_has_none(arobust: Arobust, scratch: Path, secrets: Secrets) -> None:
    """The second one shows that they would be found."""
    arobust.environment = secrets.settings
    assert has(core_of(arobust, scratch, secrets, "s1", memory=False), secrets.words) == []
    with_memory = core_of(arobust, scratch, secrets, "s2", memory=True)
    assert HTTP in has(with_memory, secrets.words)
    with_memory.unlink()


@pytest.mark.skipif(not shutil.which("gcore"), reason="gdb is not installed")
def test_neither_has_one_that_gdb_takes(arobust: Arobust, scratch: Path, secrets: Secrets) -> None:
    arobust.environment = secrets.settings
    agent = arobust.start_ready("agent", "--master", "arobusts://localhost:9")
    done = subprocess.run(["gcore", "-o", str(scratch / "core"), str(agent.pid)], capture_output=True, text=True, timeout=300)
    taken = scratch / f"core.{agent.pid}"
    assert taken.exists(), done.stdout + done.stderr
    assert has(taken, secrets.words) == []
    assert agent.stop() == 0


def test_processes_that_arobust_starts_write_none_either(arobust: Arobust, scratch: Path) -> None:
    """py-spy here: it inherits what arobust has said of itself."""
    program = scratch / "py-spy"
    program.write_text(f"#!/bin/sh\ncat /proc/self/coredump_filter > {scratch}/filter\nexit 1\n")
    program.chmod(0o755)
    target = Process("target", ["sleep", "600"], scratch)
    try:
        arobust.start_ready("agent", "--master", f"file://{scratch}/out.ndjson", "--stack-pid", str(target.pid), "--stack-interval", "200ms", "--py-spy", program)
        wait_until(lambda: (scratch / "filter").exists() and (scratch / "filter").read_text().strip() == "00000000", "py-spy to run")
    finally:
        target.kill()
