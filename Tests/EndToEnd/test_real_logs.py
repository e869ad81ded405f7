"""What real programs write arrives byte for byte, apart from the rules of docs/collectors.md, which harness/log_content.py states again.

Each program runs twice: once with the log as its output, and once with its output written to the log in pieces that cut lines and
characters. What can't be run here is recorded: harness/recorded_logs.py.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from harness import log_content, real_programs, recorded_logs
from harness.followed import Followed, drip
from harness.process import Arobust, wait_until


@pytest.fixture
def log(scratch: Path) -> Path:
    path = scratch / "train.log"
    path.touch()
    return path


def run_program(name: str, folder: Path, log: Path) -> None:
    """Runs a program with the log as its standard output and error. Its status does not matter: most are to fail."""
    program = real_programs.PROGRAMS[name]
    if program.missing:
        pytest.skip(f"not on this machine: {', '.join(program.missing)}")
    if name == real_programs.TORCHRUN:
        pytest.importorskip("torch", reason="torch is not in Tests/requirements.txt: it is larger than all the rest together")
    folder.mkdir()
    command = program.prepare(folder)
    with real_programs.served(folder) as url, open(log, "ab") as output:
        environment = os.environ | real_programs.ENVIRONMENT | {"URL": url}
        subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, timeout=60
        )  # fmt: skip
    written = log.read_bytes()
    if name == "the kernel's ring buffer" and (not written or b"dmesg: " in written):
        pytest.skip("the kernel's ring buffer can't be read here")
    assert program.shows.encode() in written, written[-2000:]


@pytest.mark.sample(8)
@pytest.mark.parametrize("name", real_programs.PROGRAMS)
def test_a_programs_log(arobust: Arobust, scratch: Path, log: Path, name: str) -> None:
    followed = Followed(arobust, log)
    run_program(name, scratch / "work", log)
    followed.finish(log.read_bytes())


@pytest.mark.sample(6)
@pytest.mark.parametrize("name", real_programs.PROGRAMS)
def test_a_programs_output_in_pieces(arobust: Arobust, scratch: Path, log: Path, name: str) -> None:
    output = scratch / "output"
    output.touch()
    run_program(name, scratch / "work", output)
    followed = Followed(arobust, log)
    drip(output.read_bytes(), log)
    followed.finish(output.read_bytes())


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", recorded_logs.ALL)
def test_recorded_output_in_pieces(arobust: Arobust, log: Path, name: str) -> None:
    written = recorded_logs.ALL[name] * 3
    followed = Followed(arobust, log)
    drip(written, log)
    followed.finish(written)


@pytest.mark.parametrize("seed", range(3))
def test_holes_in_pieces(arobust: Arobust, log: Path, seed: int) -> None:
    """What crashes and `copytruncate` leave, and NULs that are data, cut anywhere."""
    pick = random.Random(seed)
    parts = [b"\0" * count for count in (1, 3, 4, 5, 900)] + [b"a", b"bc", b"\n", "é".encode(), b"\xe2\x82", b"\n 1%\r 2%\r 3%"]
    written = b"".join(pick.choice(parts) for _ in range(2000)) + b"\n"
    followed = Followed(arobust, log)
    drip(written, log, seed)
    followed.finish(written)


def test_torchruns_own_folder(arobust: Arobust, scratch: Path, log: Path) -> None:
    """The ranks' logs in the folder of `--log_dir`, each of which holds what the launcher's output has behind a prefix."""
    followed = Followed(arobust, log, "--torchrun-logs", f"{scratch}/work/logs")
    run_program(real_programs.TORCHRUN, scratch / "work", scratch / "output")
    logs = sorted((scratch / "work/logs").glob("*/attempt_0/[01]/std*.log"))
    wanted = sorted(line.text for path in logs for line in log_content.lines_of(path.read_bytes()))
    assert len(logs) == 4 and any("rank 1 fails" in line for line in wanted)

    def received() -> list[str]:
        return sorted(log_content.received_lines(followed.contents))

    wait_until(lambda: received() == wanted, lambda: f"{wanted}; {received()}; {followed.agent.tail()}")
    assert followed.agent.stop() == 0
    assert received() == wanted


WAITING = """
import sys
for piece in sys.argv[1:]:
    sys.stdout.buffer.write(piece.encode(errors="surrogateescape"))
    sys.stdout.flush()
    sys.stdin.readline()
"""


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("pieces", "contents"),
    [
        (["Loading the checkpoint… ", "done\nnext\n"], ["Loading the checkpoint… ", "[arobust: line continued] done\nnext"]),
        (["Continue? [y/N] ", "\n"], ["Continue? [y/N] "]),
        (["a half character \udce2\udc80", "\udca6\n"], ["a half character ", "[arobust: line continued] …"]),
        (["\r 50%", "\r100%\n"], [" 50%", "100%"]),
        (["\r 50%", "\n"], [" 50%"]),
        ([" 1%\r 2%\r", "\nnext\n"], [" 2%", "next"]),
    ],
    ids=["a line", "a prompt", "a character", "a bar", "a bar that stands still", "a return at the end"],
)
def test_a_program_that_waits_in_the_middle_of_a_line(
    arobust: Arobust, scratch: Path, log: Path, pieces: list[str], contents: list[str]
) -> None:
    followed = Followed(arobust, log)
    with open(log, "ab") as output:
        program = subprocess.Popen([sys.executable, "-c", WAITING, *pieces], stdin=subprocess.PIPE, stdout=output)
    try:
        assert program.stdin is not None
        for count in range(1, len(pieces) + 1):
            wanted = contents[:count]
            wait_until(lambda: last_states(followed.contents) == wanted, lambda: f"{wanted}; {followed.contents}")
            program.stdin.write(b"\n")
            program.stdin.flush()
        assert program.wait(20) == 0
    finally:
        program.kill()
    assert followed.agent.stop() == 0
    assert last_states(followed.contents) == contents


def last_states(contents: list[str]) -> list[str]:
    """Without the first state of a bar, which goes out at once."""
    return [content for content in contents if content != " 1%"]


def test_the_comparison_notices_what_is_wrong() -> None:
    written = "a\n\n 1%\r 2%\r 3%\nétape\n\n".encode()

    def difference(*lines: str) -> str | None:
        return log_content.difference(written, ["\n".join(lines)])

    right = ["a", "", " 3%", "étape", ""]
    assert difference(*right) is None
    assert difference("a", "", " 1%", " 2%", " 3%", "étape", "") is None, "states of a bar on the way"
    for index in range(len(right)):
        assert difference(*right[:index], *right[index + 1 :]), "a line is missing"
        assert difference(*right[:index], right[index] + "x", *right[index + 1 :]), "a line is longer"
        assert difference(*right[: index + 1], *right[index:]), "a line came twice"
    assert difference("a", "", " 2%", " 1%", " 3%", "étape", ""), "states out of order"
    assert difference("a", "", " 2%", "étape", ""), "not the last state"
    assert difference("a", "", " 3%", "�tape", ""), "a character was cut"
    assert log_content.difference(b"a\0\0\0\0\0b\n\xff\n", ["a\nb\n\ufffd"]) is None
    assert log_content.difference(b"long line\n", ["lon [arobust: line continues]\ng line"]) is None
