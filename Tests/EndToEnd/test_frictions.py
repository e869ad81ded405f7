"""What operators stumble over: misspelt names, a publisher that is not there, directories of somebody else, consumers that are gone."""

import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest
from harness import bus
from harness.process import AROBUST, ROOT, Arobust, wait_until


def run(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([AROBUST, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False, **options)


def test_forget(arobust: Arobust, scratch: Path) -> None:
    agent = arobust.start_ready("collect")
    client = bus.ReplayClient(arobust.state)
    for name in ("dashboard", "old one", "café\u200b"):
        client.commit(name)
    client.close()
    at = ["--state-dir", arobust.state]

    unknown = run("forget", "dashbord", *at)
    assert unknown.returncode == 1
    assert "there is no consumer 'dashbord'" in unknown.stderr and "dashboard, old one" in unknown.stderr
    done = run("forget", "dashboard", *at)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "dashboard is forgotten: the journal keeps nothing for it.")
    assert "back with its next commit" in done.stdout
    assert "dashboard" not in run("status", *at).stdout
    # As status shows it.
    assert run("forget", "café\\u{200b}", *at).returncode == 0

    assert agent.stop() == 0
    assert run("forget", "old one", *at).stdout == "old one is forgotten: the journal keeps nothing for it.\n"
    assert run("forget", "old one", *at).stderr.endswith("it has none\n")
    assert "No consumer has given its name here." in run("status", *at).stdout
    assert run("audit", *at).returncode == 0
    assert run("forget", "x", "--state-dir", scratch / "none").returncode == 1


@pytest.mark.parametrize(("flags", "waits"), [(["--no-wait"], False), (["--wait", "1s"], False), (["--wait", "3s"], True)])
def test_tap_without_a_publisher(scratch: Path, flags: list[str], waits: bool) -> None:
    done = run("tap", "--state-dir", scratch / "none", *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Error: no publisher is at ipc://" in done.stderr
    assert ("-- waiting: no publisher is at" in done.stderr) == waits


def test_tap_with_a_publisher_does_not_give_up(arobust: Arobust) -> None:
    arobust.start_ready("collect")
    tap = arobust.start_ready("tap", "--no-wait", "--count", "1")
    arobust.publish("hello")
    assert tap.wait() == 0
    assert "hello" in tap.output()


def test_a_tap_on_a_terminal_shows_no_log(arobust: Arobust) -> None:
    arobust.start_ready("collect")
    terminal, other = pty.openpty()
    tap = subprocess.Popen([AROBUST, "tap", "--from", "oldest", "--state-dir", arobust.state, "--count", "1"], stdout=other, stderr=other)
    os.close(other)
    try:
        arobust.publish("hello")
        assert tap.wait(20) == 0
        shown = os.read(terminal, 1 << 16).decode()
    finally:
        tap.kill()
        os.close(terminal)
    assert "hello" in shown
    assert len(shown.splitlines()) == 1 and "arobust:" not in shown


def test_the_version_names_the_commit() -> None:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    said = re.fullmatch(r"(\d+\.\d+\.\d+) \(commit ([0-9a-f]{12}\+?|unknown), (debug|release) build\)\n", run("--version").stdout)
    assert said
    # The program may be older than the checkout.
    assert said[2] != "unknown" or not commit


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--master", "stdoutt:"], "the scheme 'stdoutt' is not known (did you mean 'stdout:'?)"),
        (["--master", "stdout"], "(did you mean 'stdout:'?)"),
        (["--master", "flie:///x"], "(did you mean 'file:'?)"),
        (["--master", "dlrover+gprc://h:1"], "(did you mean 'dlrover+grpc:'?)"),
        (["--master", "http://h:1"], "the scheme 'http' is not known; allowed are"),
        (["--node-id", "x"], "--node-id: node.id is 'x'; it must be a whole number"),
        (["--node-id", "-"], "--node-id: node.id is '-'; it must be a whole number"),
        (["--node-rank", "--master"], "--node-rank: node.rank is '--master'; it must be a whole number"),
        (["--xpu-timer-port", "-1"], "metrics.xpu-timer-port is '-1'; it must be a whole number from 1 to 65535"),
        (["--stack-pid", "-1"], "stacks.pids is '-1'; it must be a whole number from 1"),
    ],
)
def test_a_wrong_flag_is_explained(scratch: Path, flags: list[str], words: str) -> None:
    done = run("config", "check", "--state-dir", scratch / "s", *flags)
    assert done.returncode == 64
    assert words in done.stderr


