"""The setting `redact`: secrets of a training's log and of other programs' metrics never reach journal, bus, masters, tap or incident bundles."""

import json
import subprocess
from pathlib import Path

import pytest
from harness.inspection import status
from harness.process import AROBUST, Arobust, wait_until

SECRETS = ["AKIAIOSFODNN7EXAMPLE", "hunter2hunter2", "MIIEpAIBAAKCAQEA7", "4111-1111-1111-1111", "abcdefgh.ijklmnop"]
LINES = [
    "[rank 0] step 1 loss 2.5",
    "using key AKIAIOSFODNN7EXAMPLE of us-east-1",
    "connecting to postgres://me:hunter2hunter2@db:5432/runs",
    "-----BEGIN RSA PRIVATE KEY-----",
    "MIIEpAIBAAKCAQEA7MIIEpAIBAAKCAQEA7",
    "-----END RSA PRIVATE KEY-----",
    "card 4111-1111-1111-1111 of 9",
    "header Authorization: Bearer abcdefgh.ijklmnop",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB with AKIAIOSFODNN7EXAMPLE",
    "the end",
]
SHOWN = [
    "[rank 0] step 1 loss 2.5",
    "using key [redacted] of us-east-1",
    "connecting to postgres://me:[redacted]@db:5432/runs",
    *["[redacted]"] * 3,
    "card <1111> of 9",
    "header Authorization: Bearer [redacted]",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB with [redacted]",
    "the end",
]
SETTINGS = r"""
diagnosis: {settle: 10ms}
redact:
  - aws-keys
  - bearer-tokens
  - url-passwords
  - private-keys
  - {pattern: '[0-9]{4}-[0-9]{4}-[0-9]{4}-([0-9]{4})', replacement: '<\1>', types: [TRAINING_LOG, GENERIC]}
"""


def bytes_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_secrets_reach_nobody(arobust: Arobust, scratch: Path) -> None:
    settings, log, copy = scratch / "arobust.yaml", scratch / "train.log", scratch / "copy.ndjson"
    settings.write_text(SETTINGS)
    log.write_text("".join(line + "\n" for line in LINES[:4]))
    flags = ["--config", settings, "--log-file", log, "--master", f"file://{copy}"]
    agent = arobust.start_ready("agent", *flags)

    def lines_of_the_copy() -> list[str]:
        metrics = [json.loads(line) for line in copy.read_text().splitlines()] if copy.exists() else []
        return "\n".join(metric["data_content"] for metric in metrics if metric["data_type"] == "TRAINING_LOG").split("\n")

    wait_until(lambda: len(lines_of_the_copy()) >= 4, "the first lines")
    # The key goes on after its beginning was published.
    with log.open("a") as more:
        more.write("".join(line + "\n" for line in LINES[4:]))
    wait_until(lambda: lines_of_the_copy()[-1:] == ["the end"], lambda: f"the last line; there is {lines_of_the_copy()}")
    assert lines_of_the_copy() == SHOWN

    # Other programs' metrics, JSON and text.
    document = json.dumps({"note": "a \"quoted\" AKIAIOSFODNN7EXAMPLE", "card": ["4111-1111-1111-1111"]})
    arobust.publish(document, "plain 4111-1111-1111-1111")
    wait_until(lambda: "plain <1111>" in copy.read_text(), "the metric")
    contents = [json.loads(line)["data_content"] for line in copy.read_text().splitlines()]
    assert json.loads(next(text for text in contents if text.startswith('{"note"'))) == {"note": 'a "quoted" [redacted]', "card": ["<1111>"]}

    # An incident's bundle has the log's last lines.
    dump = arobust.run("dump", "--reason", "test AKIAIOSFODNN7EXAMPLE")
    assert dump.wait() == 0, dump.log()
    wait_until(lambda: "INCIDENT" in [lane["data_type"] for lane in status(arobust.state)["lanes"]], "the incident")
    tapped = arobust.run("tap", "--from", "oldest", "--json", "--count", "3")
    assert tapped.wait(30) == 0

    # The diagnosis on the way has worked, on what it may publish as well as on the file.
    report = wait_until(lambda: (found := status(arobust.state))["findings"] and found, "the finding", 60)
    assert "cuda.out-of-memory" in [finding["rule"] for finding in report["findings"]]
    assert {"aws-keys", "bearer-tokens", "url-passwords", "private-keys", "rule-5"} <= set(report["redacted"])
    text = arobust.run("status").output()
    assert "redacted   aws-keys " in text
    assert agent.stop() == 0
    everything = bytes_below(arobust.state) + copy.read_bytes() + tapped.output().encode()
    assert b"<1111>" in everything and b"[redacted]" in everything
    for secret in SECRETS:
        assert secret.encode() not in everything, secret
    assert arobust.run("audit", "--strict").wait() == 0


def test_positions_stay_right(arobust: Arobust, scratch: Path) -> None:
    """A log is read on where it was left, however much shorter or longer the lines became: each exactly once."""
    log, copy = scratch / "train.log", scratch / "copy.ndjson"
    log.write_text("".join(f"line {number} x=secret{'s' * (number % 50)} end\n" for number in range(2000)))
    environment = {"AROBUST_REDACT": '[{"pattern": "secrets*", "replacement": "--a replacement that is longer--"}]'}
    flags = ["--log-file", log, "--master", f"file://{copy}"]
    for round in range(3):
        agent = arobust.start_ready("agent", *flags, environment=environment)
        with log.open("a") as more:
            more.write(f"round {round} secret\n")
        wait_until(lambda round=round: f"round {round} --a" in (copy.read_text() if copy.exists() else ""), "the round's line")
        agent.kill()
    arobust.start_ready("agent", *flags, environment=environment)
    wait_until(lambda: arobust.run("audit", "--strict").wait() == 0, "the books to balance")
    seen = [line for metric in copy.read_text().splitlines() for line in json.loads(metric)["data_content"].split("\n")]
    lines = [line for line in seen if line.startswith(("line ", "round "))]
    assert set(lines) == {f"line {number} x=--a replacement that is longer-- end" for number in range(2000)} | {
        f"round {round} --a replacement that is longer--" for round in range(3)
    }


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("passwords", "redact is 'passwords'; it must be one of aws-keys"),
        ("{pattern: 'x*'}", "redact: the pattern 'x*' can't be used: it matches where nothing stands"),
        ("{pattern: 'a(b'}", "redact: the pattern 'a(b' can't be used: Unmatched ( or \\("),
        (r"{pattern: '(a)\1'}", "it has a back-reference"),
        ("{pattern: a, replace: b}", "redact is '"),
        ("{replacement: b}", "redact is '"),
        ("{pattern: a, types: [A B]}", "redact is '"),
        ("{pattern: '((((a{255}){255}){255}){255})'}", "with its repetitions written out"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_at_the_start(scratch: Path, rule: str, said: str) -> None:
    settings = scratch / "arobust.yaml"
    settings.write_text(f"node: {{id: 1}}\nredact:\n  - {rule}\n")
    done = subprocess.run([str(AROBUST), "config", "check", "--config", settings], text=True, capture_output=True, timeout=60)
    assert done.returncode == 64 and said in done.stderr and f"{settings}:" in done.stderr, done.stderr
