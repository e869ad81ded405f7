"""Debian's package: installed, used, upgraded, removed and purged, on this machine's own Debian under a layer that is thrown away."""

import gzip
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.process import AROBUST, ROOT, Process, new_scratch, wait_until
from harness.spare_root import SpareRoot, why_not

TOOLS = ("dpkg-deb", "dpkg-shlibdeps", "objdump", "strip")
missing = [tool for tool in TOOLS if not shutil.which(tool)]
# Making the package and booting a system take a minute of a busy machine.
pytestmark = [pytest.mark.package, pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}"), pytest.mark.timeout(400)]
needs_root = pytest.mark.skipif(why_not(False) != "", reason=why_not(False) or "there can be a spare root")
needs_systemd = pytest.mark.skipif(why_not(True) != "", reason=why_not(True) or "systemd can be booted")
SETTINGS = "/etc/arobust/arobust.yaml"


@pytest.fixture(scope="module")
def packages() -> Iterator[tuple[Path, Path]]:
    """The package of this build, and the next version of it. Nothing is compressed: that would take most of the time."""
    folder = new_scratch()
    try:
        executable = folder / "arobust"
        subprocess.run(["strip", "-o", executable, AROBUST], check=True)

        command = [ROOT / "scripts/make-deb", "--executable", executable, "--version", "1.0.0~test1", "--output", folder]
        environment = {"PATH": os.environ["PATH"], "MAKE_DEB_COMPRESSION": "none"}
        first = Path(subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE, check=True).stdout.splitlines()[-1])
        # The next version differs in its number alone.
        subprocess.run(["dpkg-deb", "--raw-extract", first, folder / "next"], check=True)
        control = folder / "next/DEBIAN/control"
        control.write_text(control.read_text().replace("1.0.0~test1", "1.0.0~test2"))
        second = folder / first.name.replace("test1", "test2")
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", folder / "next", second], check=True, stdout=subprocess.DEVNULL)
        yield first, second
    finally:
        shutil.rmtree(folder)


def unpacked(package: Path, folder: Path) -> Path:
    subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
    return folder


def test_the_package_has_pages_completions_and_dependencies(packages: tuple[Path, Path], scratch: Path) -> None:
    tree = unpacked(packages[0], scratch / "tree")
    commands = json.loads(subprocess.run([AROBUST, "--experimental-dump-help"], text=True, capture_output=True, check=True).stdout)["command"]["subcommands"]
    pages = {path.name.removesuffix(".1.gz") for path in (tree / "usr/share/man/man1").iterdir()}
    assert {"arobust", *(f"arobust-{command['commandName']}" for command in commands if command["commandName"] != "help")} <= pages
    agent = gzip.decompress((tree / "usr/share/man/man1/arobust-agent.1.gz").read_bytes()).decode()
    assert "\\-\\-log\\-file" in agent and ".Sh EXIT STATUS" in agent
    for completion in ("bash-completion/completions/arobust", "zsh/vendor-completions/_arobust", "fish/vendor_completions.d/arobust.fish"):
        assert "stack-ranks" in (tree / "usr/share" / completion).read_text()
    depends = subprocess.run(["dpkg-deb", "--field", packages[0], "Depends"], text=True, capture_output=True, check=True).stdout
    assert {"libzmq5", "libsqlite3-0", "libc6", "zlib1g", "adduser"} <= set(re.findall(r"[a-z][a-z0-9.+-]+(?= |,|$)", depends)), depends
    assert not os.access(tree / "etc/arobust/arobust.yaml", os.X_OK)


