"""The recorded failures of torch 2.15 and of many launchers (rules/corpus/jobs): the very line that says why is blamed, as an operator
would ask: with the files' times of today, and the flags of the command."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import healthy_logs
import pytest
import yaml
from harness import inspection
from harness.process import ROOT

JOBS = ROOT / "rules/corpus/jobs"
SAYS: dict[str, list[str]] = yaml.safe_load((JOBS / "says.yaml").read_text())
EXPECTED: dict[str, dict[str, Any]] = {entry["job"]: entry for entry in yaml.safe_load((JOBS / "index.yaml").read_text())}
# The kernel's times are seconds since its start, which the corpus alone can give.
NAMES = [name for name in SAYS if "boot-time" not in EXPECTED[name]]


@pytest.mark.sample(14)
@pytest.mark.parametrize("name", NAMES)
def test_the_right_line_is_blamed(name: str, scratch: Path) -> None:
    arguments = []
    by = datetime.now().replace(microsecond=0) - timedelta(minutes=30) - datetime(2026, 11, 24, 0, 20)
    for file in sorted((JOBS / name).iterdir()):
        copy = scratch / file.name
        pieces = healthy_logs.split(file.read_bytes().decode(errors="surrogateescape"))
        copy.write_bytes("".join(healthy_logs.shifted(piece, by) for piece in pieces).encode(errors="surrogateescape"))
        rank = re.match(r"(?:rank|error)(\d+)", file.name)
        value = f"{rank[1]}={copy}" if rank else str(copy)
        if file.name == "failures.json":
            arguments += ["--failures", f"@{copy}"]
        else:
            arguments += ["--error-file" if file.name.startswith("error") else "--log", value]
    answer = inspection.run("diagnose", "--json", *arguments, "--state-dir", scratch / "state", environment={"TZ": "UTC"})
    assert not wrong(name, yaml.safe_load(answer))


def wrong(name: str, answer: dict[str, Any]) -> str | None:
    """What is wrong with an answer, in a few words."""
    cause, expected = answer["cause"], EXPECTED[name]
    if cause is None:
        return f"misses {SAYS[name][0]!r}" if SAYS[name] else None
    if not any(text in cause["text"] for text in SAYS[name]):
        return f"blames {cause['rule']}: {cause['text'][:120]}"
    if answer["action_type"] != expected["action"]:
        return f"right cause, but {answer['action_type']}"
    return None
