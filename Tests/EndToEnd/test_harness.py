"""Tests of the harness itself: DLRover's own client against the masters that the other tests report to."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import psutil
import pytest
import requests
from dlrover.python.common import comm
from dlrover.python.diagnosis.common.diagnosis_data import WorkerTrainingMetric
from dlrover.python.elastic_agent.master_client import GrpcMasterClient, HttpMasterClient, MasterClient
from harness.dlrover_master import DLRoverMaster

MakeMaster = Callable[..., DLRoverMaster]
both_services = pytest.mark.parametrize("service", ["grpc", "http"])


def client_of(master: DLRoverMaster, timeout: float = 5) -> MasterClient:
    kind = GrpcMasterClient if master.service == "grpc" else HttpMasterClient
    return kind(master.address, 3, "worker", timeout)


def metric(content: str) -> WorkerTrainingMetric:
    return WorkerTrainingMetric(data_type="TRAINING_LOG", data_content=content, node_id=3, node_rank=2)


def report_once(client: MasterClient, content: str) -> Any:
    """Sends one report without the client's ten tries, and returns the answer that its public method discards."""
    data = metric(content)
    message = comm.DiagnosisReportData(type(data).__name__, data.to_json(), data.node_rank)
    return type(client)._report.__wrapped__(client, message)


@both_services
def test_store_shows_what_dlrovers_own_client_reported(make_master: MakeMaster, service: str) -> None:
    master = make_master(service).start().wait_ready()
    client = client_of(master)
    before = int(time.time())
    for number in range(5):
        client.report_diagnosis_agent_metrics(metric(f"line {number}"))
    stored = master.store("TRAINING_LOG")
    assert [entry["data_content"] for entry in stored] == [f"line {number}" for number in range(5)]
    assert stored[0].keys() == {
        "timestamp", "data_type", "data_content", "node_id", "node_type", "node_rank", "is_final_result", "need_report",
    }  # fmt: skip
    assert (stored[0]["node_id"], stored[0]["node_type"], stored[0]["node_rank"]) == (3, "worker", 2)
    assert before <= stored[0]["timestamp"] <= time.time() + 1
    assert master.store("STACK_TRACE") == []
    assert master.counts() == {"calls": 5, "stored": 5, "refused": 0, "raised": 0, "unread": 0}


@both_services
def test_master_listens_on_loopback_only(make_master: MakeMaster, service: str) -> None:
    master = make_master(service).start().wait_ready()
    listening = [c for c in psutil.Process(master.process.pid).net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    # gRPC's socket is an IPv6 one that takes IPv4.
    assert {(c.laddr.ip.removeprefix("::ffff:"), c.laddr.port) for c in listening} == {("127.0.0.1", master.port)}


@both_services
def test_wrong_job_uid_is_refused_as_upstream_does(
    make_master: MakeMaster, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = make_master(service, job_uid="job-7").start().wait_ready()
    client = client_of(master)
    monkeypatch.setenv("JOB_UID", "job-8")
    if service == "grpc":
        assert report_once(client, "of another job").success is False
        with pytest.raises(grpc.RpcError) as refused:
            type(client)._get.__wrapped__(client, comm.HeartBeat())
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
    else:
        assert http_status(client, master) == 406
    monkeypatch.setenv("JOB_UID", "job-7")
    assert report_once(client, "of this job").success is True
    assert master.contents("TRAINING_LOG") == ["of this job"]
    assert master.counts()["calls"] == 1


def http_status(client: MasterClient, master: DLRoverMaster) -> int:
    body = client._gen_request(comm.HeartBeat()).to_json()
    return requests.post(f"http://{master.address}/report", json=body, headers=client._get_headers()).status_code


def test_unknown_fault_over_grpc(make_master: MakeMaster) -> None:
    master = make_master("grpc").start().wait_ready()
    client = client_of(master)
    master.fault("unknown")
    with pytest.raises(grpc.RpcError) as failure:
        report_once(client, "lost")
    assert failure.value.code() == grpc.StatusCode.UNKNOWN
    assert failure.value.details() == "Exception calling application: fault switched on by the test"
    master.fault("none")
    assert report_once(client, "kept").success is True
    assert master.contents("TRAINING_LOG") == ["kept"]


def test_unknown_fault_over_http_is_a_500(make_master: MakeMaster) -> None:
    master = make_master("http").start().wait_ready()
    client = client_of(master)
    master.fault("unknown")
    with pytest.raises(RuntimeError, match="Failed to report master with http request"):
        report_once(client, "lost")
    assert master.counts()["raised"] == 1


@both_services
def test_success_false_fault_stores_nothing(make_master: MakeMaster, service: str) -> None:
    master = make_master(service).start().wait_ready()
    client = client_of(master)
    master.fault("success_false")
    assert report_once(client, "refused").success is False
    assert master.everything() == {}
    assert master.counts() == {"calls": 1, "stored": 0, "refused": 1, "raised": 0, "unread": 0}


def test_delay_fault_holds_a_report_until_it_is_changed(make_master: MakeMaster) -> None:
    master = make_master("grpc").start().wait_ready()
    master.fault("delay", seconds=60)
    with pytest.raises(grpc.RpcError) as failure:
        report_once(client_of(master, timeout=0.3), "late")
    assert failure.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert master.store("TRAINING_LOG") == []
    master.fault("none")
    assert report_once(client_of(master), "prompt").success is True


def test_restart_on_the_same_port_begins_with_an_empty_store(make_master: MakeMaster) -> None:
    master = make_master("grpc").start().wait_ready()
    assert report_once(client_of(master), "before").success is True
    master.restart()
    assert report_once(client_of(master), "after").success is True
    assert master.contents("TRAINING_LOG") == ["after"]


@both_services
def test_paused_master_answers_when_it_is_resumed(make_master: MakeMaster, service: str) -> None:
    master = make_master(service).start().wait_ready()
    client = client_of(master)
    assert report_once(client, "before").success is True
    master.pause()
    with ThreadPoolExecutor() as background:
        answer = background.submit(report_once, client, "meanwhile")
        with pytest.raises(TimeoutError):
            answer.result(timeout=0.3)
        master.resume()
        assert answer.result(timeout=5).success is True
    assert master.contents("TRAINING_LOG") == ["before", "meanwhile"]
    assert master.stop() == -15


def test_second_master_on_a_port_is_refused(make_master: MakeMaster) -> None:
    first = make_master("grpc").start().wait_ready()
    second = make_master("grpc")
    second.port = first.port
    second.start()
    assert second.process.wait(60) != 0
