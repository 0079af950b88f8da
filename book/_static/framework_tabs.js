// What sphinx-design's tabs (synced, stored, `?framework=keras`) lack.

const tabSets = ".framework-tabs";

// An unknown framework in the address would be stored in place of the reader's choice.
// This runs while the page is parsed, so before sphinx-design reads the address.
{
  const known = document.currentScript.dataset.frameworks.split(" ");
  const url = new URL(window.location.href);
  const asked = url.searchParams.get("framework");
  if (asked !== null && !known.includes(asked)) {
    const meant = asked.toLowerCase();
    if (known.includes(meant)) url.searchParams.set("framework", meant);
    else url.searchParams.delete("framework");
    window.history.replaceState(window.history.state, "", url);
  }
}

// Tab sets above change their height together with the one in use: keep that one where
// the reader sees it. Capture comes before sphinx-design's listener, bubbling after it.
{
  let top = 0;
  const place = (input) => input.labels[0].getBoundingClientRect().top;
  const isTab = (event) => event.target.matches(`${tabSets} > input`);
  const before = (event) => {
    if (isTab(event)) top = place(event.target);
  };
  const after = (event) => {
    if (isTab(event)) window.scrollBy({ top: place(event.target) - top, behavior: "instant" });
  };
  document.addEventListener("change", before, { capture: true });
  document.addEventListener("change", after);
}

// The page knows the framework in use, for its style sheet: of the buttons that open
// editions, it shows that one's. sphinx-design sets the tabs when the page has loaded;
// where the first of them lack the reader's choice, the page may still have its edition.
{
  const note = (input) => {
    if (input) document.documentElement.dataset.framework = input.labels[0].dataset.syncId;
  };
  window.addEventListener("load", () => {
    const checked = [...document.querySelectorAll(`${tabSets} > input:checked`)];
    const chosen = window.localStorage.getItem("sphinx-design-tab-id-framework");
    note(checked.find((input) => input.labels[0].dataset.syncId === chosen) ?? checked[0]);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches(`${tabSets} > input`)) note(event.target);
  });
}

// The theme loads Sphinx's search on every page, whereupon Sphinx takes each for the
// search page and marks no hits. Mark them, and open the tabs where all hits of a set are
// hidden, without changing the reader's choice. Sphinx marks after 10 ms.
document.addEventListener("DOMContentLoaded", () => {
  if (DOCUMENTATION_OPTIONS.pagename === "search") return;
  SphinxHighlight.highlightSearchWords();
  setTimeout(openHits, 20);
});

function openHits() {
  for (const tabs of document.querySelectorAll(tabSets)) {
    const input = (panel) => panel.previousElementSibling.previousElementSibling;
    const hits = [...tabs.querySelectorAll(":scope > .sd-tab-content")].filter((panel) =>
      panel.querySelector(".highlighted"),
    );
    if (hits.length && !hits.some((panel) => input(panel).checked)) {
      input(hits[0]).checked = true;
    }
  }
}
