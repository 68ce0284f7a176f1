// The preview: a document's text, scrolled to a passage; beside the list, or a dialog if narrow.

import { get } from "./api.js";
import { byId, copyButton, make } from "./dom.js";
import { placeLine, titleOf } from "./hits.js";
import { codePointCount, isCode, utf16Index } from "./text.js";

const CONTEXT = 6_000; // characters loaded before and after the passage at first
const MORE = 20_000; // characters loaded with each press of a button
const isWide = matchMedia("(min-width: 60rem)");
const pane = byId("preview");
const body = byId("preview-text");
let opener = null; // gets the focus back
let request = null;
let shown = null; // {collection, id, start, end, characters}: the part of the document that is loaded

/** Whether a document is open. */
export const isOpen = () => pane.open;

/** Shows a hit or citation in its document; its text is in `text` or `quote`. */
export async function open(citation, collection, from) {
  opener = from;
  show();
  byId("preview-title").textContent = titleOf(citation);
  byId("preview-place").replaceChildren(...placeLine(citation), copyButton(citation.citation, "Copy citation"));
  body.classList.toggle("code", isCode(citation.path));
  body.replaceChildren(make("p", { className: "status" }, "Opening…"));
  body.focus({ preventScroll: true });
  try {
    await load(citation, collection);
  } catch (error) {
    if (error.name === "AbortError") return;
    body.replaceChildren(make("p", { className: "error", role: "alert" }, error.message));
  }
}

async function load(citation, collection) {
  const start = Math.max(0, citation.start - CONTEXT);
  const part = await fetchPart(citation.document_id, collection, start, citation.end + CONTEXT);
  const from = utf16Index(part.text, citation.start - part.start);
  const to = utf16Index(part.text, citation.end - part.start);
  const cited = part.text.slice(from, to);
  shown = { collection, id: part.id, start: part.start, end: part.end, characters: part.characters };
  const changed = cited !== (citation.quote ?? citation.text);
  const mark = make("mark", { className: "cited", id: "cited" }, cited);
  body.replaceChildren(
    ...(changed ? [make("p", { className: "error", role: "alert" },
      "The document has changed since the search, so this may be another passage. Search again.")] : []),
    part.text.slice(0, from), mark, part.text.slice(to),
  );
  offerMore();
  showMark(mark);
}

/** Scrolls the text (not the page): a short mark to the middle, a long one to the top. */
function showMark(mark) {
  const [inner, outer] = [mark.getBoundingClientRect(), body.getBoundingClientRect()];
  const height = Math.min(outer.bottom, innerHeight) - outer.top; // its visible part
  body.scrollTop += inner.top - outer.top - Math.max(height / 12, (height - inner.height) / 2);
}

function fetchPart(id, collection, start, end) {
  request?.abort();
  request = new AbortController();
  return get(`/v1/documents/${id}`, { collection, start, end }, request.signal);
}

function offerMore() {
  body.querySelectorAll(":scope > .more").forEach((button) => button.remove());
  if (shown.start > 0) body.prepend(moreButton("Show the text before", before));
  if (shown.end < shown.characters) body.append(moreButton("Show the text after", after));
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
  body.scrollTop = body.scrollHeight - below; // keeps the text in place
  body.focus({ preventScroll: true });
}

async function after() {
  const part = await fetchPart(shown.id, shown.collection, shown.end, shown.end + MORE);
  body.append(part.text);
  shown.end += codePointCount(part.text);
  offerMore();
  body.focus({ preventScroll: true });
}

function show() {
  if (pane.open) return;
  document.body.classList.add("previewing");
  if (isWide.matches) pane.show();
  else pane.showModal();
}

/** Closes the preview and returns the focus to the element that opened it, or, if the list was shown anew, to the same hit. */
export function close() {
  request?.abort();
  pane.close();
  closed();
  const again = opener?.dataset.passage && document.querySelector(`.open[data-passage="${opener.dataset.passage}"]`);
  (opener?.isConnected ? opener : again || byId("query")).focus();
}

function closed() {
  if (!pane.open) document.body.classList.remove("previewing"); // otherwise it only changed between pane and dialog
}

isWide.addEventListener("change", () => {
  if (!pane.open) return;
  const { scrollTop } = body;
  pane.close();
  show();
  body.scrollTop = scrollTop;
});
pane.addEventListener("close", closed);
byId("preview-close").addEventListener("click", close);
