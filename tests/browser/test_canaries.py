"""Each check of the browser tests finds the fault it is there for."""

import pytest

from tests.browser import looking
from tests.browser.looking import PHONE

PAGE = "notebooks/first"


def faults(context, site) -> list[str]:
    """Return what the browser notes while the altered chapter loads."""
    watch = looking.Watch(site.address).on(context)
    looking.open_page(context, site.url(PAGE))
    return watch.faults


def test_the_page_as_it_is_has_no_fault(context, altered):
    site = altered("")
    assert faults(context, site) == []
    page = looking.open_page(context, site.url(PAGE))
    looking.show_everything(page)
    assert looking.untypeset_formulas(page) == []
    assert looking.accessibility_faults(page) == []
    page.set_viewport_size(PHONE)
    assert looking.sideways_scroll(page) == []


@pytest.mark.parametrize(
    "html",
    [
        '<script src="http://cdn.invalid/x.js"></script>',
        '<img alt="x" src="http://cdn.invalid/x.png">',
        "<style>@import 'http://cdn.invalid/x.css';</style>",
        "<script>fetch('http://cdn.invalid/x').catch(() => 0)</script>",
    ],
)
def test_a_third_party_is_seen(context, altered, html):
    site = altered(html)
    watch = looking.Watch(site.address).on(context)
    looking.open_page(context, site.url(PAGE))
    assert len(watch.foreign) == 1


@pytest.mark.parametrize(
    "html",
    [
        '<img alt="x" src="gone.png">',
        "<script>throw new Error('oops')</script>",
        "<script>console.error('oops')</script>",
    ],
)
def test_what_fails_is_seen(context, altered, html):
    assert faults(context, altered(html)) != []


@pytest.mark.parametrize(
    "html",
    [
        '<span class="math">\\(\\undefined{\\)</span>',
        "<p>\\(x\\)</p>",
        "<p>costs $x^2$ more</p>",
        "<p>$$x$$</p>",
    ],
)
def test_a_formula_that_is_not_typeset_is_seen(context, altered, html):
    page = looking.open_page(context, altered(html).url(PAGE))
    assert len(looking.untypeset_formulas(page)) == 1


@pytest.mark.parametrize(
    "html",
    [
        '<img src="../_static/logo.svg">',
        '<p style="color: #999; background: #fff">pale</p>',
        '<div style="overflow: auto; width: 9em"><p style="width: 99em">far away, '
        "further than the box is wide</p></div>",
        '<details class="fold"><p style="color: #eee">pale, folded</p></details>',
    ],
)
def test_what_keeps_readers_out_is_seen(context, altered, html):
    page = looking.open_page(context, altered(html).url(PAGE))
    looking.show_everything(page)
    assert looking.accessibility_faults(page) != []


def test_sideways_scroll_is_seen(context, altered):
    page = looking.open_page(context, altered('<p style="width: 99em">x</p>').url(PAGE))
    page.set_viewport_size(PHONE)
    assert looking.sideways_scroll(page) != []
