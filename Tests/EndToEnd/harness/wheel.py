"""The wheel around the executable that is tested, installed into an environment of its own, and programs that run there."""

import fcntl
import hashlib
import subprocess
import sys
import sysconfig
from pathlib import Path

from .process import AROBUST, ROOT, Process

CACHE = ROOT / ".build/wheel-test"
INPUTS = ("python/**/*.py", "python/pyproject.toml", "python/README.md", "scripts/wheel", "Sources/Diagnosis/ProductVersion.swift")
GUIDE = ROOT / "Tests/EndToEnd/guide"

# Everything of this machine, and besides it /path/to and a /var/log, which are folders of the test.
AS_PRINTED = """
root=$1 folders=$2; shift 2
ip link set lo up || exit 99
mount -t tmpfs none "$root" && cd "$root" || exit 99
for entry in /*; do
    if [ -L "$entry" ]; then cp -P "$entry" .; elif [ -d "$entry" ]; then mkdir "./$entry" && mount --rbind "$entry" "./$entry"; fi
done
mkdir -p path/to && mount --bind "$folders/path" path/to && mount --bind "$folders/log" var/log || exit 99
exec chroot . "$@"
"""


def built() -> Path:
    """The wheel; built once for an executable and a source tree, also by tests that run side by side."""
    files = sorted(path for pattern in INPUTS for path in ROOT.glob(pattern) if path.is_file())
    about = AROBUST.resolve().stat()
    state = hashlib.sha256(f"{AROBUST.resolve()} {about.st_size} {about.st_mtime_ns}".encode())
    for path in files:
        state.update(str(path).encode() + path.read_bytes())
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = CACHE / state.hexdigest()[:16]
        if not any(made.glob("*.whl")):
            for old in CACHE.glob("*/*.whl"):
                old.unlink()
            run = [sys.executable, ROOT / "scripts/wheel", "--executable", AROBUST, "--out", made, "--compression", "1"]
            subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
        (wheel,) = made.glob("*.whl")
        return wheel


class Environment:
    """A virtual environment with the wheel and, from the tests' own, pyzmq and DLRover."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.python = folder / "bin/python"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.packages = folder / "lib" / version / "site-packages"
        (self.packages / "tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
        pip = [sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet", "--no-deps", "--no-index"]
        subprocess.run([*pip, "--no-compile", "--disable-pip-version-check", built()], check=True)


class Program:
    """Python programs of a test that use the installed package."""

    def __init__(self, environment: Environment, scratch: Path) -> None:
        self._environment = environment
        self._scratch = scratch
        self._started: list[Process] = []
        self.reported = scratch / "reported.ndjson"
        self.variables = {
            "PYTHONPATH": str(GUIDE), "REPORTED": str(self.reported), "AROBUST_STATE_DIR": str(scratch / "s"), "HOME": str(scratch),
            "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def start(self, code: str, *arguments: str | Path, prefix: tuple[str | Path, ...] = (), **variables: str) -> Process:
        name = f"program{len(self._started) + 1}"
        command = [*prefix, self._environment.python, "-c", code, *arguments]
        self._started.append(Process(name, command, self._scratch, self.variables | variables))
        return self._started[-1]

    def run(self, code: str, *arguments: str | Path, **options: str) -> Process:
        process = self.start(code, *arguments, **options)
        assert process.wait(60) == 0, process.tail(40)
        return process

    def start_as_printed(self, block: str, before: str = "", after: str = "", **variables: str) -> Process:
        """Starts a block of the guide, unchanged, where its paths and its port 50051 are the test's.

        `before` and `after` are what the guide leaves to the reader, run in the same process.
        """
        for folder in ("path", "log", "root"):
            (self._scratch / folder).mkdir(exist_ok=True)
        code = f"{before}\nexec(compile(open({str(GUIDE / block)!r}).read(), {block!r}, 'exec'))\n{after}"
        stage = ("unshare", "--mount", "--net", "bash", "-c", AS_PRINTED, "stage", self._scratch / "root", self._scratch)
        return self.start(code, prefix=stage, **variables)

    def run_as_printed(self, block: str, **options: str) -> Process:
        process = self.start_as_printed(block, **options)
        assert process.wait(60) == 0, process.tail(40)
        return process

    def close(self) -> None:
        for process in self._started:
            process.kill()
