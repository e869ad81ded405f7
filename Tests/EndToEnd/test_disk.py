"""Disks that are full, read-only or damaged: losses are reported, counted, and as small as possible."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import bus, inspection, small_disk, writing
from harness.file_master import FileMaster
from harness.process import Arobust, Process, wait_until
from harness.small_disk import SmallDisk

LOG, GENERIC = "TRAINING_LOG", "GENERIC"
FULL = "The journal cannot be written"
AGAIN = "The journal can be written again"
QUICK = {"AROBUST_LOGS_INTERVAL": "20ms", "AROBUST_DELIVERY_BATCH_TIME": "50ms"}

needs_disk = pytest.mark.skipif(bool(small_disk.why_not()), reason=small_disk.why_not() or "-")

MakeDisk = Callable[..., SmallDisk]


@pytest.fixture
def make_disk(scratch: Path) -> Iterator[MakeDisk]:
    disks: list[SmallDisk] = []

    def make(mebibytes: int, name: str = "disk") -> SmallDisk:
        disks.append(SmallDisk(scratch, mebibytes, name))
        return disks[-1]

    yield make
    for disk in disks:
        disk.close()


@pytest.fixture
def log(scratch: Path) -> Iterator[writing.TrainingLog]:
    log = writing.TrainingLog(scratch / "training.txt", seed=1)
    yield log
    log.close()


def lines(master: FileMaster) -> list[int]:
    return [number for content in master.contents(LOG) for number in writing.numbers(content)]


def wait_for_lines(master: FileMaster, log: writing.TrainingLog, process: Process) -> None:
    wait_until(
        lambda: lines(master)[-1:] == [log.written],
        lambda: f"line {log.written}; the master has {lines(master)[-1:]}; {process.tail()}",
        every=0.1,
    )


def wait_drained(state: Path, consumer: str) -> None:
    left: list[str] = []

    def drained() -> bool:
        left[:] = inspection.unfinished(inspection.status(state), [consumer])
        return not left

    wait_until(drained, lambda: f"{consumer} to have all: {left}", every=0.2)


def publish(state: Path, *contents: str) -> None:
    metrics = [{"data_type": GENERIC, "data_content": content} for content in contents]
    answer = bus.publish(state, *metrics)
    assert (answer["accepted"], answer["refused"]) == (len(contents), [])


# Full


class FullDisk:
    """A collector whose state is on a small disk, and a bridge whose master is on another."""

    def __init__(self, arobust: Arobust, disk: SmallDisk, log: writing.TrainingLog, consumers: Path | None) -> None:
        self.arobust = arobust
        self.disk = disk
        self.log = log
        arobust.prefix = disk.prefix
        arobust.state = disk.path / "state"
        self.state = disk.outside / "state"
        self.master = FileMaster(arobust.scratch / "all.ndjson")
        self.settings = {**QUICK, **({"AROBUST_CONSUMERS_DIR": str(consumers)} if consumers else {})}
        self.collect = arobust.start_ready("collect", "--log-file", log.path, environment=self.settings)
        self.start_bridge()

    def start_bridge(self) -> None:
        self.bridge = self.arobust.start_ready("bridge", "--master", self.master.url, environment=self.settings)

    def fill(self) -> None:
        """Fills the disk until nothing more can be written, and the collector has noticed."""
        self.log.write(100)
        wait_for_lines(self.master, self.log, self.collect)
        self.disk.fill()
        self.log.write(1000)
        self.collect.wait_for_log(FULL)

    def free(self) -> None:
        self.disk.free()
        self.log.write(10)
        self.collect.wait_for_log(AGAIN)


@needs_disk
@pytest.mark.parametrize("where", ["consumers elsewhere", "consumers there too"])
def test_a_full_disk_delays_logs_and_loses_nothing(
    arobust: Arobust, make_disk: MakeDisk, log: writing.TrainingLog, scratch: Path, where: str
) -> None:
    job = FullDisk(arobust, make_disk(8), log, scratch / "consumers" if "elsewhere" in where else None)
    publish(job.state, "before")
    wait_until(lambda: job.master.contents(GENERIC) == ["before"], "the first metric")
    job.fill()
    consumer = bus.Consumer(job.state, types=(GENERIC,))
    consumer.wait_connected()
    publish(job.state, *(f"metric {number}" for number in range(50)))
    if "elsewhere" in where:
        wait_until(lambda: len(job.master.contents(GENERIC)) == 51, lambda: "volatile metrics; " + job.bridge.tail())
    seen: list[bus.Envelope] = []
    while len(seen) < 50:
        message = consumer.receive()
        if isinstance(message, bus.Envelope):
            seen.append(message)
    consumer.close()
    assert all(envelope.flags & bus.VOLATILE for envelope in seen[1:]), "the first may still have found room"
    assert lines(job.master)[-1] < log.written, "logs wait in their files"
    time.sleep(1)  # the log is looked at fifty times
    assert job.collect.log().count("No space left") <= 5, "said at once, and then seldom"

    job.free()
    wait_for_lines(job.master, log, job.collect)
    assert lines(job.master) == list(range(1, log.written + 1))
    wait_drained(job.state, job.master.url)
    inspection.audit(job.state, "--strict", *(["--config", str(config(scratch))] if "elsewhere" in where else []))
    assert job.collect.stop() == 0 and job.bridge.stop() == 0
    assert job.master.contents(GENERIC) == ["before", *(f"metric {number}" for number in range(50))]


@needs_disk
def test_a_new_data_type_is_not_forgotten_on_a_full_disk(
    arobust: Arobust, make_disk: MakeDisk, log: writing.TrainingLog, scratch: Path
) -> None:
    """Its first envelopes are volatile, and the bridge is running: they are delivered, or at least counted."""
    job = FullDisk(arobust, make_disk(8), log, scratch / "consumers")
    job.fill()
    publish(job.state, *(f"first {number}" for number in range(50)))
    publish(job.state, "last")
    wait_drained(job.state, job.master.url)
    row = inspection.rows(inspection.audit(job.state))[job.master.url, GENERIC]
    assert row.produced == 51, f"none is forgotten: {row}"
    assert row.delivered == len(job.master.contents(GENERIC)) and row.delivered + row.lost.get("volatile", 0) == 51


def config(scratch: Path) -> Path:
    path = scratch / "consumers.yaml"
    path.write_text(f"consumers-dir: {scratch / 'consumers'}\n")
    return path


@needs_disk
def test_what_a_full_disk_loses_is_counted(
    arobust: Arobust, make_disk: MakeDisk, log: writing.TrainingLog, scratch: Path
) -> None:
    """Volatile metrics that nobody received."""
    job = FullDisk(arobust, make_disk(8), log, scratch / "consumers")
    publish(job.state, "before")
    wait_until(lambda: job.master.contents(GENERIC) == ["before"], "the first metric")
    job.fill()
    job.bridge.kill()
    publish(job.state, *(f"metric {number}" for number in range(50)))
    job.free()
    publish(job.state, "after")
    job.start_bridge()
    wait_for_lines(job.master, log, job.collect)
    wait_until(lambda: job.master.contents(GENERIC)[-1:] == ["after"], "the last metric")
    wait_drained(job.state, job.master.url)
    row = inspection.rows(inspection.audit(job.state))[job.master.url, GENERIC]
    here = len(job.master.contents(GENERIC))
    assert row.produced == 52 and row.delivered == here and row.lost == {"volatile": 52 - here}
    assert 2 <= here <= 4, "one or two may still have found room in a page that was begun"
    inspection.run("audit", "--strict", "--state-dir", job.state, status=1)
    assert lines(job.master) == list(range(1, log.written + 1))


@needs_disk
def test_a_killed_collector_on_a_full_disk_goes_on_where_it_was(
    arobust: Arobust, make_disk: MakeDisk, log: writing.TrainingLog, scratch: Path
) -> None:
    job = FullDisk(arobust, make_disk(8), log, scratch / "consumers")
    job.fill()
    job.collect.kill()
    job.collect = arobust.start_ready("collect", "--log-file", log.path, environment=job.settings)
    job.collect.wait_for_log(FULL)
    job.free()
    wait_for_lines(job.master, log, job.collect)
    assert lines(job.master) == list(range(1, log.written + 1))
    wait_drained(job.state, job.master.url)
    inspection.audit(job.state)


@needs_disk
def test_a_journal_that_is_read_only_delays_logs(
    arobust: Arobust, make_disk: MakeDisk, log: writing.TrainingLog, scratch: Path
) -> None:
    disk = make_disk(16, "state/journal")
    arobust.prefix = disk.prefix
    master = FileMaster(scratch / "all.ndjson")
    arobust.state.chmod(0o700)
    start = ["--log-file", str(log.path), "--master", master.url]
    agent = arobust.start_ready("agent", *start, environment=QUICK)
    log.write(500)
    publish(arobust.state, "before")
    wait_for_lines(master, log, agent)
    wait_until(lambda: master.contents(GENERIC) == ["before"], "the first metric")
    assert agent.stop() == 0
    disk.set_read_only(True)
    log.write(500)
    agent = arobust.start_ready("agent", *start, environment=QUICK)
    agent.wait_for_log(FULL)

    def volatile_arrived() -> bool:
        # Volatile data is lost unless the bridge has subscribed by then, and nothing shows when it has.
        publish(arobust.state, "volatile")
        return "volatile" in master.contents(GENERIC)

    wait_until(volatile_arrived, lambda: "the metric; " + agent.tail())
    assert "Warning: 1 of 1 metrics are on the bus but not in the journal" in arobust.publish("volatile too").log()
    disk.set_read_only(False)
    agent.wait_for_log(AGAIN)
    assert "Warning" not in arobust.publish("safe").log()
    wait_for_lines(master, log, agent)
    assert lines(master) == list(range(1, log.written + 1))
    assert agent.stop() == 0


# Damaged


SEGMENTS = {"AROBUST_JOURNAL_SIZE": "16MiB", "AROBUST_JOURNAL_SEGMENT_SIZE": "16KiB", "AROBUST_LOGS_CHUNK_SIZE": "1KiB"}


class Damage:
    """Damage to a journal's files while nobody has them open."""

    def __init__(self, source: random.Random, journal: Path) -> None:
        self._source = source
        segments = sorted(journal.rglob("*.seg"))
        self.path = source.choice([*segments, segments[-1], segments[0]])
        self.kind = source.choice(("flip", "flip", "cut", "zeros", "garbage", "delete", "empty", "double"))

    def do(self) -> str:
        data = bytearray(self.path.read_bytes())
        at = self._source.randrange(len(data)) if data else 0
        match self.kind:
            case "flip" if data:
                data[at] ^= 1 << self._source.randrange(8)
            case "cut":
                del data[at:]
            case "zeros":
                data[at : at + 600] = bytes(len(data[at : at + 600]))
            case "garbage":
                data += self._source.randbytes(300)
            case "empty":
                data.clear()
            case "double":
                data += data[at:]
        if self.kind == "delete":
            self.path.unlink()
        else:
            self.path.write_bytes(data)
        return f"{self.kind} at {at} of {self.path.parent.name}/{self.path.name}"


