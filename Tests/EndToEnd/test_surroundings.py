"""Limits and oddities of the machine that arobust runs on. Each stands for a kind of public report:

* a limit on the size of files, whose signal ends a process (log_proxy#5, semgrep#3843)
* a limit of a million open files, which programs that close all of them before exec suffer from (moby#9876, cpython#127177)
* a file system without inodes (moby#10613), a read-only root and a user without a home (loki#1199)
* a preloaded library that sets a variable takes Swift's arguments away (swift#76080, HAMi#2986)
* secrets in command lines (octo-web#1584, SchemaSmith#244)
* settings and rules with a byte-order mark (moonrepo/moon#1903)
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness import bus, inspection, small_disk
from harness.file_master import FileMaster
from harness.followed import Followed
from harness.process import AROBUST, Arobust, Process, wait_until
from harness.small_disk import SmallDisk


def status_and_error(*command: str | Path, **environment: str) -> tuple[int, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_STATE_HOME")}
    done = subprocess.run(list(map(str, command)), env=kept | environment, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stderr


@pytest.mark.parametrize("kibibytes", [64, 512])
def test_a_limit_on_the_size_of_files(arobust: Arobust, scratch: Path, kibibytes: int) -> None:
    log, copy = scratch / "train.log", FileMaster(scratch / "copy.ndjson")
    log.write_text("".join(f"line {number} {'x' * 80}\n" for number in range(30_000)))
    # bash counts in KiB. The log of arobust itself is small.
    arobust.prefix = ["bash", "-c", f'ulimit -f {kibibytes}; exec "$0" "$@"']
    agent = arobust.start_ready("agent", "--log-file", log, "--master", copy.url)
    agent.wait_for_log("File too large", 40)
    assert agent.child.poll() is None, "SIGXFSZ did not end it"
    assert agent.stop() == 0
    written = [path for path in scratch.rglob("*") if path.is_file() and path not in (log, agent.log_path)]
    assert written and all(path.stat().st_size <= kibibytes << 10 for path in written)


@pytest.mark.parametrize("limit", [256, 1024, 1_048_576])
def test_a_limit_of_open_files(arobust: Arobust, scratch: Path, limit: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    target = Process("target", [sys.executable, "-c", "import time; time.sleep(600)"], scratch)
    copy = FileMaster(scratch / "copy.ndjson")
    arobust.prefix = ["sh", "-c", f'ulimit -n {limit}; exec "$0" "$@"']
    py_spy = Path(sys.executable).with_name("py-spy")
    try:
        flags = ["--stack-pid", str(target.pid), "--stack-interval", "500ms", "--py-spy", py_spy]
        agent = arobust.start_ready("agent", *flags, "--master", copy.url)
        wait_until(lambda: len(copy.contents("STACK_TRACE")) >= 3, lambda: f"three rounds; {agent.tail()}", 30)
        assert all("killed" not in stack and "<module>" in stack for stack in copy.contents("STACK_TRACE")[:3])
        # Closing every possible number before each exec would take it far more.
        ticks = sum(map(int, Path(f"/proc/{agent.pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
        assert ticks / os.sysconf("SC_CLK_TCK") < 20
        assert agent.stop() == 0
    finally:
        target.kill()


@pytest.mark.parametrize(
    "limit, command, said",
    [
        ("-n 100", "agent", "at most 100 open files: 232 are needed with 1 master"),
        ("-n 100", "bridge", "at most 100 open files: 232 are needed with 1 master"),
        ("-n 32", "agent", "at most 32 open files"),
        ("-n 32", "status", "at most 32 open files"),
        ("-v 350000", "agent", "ulimit -v is 350000, and about "),
        ("-v 560000", "bridge", "ulimit -v is 560000, and about "),
        ("-d 300000", "agent", "ulimit -d is 300000, and about "),
        ("-d 60000", "status", "ulimit -d is 60000, and about "),
        ("-s 64", "agent", "stacks of 64 KiB: 512 are needed"),
        ("-s 64", "status", "stacks of 64 KiB: 512 are needed"),
    ],
)
def test_a_limit_that_is_too_small_is_told_at_the_start(scratch: Path, limit: str, command: str, said: str) -> None:
    master = ["--master", f"file://{scratch}/copy.ndjson"] if command != "status" else []
    arguments = [AROBUST, command, "--state-dir", scratch / "state", *master]
    status, error = status_and_error("sh", "-c", f'ulimit {limit}; exec "$0" "$@"', *arguments)
    assert status == 1 and said in error and len(error.splitlines()) == 1, error


@pytest.mark.parametrize("flag, least", [("v", 500_000), ("d", 350_000)])
def test_limited_memory_either_does_or_is_told(arobust: Arobust, scratch: Path, flag: str, least: int) -> None:
    """No limit is just large enough for the look at the start and too small for what comes then."""
    # A thread for each core, each with its stack.
    limits = [least + step + 8200 * (os.cpu_count() or 1) for step in range(0, 400_000, 60_000)]
    copy, log, ran = FileMaster(scratch / "copy.ndjson"), scratch / "train.log", []
    log.write_text("a line\n" * 1000)
    for limit in limits:
        arobust.prefix = ["sh", "-c", f'ulimit -{flag} {limit}; exec "$@"', "sh"]
        agent = arobust.start("agent", "--log-file", log, "--master", copy.url, "--listen", "dlrover+grpc://127.0.0.1:0")
        wait_until(lambda: agent.child.poll() is not None or "Listening for" in agent.log(), agent.tail)
        if agent.child.poll() is None:
            metrics = [{"data_type": "GENERIC", "data_content": f"{limit} {'y' * 100_000}"}] * 3
            assert bus.publish(arobust.state, *metrics)["accepted"] == 3
            wait_until(lambda: any(text.startswith(f"{limit} ") for text in copy.contents("GENERIC")), agent.tail)
            assert agent.stop() == 0, agent.tail()
            ran.append(limit)
        else:
            assert agent.child.returncode == 1 and f"ulimit -{flag} is {limit}" in agent.log() and not ran, agent.tail()
    assert ran and ran[0] > limits[0]


def test_config_check_says_what_the_start_would(scratch: Path) -> None:
    masters = [part for number in range(70) for part in ("--master", f"file://{scratch}/{number}.ndjson")]
    limited = ["sh", "-c", 'ulimit -n 1024; exec "$0" "$@"', AROBUST]
    check = status_and_error(*limited, "config", "check", "--state-dir", scratch / "state", *masters)
    start = status_and_error(*limited, "agent", "--state-dir", scratch / "state", *masters)
    assert check == start and check[0] == 1 and "1752 are needed with 70 masters" in check[1]
    listen = ["--state-dir", scratch / "state", "--listen", "dlrover+grpc://127.0.0.1:0", "--listen-allow", "user:no-such-user"]
    check, start = (status_and_error(AROBUST, *command, *listen) for command in (["config", "check"], ["collect"]))
    assert check == start and check[0] == 64 and "--listen-allow: listen-allow names the user no-such-user" in check[1]


@pytest.mark.skipif(bool(small_disk.why_not()), reason=small_disk.why_not() or "-")
def test_a_file_system_without_inodes(arobust: Arobust, scratch: Path) -> None:
    disk = SmallDisk(scratch, 64, inodes=60)
    log = scratch / "train.log"
    log.write_text("line 1\n")
    arobust.prefix = disk.prefix
    arobust.state = disk.path / "state"
    state = disk.outside / "state"
    try:
        followed = Followed(arobust, log)
        followed.wait_for(b"line 1\n")
        disk.use_up_inodes()
        with open(log, "a") as file:
            file.write("line 2\n")
        followed.wait_for(b"line 1\nline 2\n")
        answer = bus.publish(state, {"data_type": "GENERIC", "data_content": "new lane"})
        assert len(answer["refused"]) + answer["accepted"] == 1
        disk.free_inodes()

        def comes() -> bool:
            bus.publish(state, {"data_type": "GENERIC", "data_content": "again"})
            return "again" in followed.copy.contents("GENERIC")

        wait_until(comes, lambda: f"the new type; {followed.agent.tail()}", every=0.3)
        followed.finish(b"line 1\nline 2\n")
        assert "is whole" in inspection.run("journal", "verify", "--state-dir", state)
        inspection.audit(state)
    finally:
        disk.close()


@pytest.mark.skipif(bool(small_disk.why_not()), reason=small_disk.why_not() or "-")
def test_a_read_only_root_is_named(scratch: Path) -> None:
    disk = SmallDisk(scratch, 1)
    try:
        disk.set_read_only(True)
        place = disk.path / "arobust"
        status, error = status_and_error(*disk.prefix, AROBUST, "agent", "--state-dir", place)
    finally:
        disk.close()
    assert status != 0 and error.count("\n") == 1
    assert f"{place} can't be used: cannot write to the folder {disk.path}: Read-only file system" in error


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize(("home", "words"), [("/", " /.local/state/arobust can't be used: user 65534 may not write to the folder /"), ("", "it has no default; set --state-dir")])
def test_a_user_without_a_home(scratch: Path, home: str, words: str) -> None:
    become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    status, error = status_and_error(*become, AROBUST, "agent", **({"HOME": home} if home else {}))
    assert status != 0
    assert words in error and error.count("\n") == 1


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize("how", ["setenv", "putenv", "clearenv"])
def test_a_preloaded_library_that_changes_the_environment(arobust: Arobust, scratch: Path, how: str) -> None:
    change = {"setenv": 'setenv("A", "1", 1)', "putenv": 'putenv("A=1")', "clearenv": 'clearenv(); setenv("HOME", "/root", 1)'}[how]
    (scratch / "hook.c").write_text(f"#include <stdlib.h>\n__attribute__((constructor)) static void f(void) {{ {change}; }}\n")
    subprocess.run(["gcc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", scratch / "hook.so", scratch / "hook.c"], check=True)
    preload = {"LD_PRELOAD": str(scratch / "hook.so")}
    version = arobust.run("agent", "--version", environment=preload)
    assert version.child.returncode == 0 and version.output().count("\n") == 1, version.tail()
    assert arobust.start_ready("agent", environment=preload).stop() == 0


SECRETS = {
    "a flag": ["--token", "SEKRET"],
    "camel case": ["--accessToken", "SEKRET", "--apiKey=SEKRET", "hfToken=SEKRET"],
    "a header": ["--header", "Authorization: Bearer SEKRET"],
    "signed URLs": ["--data", "https://a.example.org/c?sv=2024&sig=SEKRET", "s3://b/d?X-Amz-Signature=SEKRET"],
    "variables and dictionaries": ["--env", "WANDB_API_KEY=SEKRET", "--kwargs", "{'api_key': 'SEKRET'}"],
}


@pytest.mark.parametrize("kind", SECRETS)
def test_secrets_in_command_lines_are_hidden(arobust: Arobust, scratch: Path, kind: str) -> None:
    target = Process("target", [sys.executable, "-c", "import time; time.sleep(600)", *SECRETS[kind], "--visible", "kept"], scratch)
    copy = FileMaster(scratch / "copy.ndjson")
    try:
        agent = arobust.start_ready("agent", "--stack-pid", str(target.pid), "--master", copy.url)
        stack = wait_until(lambda: copy.contents("STACK_TRACE"), lambda: f"the stack; {agent.tail()}", 30)[0]
    finally:
        target.kill()
    assert "--visible kept" in stack
    assert "SEKRET" not in stack, stack
    assert agent.stop() == 0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_settings_and_rules_of_windows_editors(scratch: Path, encoding: str) -> None:
    settings, rules = scratch / "c.yaml", scratch / "r.yaml"
    settings.write_text("log-level: debug\nnode: {id: 1}\n", encoding)
    rules.write_text("rules:\n  - {id: cuda.out-of-memory, action: job_abortion}\ndisable: [nvidia.xid.31]\n", encoding)
    for command in (["config", "check", "--config", settings, "--state-dir", scratch / "s"], ["rules", "lint", "--rules", rules]):
        status, error = status_and_error(AROBUST, *command)
        assert status == 0 or (encoding == "utf-16" and "UTF-16" in error), error


def test_signals_that_the_kernel_sends_do_not_end_it(arobust: Arobust) -> None:
    agent = arobust.start_ready("agent")
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        agent.send(number)
    arobust.publish("still here")
    assert agent.child.poll() is None
    assert agent.stop() == 0
