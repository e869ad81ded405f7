"""Programs that write what people find in training logs, run on the spot. Each has a folder of its own to work in."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PYTHON = sys.executable
# Colours, and characters of several bytes, as on most people's terminals.
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8", "TERM": "xterm-256color", "COLUMNS": "100", "RUST_BACKTRACE": "1",
    "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}  # fmt: skip

Prepare = Callable[[Path], list[str]]


@dataclass(frozen=True)
class Program:
    """One that runs by itself and ends, well or not."""

    # Makes its files in a folder, where it is then run, and gives its command. `$URL` is a server with the folder's files.
    prepare: Prepare
    # What its output must contain, so that a program that fails too early is noticed.
    shows: str
    # The executables that must be there.
    needs: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """The executables that this machine doesn't have."""
        return [need for need in self.needs if shutil.which(need) is None]


PROGRAMS: dict[str, Program] = {}


def program(name: str, shows: str, *needs: str) -> Callable[[Prepare], Prepare]:
    def note(prepare: Prepare) -> Prepare:
        PROGRAMS[name] = Program(prepare, shows, needs)
        return prepare

    return note


def python(name: str, shows: str, source: str) -> None:
    """A program in Python, whose text is in a file so that tracebacks quote it."""

    def prepare(folder: Path) -> list[str]:
        (folder / "train.py").write_text(source)
        return [PYTHON, "train.py"]

    program(name, shows)(prepare)


def shell(name: str, shows: str, text: str, *needs: str) -> None:
    program(name, shows, *needs)(lambda folder: ["sh", "-c", text])


python("tqdm", "Époque 2: 100%", """
import time
from tqdm import tqdm
for epoch in range(3):
    bar = tqdm(range(60), desc=f"Époque {epoch}", unit="步", mininterval=0.005, ascii=False)
    for step in bar:
        time.sleep(0.003)
        if step % 25 == 0:
            tqdm.write(f"step {step} loss {1 / (step + 1):.3f}")
            bar.set_postfix(loss=1 / (step + 1))
    print(f"epoch {epoch} done", flush=True)
""")
python("nested tqdm", "\x1b[A", """
import time
from tqdm import tqdm
for epoch in tqdm(range(3), desc="epochs", mininterval=0.001):
    for step in tqdm(range(20), desc="steps", leave=epoch == 1, position=1, mininterval=0.001):
        time.sleep(0.002)
""")
python("rich progress", "\x1b[2K", """
import time
from rich.console import Console
from rich.progress import track
from rich.table import Table
console = Console(force_terminal=True, width=90)
for step in track(range(40), description="[red]Training… 训练", console=console):
    time.sleep(0.004)
    if step == 20:
        console.log("checkpoint", {"loss": 0.3})
table = Table(title="metrics")
table.add_column("näme")
table.add_row("loss")
console.print(table)
""")
python("rich traceback", "lösung", """
from rich.console import Console
console = Console(force_terminal=True, width=90)
try:
    {}["lösung"]
except KeyError:
    console.print_exception(show_locals=True)
print("plain")
""")
python("chained exceptions", "another exception occurred", """
def load(path):
    try:
        open(path)
    except OSError as error:
        raise RuntimeError("cannot load the shard “0001”") from error
try:
    load("/nowhere/shard")
except RuntimeError:
    raise ValueError("Aufräumen gescheitert\\nsecond line")
""")
python("exception group", "+---------------- 2", """
def task(n):
    raise OSError(5, f"rank {n}")
errors = []
for n in range(3):
    try:
        task(n)
    except OSError as error:
        error.add_note(f"while reading the shard of rank {n}")
        errors.append(error)
raise ExceptionGroup("several ranks failed", [*errors[:2], ExceptionGroup("node 1", errors[2:])])
""")
python("faulthandler", "most recent call first", """
import ctypes, faulthandler, threading, time
faulthandler.enable()
def wait():
    time.sleep(60)
for n in range(2):
    threading.Thread(target=wait, daemon=True, name=f"loader-{n}").start()
print("before", flush=True)
ctypes.string_at(0)
""")
python("logging of several processes", "[rank2]", """
import logging, multiprocessing, time, warnings
def rank(n):
    logging.basicConfig(format=f"[rank{n}]:%(asctime)s %(levelname)s %(message)s", level=20)
    for step in range(60):
        logging.info("step %d %s", step, "é" * (step % 40))
        time.sleep(0.002)
    warnings.warn("the learning rate is 0")
if __name__ == "__main__":
    ranks = [multiprocessing.get_context("spawn").Process(target=rank, args=(n,)) for n in range(3)]
    for process in ranks: process.start()
    for process in ranks: process.join()
""")
python("bytes that are no UTF-8", "ok é", """
import sys
out = sys.stdout.buffer
out.write("d\\xe9bit \\xb5s\\n".encode("latin-1") + "学习率\\n".encode("gbk"))
out.write(b"cut \\xe4\\xb8 \\xf0\\x9f\\x98\\n\\xff\\xfe\\x00a\\x00\\n")
out.write(b"surrogate \\xed\\xa0\\x80 overlong \\xc0\\xaf too large \\xf4\\x90\\x80\\x80 \\x80\\xbf\\n" + "ok é\\n".encode())
""")


