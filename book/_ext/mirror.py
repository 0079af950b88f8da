"""Pages made from data: what became of the five articles, and all questions.

Each directive writes Markdown and lets MyST parse it, so that links are resolved, and
checked, as on any other page:

- ``{verdicts}``: how many of the articles' items are correct;
- ``{document-map}``: the articles, section by section, and where the book treats each;
- ``{corrections}``: what isn't right in them, what is, and how one can see it;
- ``{questions}``: the questions of all chapters, and which articles ask them, too;
- ``{formula-index}``: the formulas, their functions, and how those are tested.

The data are ``book/coverage.yml``, ``book/formulas.yml`` and the chapters themselves.
"""

import ast
import functools
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tools.hygiene.text import headings, markdown_cells, tokens
from tools.notebooks import read, tags

VERDICTS = ("wrong", "outdated", "incomplete", "imprecise")
"""What an item can be if it isn't correct, the most serious first."""
PARTS = {"says": "It says:", "right": "What is right:", "see": "How to see it:"}
QUESTION = re.compile(r"D\d\.Q\d+")
ITEM = re.compile(r"(?<!\[)\bD\d\.[A-Z]\d+(?:\.\d+)?\b")
RUN = "notebooks/reference/the_articles_executed"
EXECUTED = {
    "F": f"{RUN}#what-came-out-formulas",
    "A": f"{RUN}#what-came-out-procedures-and-programs",
    "K": f"{RUN}#what-came-out-procedures-and-programs",
}
"""Where formulas, procedures and programs are run as the articles have them."""


class Chapter:
    """A chapter's title, headings by their ids on the page, questions and formulas."""

    def __init__(self, path: Path):
        notebook = read(path)
        self.title, self.headings, self.questions = "", {}, []
        self.formulas = list(formulas(notebook))
        sources = [  # with their formulas and code, which their plain words lack
            inline.content
            for cell in markdown_cells(notebook)
            for token, inline in itertools.pairwise(tokens(cell.source))
            if token.type == "heading_open"
        ]
        section = ""
        for (_, level, text), words in zip(headings(notebook), sources, strict=True):
            anchor = nodes.make_id(text)
            if level <= 3:  # as deep as links go: myst_heading_anchors
                self.headings.setdefault(anchor, words)
            if level == 1:
                self.title = words
            elif level == 2:
                section = words
            elif level == 3 and section == "FAQ":
                self.questions.append(anchor)


def formulas(notebook) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Iterate over groups of formulas, by label, with the functions written for them.

    A group's functions are those of the NumPy cells that follow it under its heading.
    """
    group, functions = {}, []
    for cell in notebook.cells:
        if "numpy" in tags(cell) and group:
            body = ast.parse(cell.source).body
            functions += [n.name for n in body if isinstance(n, ast.FunctionDef)]
        for token in tokens(cell.source) if cell.cell_type == "markdown" else []:
            ends = token.type == "heading_open" and token.tag in ("h2", "h3")
            if group and (ends or (functions and token.type == "math_block_label")):
                yield group, functions
                group, functions = {}, []
            if token.type == "math_block_label":
                group[token.info] = token.content.strip()
    if group:
        yield group, functions


class Book:
    """What the pages are made from: the articles' items, and the chapters."""

    def __init__(self, root: Path):
        self.root = root
        self.coverage = root / "book" / "coverage.yml"
        self.articles = yaml.safe_load(self.coverage.read_text(encoding="utf-8"))
        self.items = {
            key: item
            for article in self.articles.values()
            for key, item in article["items"].items()
        }
        self.tests = root / "book" / "formulas.yml"
        self.tested = yaml.safe_load(self.tests.read_text(encoding="utf-8"))
        contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
        self.parts, self.chapters, self.files = {}, {}, [self.coverage, self.tests]
        for part in contents["parts"]:
            for entry in part["chapters"]:
                name = entry["file"]
                if name.startswith("notebooks/"):
                    self.files.append(root / f"{name}.ipynb")
                    self.chapters[name] = Chapter(self.files[-1])
                    self.parts.setdefault(part.get("caption", ""), []).append(name)

    def link(self, target: str) -> str:
        """Return a link to ``page#anchor``, in words that say what is there."""
        page, _, anchor = target.partition("#")
        if page in self.chapters:
            chapter = self.chapters[page]
            words = chapter.title
            if chapter.headings[anchor] != chapter.title:
                words += f": {chapter.headings[anchor]}"
        else:
            words = "References"  # the only page of prose that is a target
        return f"[{words}]({address(target)})"