def test_a_negative_number_is_no_flag(scratch: Path) -> None:
    assert "node.id: -1  # --node-id" in run("config", "show", "--state-dir", scratch, "--node-id", "-1").stdout
    assert "--restart-count is -1; it must be at least 0" in run("diagnose", "--restart-count", "-1", "--log", "x").stderr
    assert "--count is -1; it must be at least 1" in run("tap", "--count", "-1").stderr


MISSING = [
    (["--log-file", "{0}/no/train.log"], "there is no log {0}/no/train.log yet, nor is there a folder {0}/no;"),
    (["--log-file", "{0}/train.log"], "there is no log {0}/train.log yet; it is followed as soon as there is"),
    (["--log-file", "{0}/no/*/train.log"], "nothing can match {0}/no/*/train.log yet: there is no folder {0}/no"),
    (["--torchrun-logs", "{0}/runs"], "there is no folder {0}/runs yet"),
    (["--py-spy", "{0}/py-spi"], "cannot run {0}/py-spi: No such file or directory; no Python stacks can be taken"),
    (["--master", "file://{0}/no/x.ndjson"], "file://{0}/no/x.ndjson can't be written: there is no folder {0}/no"),
]


@pytest.mark.parametrize(("flags", "words"), MISSING)
def test_what_is_not_there_is_told(arobust: Arobust, scratch: Path, flags: list[str], words: str) -> None:
    flags, words = [flag.format(scratch) for flag in flags], words.format(scratch)
    checked = run("config", "check", "--state-dir", arobust.state, *flags)
    assert (checked.returncode, checked.stdout) == (0, "The settings are right.\n")
    assert f"Warning: {flags[0]}: {words}" in checked.stderr
    agent = arobust.start_ready("agent", *flags)
    assert [line for line in agent.log().splitlines() if words in line and " warning " in line]
    assert agent.stop() == 0


def test_what_is_there_is_not_told(scratch: Path) -> None:
    (scratch / "train.log").touch()
    flags = ["--log-file", scratch / "train.log", "--log-file", scratch / "*.log", "--py-spy", "/bin/true"]
    checked = run("config", "check", "--state-dir", scratch / "s", *flags, "--master", f"file://{scratch}/x.ndjson")
    assert (checked.returncode, checked.stderr) == (0, "")


STOPPING = [
    (["--listen", "dlrover+grpc://127.0.0.1:0", "--listen-allow", "user:nobody-here"], "names the user nobody-here"),
    (["--listen", "unix:{0}/no/x.sock"], "cannot listen at unix:{0}/no/x.sock: "),
    (["--listen", "unix:{0}/plain"], "there is something else, which is not a socket of this user"),
    (["--master", "file://{0}/x", "--master", "file://{0}/./x"], "are the same file"),
    (["--master", "file://{0}/plain", "--master", "file://{0}/link"], "are the same file"),
    (["AROBUST_DIAGNOSIS_RULES={0}/none.yaml"], "{0}/none.yaml: cannot open: No such file or directory"),
    (["AROBUST_DIAGNOSIS_RULES={0}/rules.yaml"], "{0}/rules.yaml:1: the rule 'x' needs the key title"),
    (["AROBUST_CONSUMERS_DIR=/proc/none", "--master", "stdout:"], "ledgers can't be kept in /proc/none: "),
    (["--state-dir", "/"], "files in it that no publisher made; name a directory that is arobust's alone, such as /arobust"),
    (["--state-dir", "{0}/plain"], "the state directory is not a directory: {0}/plain"),
    (["--state-dir", "{0}/plain/s"], "{0}/plain"),
    (["--state-dir", "/proc/s"], "/proc"),
]


