"""A browser, and the built books served to it on this machine."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.book.building import build_once, write_tiny_book
from tests.browser.looking import DESKTOP
from tests.serving import Site, served

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # containers seldom allow one, and only our own pages are visited
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine; without one, skip, but fail in CI."""
    installed = map(shutil.which, CHROMIUM_NAMES)
    chromium = os.environ.get("CHROMIUM") or next(filter(None, installed), None)
    if chromium is None:
        reason = "no Chromium found: install one, or set CHROMIUM to its path"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A reader who was never here before."""
    context = browser.new_context(viewport=DESKTOP)
    yield context
    context.close()


@pytest.fixture(scope="session")
def book(tmp_path_factory) -> Iterator[Site]:
    """The real book."""
    with served(build_once("real", tmp_path_factory).html) as site:
        yield site


@pytest.fixture(scope="session")
def tiny_book(tmp_path_factory) -> Iterator[Site]:
    """A tiny book whose two chapters use every feature of a page."""
    with served(build_once("tiny", tmp_path_factory, write_tiny_book).html) as site:
        yield site


@pytest.fixture
def altered(tiny_book: Site, tmp_path: Path) -> Iterator[Callable[[str], Site]]:
    """Return a function that serves the tiny book with more HTML in a chapter."""
    copy = shutil.copytree(tiny_book.folder, tmp_path / "html")
    page = copy / "notebooks" / "first.html"
    original = page.read_text()
    start = 'id="the-first-chapter">'

    def insert(html: str) -> Site:
        page.write_text(original.replace(start, start + html, 1))
        return site

    with served(copy) as site:
        yield insert
