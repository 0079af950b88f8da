"""Look at an open page as a reader would; each check returns the faults it found."""

from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}


@dataclass
class Watch:
    """Notes what goes wrong in a browser context: requests, files, the console."""

    address: str
    foreign: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def on(self, context: BrowserContext) -> "Watch":
        """Start to watch."""
        context.on("request", self.see_request)
        context.on("requestfailed", self.see_failure)
        context.on("response", self.see_response)
        context.on("console", self.see_message)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        return self

    def see_request(self, request) -> None:
        """Note a request to another host."""
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.foreign.append(request.url)

    def see_failure(self, request) -> None:
        """Note a request that came to nothing, unless the reader went elsewhere."""
        if request.failure != "net::ERR_ABORTED":
            self.failed.append(f"{request.url}: {request.failure}")

    def see_response(self, response) -> None:
        """Note a file that isn't there."""
        if response.status >= 400:
            self.failed.append(response.url)

    def see_message(self, message) -> None:
        """Note what the page complains about."""
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    @property
    def faults(self) -> list[str]:
        """Everything noted."""
        return self.foreign + self.failed + self.complaints


def open_page(context: BrowserContext, url: str) -> Page:
    """Open a page, and wait until it is complete and its formulas are typeset."""
    page = context.new_page()
    page.goto(url)
    settle(page)
    return page


def settle(page: Page) -> None:
    """Wait until the page has loaded, its formulas and fonts included."""
    page.wait_for_load_state("networkidle")
    page.evaluate("window.MathJax?.startup?.promise.then(() => null)")
    page.evaluate("document.fonts.ready.then(() => null)")


def show_everything(page: Page) -> None:
    """Open all folds and tabs, so that no check overlooks what they hide."""
    page.add_style_tag(
        content="*, *::before, *::after { transition: none !important }"
        ".framework-tabs > .sd-tab-content { display: block !important }"
    )
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    two_frames = (
        "new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)))"
    )
    page.evaluate(two_frames)


def accessibility_faults(page: Page, colours: bool = True) -> list[str]:
    """Return axe's findings that keep readers out: the serious and the critical.

    Looking at the colour of every word takes most of the time, and can be left out.
    """
    options = {
        "resultTypes": ["violations"],
        "preload": False,
        "rules": {"color-contrast": {"enabled": colours}},
    }
    formulas = {"exclude": [["mjx-math"]]}  # hidden from readers that can't see them
    violations = Axe().run(page, formulas, options).response["violations"]
    return [
        f"{violation['id']}: {node['html']} {node['failureSummary']}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def sideways_scroll(page: Page) -> list[str]:
    """Return the boxes of the page itself that scroll sideways."""
    return page.evaluate(
        """() => ["html", "body", "main", ".bd-article-container", ".bd-article"]
            .flatMap((box) => [...document.querySelectorAll(box)])
            .filter((box) => box.scrollWidth > Math.max(box.clientWidth, 1))
            .map((box) => `${box.tagName} ${box.className} ${box.scrollWidth}`)"""
    )


def untypeset_formulas(page: Page) -> list[str]:
    """Return formulas that a reader sees as TeX, or as an error."""
    return page.evaluate(
        r"""() => {
            const faults = [];
            for (const math of document.querySelectorAll(".math")) {
                const typeset = math.querySelector(":scope > mjx-container mjx-math");
                if (!typeset || math.querySelector("mjx-merror, [data-mjx-error]"))
                    faults.push(math.textContent);
            }
            const tex = /\$\$|\\[([]|\$[^$\s][^$]*\$/;
            const article = document.querySelector("article") ?? document.body;
            const text = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
            while (text.nextNode()) {
                const { data, parentElement } = text.currentNode;
                const meant = parentElement.closest("pre, code, script, .math");
                if (tex.test(data) && !meant) faults.push(data);
            }
            return faults;
        }"""
    )
