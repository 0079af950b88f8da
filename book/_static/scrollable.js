// A box that scrolls sideways must be reachable by keyboard; one that doesn't need to
// scroll must not be a stop on the way. The theme decides this once, for boxes that are
// visible then; this follows tabs, folds and the window.

const boxes =
  "pre, span.math, mjx-container[display], .pst-scrollable-table-container, .output";

const observer = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise; // formulas are typeset after loading
  document.querySelectorAll(boxes).forEach((box) => observer.observe(box));
});
