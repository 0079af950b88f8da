"""Rules on the text: its parts, its links, its formulas, its Markdown."""

import difflib
import functools
import re
from itertools import pairwise
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from mdit_py_plugins.anchors.index import slugify
from mdit_py_plugins.dollarmath import dollarmath_plugin

from tools.notebooks import SECTIONS, read

_MARKDOWN = (
    MarkdownIt("commonmark")
    .enable("table")
    .use(dollarmath_plugin, allow_labels=True, double_inline=True)
)
_UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|TBD|PLACEHOLDER)\b|(?i:lorem ipsum)")
_SHOWS_RAW = re.compile(
    r"^:{3,}|^\([\w-]+\)=$|^%|^\+{3}|\{[#.][\w-]+\}|\[\^\w+\]|\\begin\{\w+", re.M
)
_ROLE = re.compile(r"\{[\w:.+-]+\}$")


def title_first(path, notebook):
    """The chapter opens with its title, its only first-level heading."""
    title = notebook.metadata.get("threeways", {}).get("title")
    opening = next((block for cell in notebook.cells for block in blocks(cell)), None)
    if opening is None or opening[0] != 1:
        yield None, "doesn't open with its title. Begin it as in `# Tensors`."
    elif opening[1] != title:
        yield None, f"has the title {opening[1]!r}; metadata says {title!r}. Agree."
    for cell, level, text in headings(notebook)[1:]:
        if level == 1:
            yield cell, f"has a second title, {text!r}. Use ## or ###."


def sections_in_order(path, notebook):
    """The chapter has its seven sections, in their order, and no other."""
    names = [text for _, level, text in headings(notebook) if level == 2]
    if names != list(SECTIONS):
        yield None, f"has the sections {names}. Give it {list(SECTIONS)}."


def headings_filled(path, notebook):
    """Something stands under each heading before the next of its level."""
    empty = []
    for cell in notebook.cells:
        for heading in blocks(cell):
            if heading is None:
                empty = []
                continue
            level, text = heading
            for other in [old for old in empty if old[1] >= level]:
                yield other[0], f"has nothing under {other[2]!r}. Fill it or drop it."
                empty.remove(other)
            empty.append((cell, level, text))
    for cell, _, text in empty:
        yield cell, f"has nothing under {text!r}. Fill it or drop it."


def heading_levels(path, notebook):
    """Headings go down one level at a time."""
    for (_, before, _), (cell, level, text) in pairwise(headings(notebook)):
        if level > before + 1:
            yield cell, f"jumps to level {level} at {text!r}. Use level {before + 1}."


def links_resolve(path, notebook):
    """Relative links lead somewhere, and pictures are not loaded from elsewhere."""
    for cell in markdown_cells(notebook):
        for kind, target, words in _links(cell.source):
            url = urlsplit(target)
            if not words.strip():
                yield cell, f"has a link or picture without words: {target}. Add some."
            if kind == "link" and url.scheme in ("http", "https", "mailto"):
                continue
            if url.scheme or url.netloc or url.path.startswith("/"):
                yield cell, f"points at {target}. Use a relative path."
                continue
            file = (path.parent / unquote(url.path)).resolve() if url.path else path
            if not file.is_file():
                yield cell, f"links to {url.path}, which doesn't exist. Mend the link."
            elif (anchor := unquote(url.fragment)) not in (known := _anchors(file)):
                similar = {name.lower(): name for name in sorted(known)}
                (near,) = difflib.get_close_matches(anchor.lower(), similar, 1, 0)
                advice = f"Perhaps #{similar[near]}."
                yield cell, f"links to {target}, which isn't there. {advice}"


def plain_markdown(path, notebook):
    """The text reads well in Jupyter, on GitHub and in Colab: nothing shows raw."""
    for cell in markdown_cells(notebook):
        for token in tokens(cell.source):
            if token.type == "fence" and token.info.startswith("{"):
                yield cell, f"has the directive {token.info}. Use plain Markdown."
            if token.type == "html_block":
                yield cell, "has a block of HTML. Use plain Markdown."
            for child, after in pairwise([*(token.children or []), None]):
                if child.type == "html_inline":
                    yield cell, f"has the HTML {child.content}. Use plain Markdown."
                if child.type != "text":
                    continue
                if found := _SHOWS_RAW.search(child.content):
                    yield cell, f"has {found[0]!r}, which Jupyter shows as it stands."
                role = _ROLE.search(child.content)
                if role and after and after.type == "code_inline":
                    yield cell, f"has the role {role[0]}. Use a plain link."