TORCHRUN = "torchrun with two ranks"


@program(TORCHRUN, "rank 1 fails")
def torchrun(folder: Path) -> list[str]:
    (folder / "train.py").write_text(
        "import torch.distributed as dist\ndist.init_process_group('gloo')\n"
        "print('rank', dist.get_rank(), 'of', dist.get_world_size(), flush=True)\nassert dist.get_rank() == 0, 'rank 1 fails'\n"
    )
    # Versions before 2.0 know only underscores.
    return [PYTHON, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone", "--log_dir=logs", "--tee=3", "train.py"]


@program("gcc's errors", "\x1b[01;31m\x1b[Kerror", "gcc")
def gcc(folder: Path) -> list[str]:
    (folder / "kernel.c").write_text('#include "missing.h"\n')
    (folder / "errors.c").write_text(
        '/* größe */\nint main(void) {\n\tint größe = "text";\n\treturn undeclared + größe;\n}\n'
        "struct a { int b }\nint f(void) { retrun 1; }\n"
    )
    return ["gcc", "-Wall", "-fdiagnostics-color=always", "-c", "errors.c", "kernel.c"]


@program("make -j", "building d.o part 8", "make")
def make(folder: Path) -> list[str]:
    rule = "\t@for i in 1 2 3 4 5 6 7 8; do printf 'building $@ '; printf 'part %s é\\n' $$i; sleep 0.01; done\n"
    names = ["a.o", "b.o", "c.o", "d.o"]
    rules = "".join(f"{name}:\n{rule}" for name in names)
    (folder / "Makefile").write_text(f"all: {' '.join(names)} broken\n{rules}broken:\n\t@echo fails >&2; exit 3\n")
    return ["make", "-j", "4", "-k"]


@program("git clone --progress", "\rReceiving objects: 100%", "git")
def git(folder: Path) -> list[str]:
    def run(*command: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *command], cwd=folder / "source", check=True, capture_output=True)

    (folder / "source").mkdir()
    run("init", "--quiet")
    for number in range(300):
        (folder / f"source/{number}.txt").write_text(f"{number}\n" * number)
    run("add", ".")
    run("commit", "--quiet", "-m", "all")
    return ["git", "clone", "--progress", f"file://{folder}/source", "copy"]


@program("valgrind", "ERROR SUMMARY", "gcc", "valgrind")
def valgrind(folder: Path) -> list[str]:
    _crash(folder)
    return ["valgrind", "--leak-check=full", "./crash"]


