"""A real Prometheus scrapes a real agent: its linter finds nothing, every query of the dashboard has data, the alerts are sound."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from harness.certificates import Authority
from harness.file_master import FileMaster
from harness.http_page import HTTPPage, write_lines
from harness.process import ROOT, Arobust, Process, free_port, wait_until
from prometheus_client.openmetrics import parser as openmetrics

MONITORING = ROOT / "monitoring"
# What a healthy agent with one master has no series for, and why; the query itself must still be right.
EXPLAINED = {
    "arobust_consumer_lost_total": "nothing is lost",
    "arobust_consumer_skipped_total": "a file takes everything",
}

pytestmark = pytest.mark.skipif(not shutil.which("prometheus"), reason="scripts/bootstrap installs Debian's prometheus")


def promtool(*arguments: str | Path, text: str | None = None) -> str:
    done = subprocess.run(["promtool", *map(str, arguments)], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class Prometheus:
    """Debian's, on a port of its own, with its data in the scratch folder."""

    def __init__(self, scratch: Path, target: str, **scrape: Any) -> None:
        """`scrape`: what else its `scrape_config` says."""
        self.port = free_port()
        settings = scratch / "prometheus.json"  # JSON is YAML
        settings.write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                    "rule_files": [str(MONITORING / "prometheus/arobust.rules.yml")],
                    "scrape_configs": [{"job_name": "arobust", "static_configs": [{"targets": [target]}], **scrape}],
                }
            )
        )
        self.process = Process(
            "prometheus",
            [
                "prometheus", f"--config.file={settings}", f"--storage.tsdb.path={scratch}/tsdb",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            scratch,
        )  # fmt: skip
        wait_until(self.is_up, lambda: f"Prometheus; {self.process.tail()}", seconds=60)

    def is_up(self) -> bool:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5).status == 200
        except OSError:
            return False

    def get(self, path: str, **query: str) -> Any:
        target = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(target, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{query}: {error.read().decode()}") from None

    def query(self, text: str) -> list[Any]:
        return self.get("query", query=text)["result"]


def dashboard_queries() -> list[tuple[str, str]]:
    """Title and query of each panel, with the dashboard's variables filled in as Grafana would."""
    dashboard = json.loads((MONITORING / "grafana/arobust.json").read_text())
    queries = [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel["targets"]]
    filled = [(title, text.replace("$__rate_interval", "20s").replace("$job", ".*").replace("$instance", ".*")) for title, text in queries]
    assert not any("$" in text for _, text in filled)
    return filled


def test_every_query_of_the_dashboard_has_data(arobust: Arobust, scratch: Path) -> None:
    log, master = scratch / "train.log", FileMaster(scratch / "out.ndjson")
    log.write_text("")
    agent = arobust.start_ready("agent", "--log-file", log, "--log-from", "start", "--master", master.url, "--http", "127.0.0.1:0")
    page = HTTPPage(agent)
    prometheus = Prometheus(scratch, page.address)
    try:
        (target,) = wait_until(lambda: [t for t in prometheus.get("targets")["activeTargets"] if t["health"] == "up"], "a scrape")
        assert target["lastError"] == ""
        written = 0

        def grow() -> None:
            nonlocal written
            with open(log, "a") as file:
                file.write("".join(f"step {n} loss 0.{n % 10} lr 0.1\n" for n in range(written, written + 5)))
            written += 5

        def unexplained() -> list[tuple[str, str]]:
            """Queries without data that should have some. The log grows meanwhile, or there would be no rates."""
            grow()
            empty = [(title, text) for title, text in dashboard_queries() if not prometheus.query(text)]
            return [(title, text) for title, text in empty if not set(re.findall(r"arobust_\w+", text)) & EXPLAINED.keys()]

        wait_until(lambda: not unexplained(), lambda: f"data for {unexplained()}", seconds=60, every=0.5)
        # What is explained is true.
        for name in EXPLAINED:
            assert prometheus.query(name) == []
        metadata = prometheus.get("metadata")
        # OpenMetrics, which Prometheus asks for, names counters and infos without their samples' ends.
        described = metadata.keys() | {f"{name}{end}" for end in ("_total", "_info", "_sum", "_count") for name in metadata}
        undescribed = [name for name in prometheus.get("label/__name__/values") if name.startswith("arobust_") and name not in described]
        assert undescribed == []
        rules = prometheus.get("rules")["groups"][0]["rules"]
        wait_until(lambda: all(rule["health"] == "ok" for rule in prometheus.get("rules")["groups"][0]["rules"]), f"the rules {rules}")
        assert prometheus.query('ALERTS{alertstate="firing"}') == []
    finally:
        prometheus.process.kill()
    assert agent.stop() == 0


def test_promtool_finds_nothing_in_a_page_with_everything(arobust: Arobust, scratch: Path) -> None:
    log = scratch / "train.log"
    write_lines(log, 1, 100)
    with open(log, "a") as file:
        file.write("step 1 loss 1.0\nstep 2 loss 0.9\nRuntimeError: CUDA error: an illegal memory access was encountered\n")
    agent = arobust.start_ready(
        "agent", "--log-file", log, "--log-from", "start", "--xpu-timer-port", str(free_port()), "--listen", f"unix:{scratch}/listen.sock",
        "--master", f"dlrover+http://127.0.0.1:{free_port()}", "--http", "127.0.0.1:0",
    )  # fmt: skip
    page = HTTPPage(agent)
    wait_until(lambda: page.metrics().all("arobust_alarm", reason="unreachable") == [1], "the alarm", seconds=30)
    wait_until(lambda: page.metrics().all("arobust_training_step"), "the training")
    text = page.metrics().text
    assert promtool("check", "metrics", text=text) == ""
    families = re.findall(r"^# TYPE (\S+) ", text, re.M)
    assert len(families) == len(set(families)) > 40
    undescribed = [name for name in families if f"# HELP {name} " not in text]
    assert undescribed == []
    collect = arobust.start_ready("collect", "--http", "127.0.0.1:0", state=scratch / "second")
    assert promtool("check", "metrics", text=HTTPPage(collect).metrics().text) == ""


def test_openmetrics_is_the_same_page_under_the_names_of_openmetrics(arobust: Arobust, scratch: Path) -> None:
    """The reference parser takes it whole, and finds in it what Prometheus's text has."""
    log = scratch / "train.log"
    write_lines(log, 1, 100)
    with open(log, "a") as file:
        file.write("step 1 loss 1.0\nstep 2 loss 0.9\nRuntimeError: CUDA error: an illegal memory access was encountered\n")
    agent = arobust.start_ready(
        "agent", "--log-file", log, "--log-from", "start", "--listen", f"unix:{scratch}/listen.sock",
        "--master", f"dlrover+http://127.0.0.1:{free_port()}", "--http", "127.0.0.1:0",
    )  # fmt: skip
    page = HTTPPage(agent)
    wait_until(lambda: page.metrics().all("arobust_training_step"), "the training")

    def get(accept: str) -> tuple[str, str]:
        request = urllib.request.Request(f"http://{page.address}/metrics", headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.headers["Content-Type"], answer.read().decode()

    kind, text = get("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2")
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8" and text.endswith("\n# EOF\n")
    families = {family.name: family for family in openmetrics.text_string_to_metric_families(text)}
    assert len(families) > 40 and all(family.documentation for family in families.values())
    assert families["arobust_log_lines"].type == "counter" and families["arobust_build"].type == "info"
    assert families["arobust_journal_bytes"].unit == "bytes" and families["process_cpu_seconds"].unit == "seconds"
    names = {sample.name for family in families.values() for sample in family.samples}
    for accept in ("*/*", "text/plain;version=0.0.4", "application/openmetrics-text;version=2.0.0"):
        kind, plain = get(accept)
        assert kind == "text/plain; version=0.0.4; charset=utf-8" and "# EOF" not in plain
        # Rates come and go with what was published.
        different = names ^ set(re.findall(r"^(?!#)([a-zA-Z_:][\w:]*)", plain, re.M))
        assert {name for name in different if not name.endswith(("_per_second", "_remaining_seconds"))} == set()
    assert promtool("check", "metrics", text=plain) == ""
    assert agent.stop() == 0


def test_a_scrape_over_tls(arobust: Arobust, scratch: Path) -> None:
    """As docs/monitoring.md has it: once with a token, once with a certificate of Prometheus's own."""
    authority, token = Authority(scratch / "certificates"), scratch / "token"
    node, own = authority.sign("node"), authority.sign("prometheus")
    token.write_text("0123456789abcdef0123\n")
    token.chmod(0o600)
    environment = {"AROBUST_HTTP_TLS_CERTIFICATE_FILE": str(node.certificate), "AROBUST_HTTP_TLS_KEY_FILE": str(node.key)}
    tls = {"ca_file": str(authority.certificate)}
    first = arobust.start_ready("collect", "--http", "0.0.0.0:0", environment=environment | {"AROBUST_HTTP_TOKEN_FILE": str(token)})
    second = arobust.start_ready(
        "collect", "--http", "0.0.0.0:0", environment=environment | {"AROBUST_HTTP_TLS_CLIENT_CA_FILE": str(authority.certificate)}, state=scratch / "second"
    )
    scrapes = [
        (first, {"authorization": {"credentials_file": str(token)}, "tls_config": tls}),
        (second, {"tls_config": tls | {"cert_file": str(own.certificate), "key_file": str(own.key)}}),
    ]
    for process, scrape in scrapes:
        folder = scratch / process.name
        folder.mkdir()
        prometheus = Prometheus(folder, f"127.0.0.1:{HTTPPage(process).port}", scheme="https", **scrape)
        try:
            wait_until(lambda: prometheus.query("arobust_ready == 1"), lambda: f"a scrape: {prometheus.get('targets')}")
        finally:
            prometheus.process.kill()
        assert process.stop() == 0


def test_the_alerts_fire_where_they_should() -> None:
    folder = MONITORING / "prometheus"
    promtool("check", "config", folder / "prometheus.yml")
    assert "10 rules found" in promtool("check", "rules", folder / "arobust.rules.yml")
    done = subprocess.run(["promtool", "test", "rules", "arobust.rules.test.yml"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "SUCCESS" in done.stdout, done.stdout + done.stderr