def address(target: str) -> str:
    """Return what a page in ``book/`` writes to link to ``page#anchor``."""
    page, _, anchor = target.partition("#")
    return f"../{page}.{'md' if page.startswith('book/') else 'ipynb'}#{anchor}"


def corrected(key: str) -> str:
    """Return the address of an item's correction."""
    return f"corrections.md#{nodes.make_id(key)}"


def plain(text: str) -> str:
    """Return Markdown that shows ``text`` as it is."""
    return re.sub(r"([\\`*_$<\[\]])", r"\\\1", text)


def code(key: str, item: dict) -> str:
    """Return an item's code, linked to its correction or, if it's right, its place."""
    if item["verdict"] in VERDICTS:
        return f"[{key}]({corrected(key)})"
    return f"[{key}]({address(item['target'])})"


def heading(number: str, chinese: str, english: str) -> str:
    """Return a section's heading: as it stands in the article, then in English."""
    if "." in number:
        original = f"#### {number} {chinese}"
    elif number.isdigit():
        original = f"### {number}.{chinese}"
    else:  # a section without a number
        original = f"### {chinese}"
    return original if english == chinese else f"{original} · {english}"


def verdicts(book: Book) -> Iterator[str]:
    """Write a table of how many items of each article are correct, wrong, ..."""
    yield f"| Article | Items | Correct | {' | '.join(map(str.capitalize, VERDICTS))} |"
    yield "|---|" + "--:|" * (2 + len(VERDICTS))
    for name, article in book.articles.items():
        given = [item["verdict"] for item in article["items"].values()]
        numbers = [len(given), *map(given.count, ("correct", *VERDICTS))]
        title = f"{name}: {article['title']}"
        yield f"| {title} | {' | '.join(map(str, numbers))} |"


def document_map(book: Book) -> Iterator[str]:
    """Write the articles' sections with their items, linked to the book."""
    for name, article in book.articles.items():
        yield f"\n## {name}: {article['title']}\n"
        yield f"It begins: {article['begins']}"
        for number, (chinese, english) in article["sections"].items():
            yield f"\n{heading(number, chinese, english)}\n"
            for key, item in article["items"].items():
                if item["section"] == number:
                    verdict = f"*{item['verdict'].capitalize()}*"
                    if item["verdict"] in VERDICTS:
                        verdict += f": [what is right in {key}]({corrected(key)})"
                    ends = "" if item["en"].endswith("?") else "."
                    yield (
                        f"- {key} {plain(item['zh'])} · {item['en']}{ends} "
                        f"{verdict}. See {book.link(item['target'])}"
                    )


def corrections(book: Book) -> Iterator[str]:
    """Write what isn't correct, article by article, the most serious first."""

    def linked(text: str) -> str:
        return ITEM.sub(lambda found: code(found[0], book.items[found[0]]), text)

    for name, article in book.articles.items():
        yield f"\n## {name}: {article['title']}\n"
        yield f"It begins: {article['begins']}\n"
        sections = {number: [] for number in article["sections"]}
        for key, item in article["items"].items():
            if item["verdict"] in VERDICTS:
                sections[item["section"]].append(code(key, item))
        order = "; ".join(f"{n}: {', '.join(s)}" for n, s in sections.items() if s)
        yield f"In the article's order: {order}."
        for verdict in VERDICTS:
            items = article["items"].items()
            found = {key: item for key, item in items if item["verdict"] == verdict}
            if found:
                yield f"\n### {name}, {verdict} ({len(found)})\n"
            for key, item in found.items():
                yield f"\n({nodes.make_id(key)})=\n"
                yield f"**{key}** {item['en']} ({plain(item['zh'])}, {item['section']})"
                for part, label in PARTS.items():
                    yield f": *{label}* {linked(item[part].strip())}"
                if address(item["target"]) not in item["see"]:
                    yield f": *Where it is treated:* {book.link(item['target'])}"
                if run := EXECUTED.get(key.partition(".")[2][0]):
                    yield f": *Where it is run:* {book.link(run)}"


