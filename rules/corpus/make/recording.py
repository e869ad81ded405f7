"""What the recording scripts share: running a program at a date of the corpus, and keeping what it wrote.

The environment says where the programs are: VENV, a virtual environment of Python 3.11 with the packages that README.md above names.
Everything runs under `faketime`, so that the logs fit the corpus's date; where a program can't (daemons), the times in what it wrote are
moved afterwards. The paths of this machine and its name are replaced, and the middle of a file of more than 60 kB is cut out.
"""

import datetime
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
JOBS = HERE.parent / "jobs"
VENV = pathlib.Path(os.environ.get("VENV", "/venv"))
START = "2026-11-24 00:20:00"
LARGEST = 60_000


class Recording:
    """A scratch folder in which a program runs, and the folder of the corpus that keeps what it wrote."""

    def __init__(self, name, parent=JOBS):
        self.name, self.folder = name, parent / name
        self.moved = datetime.timedelta()
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="job-", dir="/var/tmp"))
        (self.work / "scratch").mkdir()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.work, ignore_errors=True)

    def run(self, command, output="job.log", seconds=120, start=START, **environment):
        """Runs a shell command; its output is the file `output`. It is stopped after `seconds`. With no `start` it runs at the real time."""
        if start is None:
            self.moved = datetime.datetime.fromisoformat(START) - datetime.datetime.now().replace(second=0, microsecond=0)
        variables = dict(
            PATH=f"{VENV}/bin:/usr/local/bin:/usr/bin:/bin", HOME="/root", LANG="C.UTF-8", OMP_NUM_THREADS="1", MAKE=str(HERE),
            WORK=str(self.work), PYTHONUNBUFFERED="1", NO_COLOR="1", TERM="dumb", TMPDIR=str(self.work / "scratch"))
        if "DOCKER_HOST" in os.environ:
            variables["DOCKER_HOST"] = os.environ["DOCKER_HOST"]
        variables |= environment
        for unset in [key for key, value in variables.items() if value == ""]:
            del variables[unset]
        # An offset rather than a time: with that, each process would begin at it anew.
        offset = round((datetime.datetime.fromisoformat(start) - datetime.datetime.now()).total_seconds()) if start else 0
        clock = ["faketime", "-f", f"{offset}"] if start else []
        with open(self.work / output, "wb") as out:
            done = subprocess.run(
                ["timeout", "--kill-after=5", "--signal=TERM", str(seconds), *clock, "bash", "-c", command], cwd=self.work, stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, env=variables)  # fmt: skip
        return done.returncode

    def clean(self, data):
        for path, shown in [(self.work, b"/job"), (HERE, b"/train"), (VENV, b"/venv")]:
            data = data.replace(str(path).encode(), shown)
        data = re.sub(rb"(?<![\w-])" + re.escape(socket.gethostname()).encode() + rb"(?![\w-])", b"node1", data)
        data = re.sub(rb"\b[0-9a-f]{32}\b", b"0" * 32, data)  # ids of this machine and its boots
        return moved(data, self.moved) if self.moved else data

    def keep(self, **files):
        """Copies files of the scratch folder into the corpus: job="job.log" becomes job.log; nothing else stays in the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for name, source in files.items():
            data = self.clean((self.work / source).read_bytes())
            suffix = ".json" if name.startswith(("failures", "error")) else ".log"
            (self.folder / (name + suffix)).write_bytes(without_middle(data))
        print(self.name, {path.name: path.stat().st_size for path in sorted(self.folder.iterdir())}, flush=True)


TIMES = {
    rb"\d{4}-\d\d-\d\d[T _]\d\d:\d\d:\d\d": "%Y-%m-%d{}%H:%M:%S",
    rb"(?:Nov|Dec) [ 0-3]\d \d\d:\d\d:\d\d": "%b %d %H:%M:%S",
    rb"[IWE]1[12][0-3]\d \d\d:\d\d:\d\d": "{}%m%d %H:%M:%S",
}


def moved(data, by):
    """The same text with its times moved: dates with times, and seconds or microseconds since 1970."""

    def date(match, form):
        text = match.group().decode()
        if form.startswith("{}"):
            there = datetime.datetime.strptime("2026" + text[1:], "%Y%m%d %H:%M:%S")
            return (text[0] + (there + by).strftime(form[2:])).encode()
        if form.startswith("%b"):
            return (datetime.datetime.strptime("2026 " + text, "%Y " + form) + by).strftime(form).encode()
        return (datetime.datetime.fromisoformat(text.replace("_", "T")) + by).strftime(form.format(text[10])).encode()

    for pattern, form in TIMES.items():
        data = re.sub(pattern, lambda match, form=form: date(match, form), data)
    seconds = int(by.total_seconds())
    return re.sub(rb"\b1[78]\d{8}(?=\d{6}\b|\b)", lambda match: str(int(match.group()) + seconds).encode(), data)


def without_middle(data, largest=LARGEST):
    if len(data) <= largest:
        return data
    lines = data.splitlines(keepends=True)
    head = tail = 0
    while head < len(lines) and sum(map(len, lines[: head + 1])) < largest // 2:
        head += 1
    while tail < len(lines) - head and sum(map(len, lines[len(lines) - tail - 1 :])) < largest // 2:
        tail += 1
    return b"".join(lines[:head] + lines[len(lines) - tail :])
