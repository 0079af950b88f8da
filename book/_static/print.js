// Paper is white: print the light theme, whichever the reader sees.

const root = document.documentElement;
let seen;

window.addEventListener("beforeprint", () => {
  seen = root.dataset.theme;
  root.dataset.theme = "light";
});

window.addEventListener("afterprint", () => {
  root.dataset.theme = seen;
});
