// Keeps the parts of a page as fresh as the stream: told of a step of an alert, or that the sums have moved, it asks for the same
// page again and takes those parts of it, so that words and numbers are made in one place. Without it a page shows what stood when
// it was opened. Nothing moves but what has changed.

const RETRY_MS = 15_000;
const BURST_MS = 300;
const FIGURES_MS = 10_000; // while files are read sums move all the time: a page asks for its figures no more often

const live = document.querySelector("[data-live]"); // where it says how far it has been told, and what is read out
const parts = [...document.querySelectorAll("[data-live], [data-part]")];
const teller = document.querySelector("[data-teller]"); // read out politely, whatever has the focus
const mark = document.querySelector("[data-mark]"); // shown while it follows
const fresh = new Map(); // what is to take the place of a part
let place = live?.dataset.after; // up to where this page has been told
let sums = live?.dataset.sums; // which sums it shows
let stream = null;
let waiting = 0;
let later = 0;
let ticking = 0;
let asked = 0;
let looked = 0;

// Nothing is exchanged under the reader's focus, nor a form that is open: it waits until that has moved on.
function isHeld(part) {
  return part.contains(document.activeElement) || part.querySelector("details[open] form") !== null;
}

function show() {
  for (const [part, found] of fresh) {
    if (isHeld(part)) continue;
    fresh.delete(part);
    const before = part.querySelectorAll("details");
    const after = found.querySelectorAll("details");
    if (before.length === after.length) after.forEach((each, number) => (each.open = before[number].open));
    if (part.innerHTML !== found.innerHTML) part.replaceChildren(...found.childNodes);
  }
}

function counterpart(page, part) {
  return page.querySelector(part === live ? "[data-live]" : `[data-part="${part.dataset.part}"]`);
}

function refresh() {
  const number = ++asked;
  looked = Date.now();
  const request = new XMLHttpRequest(); // it reads a page into a document by itself, in which no script runs
  request.open("GET", location.href);
  request.responseType = "document";
  request.onload = () => {
    const told = request.status === 200 && request.response ? request.response.querySelector("[data-live]") : null;
    if (!told || number !== asked) return; // the next step, or the next connection, asks again
    if (told.dataset.live !== live.dataset.live) teller.textContent = told.dataset.live;
    live.dataset.live = told.dataset.live;
    place = told.dataset.after;
    sums = told.dataset.sums;
    for (const part of parts) {
      const found = counterpart(request.response, part);
      if (found) fresh.set(part, document.importNode(found, true));
    }
    show();
  };
  request.send();
}

function soon(does, milliseconds) {
  clearTimeout(waiting);
  waiting = setTimeout(does, milliseconds);
}

function figures() {
  clearTimeout(later);
  later = setTimeout(refresh, Math.max(BURST_MS, looked + FIGURES_MS - Date.now()));
}

function address() {
  const query = new URLSearchParams();
  if (place) query.set("after", place); // what is told while nobody listens is told after it
  if (sums) query.set("sums", sums);
  return `/v1/stream?${query}`;
}

function follow() {
  stop();
  const begun = place;
  stream = new EventSource(address());
  stream.addEventListener("open", () => {
    mark.hidden = false;
    if (!begun && begun !== undefined) refresh();
  });
  stream.addEventListener("alert", () => soon(refresh, BURST_MS));
  stream.addEventListener("sums", figures);
  stream.addEventListener("error", () => {
    mark.hidden = true;
    // A connection that broke comes back by itself; one that was refused does not, perhaps because of where it began.
    if (stream.readyState !== EventSource.CLOSED) return;
    place = "";
    soon(follow, RETRY_MS);
  });
  if (live.dataset.every) ticking = setInterval(refresh, live.dataset.every * 1000);
}

function stop() {
  clearTimeout(waiting);
  clearTimeout(later);
  clearInterval(ticking);
  mark.hidden = true;
  stream?.close();
  stream = null;
}

if (live) {
  for (const part of parts) {
    part.addEventListener("focusout", () => setTimeout(show));
    part.addEventListener("toggle", show, true);
  }
  // A page that nobody sees holds no connection, and asks for nothing.
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : follow()));
  if (!document.hidden) follow();
}
