"""What a chapter offers to hand and eye: tabs, folds, copying, paper, both themes."""

import pytest

from tests.browser import looking

FIRST, SECOND = "notebooks/first", "notebooks/second"
KEY = "sphinx-design-tab-id-framework"


def shown(page) -> list[list[str]]:
    """Return the labels of the tabs that are open, tab set by tab set."""
    return page.evaluate(
        """() => [...document.querySelectorAll(".framework-tabs")].map((tabs) =>
            [...tabs.querySelectorAll(":scope > .sd-tab-content")]
                .filter((panel) => panel.offsetParent !== null)
                .map((panel) => panel.previousElementSibling.textContent.trim()))"""
    )


def stored(page) -> str | None:
    """Return the framework that the browser remembers."""
    return page.evaluate(f"localStorage.getItem('{KEY}')")


@pytest.fixture
def page(context, tiny_book):
    """The first chapter: two complete tab sets, and one without TensorFlow."""
    return looking.open_page(context, tiny_book.url(FIRST))


def test_starts_with_the_first_tab(page):
    assert shown(page) == [["PyTorch"], ["PyTorch"], ["PyTorch"]]


def test_a_click_switches_the_whole_page(page):
    page.get_by_text("Keras", exact=True).nth(1).click()
    assert shown(page) == [["Keras"], ["Keras"], ["Keras"]]


def test_a_set_that_lacks_the_framework_still_shows_something(page):
    page.get_by_text("TensorFlow", exact=True).first.click()
    assert shown(page) == [["TensorFlow"], ["TensorFlow"], ["PyTorch"]]


def test_the_tab_in_use_stays_where_it_is(page):
    grow = "document.querySelector('.sd-tab-content').style.paddingBottom = '700px'"
    page.evaluate(grow)  # the first PyTorch tab is now much taller than the others
    tab = page.get_by_text("Keras", exact=True).nth(1)
    tab.scroll_into_view_if_needed()
    before = tab.bounding_box()["y"]
    tab.click()
    assert tab.bounding_box()["y"] == pytest.approx(before, abs=2)


def test_the_choice_is_remembered_on_the_next_page_and_visit(page, context, tiny_book):
    page.get_by_text("Keras", exact=True).first.click()
    page.goto(tiny_book.url(SECOND))
    assert shown(page) == [["Keras"], ["Keras"], ["Keras"]]
    page.close()
    assert shown(looking.open_page(context, tiny_book.url(FIRST)))[0] == ["Keras"]


def test_colab_opens_the_edition_of_the_tab(page, context, tiny_book):
    def offered():
        page.get_by_label("Open in Colab").click()
        links = page.locator(".dropdown-colab-buttons a:visible").all_inner_texts()
        page.keyboard.press("Escape")
        return [text.strip() for text in links]

    assert offered() == ["Colab: PyTorch", "Colab: all frameworks"]
    page.get_by_text("Keras", exact=True).nth(1).click()
    assert offered() == ["Colab: Keras", "Colab: all frameworks"]
    page.goto(tiny_book.url(SECOND))
    assert offered() == ["Colab: Keras", "Colab: all frameworks"]


@pytest.mark.parametrize("asked", ["tensorflow", "TensorFlow"])
def test_the_address_chooses(context, tiny_book, asked):
    page = looking.open_page(context, tiny_book.url(FIRST, f"?framework={asked}"))
    assert shown(page)[0] == ["TensorFlow"]
    assert stored(page) == "tensorflow"


@pytest.mark.parametrize("asked", ["jax", "", "%3Cb%3E", "pytorch%20"])
def test_an_unknown_framework_in_the_address_changes_nothing(
    page, context, tiny_book, asked
):
    page.get_by_text("Keras", exact=True).first.click()
    page = looking.open_page(
        context, tiny_book.url(FIRST, f"?framework={asked}&a=1#code")
    )
    assert shown(page) == [["Keras"], ["Keras"], ["Keras"]]
    assert stored(page) == "keras"
    assert page.url == tiny_book.url(FIRST, "?a=1#code")


def test_works_by_keyboard(page):
    focused = "document.activeElement.matches('.framework-tabs > input')"
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(focused):
            break
    assert page.evaluate(focused), "the Tab key never reached a tab"
    ring = "getComputedStyle(document.activeElement.labels[0]).outline"
    assert "solid" in page.evaluate(ring) and "3px" in page.evaluate(ring)
    page.keyboard.press("ArrowRight")
    assert shown(page) == [["TensorFlow"], ["TensorFlow"], ["PyTorch"]]
    page.keyboard.press("ArrowRight")
    assert shown(page) == [["Keras"], ["Keras"], ["Keras"]]
    assert stored(page) == "keras"


