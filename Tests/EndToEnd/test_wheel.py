"""The wheel itself, its types, and the parts of its package that the guide shows no program for."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness.process import ROOT
from harness.trainer import TRAINER, reported
from harness.wheel import Environment, Program, built


@pytest.mark.long
def test_the_other_collectors(program: Program) -> None:
    """A page and this very process's stack are collected, stored, and come again until they are."""
    code = """
import http.server, logging, os, threading
logging.basicConfig(level=logging.INFO, format="%(levelname)s - %(message)s")
from arobust.agent.data_collector import MetricCollector, StackCollector
from your_master_client import MasterClient
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(b'XPU_TIMER_COMMON_HANG{rank="0"} 0\\n')
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
assert not MetricCollector().is_enabled()
metrics = MetricCollector(server.server_address[1], interval="1s")
threading.Thread(target=server.serve_forever, daemon=True).start()
assert metrics.is_enabled()
page = metrics.collect_data()
assert page.startswith("XPU_TIMER_COMMON_HANG"), page
metrics.store_data(page)
metrics.set_client(MasterClient("x"))
assert metrics.store_data(page) and not metrics.store_data("") and not metrics.store_data(7)
stacks = StackCollector([os.getpid()], interval="1s")
assert stacks.is_enabled()
data = stacks.collect_data()
(text,) = data.values()
assert f"Process {os.getpid()}" in text, text
stacks.set_client(MasterClient("x"))
assert stacks.store_data(data) and not stacks.store_data("text")
stacks.close()
pid = metrics._feed.child_pid
del metrics
import gc, time; gc.collect()
end = time.monotonic() + 20
while os.path.exists(f"/proc/{pid}") and time.monotonic() < end: time.sleep(0.05)
assert not os.path.exists(f"/proc/{pid}")
"""
    ended = program.run(code)
    assert reported(program.reported, "XPU_TIMER_METRIC") == ['XPU_TIMER_COMMON_HANG{rank="0"} 0']
    assert reported(program.reported, "STACK_TRACE")[0].startswith("Process ")
    assert "WARNING - Master client not set, XPU timer metric not reported" in ended.log()
    assert "INFO - Reported stack trace: " in ended.log()


def test_metrics_of_ones_own(program: Program, scratch: Path) -> None:
    code = TRAINER + """
import arobust
assert not arobust.publish("nobody is there", timeout=0.2)
agent.start()
wait(lambda: arobust.publish("epoch 3 begins"))
assert arobust.publish("1.5", "LOSS", timestamp=1800000000)
assert not arobust.publish(7) and not arobust.publish("x", "not a type")
agent.stop(20)
"""
    ended = program.run(code, scratch / "train.log")
    assert reported(program.reported, "GENERIC") == ["epoch 3 begins"]
    assert '"timestamp": 1800000000' in program.reported.read_text()
    assert "ERROR - Failed to publish a metric: data_content is int, and must be str" in ended.log()


def test_the_wheel(environment: Environment) -> None:
    """Its tag is no newer than Debian 12, it finds its libraries without this machine's, and has its types."""
    tag = re.search(r"-py3-none-manylinux_2_(\d+)_x86_64\.whl$", built().name)
    assert tag and int(tag[1]) <= 36, built().name
    executable = environment.packages / "arobust/bin/arobust"
    libraries = subprocess.run(["ldd", executable], capture_output=True, text=True, check=True).stdout
    for name in ("libzmq", "libsodium", "libpgm", "libnorm", "libgssapi_krb5", "libsqlite3"):
        assert f"{environment.packages}/arobust/bin/../../arobust.libs/{name}-" in libraries, libraries
    licences = {path.name for path in next(environment.packages.glob("arobust-*.dist-info/licenses")).rglob("*.txt")}
    assert {"libzmq5.txt", "libsqlite3-0.txt", "libkrb5-3.txt", "libsodium23.txt"} <= licences
    # What limits the connections to the sockets stands between libzmq and the system: docs/security.md.
    bound = subprocess.run([executable, "--version"], env={"LD_BIND_NOW": "1", "LD_DEBUG": "bindings"}, capture_output=True, text=True)
    for name in ("accept4", "recv", "close"):
        assert re.search(rf"/libzmq-\S+ \[0\] to {executable} \[0\]: normal symbol `{name}'", bound.stderr), name
    version = subprocess.run([environment.folder / "bin/arobust", "--version"], env={}, capture_output=True, text=True, check=True)
    assert version.stdout.startswith(built().name.split("-")[1])
    assert (environment.packages / "arobust/py.typed").exists()
    code = "import importlib.metadata as m; print(m.requires('arobust'))"
    dependencies = subprocess.run([environment.python, "-c", code], capture_output=True, text=True, check=True)
    assert dependencies.stdout == "['pyzmq>=25']\n"


def test_the_types(scratch: Path) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", scratch], cwd=ROOT / "python", capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout
