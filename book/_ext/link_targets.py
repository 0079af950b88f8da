"""What a plain Markdown link can point at: headings, and entries of the bibliography.

A chapter is read in the book, in JupyterLab, on GitHub and in Colab. Roles such as
``{cite:p}`` and ``{ref}`` read badly outside the book, so chapters write ordinary links:

- ``[normal equation](#Normal-equation)``: a heading, spelled as Jupyter spells its anchor;
- ``[squared error](#eq-squared-error)``: a formula, by its label;
- ``[Legendre (1805)](../../book/references.md#legendre1805)``: an entry, by BibTeX key.

MyST resolves the second kind by itself. This extension teaches it the other two, so
that a link that leads nowhere is a warning, and so an error under ``-W``.
"""

from docutils import nodes
from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style as PlainStyle
from sphinx.application import Sphinx


class LastFirstStyle(PlainStyle):
    """BibTeX's plain style with the family name, the sort key, in front."""

    default_name_style = "lastfirst"


def jupyter_anchor(title: str) -> str:
    """Return the anchor JupyterLab and nbconvert give to a heading."""
    return title.replace(" ", "-")


def add_bibliography_targets(app: Sphinx, doctree: nodes.document) -> None:
    """Let ``[text](page.md#key)`` reach the entries listed on the page just read."""
    docname = app.env.docname
    for where, bibliography in app.env.get_domain("cite").bibliographies.items():
        if where.docname != docname:
            continue
        slugs = app.env.metadata[docname].setdefault("myst_slugs", {})
        for key, entry in bibliography.citation_nodes.items():
            slugs[key] = (bibliography.line, entry["ids"][0], key)


def setup(app: Sphinx) -> dict:
    """Register the style and the hook with Sphinx."""
    app.setup_extension("sphinxcontrib.bibtex")
    register_plugin("pybtex.style.formatting", "lastfirst", LastFirstStyle, force=True)
    app.connect("doctree-read", add_bibliography_targets)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
