"""Debian's chromium, driven by playwright: pages whose errors, refused scripts and dialogs a test sees."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

expect.set_options(timeout=20_000)  # as the other tests wait: a busy machine is not a failure
CHROMIUM = shutil.which("chromium")

# Before any script of the page: what the policy refuses is kept, and a counter that hostile text would change.
WATCH = """
window.refused = [];
document.addEventListener('securitypolicyviolation', (event) => window.refused.push(event.violatedDirective + ' ' + event.blockedURI));
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    assert CHROMIUM, "chromium is not installed: scripts/bootstrap installs it"
    with sync_playwright() as playwright:
        # Root has no sandbox of chromium's; the pages are ours, from loopback. Containers have a small /dev/shm.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*arguments, "--disable-dev-shm-usage", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One browser context, as a person with a window; `check` fails if anything went wrong in its page."""

    def __init__(self, browser: Browser, url: str, pictures: Path, **options: Any) -> None:
        self.url, self.pictures = url, pictures
        self.context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"} | options))
        self.context.set_default_timeout(20_000)
        self.problems: list[str] = []
        self.expected: tuple[str, ...] = ()
        self.page: Page = self.context.new_page()
        self.page.add_init_script(WATCH)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: None if request.url.startswith((url, "data:")) else self.problems.append(f"asked {request.url}"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(text in message.text for text in self.expected):
            self.problems.append(f"{message.type}: {message.text}")

    def open(self, route: str = "#/") -> Page:
        self.page.goto(f"{self.url}{route}")
        return self.page

    def picture(self, name: str) -> Path:
        self.pictures.mkdir(parents=True, exist_ok=True)
        path = self.pictures / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def check(self) -> None:
        assert self.page.evaluate("window.refused") == [], "the content security policy refused something of the page"
        assert self.page.evaluate("window.hurt") is None, "text of a log was run"
        assert not self.problems, self.problems
