"""The documents as a site: every internal link and anchor leads somewhere, nothing comes from another host, the search finds words."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from harness.browser import chromium
from harness.process import ROOT

VOID_SOURCES = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}


class Page(HTMLParser):
    """What a page links to, what it loads, and the places in it that can be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.places |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if (name := VOID_SOURCES.get(tag)) and name in values:
            self.loads.append(values[name])


def build(target: Path, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "scripts/site", "--to", target, "--root", root], capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site") / "www"
    done = build(target)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path.resolve(): Page(path) for path in site.rglob("*.html") if path.name not in ("404.html", "search.html")}


def test_every_document_is_a_page(pages: dict[Path, Page], site: Path) -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    expected = {site / path.relative_to(ROOT).with_suffix(".html") for path in documents}
    expected = {path.with_name("index.html") if path.name == "README.html" else path for path in expected}
    assert set(pages) == {path.resolve() for path in expected}


def test_every_internal_link_leads_somewhere(pages: dict[Path, Page], site: Path) -> None:
    broken, followed = [], 0
    for path, page in pages.items():
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            followed += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_file() or site.resolve() not in target.parents:
                broken.append(f"{path.name}: {link}")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].places:
                broken.append(f"{path.name}: {link} has no such place")
    assert not broken, "\n".join(broken)
    assert followed > 1000, "the pages' links are no longer found"


def test_nothing_comes_from_another_host(pages: dict[Path, Page], site: Path) -> None:
    loads = [load for page in pages.values() for load in page.loads]
    assert loads and not [load for load in loads if urlsplit(load).netloc]
    for sheet in site.rglob("*.css"):
        text = sheet.read_text()
        assert "@import" not in text and "url(http" not in text and "url(//" not in text, sheet


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_the_search_finds_words_and_asks_no_other_host(site: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        try:
            with chromium() as browser:
                page = browser.new_page()
                asked: list[str] = []
                page.on("request", lambda request: asked.append(request.url))
                page.goto(f"{address}search.html?q=copytruncate")
                page.wait_for_selector("#mkdocs-search-results article", timeout=60_000)
                links = page.eval_on_selector_all("#mkdocs-search-results a", "all => all.map(a => a.href)")
                assert any(link.startswith(f"{address}docs/collectors.html") for link in links), links
                assert all(url.startswith(address) for url in asked), asked
        finally:
            server.shutdown()


def test_broken_links_are_errors(scratch: Path) -> None:
    root = scratch / "tree"
    shutil.copytree(ROOT / "docs", root / "docs")
    for path in [*ROOT.glob("*.md"), ROOT / "LICENSE"]:
        shutil.copy(path, root)
    wrong = ["nowhere.md", "docs/install.md#nowhere", "/docs/install.md"]
    with open(root / "README.md", "a") as readme:
        readme.write("\n" + "\n".join(f"[x]({link})" for link in wrong) + "\n")
    (root / "docs/not-in-the-list.md").write_text("# x\n")
    done = build(scratch / "www", root)
    assert done.returncode == 1, done.stdout + done.stderr
    for link in [*wrong, "not-in-the-list.md"]:
        assert link in done.stderr, f"{link}: {done.stderr}"
