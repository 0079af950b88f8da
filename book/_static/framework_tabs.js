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

// A search hit in a tab that isn't shown: open it here, without changing the choice.
window.addEventListener("load", () => {
  for (const tabs of document.querySelectorAll(tabSets)) {
    const hits = (panel) => panel.querySelector(".highlighted") !== null;
    const panels = [...tabs.querySelectorAll(":scope > .sd-tab-content")];
    const input = (panel) => panel.previousElementSibling.previousElementSibling;
    const hit = panels.find(hits);
    if (hit && !panels.some((panel) => input(panel).checked && hits(panel))) {
      input(hit).checked = true;
    }
  }
});