def formulas_labelled(path, notebook):
    """Each displayed formula stands on lines of its own and has a label."""
    for cell in markdown_cells(notebook):
        for token in tokens(cell.source):
            if token.type == "math_block":
                yield cell, "has a formula without a label. End it as in $$ (eq-name)."
            if token.type == "math_block_label" and not token.info.startswith("eq-"):
                yield cell, f"has the label ({token.info}). Let it begin with eq-."
            for child in token.children or []:
                if child.type == "math_inline_double":
                    yield cell, "has $$ inside a paragraph. Put empty lines around it."


def no_leftovers(path, notebook):
    """Nothing is left of the writing of the chapter."""
    for cell in notebook.cells:
        if not cell.source.strip():
            yield cell, "is empty. Delete it."
        if found := _UNFINISHED.search(cell.source):
            yield cell, f"says {found[0]}. Finish it."
        if re.search(r"[ \t]$|\n\Z", cell.source, re.M):
            yield cell, "has space at the end of a line or of the cell. Strip it."


def markdown_cells(notebook):
    """Iterate over the text cells of a notebook."""
    return (cell for cell in notebook.cells if cell.cell_type == "markdown")


@functools.cache
def tokens(source):
    """Return the Markdown of a cell, parsed."""
    return _MARKDOWN.parse(source)


def blocks(cell):
    """Iterate over a cell: (level, text) for a heading, None for other content."""
    if cell.cell_type == "code":
        yield None
        return
    before = None
    for token in tokens(cell.source):
        if before and before.type == "heading_open":
            yield int(before.tag[1]), _words(token.children)
        elif token.content.strip() and token.type != "html_block":
            yield None
        before = token


def headings(notebook):
    """Return the headings of a notebook: their cells, levels and texts."""
    return [
        (cell, *block)
        for cell in markdown_cells(notebook)
        for block in blocks(cell)
        if block
    ]


def _words(parts):
    """Return the plain words of a heading or a link, as MyST and Jupyter see them."""
    kinds = ("text", "code_inline", "math_inline", "softbreak", "image")
    return "".join(part.content or " " for part in parts if part.type in kinds)


def _links(source):
    """Iterate over links and pictures: their kind, their target, their words."""
    for token in tokens(source):
        children = token.children or []
        for position, child in enumerate(children):
            if child.type == "image":
                yield "picture", child.attrs["src"], child.content
            elif child.type == "link_open":
                rest = children[position + 1 :]
                end = [part.type for part in rest].index("link_close")
                yield "link", child.attrs["href"], _words(rest[:end])


@functools.cache
def _anchors(file):
    """Return what a link can point at: headings, formulas, references, the top.

    A notebook's headings have the anchors that Jupyter gives them, those of a page the
    ones of GitHub; the book knows both (``book/_ext/link_targets.py``).
    """
    if file.suffix == ".ipynb":
        sources = [cell.source for cell in markdown_cells(read(file))]
    else:
        sources = [file.read_text(encoding="utf-8")]
    anchors = {""}
    for source in sources:
        for token, after in pairwise([*tokens(source), None]):
            if token.type == "heading_open":
                title = _words(after.children)
                is_page = file.suffix == ".md"
                anchors.add(slugify(title) if is_page else title.replace(" ", "-"))
            elif token.type == "math_block_label":
                anchors.add(token.info)
        anchors.update(re.findall(r"^\(([\w-]+)\)=$", source, re.M))
        if "{bibliography}" in source:
            for entries in file.parent.glob("*.bib"):
                text = entries.read_text(encoding="utf-8")
                anchors.update(re.findall(r"^@\w+\{\s*([^,\s]+)", text, re.M))
    return anchors
