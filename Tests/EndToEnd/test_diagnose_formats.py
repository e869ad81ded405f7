"""`arobust diagnose` on logs in the forms that people have them in. Each stands for a kind of public report:

* launchers' prefixes, also two: torchrun --tee and torch's own, srun, mpirun, Ray, compose, kubectl (pytorch#63174, ray#45825, torchx#412)
* a container runtime's log instead of the program's, and structured logs (fluent-bit#4512, moby#20119, ray#47806)
* colours in a traceback: Python 3.13, rich, loguru (python-colorlog#138, snekbox#225)
* exception groups (loguru#805, pyrollbar#441)
* a pipe, standard input, CRLF, a byte-order mark, a log that is one line of a progress bar (torchx#424)
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import container_logs
from harness.inspection import diagnose
from harness.process import AROBUST, Arobust

TRACEBACK = """\
Traceback (most recent call last):
  File "/w/train.py", line 93, in <module>
    main()
{cause}
"""
VALUE = "ValueError: batch 7 of shard 3 has no labels"
MODULE = "ModuleNotFoundError: No module named 'flash_attn'"


def blamed(arobust: Arobust, log: Path, content: str | bytes, *arguments: str) -> dict[str, Any]:
    log.write_bytes(content.encode() if isinstance(content, str) else content)
    return diagnose(arobust, "--log", log, *arguments)


@pytest.mark.parametrize(
    ("prefix", "rank"),
    [
        ("[default0]:", None), ("[rank3]: ", 3), ("[default3]:[rank3]: ", 3), ("[trainer3]:[rank3]: ", 3), ("3: ", 3),
        ("[1,3]<stderr>:", 3), ("(RayTrainWorker pid=3738, ip=172.17.130.64) ", None), ("trainer-1  | ", None),
        ("[pod/train-worker-3/pytorch] ", None), ("Nov 28 10:00:00 node7 torchrun[3738]: ", None),
        ("nemo.collections.llm.api.pretrain/0 [default0]:[rank0]: ", 0),
    ],
)  # fmt: skip
def test_launchers_prefixes(arobust: Arobust, scratch: Path, prefix: str, rank: int | None) -> None:
    def with_prefix(cause: str) -> str:
        text = "step 1 loss 2.31\n" + TRACEBACK.format(cause=cause)
        return "".join(prefix + line + "\n" for line in text.splitlines())

    found = blamed(arobust, scratch / "all.log", with_prefix(VALUE))
    assert found["evidence"][0]["rule"] == "python.exception", found
    assert VALUE in found["evidence"][0]["text"]
    assert rank is None or found["evidence"][0]["rank"] == rank
    # A rule with an action of its own works behind a prefix, too.
    assert blamed(arobust, scratch / "all.log", with_prefix(MODULE))["action_type"] == "job_abortion"


@pytest.mark.parametrize("runtime", container_logs.FORMATS)
@pytest.mark.parametrize(("cause", "action"), [(VALUE, "restart_worker"), (MODULE, "job_abortion")])
def test_a_container_runtimes_log(arobust: Arobust, scratch: Path, runtime: str, cause: str, action: str) -> None:
    write: Callable[[bytes, str], bytes] = container_logs.FORMATS[runtime]
    written = write(("step 1\n" * 3 + TRACEBACK.format(cause=cause)).encode(), "stderr")
    found = blamed(arobust, scratch / "0.log", written)
    assert (found["action_type"], found["evidence"][0]["line"]) == (action, 7), found


def test_a_structured_log(arobust: Arobust, scratch: Path) -> None:
    record = {"asctime": "2026-11-28 10:00:00,123", "levelname": "ERROR", "message": "failed", "exc_text": TRACEBACK.format(cause=VALUE)}
    assert blamed(arobust, scratch / "x.log", json.dumps(record) + "\n")["evidence"][0]["rule"] == "python.exception"


RED, PINK, BOLD, OFF = "\x1b[31m", "\x1b[35m", "\x1b[1;35m", "\x1b[0m"
COLOURED = {
    "Python 3.13": (f"{BOLD}ValueError{OFF}: {PINK}batch 7 has no labels{OFF}", "python.exception"),
    "all red": (f"{RED}ValueError: batch 7 has no labels{OFF}", "python.exception"),
    "a rule's line": (f"{BOLD}torch.OutOfMemoryError{OFF}: {PINK}CUDA out of memory. Tried to allocate 2 GiB.{OFF}", "cuda.out-of-memory"),
    "a missing module": (f"{BOLD}ModuleNotFoundError{OFF}: {PINK}No module named 'flash_attn'{OFF}", "config.module"),
}


@pytest.mark.parametrize("kind", COLOURED)
def test_colours(arobust: Arobust, scratch: Path, kind: str) -> None:
    cause, rule = COLOURED[kind]
    log = scratch / "x.log"
    found = blamed(arobust, log, TRACEBACK.format(cause=cause))
    assert found["evidence"][0]["rule"] == rule, found
    assert "\x1b" not in json.dumps(found, ensure_ascii=False)
    assert "\x1b" not in arobust.run("diagnose", "--log", log).output()


GROUPS = {
    "a task group": "import asyncio\nasync def f():\n    raise ValueError('batch 7')\nasync def main():\n"
    "    async with asyncio.TaskGroup() as group:\n        group.create_task(f())\nasyncio.run(main())\n",
    "a group in a group": "raise ExceptionGroup('all', [ExceptionGroup('node 1', [OSError(5, 'x'), ValueError('batch 7')])])\n",
    "a group with a cause": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ExceptionGroup('all', [ValueError('batch 7')]) from e\n",
}


@pytest.mark.parametrize("kind", GROUPS)
def test_an_exception_in_a_group(arobust: Arobust, scratch: Path, kind: str) -> None:
    script = scratch / "train.py"
    script.write_text(GROUPS[kind])
    failed = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert failed.returncode == 1
    found = blamed(arobust, scratch / "x.log", failed.stderr)
    assert any("ValueError: batch 7" in each["text"] for each in found["evidence"]), found


def shell(scratch: Path, script: str) -> str:
    """What a line of bash with `$diagnose` prints."""
    command = f'diagnose="{AROBUST} diagnose --state-dir {scratch}/state"; {script}'
    return subprocess.run(["bash", "-c", command], cwd=scratch, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize("script", ["$diagnose --log <(cat x.log)", "$diagnose --log /dev/stdin <x.log", "cat x.log | $diagnose --log /dev/stdin"])
def test_a_pipe_is_read_or_told_of(scratch: Path, script: str) -> None:
    (scratch / "x.log").write_text(TRACEBACK.format(cause=VALUE))
    said = shell(scratch, script)
    assert VALUE in said or re.search(r"Note: cannot read /dev/\S+: ", said), said


@pytest.mark.parametrize(
    "content",
    [
        TRACEBACK.format(cause=VALUE).replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + VALUE.encode() + b"\n",
        b"\r 50%|#####     | 5/10 [00:05<00:05,  1.00s/it]" * 20_000 + b"\n" + VALUE.encode() + b"\n",
        b" 50%|#####     | 5/10 [00:05<00:05]" + TRACEBACK.format(cause=VALUE).encode(),
    ],
    ids=["CRLF", "a byte-order mark", "after a line of a bar", "behind a bar"],
)
def test_odd_lines(arobust: Arobust, scratch: Path, content: bytes) -> None:
    found = blamed(arobust, scratch / "x.log", content)
    assert found["evidence"][0]["rule"] == "python.exception", found
    assert found["evidence"][0]["text"] == VALUE
