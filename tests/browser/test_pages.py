"""Every page, in a real browser: nothing foreign, nothing broken, open to everyone."""

import pytest

from tests.book.building import toc_pages
from tests.browser import looking
from tests.browser.looking import DESKTOP, PHONE

PAGES = [("book", page) for page in [*toc_pages(), "search"]]
PAGES += [("tiny_book", "notebooks/first")]
CHAPTERS = [pair for pair in PAGES if pair[1].startswith("notebooks/")]


@pytest.fixture(scope="module", params=PAGES, ids="-".join)
def opened(request, browser):
    """An open page, and what the browser noted while it loaded."""
    name, page = request.param
    site = request.getfixturevalue(name)
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
    watch = looking.Watch(site.address).on(context)
    yield looking.open_page(context, site.url(page)), watch
    context.close()


def test_asks_for_nothing_foreign_and_misses_nothing(opened):
    page, watch = opened
    looking.show_everything(page)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    looking.settle(page)
    assert watch.faults == []


def test_formulas_are_typeset(opened):
    page, _ = opened
    assert looking.untypeset_formulas(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_is_accessible(opened, size, theme):
    page, _ = opened
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=theme)
    looking.show_everything(page)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    # The width of the window changes no colour.
    assert looking.accessibility_faults(page, colours=size == DESKTOP) == []


def test_never_scrolls_sideways_on_a_phone(opened):
    page, _ = opened
    page.set_viewport_size(PHONE)
    looking.show_everything(page)
    assert looking.sideways_scroll(page) == []


def test_root_leads_into_the_book(book, context):
    watch = looking.Watch(book.address).on(context)
    page = context.new_page()
    page.goto(book.address)
    page.wait_for_url(book.url(toc_pages()[0]))
    looking.settle(page)
    assert watch.faults == []


@pytest.mark.parametrize(("site", "chapter"), CHAPTERS, ids="-".join)
def test_search_finds_a_chapter(request, context, site, chapter):
    site = request.getfixturevalue(site)
    page = looking.open_page(context, site.url(chapter))
    title = page.locator("h1").first.inner_text().rstrip("#")
    page.goto(site.url("search", f"?q={title}"))
    found = page.locator(f"#search-results a[href*='{chapter}']").first
    found.wait_for()
    assert title in found.inner_text()


@pytest.mark.parametrize("word", ["condition number", "条件数"])
def test_search_finds_a_term_in_both_languages(context, book, word):
    page = context.new_page()
    page.goto(book.url("search", f"?q={word}"))
    page.locator("#search-results a[href*='glossary']").first.wait_for()
