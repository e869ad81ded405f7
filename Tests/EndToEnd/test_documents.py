"""What the documents say about the tree is true: every file and folder that they name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A path of at least one folder and a name: `Agent/MasterLink.swift`, `Tests/EndToEnd/test_documents.py`, `rules/corpus/lines`.
PATH = re.compile(r"`([A-Za-z.][\w.+-]*(?:/[\w.+-]+)+)/?`")


def named_paths(document: str) -> list[str]:
    """The paths in a document that look like files of this repository, or like its source folders."""
    sources = {folder.name for folder in (ROOT / "Sources").iterdir()}
    roots = {entry.name for entry in ROOT.iterdir()} - {".build", ".venv", ".git"}
    paths = PATH.findall((ROOT / document).read_text())
    return sorted({path for path in paths if path.split("/")[0] in sources | roots or path.endswith(".swift")})


def test_every_file_that_the_architecture_page_names_is_there() -> None:
    paths = named_paths("docs/architecture.md")
    missing = [path for path in paths if not (ROOT / "Sources" / path).exists() and not (ROOT / path).exists()]
    assert not missing, f"docs/architecture.md names what is not there: {', '.join(missing)}"
    assert len(paths) >= 50, "the page's paths are no longer recognised"


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "README.md", "docs/releasing.md", "docs/diagnosis.md", "docs/clusters.md", "docs/threat-model.md"])
def test_every_file_of_the_tree_that_a_document_names_is_there(document: str) -> None:
    missing = [path for path in named_paths(document) if not (ROOT / path).exists() and not (ROOT / "Sources" / path).exists()]
    assert not missing, f"{document} names what is not there: {', '.join(missing)}"


def test_the_threat_model_names_tests_that_are_there() -> None:
    text = (ROOT / "docs/threat-model.md").read_text()
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", text)
    missing = [f"{file}::{test}" for file, test in named if f"def {test}(" not in (ROOT / "Tests/EndToEnd" / file).read_text()]
    assert not missing, f"docs/threat-model.md names tests that are not there: {', '.join(missing)}"
    assert len(named) >= 25 and "`test_" not in re.sub(r"`test_\w+\.py::test_\w+`|`test_documents\.py`", "", text)
    # Each row of a table of promises has its test.
    for row in re.findall(r"^\| (?!promise|---).*$", text, re.M):
        assert re.search(r"\| `(test_\w+\.py::test_|Tests/)", row), f"no test holds: {row}"


def test_contributing_lists_every_target() -> None:
    listed = set(re.findall(r"^    Sources/(\w+) ", (ROOT / "CONTRIBUTING.md").read_text(), re.M))
    # The C modules stand beside the only target that imports each; the executable beside Commands.
    targets = {folder.name for folder in (ROOT / "Sources").iterdir()} - {"CSQLite", "CXattr", "CYAML", "CZeroMQ", "CZlib", "arobust"}
    assert listed == targets