def test_an_anchor_opens_its_tab(page):
    panel = page.locator(".framework-tabs .sd-tab-content").nth(1).get_attribute("id")
    page.evaluate(f"location.hash = '{panel}'")
    page.wait_for_function(f"document.getElementById('{panel}').offsetParent !== null")
    assert shown(page)[0] == ["TensorFlow"]


def test_a_search_hit_opens_its_tab_but_changes_no_choice(context, tiny_book):
    page = looking.open_page(context, tiny_book.url(FIRST, "?highlight=tensorflow"))
    page.locator("article .highlighted").first.wait_for()
    assert shown(page) == [["TensorFlow"], ["TensorFlow"], ["PyTorch"]]
    assert stored(page) is None
    assert looking.accessibility_faults(page) == []


def test_everything_shows_without_javascript(browser, tiny_book):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(tiny_book.url(FIRST))
    assert_all_tabs_are_shown_and_labelled(page)
    context.close()


def test_everything_shows_in_print(page):
    page.emulate_media(media="print")
    assert_all_tabs_are_shown_and_labelled(page)
    assert page.get_by_text("✓ solved.").is_visible()


def assert_all_tabs_are_shown_and_labelled(page):
    all_three = ["PyTorch", "TensorFlow", "Keras"]
    assert shown(page) == [all_three, all_three, ["PyTorch", "Keras"]]
    for panel in page.locator(".sd-tab-content").all():
        label = panel.locator("xpath=preceding-sibling::label[1]")
        above, below = label.bounding_box(), panel.bounding_box()
        assert label.is_visible()
        assert 0 <= below["y"] - (above["y"] + above["height"]) < 20
    note, last = (
        page.locator(".framework-missing"),
        page.locator(".sd-tab-content").last,
    )
    assert note.bounding_box()["y"] > last.bounding_box()["y"]


def test_says_why_a_tab_is_missing(page):
    note = page.locator(".framework-missing").inner_text()
    assert note.split() == "No TensorFlow tab: it can’t.".split()


def test_copies_code_and_only_code(context, tiny_book):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = looking.open_page(context, tiny_book.url(FIRST, "?framework=keras"))
    assert page.locator(".cell_output .copybtn").count() == 0
    cell = page.locator(".tag_keras .cell_input").first
    cell.hover()
    cell.locator(".copybtn").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.rstrip("\n") == 'name = "keras"\nprint(name)'


def test_a_solution_unfolds_by_keyboard(page):
    solution = page.get_by_text("✓ solved.")
    assert not solution.is_visible()
    page.locator("summary", has_text="Show solution").focus()
    page.keyboard.press("Enter")
    assert solution.is_visible()
    assert page.locator("summary", has_text="Hide solution").is_visible()


def test_wide_boxes_scroll_by_keyboard_alone(page):
    page.set_viewport_size(looking.PHONE)
    page.wait_for_function(
        """() => ["pre", "mjx-container[display]", ".pst-scrollable-table-container"]
            .every((kind) => [...document.querySelectorAll(kind)]
                .some((box) => box.scrollWidth > box.clientWidth && box.tabIndex === 0))
        """
    )
    page.set_viewport_size(looking.DESKTOP)
    narrow = page.locator(".tag_parity .cell_input pre")
    assert narrow.evaluate("(pre) => pre.tabIndex") == -1


def test_the_theme_switch_is_remembered(page, tiny_book):
    theme = "document.documentElement.dataset.theme"
    button = page.locator(".theme-switch-button:visible").first
    for _ in range(3):
        if page.evaluate(theme) != "dark":
            button.click()
    assert page.evaluate(theme) == "dark"
    page.goto(tiny_book.url(SECOND))
    assert page.evaluate(theme) == "dark"


def test_the_dark_theme_prints_black_on_white(page):
    page.emulate_media(color_scheme="dark")
    theme = "document.documentElement.dataset.theme"
    page.wait_for_function(f"{theme} === 'dark'")
    page.evaluate(f"addEventListener('beforeprint', () => window.printed = {theme})")
    page.pdf()
    assert page.evaluate("window.printed") == "light"
    assert page.evaluate(theme) == "dark"
