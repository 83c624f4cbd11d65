// What makes pages more comfortable; every page works without it.

// On a narrow screen the list of pages scrolls sideways: the one that is open is brought into view.
const open = document.querySelector(".top [aria-current]");
if (open) {
  const list = open.closest("ul");
  list.scrollLeft = open.offsetLeft - (list.clientWidth - open.offsetWidth) / 2;
}

// Paper does not open what is folded.
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details:not([open])")];
  for (const each of unfolded) each.open = true;
});
addEventListener("afterprint", () => {
  for (const each of unfolded) each.open = false;
});