@pytest.mark.sample(3)
@pytest.mark.parametrize("seed", range(1, 7))
def test_a_damaged_journal_is_said_and_counted(
    arobust: Arobust, log: writing.TrainingLog, scratch: Path, seed: int
) -> None:
    source = random.Random(seed)
    master = FileMaster(scratch / "all.ndjson")
    settings = {**QUICK, **SEGMENTS}
    done: list[str] = []
    try:
        for _ in range(5):
            collect = arobust.start_ready("collect", "--log-file", log.path, environment=settings)
            bridge = arobust.start_ready("bridge", "--master", master.url, environment=settings)
            log.write(300)
            publish(arobust.state, "a metric")
            wait_for_lines(master, log, collect)
            bridge.kill()
            log.write(source.randrange(2000))
            wait_for_published(arobust.state, log)
            collect.kill() if source.random() < 0.5 else collect.stop()
            done += [Damage(source, arobust.state / "journal").do() for _ in range(source.randrange(1, 3))]
        collect = arobust.start_ready("collect", "--log-file", log.path, environment=settings)
        bridge = arobust.start_ready("bridge", "--master", master.url, environment=settings)
        log.write(1)
        publish(arobust.state, "a metric")
        wait_for_lines(master, log, collect)
        wait_drained(arobust.state, master.url)
        rows = inspection.rows(inspection.audit(arobust.state))
        assert bridge.stop() == 0 and collect.stop() == 0
        assert inspection.rows(inspection.audit(arobust.state)) == rows
        for data_type in (LOG, GENERIC):
            check_account(master, data_type, rows[master.url, data_type])
        missing = set(range(1, log.written + 1)) - set(lines(master))
        assert not missing or rows[master.url, LOG].lost, f"{len(missing)} lines are missing and none is counted"
    except BaseException as error:
        error.add_note(f"seed {seed}; damages: {done}")
        raise


def check_account(master: FileMaster, data_type: str, row: inspection.Row) -> None:
    """Checks that the master has everything in order and once, and as its account says."""
    places = [(metric["epoch"], metric["sequence"]) for metric in master.store(data_type)]
    assert places == sorted(set(places))
    assert len(places) == row.delivered, row
    assert set(row.lost) <= {"corrupt", "evicted", "missing"}, row


def wait_for_published(state: Path, log: writing.TrainingLog) -> None:
    """Waits until the journal has the log's last line."""

    def last() -> int:
        client = bus.ReplayClient(state)
        try:
            envelopes = client.replay(LOG, last=1).envelopes
        finally:
            client.close()
        return writing.numbers(envelopes[-1].metric["data_content"])[-1] if envelopes else 0

    wait_until(lambda: last() == log.written, lambda: f"line {log.written} to be published; the last is {last()}", every=0.1)