@program("gdb", "No locals.", "gcc", "gdb")
def gdb(folder: Path) -> list[str]:
    _crash(folder)
    return ["gdb", "-batch", "-ex", "run", "-ex", "thread apply all bt full", "./crash"]


def _crash(folder: Path) -> None:
    (folder / "crash.c").write_text(
        "#include <stdlib.h>\nint deeper(int *p) { return *p; }\n"
        "int main(void) { char *b = malloc(5); b[6] = 1; return deeper(0); }\n"
    )
    subprocess.run(["gcc", "-g", "-O0", "-w", "-o", "crash", "crash.c"], cwd=folder, check=True, capture_output=True)


@program("java's stack", "Caused by: ", "java", "javac")
def java(folder: Path) -> list[str]:
    (folder / "Crash.java").write_text("""
public class Crash {
    static void load() { throw new IllegalStateException("cannot load\\n\\tthe shard é"); }
    public static void main(String[] arguments) throws Exception {
        Thread other = new Thread(() -> load(), "loader-1");
        other.start();
        other.join();
        try { load(); } catch (RuntimeException e) {
            RuntimeException all = new RuntimeException("all failed", e);
            all.addSuppressed(new java.io.IOException("close"));
            throw all;
        }
    }
}
""")
    return ["java", "-Dfile.encoding=UTF-8", "-Dstderr.encoding=UTF-8", "Crash.java"]


@program("rust's panic", "stack backtrace:", "rustc")
def rust(folder: Path) -> list[str]:
    (folder / "crash.rs").write_text("""
fn main() {
    let unused = 1;
    let shards: Vec<i32> = vec![];
    println!("vor dem Öffnen");
    std::thread::spawn(move || shards[1]).join().unwrap();
}
""")
    return ["sh", "-c", "rustc --color always crash.rs && ./crash"]


@program("pip", " MB\x1b[0m")
def pip(folder: Path) -> list[str]:
    info = "x-1.dist-info/"
    with zipfile.ZipFile(folder / "x-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("x/data.bin", os.urandom(3 << 20))
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: x\nVersion: 1\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(info + "RECORD", f"x/data.bin,,\n{info}METADATA,,\n{info}WHEEL,,\n{info}RECORD,,\n")
    flags = "--no-index --find-links $URL/ --target target --no-cache-dir --progress-bar on"
    install = f"{PYTHON} -m pip install {flags}"
    # pip shows its bar on a terminal only, so `script` gives it one.
    return ["sh", "-c", f"{install} x; {install} nothing-of-this-name; script -qec '{install} --upgrade x' /dev/null"]


@program("curl's progress meter", "\r100 1024k", "curl")
def curl(folder: Path) -> list[str]:
    (folder / "file.bin").write_bytes(os.urandom(1 << 20))
    limited = "curl --limit-rate 2M -o copy $URL/file.bin"
    return ["sh", "-c", f"{limited}; {limited} -#; curl -f $URL/none"]


# dd tells its progress once a second.
shell("dd", " copied, 1", "(printf a; sleep 1.1; printf b; sleep 0.2; printf c) | dd of=/dev/null bs=1 status=progress; echo done", "dd")
TERMINAL = "script -ec \"printf 'one\\ntwo é\\n1%%\\r2%%\\r3%%\\n'; ls --color=always /\" typescript; cat typescript"
shell("a terminal recorded by script", "2%\r3%\r\n", TERMINAL, "script")
shell("the kernel's ring buffer", "]", "dmesg | tail -n 200; dmesg -H --color=always | tail -n 50", "dmesg")
shell("node's rejection", "cannot load é", "node -e \"Promise.reject(new Error('cannot load é'))\"", "node")
shell("strace", "exited with 0", "strace -f -tt sh -c 'ls / >/dev/null; echo é'", "strace")
shell("a binary", "after", "head -c 60000 /bin/ls; echo; echo after")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of a server with the folder's files."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
