"""Look for faults in a folder of built pages; each check returns what it found."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

# What makes a browser fetch something, by element. A plain link fetches nothing.
SUBRESOURCES = {
    "audio": ["src"],
    "embed": ["src"],
    "iframe": ["src"],
    "img": ["src", "srcset"],
    "input": ["src"],
    "link": ["href"],
    "object": ["data"],
    "script": ["src"],
    "source": ["src", "srcset"],
    "track": ["src"],
    "video": ["src", "poster"],
}
FETCHING_LINKS = {"stylesheet", "icon", "preload", "modulepreload", "prefetch"}
CSS_URL = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s;]+)""")
FRAMEWORKS = ["PyTorch", "TensorFlow", "Keras"]


def pages(html: Path) -> list[Path]:
    """Return every page of a built book, without the sources copied beside them."""
    return sorted(
        page
        for page in html.rglob("*.html")
        if page.relative_to(html).parts[0] not in ("_static", "_sources")
    )


def parsed(page: Path) -> BeautifulSoup:
    """Return a page's tree."""
    return _parsed(page, page.stat().st_mtime_ns)


@cache
def _parsed(page: Path, version: int) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(), "html.parser")


def is_remote(url: str) -> bool:
    """Whether a browser would fetch ``url`` from elsewhere."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "ws", "wss", "ftp") or bool(parts.netloc)


def subresources(page: Path) -> list[str]:
    """Return the addresses of what a page makes the browser fetch."""
    found = []
    for element in parsed(page).find_all(list(SUBRESOURCES)):
        if element.name == "link" and not FETCHING_LINKS & set(element.get("rel", [])):
            continue
        for attribute in SUBRESOURCES[element.name]:
            value = element.get(attribute)
            if value and attribute == "srcset":
                found += [one.split()[0] for one in value.split(",")]
            elif value:
                found.append(value)
    for style in parsed(page).find_all("style"):
        found += CSS_URL.findall(style.text)
    for element in parsed(page).find_all(style=True):
        found += CSS_URL.findall(element["style"])
    return found


def remote_subresources(html: Path) -> list[str]:
    """Return what pages and their style sheets fetch from third parties."""
    found = [
        f"{page.relative_to(html)}: {url}"
        for page in pages(html)
        for url in subresources(page)
        if is_remote(url)
    ]
    found += [
        f"{sheet.relative_to(html)}: {url}"
        for sheet in sorted(html.rglob("*.css"))
        for url in CSS_URL.findall(sheet.read_text())
        if is_remote(url)
    ]
    return found


def broken_links(html: Path) -> list[str]:
    """Return links and subresources inside the book that lead nowhere."""
    found = []
    for page in pages(html):
        links = [a["href"] for a in parsed(page).find_all(["a", "area"], href=True)]
        links += [form["action"] for form in parsed(page).find_all(action=True)]
        for url in dict.fromkeys(links + subresources(page)):
            if not (is_remote(url) or urlsplit(url).scheme):
                if not leads_somewhere(page, url):
                    found.append(f"{page.relative_to(html)}: {url}")
    return found


def leads_somewhere(page: Path, url: str) -> bool:
    """Whether a relative address names a file that exists, and an anchor in it."""
    parts = urlsplit(url)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_file():
        return False
    if not parts.fragment or target.suffix != ".html":
        return True
    return unquote(parts.fragment) in anchors(target)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page."""
    return _anchors(page, page.stat().st_mtime_ns)


@cache
def _anchors(page: Path, version: int) -> set[str]:
    named = parsed(page).find_all("a", attrs={"name": True})
    return {element["id"] for element in parsed(page).find_all(id=True)} | {
        element["name"] for element in named
    }


def missing_alt(html: Path) -> list[str]:
    """Return pictures that say nothing to a reader who can't see them.

    Sphinx falls back on the file's name. Outside the text, a picture may be decoration,
    which an empty alternative says; inside, none is.
    """
    found = []
    for page in pages(html):
        for image in parsed(page).find_all("img"):
            alt, name = image.get("alt"), Path(image.get("src", "")).name
            in_text = image.find_parent("article") is not None
            if alt is None or (in_text and (not alt.strip() or name in alt)):
                found.append(f"{page.relative_to(html)}: {image.get('src')}")
    return found


def wrong_tab_sets(html: Path) -> list[str]:
    """Return tab sets whose labels and reasons don't account for every framework."""
    found = []
    for page in pages(html):
        for number, tabs in enumerate(parsed(page).select(".framework-tabs"), start=1):
            labels = [label.text.strip() for label in tabs.select(":scope > label")]
            notes = [n.text.strip() for n in tabs.select(":scope > .framework-missing")]
            excused = [
                name
                for name in FRAMEWORKS
                if any(note.startswith(f"No {name} tab") for note in notes)
            ]
            expected = [name for name in FRAMEWORKS if name not in excused]
            if labels != expected:
                found.append(f"{page.relative_to(html)}: tab set {number}: {labels}")
    return found