def test_bash_completes_with_it(packages: tuple[Path, Path], scratch: Path) -> None:
    script = unpacked(packages[0], scratch / "tree") / "usr/share/bash-completion/completions/arobust"
    ask = f"""source {script}
        COMP_WORDS=(arobust jour) COMP_CWORD=1 COMP_LINE='arobust jour' COMP_POINT=12
        $(complete -p arobust | sed 's/.*-F \\([^ ]*\\).*/\\1/') arobust jour arobust
        echo "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", ask], text=True, capture_output=True)
    assert done.stdout.split() == ["journal"], done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
def test_the_man_pages_are_right(packages: tuple[Path, Path], scratch: Path) -> None:
    pages = []
    for packed in sorted((unpacked(packages[0], scratch / "tree") / "usr/share/man/man1").iterdir()):
        pages.append(scratch / packed.stem)
        pages[-1].write_bytes(gzip.decompress(packed.read_bytes()))
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *pages], text=True, capture_output=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not shutil.which("lintian"), reason="lintian is not installed")
def test_lintian_has_nothing_to_say(packages: tuple[Path, Path]) -> None:
    """But for what belongs to a debug build: Swift's libraries are this machine's."""
    done = subprocess.run(
        ["lintian", "--allow-root", "--tag-display-limit", "0", "--suppress-tags", "custom-library-search-path,uses-no-compression-for-data-tarball,uses-no-compression-for-control-tarball", packages[0]],
        text=True, capture_output=True,
    )  # fmt: skip
    assert not re.findall(r"^[EW]: .*", done.stdout, re.M), done.stdout


@pytest.fixture
def spare(scratch: Path) -> Iterator[SpareRoot]:
    root = SpareRoot(scratch)
    yield root
    root.close()


@pytest.fixture
def booted(scratch: Path) -> Iterator[SpareRoot]:
    root = SpareRoot(scratch, boots=True)
    yield root
    root.close()


def install(root: SpareRoot, package: Path) -> None:
    """As apt does with a file, without asking: a changed conffile is kept."""
    inside = root.root / "root" / package.name
    shutil.copyfile(package, inside)
    root.run("dpkg", "--install", f"/root/{package.name}")
    inside.unlink()


def traces(root: SpareRoot) -> list[str]:
    """What the layer has of arobust, but for the logs of dpkg and of systemd."""
    found = subprocess.run(["find", ".", "-name", "*arobust*", "-not", "-path", "./var/log/*"], cwd=root.changes, text=True, capture_output=True).stdout
    users = [line for name in ("passwd", "group", "shadow") for line in (root.root / "etc" / name).read_text().splitlines() if line.startswith("arobust")]
    return [line for line in found.split() if not re.fullmatch(r"\./tmp/.*|\./root/.*", line)] + users


def delivered(root: SpareRoot, path: str) -> list[str]:
    """The lines of the logs that a file master has, in order."""
    file = root.root / path.removeprefix("/")
    reports = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [line for report in reports if report["data_type"] == "TRAINING_LOG" for line in report["data_content"].splitlines()]


@needs_root
def test_installed_used_upgraded_removed_and_purged(packages: tuple[Path, Path], spare: SpareRoot, scratch: Path) -> None:
    install(spare, packages[0])
    assert "1.0.0~test1" in spare.run("dpkg-query", "--show", "arobust").stdout
    assert spare.run("getent", "passwd", "arobust").stdout.split(":")[5:] == ["/var/lib/arobust", "/usr/sbin/nologin\n"]
    assert spare.run("arobust", "config", "check", "--config", SETTINGS).stdout == "The settings are right.\n"
    # What systemd does at the start of the unit.
    spare.run("install", "-d", "-o", "arobust", "-g", "arobust", "-m", "700", "/var/lib/arobust")
    log = spare.root / "var/log/train.log"
    log.write_text("step 1\n")
    settings = spare.root / "etc/arobust/arobust.yaml"
    settings.write_text(settings.read_text() + "logs: {files: [/var/log/train.log]}\nmasters: ['file:///var/lib/arobust/copy.ndjson']\n")
    changed = settings.read_text()

    def use(name: str, line: str) -> None:
        """Runs the agent as the unit does until a new line has arrived, and ends it."""
        command = spare.command("setpriv", "--reuid=arobust", "--regid=arobust", "--init-groups", "--no-new-privs", "arobust", "agent", "--config", SETTINGS)
        agent = Process(name, command, scratch, {"XDG_STATE_HOME": "/var/lib", "HOME": "/var/lib/arobust"})
        try:
            with open(log, "a") as lines:
                lines.write(f"{line}\n")
            wait_until(lambda: line in delivered(spare, "/var/lib/arobust/copy.ndjson"), lambda: f"the line; {agent.tail()}", 30)
            assert "file:///var/lib/arobust/copy.ndjson" in spare.run("arobust", "status").stdout
            assert agent.stop() == 0, agent.tail()
        finally:
            agent.kill()

    use("before", "step 2")
    install(spare, packages[1])
    assert "1.0.0~test2" in spare.run("dpkg-query", "--show", "arobust").stdout
    assert settings.read_text() == changed, "a changed conffile is kept"
    use("after", "step 3")
    assert delivered(spare, "/var/lib/arobust/copy.ndjson") == ["step 1", "step 2", "step 3"], "the state is kept: nothing comes twice"
    assert "balanced" in spare.run("arobust", "audit").stdout

    spare.run("dpkg", "--remove", "arobust")
    assert not (spare.root / "usr/bin/arobust").exists()
    assert settings.read_text() == changed and (spare.root / "var/lib/arobust/publisher.json").exists(), "remove keeps settings and state"
    mine = spare.root / "etc/arobust/mine.yaml"
    mine.write_text("an operator's own file\n")
    spare.run("dpkg", "--purge", "arobust")
    assert mine.exists(), "purge removes only what the package and its services made"
    mine.unlink()
    mine.parent.rmdir()
    assert traces(spare) == []
    assert log.read_text() == "step 1\nstep 2\nstep 3\n"
    # Once more on the same machine, as if it had never been there.
    install(spare, packages[1])
    spare.run("dpkg", "--purge", "arobust")
    assert traces(spare) == []


def shown(root: SpareRoot, unit: str, name: str) -> str:
    return root.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()


@needs_systemd
def test_under_a_real_systemd(packages: tuple[Path, Path], booted: SpareRoot) -> None:
    install(booted, packages[0])
    assert booted.run("systemctl", "is-enabled", "arobust").stdout.strip() == "enabled"
    assert booted.run("systemctl", "is-enabled", "arobust-console", check=False).stdout.strip() == "disabled"
    # Installing returned only when it was ready.
    assert shown(booted, "arobust", "ActiveState") == "active", booted.run("journalctl", "-u", "arobust", "--no-pager").stdout
    assert shown(booted, "arobust", "StatusText") == "Publishes from /var/lib/arobust."
    first = int(shown(booted, "arobust", "MainPID"))
    status = booted.run("cat", f"/proc/{first}/status").stdout
    assert re.search(r"^NoNewPrivs:\t1$", status, re.M) and re.search(r"^CapBnd:\t0+$", status, re.M) and re.search(r"^Seccomp:\t2$", status, re.M)
    user = booted.run("id", "-u", "arobust").stdout.strip()
    assert re.search(rf"^Uid:\t{user}\t{user}\t{user}\t{user}$", status, re.M)
    entries = [json.loads(line) for line in booted.run("journalctl", "-u", "arobust", "--output=json", "--no-pager").stdout.splitlines()]
    said = {str(entry["MESSAGE"]): entry["PRIORITY"] for entry in entries if entry.get("_COMM") == "arobust"}
    assert next(priority for message, priority in said.items() if message.startswith("Publishing. ")) == "6"
    assert next(priority for message, priority in said.items() if message.startswith("No master is set")) == "4"

    # Follows a log of root's that everybody may read, and reports.
    log = booted.root / "var/log/train.log"
    log.write_text("step 1\n")
    settings = booted.root / "etc/arobust/arobust.yaml"
    original = settings.read_text()
    settings.write_text(original + "logs: {files: [/var/log/train.log]}\nmasters: ['file:///var/lib/arobust/copy.ndjson']\n")
    booted.run("systemctl", "reload", "arobust")
    wait_until(lambda: shown(booted, "arobust", "StatusText") == "Publishes from /var/lib/arobust; reports to 1 master.", "the status", 30, every=0.2)
    right = settings.read_text()
    settings.write_text(right + "master: [stdout:]\n")
    assert booted.run("systemctl", "reload", "arobust", check=False).returncode != 0, "wrong settings are refused"
    settings.write_text(right)
    booted.run("systemctl", "reload", "arobust")
    assert shown(booted, "arobust", "ActiveState") == "active" and int(shown(booted, "arobust", "MainPID")) == first
    wait_until(lambda: delivered(booted, "/var/lib/arobust/copy.ndjson") == ["step 1"], "the line", 30, every=0.2)
    assert booted.run("arobust", "status", "--check").returncode == 0

    # One that hangs is ended and started again: the drop-in only makes that quick.
    drop_in = booted.root / "etc/systemd/system/arobust.service.d"
    drop_in.mkdir()
    (drop_in / "test.conf").write_text("[Service]\nWatchdogSec=5s\nTimeoutAbortSec=1s\nRestartSec=100ms\n")
    booted.run("systemctl", "daemon-reload")
    booted.run("systemctl", "restart", "arobust")
    hanging = shown(booted, "arobust", "MainPID")
    booted.run("kill", "-STOP", hanging)
    wait_until(lambda: int(shown(booted, "arobust", "NRestarts")) >= 1 and shown(booted, "arobust", "ActiveState") == "active", "the watchdog", 60, every=0.5)
    assert shown(booted, "arobust", "MainPID") != hanging

    # A wrong setting is said once, and not tried again.
    settings.write_text("masters: [nothing]\n")
    booted.run("systemctl", "restart", "arobust", check=False)
    assert shown(booted, "arobust", "ActiveState") == "failed" and shown(booted, "arobust", "ExecMainStatus") == "64"
    settings.write_text(original)
    booted.run("systemctl", "restart", "arobust")

    # The drop-in for stacks gives one capability, and no other right.
    shutil.copyfile(ROOT / "packaging/systemd/stacks.conf", drop_in / "stacks.conf")
    booted.run("systemctl", "daemon-reload")
    booted.run("systemctl", "restart", "arobust")
    status = booted.run("cat", f"/proc/{shown(booted, 'arobust', 'MainPID')}/status").stdout
    assert re.search(rf"^CapEff:\t{1 << 19:016x}$", status, re.M), status

    # An upgrade starts the new one; the console runs when it is wanted.
    before = shown(booted, "arobust", "MainPID")
    booted.run("systemctl", "start", "arobust-console")
    assert shown(booted, "arobust-console", "ActiveState") == "active"
    install(booted, packages[1])
    assert shown(booted, "arobust", "ActiveState") == "active" and shown(booted, "arobust", "MainPID") != before
    assert shown(booted, "arobust-console", "ActiveState") == "active"
    assert delivered(booted, "/var/lib/arobust/copy.ndjson") == ["step 1"]

    shutil.rmtree(drop_in)
    booted.run("dpkg", "--remove", "arobust")
    assert booted.run("systemctl", "is-active", "arobust", check=False).stdout.strip() == "inactive"
    assert booted.run("pgrep", "-x", "arobust", check=False).stdout == ""
    booted.run("dpkg", "--purge", "arobust")
    assert traces(booted) == []
