// The viewer: a document at a passage, as text or as the pages of the original; beside the list, or
// a dialog if narrow.

import { get, post } from "../api.js";
import { byId, copyButton, make } from "../dom.js";
import { placeLine, titleOf } from "../hits.js";
import { getOverview } from "../home.js";
import { codePointCount, isCode, utf16Index } from "../text.js";
import { render } from "./blocks.js";

const CONTEXT = 6_000; // characters loaded before and after the passage at first
const MORE = 20_000; // characters loaded with each press of a button
const isWide = matchMedia("(min-width: 60rem)");
const pane = byId("preview");
const body = byId("preview-text");
let opener = null; // gets the focus back
let onClosed = () => {};
let request = null;
let shown = null; // {collection, id, start, end, characters}: the part of the document that is loaded

/** Shows a hit or citation in its document; its text is in `text` or `quote`. `link`: its address;
 * `closed`: called when the viewer is closed. */
export async function open(citation, collection, from, link, closed) {
  opener = from;
  onClosed = closed;
  show();
  byId("preview-title").textContent = titleOf(citation);
  const place = byId("preview-place");
  place.replaceChildren(...placeLine(citation), copyButton(citation.citation, "Copy citation"), copyButton(link, "Copy link"));
  byId("preview-views").hidden = true;
  body.replaceChildren(make("p", { className: "status" }, "Opening…"));
  body.focus({ preventScroll: true });
  offerToOpen(citation, collection, place);
  try {
    const first = citation.page ?? 0;
    if (first || isPaged(citation)) await showViews(citation, collection, first || 1);
    else await showText(citation, collection);
  } catch (error) {
    if (error.name !== "AbortError") showError(error);
  }
}

function showError(error) {
  body.replaceChildren(make("p", { className: "error", role: "alert" }, error.message));
}

const isPaged = ({ path }) => /\.(pdf|png|jpe?g|gif|tiff?|bmp|webp)$/i.test(path);

/** Lets the user choose between the pages of the original and the text that was read from it. */
async function showViews(citation, collection, page) {
  const views = byId("preview-views");
  const [asPages, asText] = ["view-pages", "view-text"].map(byId);
  const choose = async (view, number = page) => {
    asPages.setAttribute("aria-pressed", String(view === "pages"));
    asText.setAttribute("aria-pressed", String(view === "text"));
    try {
      if (view === "text") return await showText(citation, collection);
      request?.abort();
      body.classList.remove("code");
      const { showPage } = await import("./pages.js");
      const { document_id: id, start, end } = citation;
      return await showPage(body, { id, collection, number, start, end, title: titleOf(citation) }, (other) => choose("pages", other));
    } catch (error) {
      if (error.name === "AbortError") return undefined;
      if (view === "text") return showError(error);
      await choose("text"); // the original is gone, say; its text is still there
      body.prepend(make("p", { className: "note" }, error.message));
      return undefined;
    }
  };
  asPages.onclick = () => choose("pages");
  asText.onclick = () => choose("text");
  views.hidden = false;
  await choose("pages");
}

/** Adds a button that opens the file on this machine, where the server is on it. */
async function offerToOpen(citation, collection, place) {
  const { can_open_files: isLocal } = await getOverview(collection).catch(() => ({}));
  if (!isLocal || !place.isConnected) return;
  const button = make("button", { type: "button", className: "quiet" }, "Open file");
  button.addEventListener("click", async () => {
    try {
      const { name } = await post(`/v1/documents/${citation.document_id}/open`, { ...(collection && { collection }) });
      button.textContent = `Opened ${name}`;
    } catch (error) {
      button.replaceWith(make("span", { className: "error", role: "alert" }, error.message));
    }
  });
  place.append(button);
}

async function showText(citation, collection) {
  const start = Math.max(0, citation.start - CONTEXT);
  const part = await fetchPart(citation.document_id, collection, start, citation.end + CONTEXT);
  const from = utf16Index(part.text, citation.start - part.start);
  const to = utf16Index(part.text, citation.end - part.start);
  const cited = part.text.slice(from, to);
  const expected = citation.quote ?? citation.text;
  const isTable = /\.(csv|tsv|tab)$/i.test(part.path);
  body.classList.toggle("code", isCode(part.path) && !isTable);
  shown = { collection, id: part.id, start: part.start, end: part.end, characters: part.characters,
    cited: [citation.start, citation.end], isTable, isPlain: isCode(part.path) && !isTable };
  const changed = expected && cited !== expected;
  body.replaceChildren(
    ...(changed ? [make("p", { className: "error", role: "alert" },
      "The document has changed since the search, so this may be another passage. Search again.")] : []),
    ...nodesOf(part),
  );
  offerMore();
  const mark = body.querySelector(".cited");
  if (mark) {
    mark.id = "cited";
    showMark(mark);
  } else body.scrollTop = 0;
}

const nodesOf = ({ text, start }) => render(text, start, shown.cited, !shown.isPlain, !shown.isPlain);

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
  body.querySelector(".more").after(...nodesOf(part));
  shown.start = part.start;
  offerMore();
  body.scrollTop = body.scrollHeight - below; // keeps the text in place
  body.focus({ preventScroll: true });
}

async function after() {
  const part = await fetchPart(shown.id, shown.collection, shown.end, shown.end + MORE);
  body.append(...nodesOf(part));
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
  onClosed();
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
