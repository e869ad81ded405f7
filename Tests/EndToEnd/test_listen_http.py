"""What is particular to DLRover's HTTP at `--listen`: calls that hang, a web page in a browser, and clients of no use."""

from __future__ import annotations

import base64
import http.server
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from harness import foreign_agent
from harness.browser import CHROMIUM, chromium
from harness.file_master import FileMaster
from harness.process import Arobust, Process, free_port, resident_kib, wait_until
from test_listen import QUICK, Recorder, recorder  # noqa: F401 (a fixture)

LOG = "TRAINING_LOG"
METRIC = {"data_type": LOG, "data_content": "of a client", "node_id": 0}


@pytest.fixture
def address() -> str:
    return f"127.0.0.1:{free_port()}"


def start(arobust: Arobust, address: str, *arguments: str) -> Process:
    agent = arobust.start_ready("agent", "--listen", f"dlrover+http://{address}", *arguments, environment=QUICK)
    agent.wait_for_log("Listening for DLRover clients.")
    return agent


def connect(address: str) -> socket.socket:
    host, port = address.split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def request(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_a_master_that_hangs_holds_nobody_up(
    arobust: Arobust, scratch: Path, address: str, recorder: tuple[Recorder, str]  # noqa: F811
) -> None:
    """Metrics are accepted while other calls wait; a call whose client goes is cancelled at the master."""
    record, url = recorder
    record.hold.clear()
    file = FileMaster(scratch / "copy.ndjson")
    agent = start(arobust, address, "--master", file.url, "--master", url)
    with ExitStack() as stack:
        waiting = [stack.enter_context(connect(address)) for _ in range(60)]
        for client in waiting:
            client.sendall(request("/get", b'{"node_id": 0, "node_type": "worker", "data": ""}'))
        wait_until(lambda: len(record.calls) == 8, "the calls to reach the master")
        assert foreign_agent.report(address, "http", "0.6.1", METRIC) == "stored"
        wait_until(lambda: file.contents(LOG) == ["of a client"], agent.tail)
        for client in waiting[1:]:
            client.settimeout(0)
            with pytest.raises(BlockingIOError):
                client.recv(1)
    assert record.cancelled.wait(10)
    record.hold.set()
    assert agent.stop() == 0


@pytest.fixture
def page_address(address: str) -> Iterator[str]:
    """A web page from elsewhere (another port), which tries all that a page can do without being asked."""
    pickled = foreign_agent.pickle_of(json.dumps({"data_type": LOG, "data_content": "of a page"}).encode(), "comm")
    body = json.dumps({"node_id": 0, "node_type": "worker", "data": base64.b64encode(pickled).decode()})
    script = f"""<!doctype html><title>working</title><body><script>
        const url = 'http://{address}/report', body = {json.dumps(body)};
        const tries = [
            fetch(url, {{method: 'POST', mode: 'no-cors', body}}),
            fetch(url, {{method: 'POST', mode: 'no-cors', body: new Blob([body], {{type: 'text/plain'}})}}),
            fetch(url, {{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body}}),
            fetch('http://localhost:{address.split(":")[1]}/report', {{method: 'POST', mode: 'no-cors', keepalive: true, body}}),
        ];
        navigator.sendBeacon(url, new Blob([body], {{type: 'text/plain'}}));
        try {{ navigator.sendBeacon(url, new Blob([body], {{type: 'application/json'}})); }} catch {{}}
        const frame = document.createElement('iframe');
        frame.name = 'frame';
        document.body.append(frame);
        const form = document.createElement('form'), field = document.createElement('input');
        Object.assign(form, {{method: 'POST', action: url, enctype: 'text/plain', target: 'frame'}});
        [field.name, field.value] = [body.slice(0, -1) + ', "x": "', '"}}'];
        form.append(field);
        document.body.append(form);
        const sent = new Promise((done) => frame.addEventListener('load', done));
        form.submit();
        Promise.allSettled([...tries, sent]).then((all) => {{
            document.title = 'done ' + all.map((one) => one.value && one.value.type || one.status).join(' ');
        }});
    </script>"""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(script.encode())

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_web_page_in_a_real_browser_can_report_nothing(
    arobust: Arobust, scratch: Path, address: str, page_address: str
) -> None:
    file = FileMaster(scratch / "copy.ndjson")
    agent = start(arobust, address, "--master", file.url)
    with chromium() as browser:
        page = browser.new_page()
        page.goto(page_address)
        page.wait_for_function("document.title.startsWith('done')", timeout=30_000)
        assert "rejected" in page.title(), "what asks first is not allowed"
    agent.wait_for_log("Calls were refused that a web page in a browser may have made.")
    assert foreign_agent.report(address, "http", "0.6.1", METRIC) == "stored"
    wait_until(lambda: "of a client" in file.contents(LOG), agent.tail)
    assert agent.stop() == 0
    assert file.contents(LOG) == ["of a client"]


def test_clients_of_no_use_keep_nobody_out(arobust: Arobust, scratch: Path, address: str) -> None:
    """Heads and bodies that never end, all that a descriptor limit allows, while a client reports."""
    file = FileMaster(scratch / "copy.ndjson")
    arobust.prefix = ["bash", "-c", 'ulimit -n 400; exec "$0" "$@"']
    agent = start(arobust, address, "--master", file.url)
    with ExitStack() as stack:
        for number in range(300):
            client = stack.enter_context(connect(address))
            try:
                client.sendall(
                    b"POST /report HTTP/1.1\r\nHost: localhost\r\nX-More: " if number % 2 else request("/report", b"{}" * 100)[:-1]
                )
            except OSError:
                pass  # it had to give way already
        for number in range(3):
            assert foreign_agent.report(address, "http", "0.6.1", {**METRIC, "data_content": f"{number}"}) == "stored"
        assert resident_kib(agent.pid) < 300 << 10
    wait_until(lambda: file.contents(LOG) == ["0", "1", "2"], agent.tail)
    assert "Too many open files" not in agent.log()
    assert agent.stop() == 0

