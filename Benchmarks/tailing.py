"""From a log file to a PUB socket, with one consumer that reads it: arobust with its journal, compared with rsyslog's imfile and omczmq.

rsyslog is measured if it is installed (Debian's rsyslog and rsyslog-czmq).
"""

import shutil
import threading
from pathlib import Path

import zmq
from figures import Series, print_table, ratio, wait_until_quiet
from goals import Goal
from harness.process import Arobust, Process, resident_kib, wait_until
from logfile import GIB, LINE_BYTES, LOG_BYTES, read_bytes, write_log

OURS = "arobust collect: journal, then PUB"
RSYSLOG = "rsyslog: imfile, omczmq PUB"
LINES = LOG_BYTES // LINE_BYTES


class Consumer:
    """Subscribes to everything and counts lines, in a thread of this process, whose CPU time isn't counted."""

    def __init__(self, endpoint: str, bind: bool) -> None:
        self.lines = 0
        self.messages = 0
        self.ended = False
        self.endpoint, self.bind = endpoint, bind
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self) -> None:
        socket = zmq.Context.instance().socket(zmq.SUB)
        socket.rcvhwm = 100_000
        socket.subscribe(b"")
        (socket.bind if self.bind else socket.connect)(self.endpoint)
        while not self.ended:
            if socket.poll(100):
                frames = socket.recv_multipart()
                self.messages += 1
                if not frames[0].startswith(b"$"):
                    self.lines += frames[-1].count(rb"\n") + 1
        socket.close(linger=0)

    def close(self) -> None:
        self.ended = True
        self.thread.join()


def run_ours(scratch: Path, log: Path) -> tuple[float, float, float]:
    """CPU s/GiB, MiB, and the share of lines that came live."""
    arobust = Arobust(scratch)
    consumer = None
    try:
        process = arobust.start_ready("collect")
        consumer = Consumer(f"ipc://{arobust.state}/pub.sock", bind=False)
        wait_until(lambda: consumer.messages > 0, "the subscription")  # a beat
        assert process.stop() == 0
        process = arobust.start("collect", "--log-file", log)
        used = wait_until_quiet(process.pid, lambda: read_bytes(process.pid) >= LOG_BYTES)
        peak = resident_kib(process.pid, peak=True) / 1024
        assert process.stop() == 0, process.tail()
    finally:
        if consumer:
            consumer.close()
        arobust.close()
        shutil.rmtree(arobust.state, ignore_errors=True)
    return used / LOG_BYTES * GIB, peak, consumer.lines / LINES * 100


def run_rsyslog(scratch: Path, log: Path) -> tuple[float, float, float]:
    """The same for rsyslog."""
    work = scratch / "rsyslog"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    endpoint = f"ipc://{work}/bus.sock"
    (work / "rsyslog.conf").write_text(
        f"""global(workDirectory="{work}")
module(load="imfile" mode="inotify")
module(load="omczmq")
template(name="line" type="string" string="%msg%")
ruleset(name="bus") {{ action(type="omczmq" socktype="PUB" endpoints="@{endpoint}" template="line") }}
input(type="imfile" file="{log}" tag="log" ruleset="bus")
"""
    )
    consumer = Consumer(endpoint, bind=False)
    process = Process("rsyslogd", ["rsyslogd", "-n", "-f", work / "rsyslog.conf", "-i", work / "pid"], scratch)
    try:
        used = wait_until_quiet(process.pid, lambda: read_bytes(process.pid) >= LOG_BYTES)
        peak = resident_kib(process.pid, peak=True) / 1024
    finally:
        process.kill()
        consumer.close()
    return used / LOG_BYTES * GIB, peak, consumer.lines / LINES * 100


def measure(scratch: Path, runs: int, build: Path) -> list[Goal]:
    log = scratch / "train.log"
    write_log(log)
    has_rsyslog = shutil.which("rsyslogd") and next(Path("/usr/lib").glob("*/rsyslog/omczmq.so"), None)
    cases = {OURS: run_ours} | ({RSYSLOG: run_rsyslog} if has_rsyslog else {})
    figures = {name: (Series(), Series(), Series()) for name in cases}
    for _ in range(runs):
        for name, run in cases.items():
            for series, value in zip(figures[name], run(scratch, log), strict=True):
                series.add(value)
    rows = []
    for name, (used, peak, share) in figures.items():
        of_peer = ratio(used, figures[RSYSLOG][0]) if has_rsyslog else ""
        rows.append([name, used.text(2), of_peer, f"{peak.median:.0f}", f"{share.median:.1f} %"])
    header = ["", "CPU s/GiB", "of rsyslog", "peak MiB", "lines received live"]
    print_table(f"File to PUB: {LOG_BYTES >> 20} MiB in lines of {LINE_BYTES} B", header, rows)
    if not has_rsyslog:
        print("Not measured: rsyslog. Install Debian's rsyslog and rsyslog-czmq.")
    used, peak, _ = figures[OURS]
    peer = f"rsyslog: {figures[RSYSLOG][0].median:.1f}; {figures[RSYSLOG][1].median:.0f} MiB" if has_rsyslog else "rsyslog is not installed"
    reached = used.median <= 2 and peak.median <= 25
    return [Goal("log: file, journal, PUB: CPU s/GiB; peak", f"{used.median:.2f}; {peak.median:.0f} MiB", "2; 25 MiB", peer, reached)]
