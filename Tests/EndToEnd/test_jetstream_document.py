"""Checks docs/wire-format.md on streams: its reader, and that a message has what the tables say and nothing else."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from harness.inspection import export
from harness.nats_servers import Servers
from harness.process import ROOT, Arobust, Process, wait_until
from harness.stream_lines import wait_for_line, write_lines

SECTION = (ROOT / "docs/wire-format.md").read_text().split("## In a stream of NATS")[1]


def test_the_documents_reader_prints_all_lines_that_are_there_and_that_come(
    arobust: Arobust, scratch: Path, make_servers: Callable[..., Servers]
) -> None:
    servers = make_servers()
    log = scratch / "train.log"
    write_lines(log, 0, 99)
    arobust.start_ready("agent", "--log-file", log, "--node-rank", "3", "--job-uid", "jobA", "--master", servers.url())
    wait_for_line(servers, 99)
    (code,) = re.findall(r"```python\n(.*?)```", SECTION, re.S)
    program = scratch / "reader.py"
    program.write_text(code.replace("127.0.0.1:4222", servers.all[0].address))
    reader = Process("reader", [sys.executable, program], scratch)
    try:
        wait_until(lambda: "line 99" in reader.output(), reader.tail)
        write_lines(log, 100, 119)
        wait_until(lambda: "line 119" in reader.output(), reader.tail)
        assert re.findall(r"line \d+", reader.output()) == [f"line {number}" for number in range(120)]
        assert "arobust.jobA.TRAINING_LOG.worker.3 [" in reader.output()
    finally:
        reader.kill()


def test_the_table_names_every_header(arobust: Arobust, scratch: Path, make_servers: Callable[..., Servers]) -> None:
    servers = make_servers(lines="max_payload: 4096")
    log = scratch / "train.log"
    write_lines(log, 0, 1999)
    arobust.start_ready("agent", "--log-file", log, "--master", servers.url())
    messages = wait_for_line(servers, 1999)
    documented = {name for row in re.findall(r"^\| (`.*?) \|", SECTION, re.M) for name in re.findall(r"`([A-Z][A-Za-z-]+)`", row)}
    assert set().union(*(message.headers for message in messages)) == documented
    part = next(message for message in messages if "Arobust-Part" in message.headers)
    whole = [message for message in messages if message.position[:2] == part.position[:2]]
    assert part.headers["Nats-Msg-Id"] == "/".join(part.headers[f"Arobust-{key}"] for key in ("Publisher", "Data-Type", "Epoch", "Sequence")) + "/1"
    assert [message.headers["Arobust-Part"] for message in whole] == [f"{number + 1}/{len(whole)}" for number in range(len(whole))]
    # The parts are the envelope, as the publisher's own journal has it.
    contents = {(metric["epoch"], metric["sequence"]): metric["data_content"] for metric in export(arobust.state)}
    assert "\n".join(json.loads(message.body)["data_content"] for message in whole) == contents[part.position[:2]]
