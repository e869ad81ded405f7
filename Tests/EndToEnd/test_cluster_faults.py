"""The faults of a test cluster: each repairs what it breaks, whatever happens in between. The runtime here only records its calls."""

import socket
import sys
import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from harness.process import ROOT

sys.path.insert(0, str(ROOT))
from cluster import compose, faults, inside  # noqa: E402
from cluster.compose import ComposeRuntime  # noqa: E402
from cluster.runtime import Failed, Runtime  # noqa: E402
from cluster.topology import Topology, default_masters  # noqa: E402

MENDED = {
    "bridge-killed": ["start bridge-2"],
    "bridge-stopped": ["resume bridge-2"],
    "collector-killed": ["start collect-2"],
    "node-killed": ["start trainer-2", "start collect-2", "start bridge-2"],
    "master-killed": ["start master-http"],
    "master-stopped": ["resume master-http"],
    "master-restarted": ["start master-http"],
    "master-slow": ['inside master master-http {"op": "fault", "kind": "none", "seconds": 2}'],
    "master-refusing": ['inside master master-http {"op": "fault", "kind": "none", "seconds": 0}'],
    "link-cut": ["heal_link 2"],
    "link-slow": ["heal_link 2"],
    "disk-full": ["inside free 2"],
    "console-full": ["inside free console"],
    "poison": ["inside poison 2"],
}


@pytest.fixture
def runtime() -> Mock:
    made = Mock(spec=Runtime)
    made.topology = Topology(2, default_masters())
    made.why_not.return_value = ""
    made.stop.return_value = (0, 0.1)
    return made


def told(runtime: Mock) -> list[str]:
    calls = [" ".join([name, *map(str, arguments)]) for name, arguments, _ in runtime.method_calls]
    return [call for call in calls if not call.startswith("why_not")]


def target(fault: faults.Fault) -> str:
    return {"node": "2", "console": "console"}.get(fault.target, "master-http")


def test_every_fault_stands_here() -> None:
    assert MENDED.keys() == faults.FAULTS.keys()


@pytest.mark.parametrize("name", MENDED)
def test_what_is_interrupted_is_mended(name: str, runtime: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(faults.time, "sleep", interrupt)
    fault = faults.find(name)
    with pytest.raises(KeyboardInterrupt):
        faults.apply(fault, runtime, target(fault), lambda said: None)
    calls = told(runtime)
    assert calls[-len(MENDED[name]) :] == MENDED[name]
    assert calls[0] != MENDED[name][0] or name == "poison", "it was harmed first"


def test_what_succeeds_in_part_is_mended(runtime: Mock) -> None:
    runtime.kill.side_effect = Failed("one of them does not die")
    runtime.start.side_effect = [None, None, Failed("it runs already")]
    with pytest.raises(Failed, match="does not die"):
        faults.apply(faults.find("node-killed"), runtime, "2", lambda said: None)
    assert told(runtime)[1:] == MENDED["node-killed"]


def test_a_console_is_harmed_as_any_master_but_does_not_misbehave_on_demand(runtime: Mock) -> None:
    for name in ("master-killed", "master-stopped", "master-restarted"):
        assert faults.find(name).targets(runtime) == ["master-grpc", "master-http", "console", "stream"]
    for name in ("master-slow", "master-refusing"):
        assert faults.find(name).targets(runtime) == ["master-grpc", "master-http"]


def test_a_master_that_was_just_started_is_waited_for(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket of the one before is still there; the new one listens after the first attempt."""
    control = scratch / "control.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(control))
    asked: list[bytes] = []

    def answer() -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rwb") as stream:
            asked.append(stream.readline())
            stream.write(b'{"ok": null}')

    thread = threading.Thread(target=answer, daemon=True)

    def listen(seconds: float) -> None:
        server.listen()
        thread.start()

    monkeypatch.setattr(inside.time, "sleep", listen)
    inside.ask_master(control, {"op": "fault"})
    thread.join(20)
    server.close()
    assert asked == [b'{"op": "fault"}\n']


def test_a_container_that_does_not_freeze_is_frozen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [Failed("OCI runtime pause failed: unable to freeze: unknown")] * 2
    monkeypatch.setattr(compose, "run", Mock(side_effect=[*answers, ""]))
    monkeypatch.setattr(ComposeRuntime, "_id", lambda self, service: service)
    runtime = ComposeRuntime("nothing", 1)
    runtime.pause("bridge-1")
    assert compose.run.call_count == 3
    monkeypatch.setattr(compose, "run", Mock(side_effect=Failed("no such container")))
    with pytest.raises(Failed, match="no such container"):
        runtime.pause("bridge-1")
    assert compose.run.call_count == 1


@pytest.mark.parametrize(("where", "reason"), [("3", "there is no node '3'; choose one of 1, 2"), ("2", "this can't be done here: no tc")])
def test_what_can_not_be_done_is_not_begun(where: str, reason: str, runtime: Mock) -> None:
    runtime.why_not.return_value = "no tc"
    said: list[Any] = []
    with pytest.raises(Failed, match=reason):
        faults.apply(faults.find("link-slow"), runtime, where, said.append)
    assert (told(runtime), said) == ([], [])
