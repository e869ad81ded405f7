"""Without libnats: everything else works, and it is said what is missing, at the build and at run time."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.file_master import FileMaster
from harness.nats_servers import Servers
from harness.process import AROBUST, ROOT, Arobust, wait_until
from harness.stream_lines import assert_all, wait_for_line, write_lines

LIBRARY = Path("/usr/lib").glob("*/libnats.so.3.4")
HIDDEN = 'mount --bind /dev/null "$(realpath "$0")" && exec "$@"'


def why_not() -> str:
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"needs a mount namespace: {tried.stderr.strip()}"


needs_namespace = pytest.mark.skipif(why_not() != "", reason=why_not() or "there are mount namespaces")


@needs_namespace
def test_a_machine_without_the_library_reports_to_all_others(arobust: Arobust, scratch: Path, make_servers: Callable[..., Servers]) -> None:
    servers = make_servers()
    log, file = scratch / "train.log", scratch / "reports.ndjson"
    settings = scratch / "arobust.yaml"
    settings.write_text(f"logs:\n  files: {log}\nmasters:\n  - {servers.url()}\n  - file://{file}\n")
    write_lines(log, 1, 20)
    arobust.prefix = ["unshare", "--mount", "sh", "-c", HIDDEN, str(next(LIBRARY))]
    checked = subprocess.run([*arobust.prefix, AROBUST, "config", "check", "--config", settings], text=True, capture_output=True)
    said = checked.stdout + checked.stderr
    assert checked.returncode == 0 and "can't be used: libnats.so.3.4 cannot be loaded" in said and "install libnats3.4" in said, said
    agent = arobust.start_ready("agent", "--config", settings)
    agent.wait_for_log("libnats.so.3.4 cannot be loaded")
    wait_until(lambda: "line 20" in "".join(FileMaster(file).contents("TRAINING_LOG")), agent.tail)
    assert agent.stop() == 0
    assert servers.stored() == []
    # The package is installed, and arobust started again: what waited in the journal arrives.
    arobust.prefix = []
    arobust.start_ready("agent", "--config", settings)
    assert_all(wait_for_line(servers, 20), range(1, 21))


PROGRAM = r"""
#include "nats_link.h"
#include <stdio.h>
int main(void) {
    char error[256] = "";
    arobust_nats_options options = {0};
    if (arobust_nats_connect(&options, NULL, NULL, error, sizeof error) != NULL) return 1;
    puts(arobust_nats_obstacle());
    puts(error);
    return 0;
}
"""


@needs_namespace
@pytest.mark.skipif(not shutil.which("clang"), reason="needs clang")
def test_it_is_built_without_the_headers_and_says_so(scratch: Path) -> None:
    (scratch / "main.c").write_text(PROGRAM)
    sources = ROOT / "Sources/CNATS"
    command = ["clang", "-Wall", "-Wextra", "-Werror", f"-I{sources}/include", *map(str, sources.glob("*.c")), "main.c", "-o", "program"]
    hiding = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /usr/include/nats && exec "$@"', "sh"]
    done = subprocess.run([*hiding, *command], cwd=scratch, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = subprocess.run([scratch / "program"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == ["this arobust was built without libnats: install libnats-dev and build it again"] * 2, json.dumps(said)
