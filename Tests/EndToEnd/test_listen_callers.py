"""Who may call the listener, and that nobody who opens connections without end can stop it."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness import dlrover_client, foreign_agent
from harness.file_master import FileMaster
from harness.process import Arobust, free_port, wait_until

foreign_agent  # gRPC's fork handlers must be off before grpc is imported

STRANGER = 54321
LOG = "TRAINING_LOG"
QUICK = {"AROBUST_DELIVERY_BATCH_TIME": "20ms", "AROBUST_DELIVERY_JOIN": "false"}
METRIC = {"data_type": LOG, "data_content": "a line"}
CALLER = """
import os, sys
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"
import encodings.idna, grpc, grpc._channel
grpc.insecure_channel("127.0.0.1:1").close()
user = int(sys.argv[4])
os.setgroups([user]); os.setgid(user); os.setuid(user)  # after the imports: Python may lie where only root gets
with grpc.insecure_channel(sys.argv[1]) as channel:
    try:
        channel.unary_unary(sys.argv[2])(bytes.fromhex(sys.argv[3]), timeout=20)
        print("OK")
    except grpc.RpcError as error:
        print(error.code().name, error.details())
"""
HTTP_CALLER = """
import encodings.idna, http.client, os, sys
user = int(sys.argv[4])
os.setgroups([user]); os.setgid(user); os.setuid(user)
connection = http.client.HTTPConnection(sys.argv[1], timeout=20)
connection.request("POST", "/" + sys.argv[2].rpartition("/")[2], bytes.fromhex(sys.argv[3]), {"Content-Type": "application/json"})
answer = connection.getresponse()
print({200: "OK", 403: "PERMISSION_DENIED"}.get(answer.status, answer.status), answer.read().decode("latin1") if answer.status != 200 else "")
"""
OPENER = """
import encodings.idna, os, resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
os.setuid(int(sys.argv[2]))
opened = []
for _ in range(700):
    try:
        opened.append(socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
    except OSError:
        pass
print("open", flush=True)
sys.stdin.read()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


def call_as(
    user: int, address: str, path: str = "/elastic.Master/report", message: bytes = b"", wire: str = "grpc"
) -> str:
    """Calls as a user who has no name, and returns the status."""
    done = subprocess.run(
        [sys.executable, "-c", CALLER if wire == "grpc" else HTTP_CALLER, address, path, message.hex(), str(user)],
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def report_message(content: str, wire: str = "grpc") -> bytes:
    pickled = foreign_agent.pickle_of(b'{"data_type": "TRAINING_LOG", "data_content": "%s"}' % content.encode(), "comm")
    if wire == "http":
        return b'{"data": "%s"}' % base64.b64encode(pickled)
    return b"\x12\x06worker\x1a" + foreign_agent._varint(len(pickled)) + pickled


@as_root
@pytest.mark.parametrize("wire", ["grpc", "http"])
def test_another_user_can_neither_report_nor_reach_the_master(arobust: Arobust, scratch: Path, wire: str) -> None:
    address = f"127.0.0.1:{free_port()}"
    file = FileMaster(scratch / "copy.ndjson")
    agent = arobust.start_ready("agent", "--listen", f"dlrover+{wire}://{address}", "--master", file.url, environment=QUICK)
    agent.wait_for_log("Listening for DLRover clients.")
    began = time.monotonic()
    for path in ["/elastic.Master/report", "/elastic.Master/get", "/any.Thing/else"]:
        for _ in range(3):
            said = call_as(STRANGER, address, path, report_message("forged", wire), wire)
            assert said.startswith(f"PERMISSION_DENIED this program runs as user {STRANGER}"), said
    assert foreign_agent.report(address, wire, "0.6.1", METRIC) == "stored"
    wait_until(lambda: file.contents(LOG) == ["a line"], agent.tail)
    said_at_most = 1 + (time.monotonic() - began) // 60
    assert 1 <= agent.log().count("runs as a user that may not call") <= said_at_most, "within a budget"
    assert agent.stop() == 0


@as_root
@pytest.mark.parametrize("allow", ["uid:54321", "gid:54322", "everyone"])
def test_named_users_may_call(arobust: Arobust, scratch: Path, allow: str) -> None:
    """One list for all addresses."""
    addresses = {"grpc": f"127.0.0.1:{free_port()}", "http": f"127.0.0.1:{free_port()}"}
    listen = [part for wire, address in addresses.items() for part in ("--listen", f"dlrover+{wire}://{address}")]
    # A group counts by the system's accounts, in which this user has none.
    expected = "PERMISSION_DENIED" if allow.startswith("gid") else "OK"
    collect = arobust.start_ready("collect", *listen, "--listen-allow", allow, environment=QUICK)
    collect.wait_for_log("Listening for DLRover clients.", count=2)
    for wire, address in addresses.items():
        message = report_message("x", wire)
        assert call_as(STRANGER, address, message=message, wire=wire).startswith(expected)
        if allow == "uid:54321":
            assert call_as(STRANGER + 1, address, message=message, wire=wire).startswith("PERMISSION_DENIED")
    assert collect.stop() == 0


def test_a_group_that_does_not_exist_ends_it_with_a_sentence(arobust: Arobust) -> None:
    collect = arobust.start("collect", "--listen", "dlrover+grpc://127.0.0.1:0", "--listen-allow", "group:no-such-group")
    assert collect.wait() == 64
    assert "listen-allow names the group no-such-group, which this system does not have" in collect.log()
    collect = arobust.start("collect", "--listen", "dlrover+grpc://127.0.0.1:0", "--listen-allow", "root")
    assert collect.wait() == 64
    assert "each user:NAME, group:NAME, uid:NUMBER, gid:NUMBER or everyone" in collect.log()


@as_root
@pytest.mark.parametrize("allow", [[], ["--listen-allow", f"uid:{STRANGER}"]])
def test_a_unix_socket_takes_dlrovers_client(arobust: Arobust, scratch: Path, allow: list[str]) -> None:
    path = scratch / "listen.sock"
    # One that is left over from a killed process.
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    scratch.chmod(0o711)
    file = FileMaster(scratch / "copy.ndjson")
    agent = arobust.start_ready("agent", "--listen", f"unix:{path}", *allow, "--master", file.url, environment=QUICK)
    agent.wait_for_log(f"address=unix:{path}")
    assert path.stat().st_mode & 0o777 == (0o666 if allow else 0o600)
    code = (
        "import sys; from dlrover.python.common import comm; comm.addr_connected = lambda address: True; "
        f"sys.path.insert(0, {str(Path(dlrover_client.__file__).parent)!r}); import dlrover_client; dlrover_client.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"unix:{path}", '[["report", "a line", "another"]]'],
        env=os.environ | {"DLROVER_LOG_LEVEL": "ERROR", "DLROVER_EVENT_ENABLE": "false"},
        cwd=scratch, capture_output=True, text=True, timeout=100,
    )
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "[2]", done.stderr + done.stdout
    said = call_as(STRANGER, f"unix:{path}", message=report_message("third"))
    assert said == "OK" if allow else said.startswith("UNAVAILABLE"), said
    if allow:
        assert call_as(STRANGER + 1, f"unix:{path}", message=report_message("x")).startswith("PERMISSION_DENIED")
    wait_until(lambda: file.contents(LOG) == ["a line", "another"] + (["third"] if allow else []), agent.tail)
    assert agent.stop() == 0
    assert not path.exists()


@as_root
@pytest.mark.parametrize("wire", ["grpc", "http"])
@pytest.mark.parametrize("user", [STRANGER, 0])
def test_connections_without_end_starve_nobody(arobust: Arobust, scratch: Path, user: int, wire: str) -> None:
    address = f"127.0.0.1:{free_port()}"
    log, file = scratch / "train.log", FileMaster(scratch / "copy.ndjson")
    log.write_text("line 1\n")
    arobust.prefix = ["bash", "-c", 'ulimit -n 400; exec "$0" "$@"']
    agent = arobust.start_ready(
        "agent", "--log-file", log, "--listen", f"dlrover+{wire}://{address}", "--master", file.url, environment=QUICK
    )
    agent.wait_for_log("Listening for DLRover clients.")
    opener = subprocess.Popen(
        [sys.executable, "-c", OPENER, address.split(":")[1], str(user)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    try:
        assert opener.stdout and opener.stdout.readline() == "open\n"
        with open(log, "a") as more:
            more.write("line 2\n")
        log.rename(scratch / "train.log.1")
        log.write_text("line 3\n")
        assert foreign_agent.report(address, wire, "0.6.1", METRIC) == "stored"
        wait_until(lambda: file.contents(LOG).count("a line") == 1 and len(file.contents(LOG)) >= 4, agent.tail)
        assert sorted(file.contents(LOG)) == ["a line", "line 1", "line 2", "line 3"]
        assert len(os.listdir(f"/proc/{agent.pid}/fd")) < 300
        assert "Too many open files" not in agent.log()
    finally:
        opener.kill()
        opener.wait()
    assert agent.stop() == 0
