"""Buttons that lead to where the book is published: Colab, source, edit.

The address comes from ``tools.publish``: GitHub's own variable in its workflows, so
that the buttons of a fork lead to the fork. Where no place is settled, as at home, a
page has no such buttons.
"""

import json
from functools import partial

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.locale import get_translation

from book._ext.framework_tabs import NAMES
from tools.publish import ALL, Place, published_place

CATALOGUE = "publishing"
"""The message catalogue of the few words the extension adds to a page."""

_ = get_translation(CATALOGUE)


def point_at_the_repository(place: Place, app: Sphinx, config: Config) -> None:
    """Tell the theme where the repository is: its own buttons need no more."""
    buttons = ("use_repository_button", "use_source_button", "use_edit_page_button")
    config.html_theme_options |= {
        "repository_url": place.repository,
        "repository_provider": "github",
        "repository_branch": "main",
        "path_to_docs": "",
        **dict.fromkeys(buttons, True),
    }


def add_colab_buttons(
    place: Place, app: Sphinx, page: str, template: str, context, doctree
) -> None:
    """Give a chapter its Colab buttons; the script shows those of the reader's tab."""
    if doctree is None or not page.startswith("notebooks/"):
        return
    frameworks = json.loads(app.env.metadata[page]["threeways"])["frameworks"]
    links = [(name, NAMES[name]) for name in frameworks] + [(ALL, _("all frameworks"))]
    context["header_buttons"].insert(0, colab_group(place, page, links))


def colab_group(place: Place, page: str, links: list[tuple[str, str]]) -> dict:
    """Return the theme's description of a button with a link for each edition."""
    chapter = page.removeprefix("notebooks/")
    return {
        "type": "group",
        "tooltip": _("Open in Colab"),
        "icon": "fas fa-rocket",
        "label": "colab-buttons",
        "buttons": [
            {
                "type": "link",
                "url": place.colab(folder, chapter),
                "text": f"Colab: {name}",
                "label": f"colab-{folder}",
            }
            for folder, name in links
        ],
    }


def setup(app: Sphinx) -> dict:
    """Connect to Sphinx: before the theme reads its options, after its buttons."""
    if place := published_place():
        point = partial(point_at_the_repository, place)
        app.connect("config-inited", point, priority=400)
        add = partial(add_colab_buttons, place)
        app.connect("html-page-context", add, priority=502)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
