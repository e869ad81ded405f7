"""What people give `arobust diagnose`: pipes, gzip, UTF-16, one endless line; and what it refuses, with the way to read it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from harness.process import AROBUST

LOG = 'step 1\nTraceback (most recent call last):\n  File "a.py", line 1, in <module>\nValueError: batch 7 has no labels\n'
CAUSE = "ValueError: batch 7 has no labels"


def diagnose(shell: str, folder: Path, status: int = 0) -> tuple[dict[str, Any], str]:
    """Runs a bash command line in which AROBUST stands for the command."""
    command = f"'{AROBUST}' diagnose --json --state-dir '{folder}/state'"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TZ": "Europe/Berlin"}
    done = subprocess.run(
        ["bash", "-c", shell.replace("AROBUST", command)], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.mark.parametrize(
    "shell",
    [
        "cat t.log | AROBUST --log -", "AROBUST --log - <t.log", "cat t.log | AROBUST --log /dev/stdin", "AROBUST --log /dev/stdin <t.log",
        "AROBUST --log <(cat t.log)", "AROBUST --log 3=<(cat t.log)", "gzip -c t.log | AROBUST --log -", "AROBUST --log <(gzip -c t.log)",
        "gzip -c t.log >odd.name; AROBUST --log odd.name", "(printf 'a\\nb\\n' | gzip; gzip -c t.log) >two.gz; AROBUST --log two.gz",
        "iconv -t UTF-16 t.log >u; AROBUST --log u", "(printf '\\376\\377'; iconv -t UTF-16BE t.log) >u; AROBUST --log u",
        "iconv -t UTF-16LE t.log >u; AROBUST --log u", "iconv -t UTF-16 t.log | gzip >u.gz; AROBUST --log u.gz",
        "(printf '\\357\\273\\277'; tail -n 1 t.log) >b.log; AROBUST --log b.log", "sed 's/$/\\r/' t.log >c.log; AROBUST --log c.log",
        "mkfifo p; cat t.log >p & exec 5<p; AROBUST --log p", "zstd -qc t.log | zstdcat | AROBUST --log -",
    ],
)  # fmt: skip
def test_the_cause_is_found(scratch: Path, shell: str) -> None:
    (scratch / "t.log").write_text(LOG)
    found, _ = diagnose(shell, scratch)
    assert found["evidence"][0]["text"] == CAUSE
    assert found["evidence"][0]["line"] == (6 if "two.gz" in shell else 1 if "tail" in shell else 4)
    assert found["evidence"][0].get("rank") == (3 if "3=" in shell else None)
    assert found["notes"] == []


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("zstd -q t.log; AROBUST --log t.log.zst", "t.log.zst: it is compressed with zstd; try: zstd -dc t.log.zst | arobust diagnose --log -"),
        ("xz t.log; AROBUST --log t.log.xz", "it is compressed with xz; try: xz -dc t.log.xz | arobust"),
        ("bzip2 t.log; AROBUST --log t.log.bz2", "it is compressed with bzip2; try: bzip2 -dc t.log.bz2 | arobust"),
        ("zip -q z.log t.log; mv z.log.zip z.log 2>&-; AROBUST --log z.log", "z.log: it is a zip archive; try: unzip -p z.log | arobust"),
        ("tar czf t.tgz t.log; AROBUST --log t.tgz", "it is a tar archive; try: tar -xOf t.tgz | arobust"),
        ("iconv -t UTF-32 t.log >u; AROBUST --log u", "it is UTF-32; try: iconv"),
        ("xz -c t.log | AROBUST --log -", "standard input: it is compressed with xz; try: … | xz -dc | arobust diagnose --log -"),
        ("AROBUST --log .", "cannot read .: it is a folder; give its files, or torchrun's with --log-dir"),
        ("AROBUST --log /dev/zero", "cannot read /dev/zero: it is a device"),
        ("AROBUST --log none.log --kernel-log none", "cannot open none.log: No such file or directory"),
    ],
)
def test_what_is_not_read_is_named(scratch: Path, shell: str, words: str) -> None:
    (scratch / "t.log").write_text(LOG)
    found, told = diagnose(shell, scratch, 66)
    assert words in found["notes"][0]
    assert found["action_type"] == "restart_worker"
    assert "none of the files could be read" in told
    (scratch / "good.log").write_text(LOG)
    found, told = diagnose(shell.split("; ")[-1] + " --log good.log", scratch)
    assert found["evidence"][0]["text"] == CAUSE
    assert told.startswith("Warning: ") and words in told, "an answer that rests on a part of the files says so"


def test_a_truncated_gzip_is_read_as_far_as_it_goes(scratch: Path) -> None:
    steps = "".join(f"step {step} loss {step * 7919 % 9973}\n" for step in range(100_000))
    whole = gzip.compress((LOG + steps).encode())
    (scratch / "cut.gz").write_bytes(whole[: len(whole) // 2])
    found, _ = diagnose("AROBUST --log cut.gz --budget 30s", scratch)
    assert found["evidence"][0]["text"] == CAUSE
    assert "cut.gz: the gzip file is cut off; its first" in found["notes"][0]


def test_one_line_of_300_megabytes_takes_little_memory(scratch: Path) -> None:
    bar = b"\r 50%|#####     | 5/10 [00:05<00:05,  1.00s/it]" * 20_000
    with open(scratch / "one.log", "wb") as file:
        for _ in range(300):
            file.write(bar)
        file.write(b"\rRuntimeError: CUDA out of memory. Tried to allocate 2 GiB\r")
        file.write(bar)
    found, told = diagnose("ulimit -v 4000000; command time -f %M AROBUST --log one.log --budget 20s", scratch)
    assert found["evidence"][0]["text"] == "RuntimeError: CUDA out of memory. Tried to allocate 2 GiB"
    assert int(told.split()[-1]) < 150_000, "KiB"


def test_standard_input_is_read_once(scratch: Path) -> None:
    for flags in ("--log - --kernel-log -", "--log - --failures -", "--log - --error-file 1=-"):
        done = subprocess.run([AROBUST, "diagnose", *flags.split()], input=LOG, capture_output=True, text=True, timeout=60)
        assert done.returncode == 64
        assert "Standard input (-) is given more than once" in done.stderr


def test_the_kernels_log_and_error_files_may_be_pipes(scratch: Path) -> None:
    (scratch / "t.log").write_text(LOG)
    xid = "NVRM: Xid (PCI:0000:c1:00): 79, GPU has fallen off the bus."
    found, _ = diagnose(f"AROBUST --log t.log --kernel-log <(echo '{xid}')", scratch)
    assert found["evidence"][0]["text"] == xid
    error = json.dumps({"message": {"message": "KeyError: 'new'", "extraInfo": {"timestamp": "1795480093"}}})
    (scratch / "e.json").write_text(error)
    found, _ = diagnose("cat e.json | AROBUST --error-file 2=-", scratch)
    assert (found["evidence"][0]["text"], found["evidence"][0]["rank"]) == ("KeyError: 'new'", 2)


def test_zones_and_summer_time(scratch: Path) -> None:
    """The machine is in Berlin, an hour or two east of UTC."""
    for text, seconds in [
        ("2026-07-01 12:00:00", 1782900000), ("2026-02-01 11:00:00", 1769940000), ("2026-07-01 18:00:00 +0800", 1782900000),
        ("2026-07-01 10:00:00 UTC", 1782900000),
    ]:  # fmt: skip
        (scratch / "t.log").write_text(f"{text} ERROR CUDA out of memory. Tried to allocate 2 GiB\n2099-01-01 00:00:00 x\n")
        found, _ = diagnose("AROBUST --log t.log", scratch)
        assert found["evidence"][0]["time"] == seconds


def test_of_a_long_line_the_match_is_shown(scratch: Path) -> None:
    """A structured line of 1 MiB with the match in its middle, behind colours and characters of several bytes."""
    cause = "CUDA out of memory. Tried to allocate 2 GiB"
    fields = {f"größe{index}": "梯度\x1b[31mred\x1b[0m" for index in range(14_000)}
    line = json.dumps({"ts": 1782900000.5, "level": "error", **fields, "msg": f"here: {cause}", **{f"b{key}": 1 for key in fields}}, ensure_ascii=False)
    assert len(line.encode()) > 900_000
    (scratch / "t.log").write_text(f"one\n{line}\ntwo\n")
    found, _ = diagnose("AROBUST --log t.log", scratch)
    text = found["evidence"][0]["text"]
    assert f"here: {cause}" in text
    assert text[0] == text[-1] == "…"
    assert len(text.encode()) <= 1006
    assert not any(part in text for part in ("\x1b", "\\u001b", "[31m", "[0m", "\ufffd"))
    assert found["evidence"][0]["time"] == 1782900000.5
    assert found["evidence"][0]["line"] == 2