@pytest.mark.parametrize(("given", "words"), STOPPING)
def test_the_check_says_what_ends_an_agent(arobust: Arobust, scratch: Path, given: list[str], words: str) -> None:
    (scratch / "plain").touch()
    (scratch / "link").symlink_to(scratch / "plain")
    (scratch / "rules.yaml").write_text("rules: [{id: x}]")
    given, words = [text.format(scratch) for text in given], words.format(scratch)
    settings = dict(text.split("=", 1) for text in given if text.startswith("AROBUST_"))
    flags = [text for text in given if not text.startswith("AROBUST_")]
    if "--state-dir" not in flags:
        flags += ["--state-dir", str(scratch / "s")]
    before = sorted(scratch.rglob("*"))
    environment = {**os.environ, **settings}
    checked, ended = (
        subprocess.run(
            [AROBUST, *command, *flags], capture_output=True, text=True, timeout=60, check=False, env=environment
        )
        for command in (["config", "check"], ["agent"])
    )
    assert (checked.returncode, checked.stdout) == (64, "")
    assert "Error: " in checked.stderr and words in checked.stderr
    assert ended.returncode in (1, 64) and words in ended.stderr and "Publishing." not in ended.stderr
    assert sorted(scratch.rglob("*")) == before, "the check has made something"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["help", "nope"], "arobust has no command 'nope'."),
        (["stauts"], "arobust has no command 'stauts'. Did you mean 'status'?"),
        (["collect", "--master", "h:1"], "'--master': it is a flag of arobust agent, bridge and diagnose."),
        (["bridge", "--connect", "ipc://rel", "--master", "stdout:"], "it must be ipc:// and a socket's absolute path"),
    ],
)
def test_what_is_meant_is_proposed(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (64, "")
    assert words in done.stderr


@pytest.mark.parametrize("command", [["--version"], ["--help"], ["help", "tap"], ["--generate-completion-script", "bash"], ["config", "check"]])
def test_an_output_that_takes_nothing_is_a_failure(scratch: Path, command: list[str]) -> None:
    environment = {**os.environ, "AROBUST_STATE_DIR": str(scratch / "s")}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [AROBUST, *command], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False, env=environment
        )
    assert done.returncode == 1
    assert "cannot write standard output: No space left on device" in done.stderr