def questions(book: Book) -> Iterator[str]:
    """Write the questions of all chapters, with those of the articles among them."""
    asked = defaultdict(list)  # target: the question in English; its code, in Chinese
    for key, item in book.items.items():
        if QUESTION.fullmatch(key):
            theirs = f"{code(key, item)} {plain(item['zh'])}"
            asked[item["target"]].append((item["en"], theirs))
    for part, chapters in book.parts.items():
        yield f"\n## {part}\n"
        for name in chapters:
            chapter = book.chapters[name]
            yield f"\n**[{chapter.title}](../{name}.ipynb)**\n"
            for anchor in chapter.questions:
                target = f"{name}#{anchor}"
                line = f"- [{chapter.headings[anchor]}]({address(target)})"
                theirs = ", ".join(words for _, words in asked.get(target, []))
                yield f"{line} ({theirs})" if theirs else line
            for target, items in asked.items():
                page, _, anchor = target.partition("#")
                if page == name and anchor not in chapter.questions:
                    for english, theirs in items:
                        yield f"- [{english}]({address(target)}) ({theirs})"


def formula_index(book: Book) -> Iterator[str]:
    """Write all formulas with their functions, and how the functions are tested."""
    for part, chapters in book.parts.items():
        yield f"\n## {part}\n"
        for name in chapters:
            chapter = book.chapters[name]
            if not chapter.formulas:
                continue
            page = f"../{name}.ipynb"
            yield f"\n### {chapter.title}\n"
            theirs = [
                f"{code(key, item)} {item['en']} ({item['verdict']})"
                for key, item in book.items.items()
                if ".F" in key and item["target"].startswith(f"{name}#")
            ]
            if theirs:
                yield f"In the articles: {'; '.join(theirs)}."
            tested = book.tested.get(name.removeprefix("notebooks/"), {})
            number = itertools.count(1)
            for group, functions in chapter.formulas:
                for label, formula in group.items():
                    yield f"\n[Formula ({next(number)})]({page}#{label})"
                    formula = re.sub(r"\s+[.,;:]$", "", formula)  # the sentence's
                    yield f"\n$$\n{formula}\n$$\n"
                for function in functions:
                    if how := tested.get(function):
                        against = ", ".join(how["against"]) or "no framework"
                        yield (
                            f"- `{function}`: {against}; {how['cases']} cases, "
                            f"largest error {how['error']:.0e}"
                        )


read_book = functools.cache(Book)
"""The book of a folder, read once for all pages of a build."""


class FromData(SphinxDirective):
    """Put the Markdown that ``write`` makes of the book in the directive's place."""

    write: Callable[[Book], Iterator[str]]

    def run(self) -> list[nodes.Node]:
        """Return the parsed text, and note what it was made from."""
        book = read_book(Path(self.env.srcdir))
        for file in book.files:
            self.env.note_dependency(str(file))
        lines = "\n".join(self.write(book)).splitlines()
        parent = nodes.Element()
        content = StringList(lines, source=self.env.docname)
        self.state.nested_parse(content, self.content_offset, parent, match_titles=True)
        return parent.children


def setup(app: Sphinx) -> dict:
    """Register the directives with Sphinx."""
    read_book.cache_clear()  # of an earlier build in this process
    for write in (verdicts, document_map, corrections, questions, formula_index):
        name = write.__name__.replace("_", "-")
        directive = type(name, (FromData,), {"write": staticmethod(write)})
        app.add_directive(name, directive)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
