"""What arrives of a log is an answer: whole events, a program's own lines, what matters under a rate limit, and where it came from."""

import json
from pathlib import Path
from typing import Any

from harness import inspection
from harness.process import Arobust, wait_until

TRACEBACK = """Traceback (most recent call last):
  File "train.py", line 7, in <module>
    main()
RuntimeError: CUDA error: device-side assert triggered
"""


def metrics(copy: Path) -> list[dict[str, Any]]:
    # The last line may be one that is being written.
    return [json.loads(line) for line in copy.read_text().split("\n")[:-1]] if copy.exists() else []


def test_a_traceback_that_is_written_slowly_stays_whole(arobust: Arobust, scratch: Path) -> None:
    copy, log = scratch / "copy.ndjson", scratch / "train.log"
    agent = arobust.start_ready("agent", "--log-file", log, "--master", f"file://{copy}")
    with open(log, "a") as file:
        file.write("step 1\n")
        file.flush()
        wait_until(lambda: len(metrics(copy)) == 1, lambda: copy.read_text(), 30)
        for line in TRACEBACK.splitlines(keepends=True):
            file.write(line)
            file.flush()
            wait_until(lambda: True, lambda: "", 1, every=0.3)
        file.write("step 2\n")
    assert agent.stop() == 0
    logs = [metric for metric in metrics(copy) if metric["data_type"] == "TRAINING_LOG"]
    assert "\n".join(metric["data_content"] for metric in logs) + "\n" == "step 1\n" + TRACEBACK + "step 2\n"
    assert any(TRACEBACK.strip() in metric["data_content"] for metric in logs)


def test_the_black_box_comes_before_the_lines(arobust: Arobust, scratch: Path) -> None:
    copy, log = scratch / "copy.ndjson", scratch / "train.log"
    log.write_text("step 1\nstep 2\n" + TRACEBACK)
    agent = arobust.start_ready("agent", "--log-file", log, "--master", f"file://{copy}")
    wait_until(lambda: len(metrics(copy)) >= 2, lambda: f"{metrics(copy)}", 40)
    assert agent.stop() == 0
    boxes = [metric for metric in metrics(copy) if metric["data_type"] == "GENERIC"]
    assert len(boxes) == 1
    assert boxes[0]["data_content"].startswith(f"arobust alarm: black box of {log}, rule ")
    assert "step 1\nstep 2\nTraceback" in boxes[0]["data_content"] and "device-side assert" in boxes[0]["data_content"]


def test_under_a_rate_limit_what_matters_arrives_and_the_rest_is_accounted_for(arobust: Arobust, scratch: Path) -> None:
    copy, log = scratch / "copy.ndjson", scratch / "train.log"
    lines = [f"2026-11-29 10:00:00 INFO step {number} loss 0.25" for number in range(200_000)]
    lines[150_000] = "RuntimeError: CUDA error: device-side assert triggered"
    log.write_text("\n".join(lines) + "\n")
    environment = {"AROBUST_LOGS_RATE_LIMIT": "20KiB", "AROBUST_LOGS_RATE_BURST": "100KiB"}
    flags = ["--log-file", log, "--master", f"file://{copy}"]
    agent = arobust.start_ready("agent", *flags, environment=environment)

    def is_read() -> bool:
        return any("step 199999 " in metric["data_content"] for metric in metrics(copy))

    wait_until(is_read, lambda: f"{[metric['data_content'][-200:] for metric in metrics(copy)][-3:]}", 60)
    assert agent.stop() == 0
    logs = [metric for metric in metrics(copy) if metric["data_type"] == "TRAINING_LOG"]
    text = "\n".join(metric["data_content"] for metric in logs)
    assert "step 0 loss" in text and lines[150_000] in text and "step 199999 " in text
    assert len(text) < 1_000_000 and "[arobust: " in text
    exported = [metric for metric in inspection.export(arobust.state) if metric["data_type"] == "TRAINING_LOG"]
    shed = [metric["origin"] for metric in exported if metric["origin"].get("shed")]
    kept = [line for line in text.splitlines() if not line.startswith("[arobust: ")]
    assert len(kept) + sum(origin["lines"] for origin in shed) == len(lines)
    # Every byte of the file belongs to an envelope that was delivered, and those that were left out are named.
    ends = [(metric["origin"]["first_offset"], metric["origin"]["end_offset"]) for metric in logs]
    assert ends[0][0] == 0 and ends[-1][1] == log.stat().st_size
    assert all(before[1] == after[0] for before, after in zip(ends, ends[1:]))
    assert not any(metric["origin"].get("shed") for metric in logs)
    rows = inspection.rows(inspection.audit(arobust.state))
    (row,) = [row for (_, data_type), row in rows.items() if data_type == "TRAINING_LOG"]
    assert row.skipped == {"shed": len(shed)} and row.delivered == len(logs) and not row.lost


def test_tap_and_journal_show_where_lines_came_from(arobust: Arobust, scratch: Path) -> None:
    place = scratch / "torch/job_ab12cd34/attempt_1/3"
    place.mkdir(parents=True)
    log = place / "stderr.log"
    log.write_text("2026-11-29T10:00:01Z stdout F container's\n")
    agent = arobust.start_ready("agent", "--torchrun-logs", scratch / "torch")
    tap = arobust.run("tap", "--json", "--from", "oldest", "--count", "1")
    status = log.stat()
    expected = {
        "path": str(log), "device": status.st_dev, "inode": status.st_ino, "first_offset": 0, "end_offset": status.st_size,
        "lines": 1, "first_time": 1795946401.0, "last_time": 1795946401.0, "run": "job", "attempt": 1, "local_rank": 3,
        "stream": "stderr",
    }  # fmt: skip
    metric = json.loads(tap.output())
    assert metric["origin"] == expected and metric["data_content"] == "container's"
    assert agent.stop() == 0
    shown = inspection.run("journal", "show", "1", "--state-dir", arobust.state)
    assert f"file        {log} (device" in shown and "rank        run job, attempt 1, local rank 3, stderr" in shown
    assert json.loads(inspection.run("journal", "show", "1", "--json", "--state-dir", arobust.state))["origin"] == expected