def test_a_tap_that_cannot_print_fails(arobust: Arobust) -> None:
    arobust.start_ready("collect")
    arobust.publish("one", "two")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [AROBUST, "tap", "--state-dir", arobust.state, "--from", "oldest", "--count", "2"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("cannot write standard output: No space left on device") == 1


def test_a_tap_ends_with_its_reader(arobust: Arobust) -> None:
    arobust.start_ready("collect")
    arobust.publish("one", "two")
    tap = subprocess.Popen(
        [AROBUST, "tap", "--state-dir", arobust.state, "--from", "oldest", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert tap.stdout and b"one" in tap.stdout.readline()
    tap.stdout.close()
    assert tap.wait(20) in (0, -signal.SIGPIPE)


def test_sigquit_ends_it_without_a_page_of_backtrace(arobust: Arobust) -> None:
    agent = arobust.start_ready("collect")
    agent.send(signal.SIGQUIT)
    agent.wait()
    assert agent.child.returncode == -signal.SIGQUIT
    assert "crashed" not in agent.log()


def test_a_file_that_is_no_state_directory(scratch: Path) -> None:
    (scratch / "plain").touch()
    for command in (["status"], ["audit"]):
        done = run(*command, "--state-dir", scratch / "plain")
        assert done.returncode != 0
        assert f"the state directory {scratch}/plain is a file, not a directory" in done.stderr


def as_nobody(scratch: Path, *command: str | Path, home: bool = False) -> subprocess.CompletedProcess[str]:
    scratch.chmod(0o755)
    program = scratch / "arobust"
    if not program.exists():
        program.write_bytes(AROBUST.read_bytes())
        program.chmod(0o755)
    return subprocess.run(
        [program, *command], user=65534, group=65534, extra_groups=[], cwd="/", capture_output=True, text=True, timeout=60,
        check=False, env={"PATH": os.environ["PATH"]} | ({"HOME": str(scratch)} if home else {}),
    )  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_rules_and_diagnoses_need_no_home(scratch: Path) -> None:
    (scratch / "train.log").write_text("CUDA out of memory\n")
    for command in (["rules", "list"], ["rules", "lint"], ["rules", "explain", "CUDA out of memory"], ["diagnose", "--log", scratch / "train.log"]):
        done = as_nobody(scratch, *command)
        assert done.returncode == 0, done.stderr
    done = as_nobody(scratch, "status")
    assert done.returncode == 64 and "without HOME and XDG_STATE_HOME it has no default; set --state-dir" in done.stderr
    assert "it has no default; set --state-dir" in as_nobody(scratch, "config", "check").stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_what_this_user_may_not_read_is_told(scratch: Path) -> None:
    mine = scratch / "mine"
    (mine / "attempt").mkdir(parents=True)
    (mine / "a.log").touch()
    mine.chmod(0o700)
    secret = scratch / "secret.log"
    secret.touch(0o600)
    secret.chmod(0o600)
    home = scratch / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    cases = [
        (["--log-file", secret], f"--log-file: user 65534 may not read {secret}"),
        (["--log-file", scratch / "sec*.log"], f"--log-file: user 65534 may not read {secret}"),
        (["--log-file", mine / "a.log"], f"--log-file: cannot look at {mine}/a.log: Permission denied"),
        (["--log-file", mine / "*.log"], f"--log-file: nothing can match {mine}/*.log: cannot open the folder {mine}: Permission denied"),
        (["--log-file", scratch / "*" / "*" / "*.log"], None),
        (["--torchrun-logs", mine], f"--torchrun-logs: no log is found in {mine}: "),
        (["--master", f"file://{secret}"], f"--master: file://{secret} can't be written: "),
        (["--master", f"file://{mine}/x"], f"--master: file://{mine}/x can't be written: "),
        (["--master", f"file://{scratch}/x"], f"--master: file://{scratch}/x can't be written: "),
        (["--py-spy", secret], f"--py-spy: user 65534 may not run {secret}"),
    ]  # fmt: skip
    for flags, words in cases:
        checked = as_nobody(scratch, "config", "check", "--state-dir", home / "s", *flags)
        assert checked.returncode == 0, checked.stderr
        if words:
            assert f"Warning: {words}" in checked.stderr, (flags, checked.stderr)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_directory_of_somebody_else(arobust: Arobust, scratch: Path) -> None:
    scratch.chmod(0o755)
    arobust.start_ready("collect")
    program = scratch / "arobust"
    program.write_bytes(AROBUST.read_bytes())
    program.chmod(0o755)
    for command in (["status"], ["audit"], ["forget", "x"], ["journal", "ls"], ["journal", "verify"], ["tap", "--no-wait"]):
        done = subprocess.run(
            [program, *command, "--state-dir", arobust.state], user=65534, group=65534, extra_groups=[], cwd="/",
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode in (1, 2)
        assert "may not " in done.stderr and str(arobust.state) in done.stderr, command
    warned = subprocess.run(
        [program, "config", "check", "--state-dir", arobust.state], user=65534, group=65534, extra_groups=[], cwd="/",
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert warned.returncode == 64
    assert f"Error: the state directory {arobust.state} belongs to user 0" in warned.stderr
    wait_until(lambda: json.loads(run("status", "--json", "--state-dir", arobust.state).stdout), "its owner to see it")
