// A document's text, opened at a place: a pane beside the list where there is room, else a dialog.

import { get } from "./api.js";
import { byId, copyButton, make } from "./dom.js";
import { placeLine, titleOf } from "./hits.js";
import { isCode, place, size } from "./text.js";

const AROUND = 6_000; // characters of the document on either side at first
const MORE = 20_000; // and with each press of a button
const roomy = matchMedia("(min-width: 60rem)");
const pane = byId("preview");
const body = byId("preview-text");
let opener = null; // gets the focus back
let request = null;
let shown = null; // {collection, id, start, end, characters}: the part of the document that is here

/** Whether a document is open. */
export const isOpen = () => pane.open;

/** Shows what `found` cites: its text is in `found.text` or `found.quote`. */
export async function open(found, collection, from) {
  opener = from;
  show();
  byId("preview-title").textContent = titleOf(found);
  byId("preview-place").replaceChildren(...placeLine(found), copyButton(found.citation, "Copy citation"));
  body.classList.toggle("code", isCode(found.path));
  body.replaceChildren(make("p", { className: "status" }, "Opening…"));
  body.focus({ preventScroll: true });
  try {
    await load(found, collection);
  } catch (error) {
    if (error.name === "AbortError") return;
    body.replaceChildren(make("p", { className: "error", role: "alert" }, error.message));
  }
}

async function load(found, collection) {
  const start = Math.max(0, found.start - AROUND);
  const part = await fetchPart(found.document_id, collection, start, found.end + AROUND);
  const from = place(part.text, found.start - part.start);
  const to = place(part.text, found.end - part.start);
  const cited = part.text.slice(from, to);
  shown = { collection, id: part.id, start: part.start, end: part.end, characters: part.characters };
  const changed = cited !== (found.quote ?? found.text);
  const mark = make("mark", { className: "cited", id: "cited" }, cited);
  body.replaceChildren(
    ...(changed ? [make("p", { className: "error", role: "alert" },
      "The document is no more what was searched; this place may be another. Search again.")] : []),
    part.text.slice(0, from), mark, part.text.slice(to),
  );
  offerMore();
  showMark(mark);
}

/** Scrolls the text, and nothing around it: a short mark to the middle, a long one to the top. */
function showMark(mark) {
  const [inner, outer] = [mark.getBoundingClientRect(), body.getBoundingClientRect()];
  const height = Math.min(outer.bottom, innerHeight) - outer.top; // what of it is in the window
  body.scrollTop += inner.top - outer.top - Math.max(height / 12, (height - inner.height) / 2);
}

function fetchPart(id, collection, start, end) {
  request?.abort();
  request = new AbortController();
  return get(`/v1/documents/${id}`, { collection, start, end }, request.signal);
}

function offerMore() {
  body.querySelectorAll(":scope > .more").forEach((each) => each.remove());
  if (shown.start > 0) body.prepend(moreButton("Show what comes before", before));
  if (shown.end < shown.characters) body.append(moreButton("Show what comes after", after));
}

function moreButton(label, extend) {
  const button = make("button", { type: "button", className: "more" }, label);
  button.addEventListener("click", async () => {
    try {
      await extend();
    } catch (error) {
      if (error.name !== "AbortError") button.textContent = `${error.message} Try again`;
    }
  });
  return button;
}

async function before() {
  const part = await fetchPart(shown.id, shown.collection, Math.max(0, shown.start - MORE), shown.start);
  const below = body.scrollHeight - body.scrollTop;
  body.querySelector(".more").after(part.text);
  shown.start = part.start;
  offerMore();
  body.scrollTop = body.scrollHeight - below; // what was read stays where it was
  body.focus({ preventScroll: true });
}

async function after() {
  const part = await fetchPart(shown.id, shown.collection, shown.end, shown.end + MORE);
  body.append(part.text);
  shown.end += size(part.text);
  offerMore();
  body.focus({ preventScroll: true });
}

function show() {
  if (pane.open) return;
  document.body.classList.add("previewing");
  if (roomy.matches) pane.show();
  else pane.showModal();
}

/** Closes it; the focus goes back to where it was opened from. */
export function close() {
  request?.abort();
  pane.close();
  closed();
  (opener?.isConnected ? opener : byId("query")).focus();
}

function closed() {
  if (!pane.open) document.body.classList.remove("previewing"); // else it has changed its form
}

roomy.addEventListener("change", () => {
  if (!pane.open) return;
  const { scrollTop } = body;
  pane.close();
  show();
  body.scrollTop = scrollTop;
});
pane.addEventListener("close", closed);
byId("preview-close").addEventListener("click", close);
