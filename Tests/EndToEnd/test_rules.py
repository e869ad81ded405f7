"""`arobust rules`: the built-in table passes its corpus; a user's own files add, change and disable rules."""

from pathlib import Path

import pytest
from harness.process import ROOT, Arobust

CORPUS = ROOT / "rules/corpus"
OWN = """
rules:
  - {id: own.melted, title: The cable melted, any: [smells of smoke], domain: gpu, role: root-cause, action: relaunch_worker}
  - {id: cuda.out-of-memory, action: job_abortion}
disable: [nvidia.xid.79]
exclude: [just a drill]
"""


class Rules:
    """`arobust rules …`, which takes no state directory."""

    def __init__(self, arobust: Arobust, scratch: Path) -> None:
        self._arobust = arobust
        self._scratch = scratch

    def __call__(self, *arguments: str | Path, text: str = "") -> tuple[int, str, str]:
        import subprocess

        from harness.process import AROBUST

        ended = subprocess.run(
            [AROBUST, "rules", *map(str, arguments)], input=text, capture_output=True, text=True, timeout=300, check=False
        )
        return ended.returncode, ended.stdout, ended.stderr


@pytest.fixture
def rules(arobust: Arobust, scratch: Path) -> Rules:
    return Rules(arobust, scratch)


def test_the_builtin_table_holds(rules: Rules) -> None:
    status, output, _ = rules("lint", "--corpus", CORPUS)
    assert (status, output.splitlines()[-1].split(" rules, ")[1]) == (0, "0 findings")
    status, output, _ = rules("test", "--corpus", CORPUS)
    assert (status, output.splitlines()[-1].rpartition(": ")[2]) == (0, "0 failed")


def test_a_file_of_ones_own(rules: Rules, scratch: Path) -> None:
    own = scratch / "own.yaml"
    own.write_text(OWN)
    lines = ["it smells of smoke", "CUDA out of memory", "NVRM: Xid (PCI:0000:c1:00): 79, gone", "smells of smoke, just a drill"]
    _, before, _ = rules("explain", *lines)
    status, after, _ = rules("explain", "--rules", own, text="\n".join(lines))
    assert status == 0
    assert "  own.melted: The cable melted (gpu, root-cause): relaunch_worker" in after
    assert "own.melted" not in before
    assert "gpu-memory, root-cause): restart_worker" in before
    assert "gpu-memory, root-cause): job_abortion" in after
    assert "nvidia.xid.79: " in before and "nvidia.xid.79: " not in after
    assert "no rule: the line has 'just a drill'" in after
    status, output, _ = rules("test", "--corpus", CORPUS, "--rules", own)
    assert status == 1
    assert "cuda.out-of-memory" in output or "job_abortion" in output
    status, output, _ = rules("list", "own.melted", "--rules", own)
    assert (status, f"defined in: {own}:3" in output) == (0, True)
    assert rules("list", "own.melted")[0] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules:\n  - {id: a, title: t}", "own.yaml:2: the rule 'a' needs the key domain"),
        ("rules:\n  - {id: a, colour: red}", "own.yaml:2: unknown key 'colour'; allowed in a rule are id"),
        ("rules: [", "own.yaml: not YAML"),
        ("disable: [no.such]", "own.yaml:1: disable names 'no.such'"),
    ],
)
def test_a_broken_file_is_told(rules: Rules, scratch: Path, text: str, words: str) -> None:
    own = scratch / "own.yaml"
    own.write_text(text)
    for command in (["lint"], ["explain", "x"], ["list"], ["test", "--corpus", CORPUS]):
        status, output, log = rules(*command, "--rules", own)
        assert (status, output) == (64, "")
        assert words in log


def test_nothing_matches(rules: Rules) -> None:
    status, output, _ = rules("explain", "step 5 loss 0.1")
    assert (status, output) == (1, "step 5 loss 0.1\n  no rule has a text in the line\n")
