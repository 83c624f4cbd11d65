// Keeps what stands in [data-live] as fresh as the stream of alerts: told of a step, it asks for the same page again and takes that
// part of it, so that words and numbers are made in one place. Without it a page shows what stood when it was opened.

const RETRY_MS = 15_000;
const BURST_MS = 300;

const part = document.querySelector("[data-live]");
const teller = document.querySelector("[data-teller]"); // read out politely, whatever has the focus
const mark = document.querySelector("[data-mark]"); // shown while it follows
let place = part?.dataset.after; // up to where this page has been told
let stream = null;
let waiting = 0;
let asked = 0;
let fresh = null;

function show() {
  // Nothing is exchanged under the reader's focus, nor a form that is open: it waits until that has moved on.
  if (!fresh || part.contains(document.activeElement) || part.querySelector("details[open] form")) return;
  part.replaceChildren(...fresh.childNodes);
  fresh = null;
}

function refresh() {
  const number = ++asked;
  const request = new XMLHttpRequest(); // it reads a page into a document by itself, in which no script runs
  request.open("GET", location.href);
  request.responseType = "document";
  request.onload = () => {
    const found = request.status === 200 && request.response ? request.response.querySelector("[data-live]") : null;
    if (!found || number !== asked) return; // the next step, or the next connection, asks again
    if (found.dataset.live !== part.dataset.live) teller.textContent = found.dataset.live;
    part.dataset.live = found.dataset.live;
    place = found.dataset.after;
    fresh = document.importNode(found, true);
    show();
  };
  request.send();
}

function soon(does, milliseconds) {
  clearTimeout(waiting);
  waiting = setTimeout(does, milliseconds);
}

function follow() {
  stop();
  const begun = place; // what is told while nobody listens is told after it
  stream = new EventSource(begun ? `/v1/stream?after=${encodeURIComponent(begun)}` : "/v1/stream");
  stream.addEventListener("open", () => {
    mark.hidden = false;
    if (!begun) refresh();
  });
  stream.addEventListener("alert", () => soon(refresh, BURST_MS));
  stream.addEventListener("error", () => {
    mark.hidden = true;
    // A connection that broke comes back by itself; one that was refused does not, perhaps because of where it began.
    if (stream.readyState !== EventSource.CLOSED) return;
    place = "";
    soon(follow, RETRY_MS);
  });
}

function stop() {
  clearTimeout(waiting);
  mark.hidden = true;
  stream?.close();
  stream = null;
}

if (part) {
  part.addEventListener("focusout", () => setTimeout(show));
  part.addEventListener("toggle", show, true);
  // A page that nobody sees holds no connection.
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : follow()));
  if (!document.hidden) follow();
}
