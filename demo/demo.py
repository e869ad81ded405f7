"""Two ranks train, arobust reports their log, metrics and stacks, and the real DLRover master shows what it received.

Started by `demo/run`. Finishes within a minute; exit status 0 means that everything arrived. With `--keep` its console stays up to be looked at.
"""

import json
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from harness.console import Console
from harness.dlrover_master import DLRoverMaster
from harness.process import AROBUST, ROOT, Arobust, Process, new_scratch, wait_until

HERE = Path(__file__).parent
PY_SPY = Path(sys.executable).with_name("py-spy")
STEPS = 150


def say(text: str) -> None:
    print(f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text, flush=True)


def start_training(scratch: Path, log: Path, cleanup: ExitStack) -> tuple[Process, list[int], str]:
    command = [sys.executable, HERE / "launch.py", "--log", log, "--", "--steps", str(STEPS)]
    training = Process("training", command, scratch)
    cleanup.callback(training.kill)
    wait_until(lambda: training.output().endswith("\n") or training.child.poll(), "the ranks to start")
    assert training.child.poll() is None, training.tail()
    started = json.loads(training.output())
    return training, started["pids"], started["metrics_url"]


def arobust_arguments(log: Path, metrics_url: str, pids: list[int], masters: list[str]) -> list[str]:
    arguments = ["--log-file", str(log), "--log-from", "start"]
    arguments += ["--metrics-url", metrics_url, "--metrics-interval", "1s"]
    for pid in pids:
        arguments += ["--stack-pid", str(pid)]
    arguments += ["--stack-interval", "3s", "--py-spy", str(PY_SPY)]
    for master in masters:
        arguments += ["--master", master]
    return arguments


def show_console(console: Console, lines: int, picture: Path | None) -> bool:
    """Prints what the console says; returns whether each line of the log is there once."""
    held = [line for line in console.lines(type="TRAINING_LOG") if not line.get("gap")]
    verdict = console.get("api/v1/overview")["verdict"]
    say(f"\nThe console ({console.url}) says: {verdict['text']}")
    print(f"  {len(held)} lines of the log, {len(console.get('api/v1/ranks')['ranks'])} rows of ranks")
    if picture and photograph(console.url, picture):
        print(f"  a picture of its page: {picture}")
    return len({line["id"] for line in held}) == len(held) == lines


def photograph(url: str, picture: Path) -> bool:
    """Takes a picture of the page with Debian's chromium; returns whether there is one."""
    try:
        from harness.browser import chromium
    except ImportError:
        return False
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url)
        page.wait_for_timeout(1500)
        page.screenshot(path=picture)
    return True


def everything_arrived(master: DLRoverMaster, log: Path, pids: list[int], is_balanced: bool, on_page: bool) -> bool:
    """Prints what the master holds; returns whether everything is there."""
    held = master.everything()
    sent = log.read_text().splitlines()
    arrived = "\n".join(master.contents("TRAINING_LOG")).split("\n")
    stacks = master.contents("STACK_TRACE")
    stack = next((text for text in reversed(stacks) if "train.py:" in text), "\n".join(stacks[:1]))
    pages = [metric["data_content"] for metric in held.get("XPU_TIMER_METRIC", [])]

    say(f"\nThe master's store (DLRover {version('dlrover')}, {master.url}) holds")
    for data_type in sorted(held):
        lines = sum(metric["data_content"].count("\n") + 1 for metric in held[data_type])
        print(f"  {data_type:<18}{len(held[data_type]):>4} reports, {lines:>5} lines")
    say("The last lines of the log, as the master stored them")
    print(*(f"  {line}" for line in arrived[-4:]), sep="\n")
    say("A stack, as the master stored it")
    print(*(f"  {line}" for line in stack.splitlines()[:24]), sep="\n")

    checks = {
        f"each of the log's {len(sent)} lines arrived, in order, exactly once": arrived == sent,
        "metrics pages arrived, each with the hang lines of both ranks": bool(pages)
        and all(page.count("XPU_TIMER_COMMON_HANG{") == len(pids) for page in pages),
        "stacks of both ranks arrived": all(any(str(pid) in text for text in stacks) for pid in pids),
        "the console has each line once": on_page,
        "arobust audit: every envelope was delivered or is accounted for": is_balanced,
    }
    say("")
    for check, passed in checks.items():
        say(f"{'yes' if passed else 'NO '}  {check}")
    return all(checks.values())


def demo(scratch: Path, cleanup: ExitStack, keep: bool) -> bool:
    log = scratch / "train.log"
    log.touch()
    say("Starting the DLRover master on loopback ...")
    master = DLRoverMaster(scratch)
    cleanup.callback(master.kill)
    master.start().wait_ready()
    console = Console(scratch, "--job-uid", "demo")
    cleanup.callback(console.kill)
    console.start_ready()
    say(f"Starting arobust console: its page is {console.url} while the demo runs")
    say(f"Starting a training with two ranks that log to {log} ...")
    training, pids, metrics_url = start_training(scratch, log, cleanup)
    arguments = arobust_arguments(log, metrics_url, pids, [master.url, console.master])
    arobust = Arobust(scratch)
    cleanup.callback(arobust.close)
    say(f"Starting arobust agent --state-dir {arobust.state} {' '.join(arguments)}")
    agent = arobust.start_ready("agent", *arguments)
    say("Training ...")
    status = training.wait(50)
    assert status == 0, f"the training exited with status {status}:\n{log.read_text()[-2000:]}"
    last = log.read_text().splitlines()[-1]
    wait_until(lambda: any(last in text for text in master.contents("TRAINING_LOG")), agent.tail, 10, every=0.2)
    say("The training has finished; stopping arobust ...")
    assert agent.stop() == 0, agent.tail()
    audit = arobust.run("audit")
    say("The output of arobust audit (an envelope is one published metric; a lane is all envelopes of one data type)")
    print(*(f"  {line}" for line in audit.output().splitlines()), sep="\n")
    on_page = show_console(console, len(log.read_text().splitlines()), ROOT / ".build/demo-console.png")
    complete = everything_arrived(master, log, pids, is_balanced=audit.child.returncode == 0, on_page=on_page)
    if keep:
        say(f"\nThe console stays up at {console.url} until Ctrl-C.")
        signal.sigwait([signal.SIGINT, signal.SIGTERM])
    return complete


def main() -> int:
    if not AROBUST.exists():
        print(f"{AROBUST} does not exist: run `make build` first, or `make demo`", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    started = time.monotonic()
    scratch = new_scratch()
    try:
        with ExitStack() as cleanup:
            cleanup.callback(shutil.rmtree, scratch)
            complete = demo(scratch, cleanup, keep="--keep" in sys.argv[1:])
    except AssertionError as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted; nothing is left running", file=sys.stderr)
        return 130
    say(f"\n{time.monotonic() - started:.0f} s, nothing is left running.")
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
