"""The test cluster: two nodes, five masters and four faults as plain processes, and a check that its verdict can fail."""

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from harness.process import AROBUST, ROOT

sys.path.insert(0, str(ROOT))
from cluster.composefile import FILE, compose_file  # noqa: E402
from cluster.topology import Topology, default_masters  # noqa: E402

SECONDS = 200
"""A cluster of debug builds needs half of it on a busy machine."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cluster", *arguments]
    environment = os.environ | {"AROBUST_BIN": str(AROBUST)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS)


def campaign(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = run("test", "--runtime", "processes", "--nodes", "2", "--pace", "0.3", *arguments)
    print(done.stdout, done.stderr)
    return done


@pytest.fixture
def leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Checks that no process of this test's cluster outlives it: each inherits an environment variable with a unique name."""
    mark = f"CLUSTER_TEST_{uuid.uuid4().hex}"
    monkeypatch.setenv(mark, "1")
    yield
    assert [path for path in Path("/proc").glob("[0-9]*/environ") if mark.encode() in _read(path)] == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.timeout(SECONDS + 20)
@pytest.mark.usefixtures("leaves_nothing")
def test_four_faults_and_every_promise_is_kept(record_property: Callable[[str, str], None]) -> None:
    done = campaign("--faults", "bridge-killed,master-killed@console,master-killed@stream,link-cut")
    assert done.returncode == 0
    (how,) = re.findall(r"2 nodes as plain processes, (?:each node in its own network namespace|all on one loopback)", done.stdout)
    record_property("note", f"the test cluster was {how}")
    assert "master-killed: killed console: mended" in done.stdout
    assert "master-killed: killed stream: mended" in done.stdout
    assert "GREEN: 10 of 10 kept every promise" in done.stdout
    assert "6 services stopped while master-grpc was away" in done.stdout


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 20)
@pytest.mark.usefixtures("leaves_nothing")
def test_a_promise_broken_on_purpose_is_seen() -> None:
    done = campaign("--faults", "poison", "--break", "replay")
    assert done.returncode == 1
    assert "RED: 5 of 10 broke a promise" in done.stdout
    red = set(re.findall(r"^RED  node (\d) at ([a-z-]+):", done.stdout, re.MULTILINE))
    assert red == {("1", "master-grpc"), ("1", "master-http"), ("1", "console"), ("1", "stream"), ("1", "file")}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fault", "earthquake"], "there is no fault 'earthquake'; the faults are bridge-killed"),
        (["test", "--faults", "bridge-killed,nothing"], "there is no fault 'nothing'"),
        (["test", "--runtime", "processes", "--faults", "master-slow@console"], "no DLRover master 'console'; choose one of master-grpc, master-http"),
        (["test", "--nodes", "0"], "'0' is not a number from 1 to 250"),
        (["test", "--seed", "x"], "invalid int value: 'x'"),
        (["inside", "explode"], "no such action: explode"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_bad_arguments_are_told(arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTER_TOPOLOGY", Topology(1, default_masters()).to_json())
    done = run(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_without_docker_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    done = run("audit")
    assert done.returncode == 2
    assert "needs docker" in done.stderr


def test_without_an_executable_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "AROBUST", Path("/nowhere/arobust"))
    done = campaign()
    assert done.returncode == 2
    assert "/nowhere/arobust does not exist; `make build` builds it" in done.stderr


def test_the_compose_file_is_up_to_date() -> None:
    assert run("compose-file", "--check").returncode == 0


def test_a_compose_file_has_as_many_nodes_as_wished() -> None:
    text = compose_file(7)
    for node in range(1, 8):
        for service in [*Topology(7, default_masters()).node_services(node), "console"]:
            assert f"\n  {service}:\n" in text
    assert "bridge-8" not in text
    assert text != FILE.read_text()


def test_the_demos_token_is_the_same_everywhere() -> None:
    (token,) = re.findall(r"^AROBUST_CONSOLE_TOKEN=(.+)$", (ROOT / ".env").read_text(), re.MULTILINE)
    for name in ("README.md", "docs/clusters.md", "docs/console.md", "docker/compose.yaml"):
        assert set(re.findall(r"\?token=([\w-]+)", (ROOT / name).read_text())) - {"TOKEN"} == {token}, name
    services = yaml.safe_load(FILE.with_name("compose.yaml").read_text())["services"]
    for service in ("bridge", "console"):
        assert services[service]["environment"]["AROBUST_CONSOLE_TOKEN"].startswith("${AROBUST_CONSOLE_TOKEN:?"), "no default of its own"


@pytest.mark.parametrize("file", [FILE, FILE.with_name("compose.yaml")], ids=lambda file: file.name)
def test_compose_files_are_whole_and_have_no_deprecated_keys(file: Path) -> None:
    compose = yaml.safe_load(file.read_text())
    services = compose["services"]
    assert {key for key in compose if not key.startswith("x-")} <= {"services", "volumes", "networks"}
    for service in services.values():
        assert not service.keys() & {"links", "container_name", "volumes_from"}
        assert (file.parent / service["build"]["context"] / service["build"]["dockerfile"]).exists()
        assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= compose["volumes"].keys()
        assert set(service.get("networks", [])) <= compose.get("networks", {}).keys()
        shared = [service.get(kind, "") for kind in ("pid", "network_mode")]
        named = [name.partition(":")[2] for name in shared if name.startswith("service:")]
        assert {*named, *service.get("depends_on", [])} <= services.keys()
