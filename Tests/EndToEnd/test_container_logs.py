"""Log files of containers, as Docker's json-file driver and the CRI runtimes write them: what the program wrote arrives."""

from collections.abc import Callable
from pathlib import Path

import pytest
from harness import container_logs, recorded_logs
from harness.followed import Followed, drip
from harness.process import Arobust

OUTPUTS = {
    "lines": "step 1 loss 0.3\n\nétape 2 <b> & \"c\" \\ \t \u2028\x1b[31mred\x1b[0m\nlast\n".encode(),
    "a long line": "é".encode() * 20_000 + b"\n" + b"x" * (1 << 14) + b"\nshort\n",
    "a line without its end": b"first\nkilled here",
    "no UTF-8": b"d\xe9bit\n\xff\xfe\n",
    "a bar": b"".join(b"\r %d%%|###  |" % percent for percent in range(0, 101, 5)) + b"\ndone\n",
    **{name: recorded_logs.ALL[name] for name in ("go panic", "java stack", "nccl")},
}


@pytest.mark.sample(6)
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("runtime", container_logs.FORMATS)
def test_the_programs_lines_arrive(arobust: Arobust, scratch: Path, runtime: str, output: str) -> None:
    write: Callable[[bytes, str], bytes] = container_logs.FORMATS[runtime]
    log = scratch / "0.log"
    log.touch()
    followed = Followed(arobust, log)
    drip(write(OUTPUTS[output], "stderr"), log)
    followed.finish(OUTPUTS[output])


@pytest.mark.parametrize("runtime", container_logs.FORMATS)
def test_the_files_lines_arrive_if_that_is_wanted(arobust: Arobust, scratch: Path, runtime: str) -> None:
    log = scratch / "0.log"
    written = container_logs.FORMATS[runtime](OUTPUTS["lines"], "stdout")
    log.write_bytes(written)
    followed = Followed(arobust, log, environment={"AROBUST_LOGS_CONTAINERS": "raw"})
    followed.finish(written)
