"""Masters that misbehave: the log tells them apart, none delays another, and whatever can be delivered later is."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import loglines
from harness.dlrover_master import DLRoverMaster, Fault
from harness.file_master import FileMaster
from harness.process import Arobust, Process, wait_until

MakeMaster = Callable[..., DLRoverMaster]

QUICK = {"AROBUST_DELIVERY_DEADLINE": "500ms", "AROBUST_DELIVERY_TYPE_BREAKER_PAUSE": "2s"}
METRICS = [f"metric {number}" for number in range(20)]


class Job:
    """An agent that reports to one master under test and to two healthy ones."""

    def __init__(self, arobust: Arobust, bad: DLRoverMaster, healthy: DLRoverMaster, scratch: Path) -> None:
        self.arobust = arobust
        self.bad = bad
        self.healthy = healthy.start().wait_ready()
        self.file = FileMaster(scratch / "healthy.ndjson")

    def start(self, *arguments: str) -> Process:
        masters = ["--master", self.bad.url, "--master", self.healthy.url, "--master", self.file.url]
        self.agent = self.arobust.start_ready("agent", *masters, *arguments, environment=QUICK)
        return self.agent

    def publish(self, *contents: str) -> None:
        """Publishes, and checks that the healthy masters are served at once, whatever the bad one does."""
        expected = self.healthy.contents("GENERIC") + list(contents)
        self.arobust.publish(*contents)
        wait_until(lambda: self.healthy.contents("GENERIC") == expected, "the healthy master to be served", 5)
        wait_until(lambda: self.file.contents("GENERIC") == expected, "the file to be written", 5)

    def assert_only_problem(self, text: str) -> None:
        """Checks that the log names this cause, and no other."""
        self.agent.wait_for_log(text)
        others = [problem for problem in loglines.EVERY_MASTER_PROBLEM if problem != text]
        assert [problem for problem in others if problem in self.agent.log()] == []

    def wait_for_bad(self, *contents: str) -> None:
        """Waits until these are the last that the master under test holds; each at least once, so repetitions may come in between."""
        wait_until(
            lambda: without_repetitions(self.bad.contents("GENERIC")) == list(contents),
            lambda: f"the master to recover; it holds {self.bad.contents('GENERIC')}; {self.agent.tail()}",
            seconds=40,
            every=0.2,
        )


def without_repetitions(contents: list[str]) -> list[str]:
    return list(dict.fromkeys(contents))


@pytest.fixture
def make_job(arobust: Arobust, make_master: MakeMaster, scratch: Path) -> Callable[..., Job]:
    return lambda bad: Job(arobust, bad, make_master("grpc"), scratch)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("service", "fault", "problem"),
    [
        ("grpc", "success_false", loglines.MASTER_SAID_FALSE),
        ("http", "success_false", loglines.MASTER_SAID_FALSE),
        ("grpc", "unknown", loglines.MASTER_RAISED),
        ("http", "unknown", loglines.MASTER_RAISED),
    ],
)
def test_master_that_refuses(
    make_job: Callable[..., Job], make_master: MakeMaster, service: str, fault: Fault, problem: str
) -> None:
    job = make_job(make_master(service).start().wait_ready())
    job.bad.fault(fault)
    agent = job.start()
    job.publish(*METRICS)
    job.assert_only_problem(problem)
    assert job.bad.counts()["stored"] == 0
    job.bad.fault("none")
    job.publish("after")
    wait_until(lambda: "after" in job.bad.contents("GENERIC"), "the master to be tried again", 40, every=0.2)
    assert agent.stop() == 0


@pytest.mark.sample(1)
@pytest.mark.parametrize("service", ["grpc", "http"])
def test_master_of_another_job(make_job: Callable[..., Job], make_master: MakeMaster, service: str) -> None:
    job = make_job(make_master(service, job_uid="job-7").start().wait_ready())
    agent = job.start("--job-uid", "job-8")
    job.publish(*METRICS)
    job.assert_only_problem(loglines.MASTER_OF_ANOTHER_JOB)
    assert job.bad.everything() == {}
    assert agent.stop() == 0


@pytest.mark.sample(1)
@pytest.mark.parametrize(("service", "how"), [("grpc", "delay"), ("grpc", "pause"), ("http", "pause")])
def test_master_that_hangs(make_job: Callable[..., Job], make_master: MakeMaster, service: str, how: str) -> None:
    job = make_job(make_master(service).start().wait_ready())
    agent = job.start()
    job.publish("before")
    job.wait_for_bad("before")
    if how == "pause":
        job.bad.pause()
    else:
        job.bad.fault("delay", seconds=600)
    job.publish(*METRICS)
    job.assert_only_problem(loglines.MASTER_WAS_SILENT)
    if how == "pause":
        job.bad.resume()
    else:
        job.bad.fault("none")
    job.wait_for_bad("before", *METRICS)
    assert agent.stop() == 0


@pytest.mark.sample(1)
@pytest.mark.parametrize("service", ["grpc", "http"])
def test_master_that_comes_later(make_job: Callable[..., Job], make_master: MakeMaster, service: str) -> None:
    job = make_job(make_master(service))
    agent = job.start()
    job.publish(*METRICS)
    job.assert_only_problem(loglines.MASTER_IS_AWAY)
    job.bad.start().wait_ready()
    job.wait_for_bad(*METRICS)
    assert agent.stop() == 0


@pytest.mark.sample(1)
@pytest.mark.parametrize("service", ["grpc", "http"])
def test_master_that_restarts_in_the_middle(
    make_job: Callable[..., Job], make_master: MakeMaster, service: str
) -> None:
    job = make_job(make_master(service).start().wait_ready())
    agent = job.start()
    publish = job.arobust.start("publish", stdin=subprocess.PIPE)
    published = [f"metric {number}" for number in range(300)]

    def send(contents: list[str]) -> None:
        for content in contents:
            line = json.dumps({"data_type": "GENERIC", "data_content": content}).encode() + b"\n"
            publish.child.stdin.write(line)
            publish.child.stdin.flush()

    send(published[:100])
    wait_until(lambda: len(job.bad.contents("GENERIC")) >= 20, "the first metrics")
    send(published[100:150])
    held = job.bad.contents("GENERIC")
    assert without_repetitions(held) == published[: len(held)]
    job.bad.kill()
    send(published[150:200])
    job.agent.wait_for_log(loglines.MASTER_IS_AWAY)
    job.bad.start().wait_ready()
    send(published[200:])
    publish.child.stdin.close()
    assert publish.wait() == 0

    wait_until(lambda: published[-1] in job.bad.contents("GENERIC"), lambda: job.agent.tail(), 40, every=0.2)
    after = without_repetitions(job.bad.contents("GENERIC"))
    assert after == published[-len(after) :], "without a gap, in order, to the last"
    assert len(after) >= 150, "nothing that was published while the master was away is missing"
    wait_until(lambda: job.healthy.contents("GENERIC") == published, "the healthy master to have all")
    wait_until(lambda: job.file.contents("GENERIC") == published, "the file to have all")
    assert agent.stop() == 0
