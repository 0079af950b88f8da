"""What a plain Markdown link can point at, besides pages.

A chapter is read in the book, in JupyterLab, on GitHub and in Colab. Roles such as
``{cite:p}`` and ``{eq}`` read badly outside the book, so chapters write plain links:

- ``[normal equation](#Normal-equation)``: a heading, by the anchor Jupyter gives it
  (the one GitHub gives to pages, ``#normal-equation``, works in the book too);
- ``[squared error](#eq-squared-error)``: a formula, by its label;
- ``[Legendre (1805)](../../book/references.md#legendre1805)``: an entry, by its key.

The author's words stay as they are. A link that leads nowhere is a warning, and so an
error under ``-W``.
"""

from docutils import nodes
from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style as PlainStyle
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class LastFirstStyle(PlainStyle):
    """BibTeX's plain style with the family name, the sort key, in front."""

    default_name_style = "lastfirst"


class LinkTargets(SphinxTransform):
    """Tell MyST about formulas and bibliography entries, as it knows headings."""

    default_priority = 878  # just before MyST resolves the links within a page

    def apply(self, **kwargs) -> None:
        """Add this page's targets to the table MyST keeps of its headings."""
        # The table maps a link's target to (line, id on the page, text if none given).
        table = self.env.metadata[self.env.docname].setdefault("myst_slugs", {})
        for line, section, title in list(table.values()):  # of headings, so far
            table.setdefault(title.replace(" ", "-"), (line, section, title))
            table.setdefault(section, (line, section, title))
        for name, target in self.document.nameids.items():  # of (name)= lines
            if self.document.nametypes.get(name) and target:
                table.setdefault(target, (None, target, name))
        for formula in self.document.findall(nodes.math_block):
            if label := formula.get("label"):
                number = f"({formula['number']})"
                table[label] = (formula.line, formula["ids"][0], number)
        for where, listing in self.env.get_domain("cite").bibliographies.items():
            if where.docname == self.env.docname:
                for key, entry in listing.citation_nodes.items():
                    table[key] = (listing.line, entry["ids"][0], key)
        self.document.myst_slugs = table


def setup(app: Sphinx) -> dict:
    """Register the style and the transform with Sphinx."""
    app.setup_extension("sphinxcontrib.bibtex")
    register_plugin("pybtex.style.formatting", "lastfirst", LastFirstStyle, force=True)
    app.add_transform(LinkTargets)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
