// Hits as list items: title, location, score, and the text with the query's words marked.

import { copyButton, make } from "./dom.js";
import { isCode, marked, snippet, utf16Index, utf16Spans } from "./text.js";

const MAX_PLACES = 3; // other places of a hit's text that are shown
const LOCATORS = { page: "page", slide: "slide", sheet: "sheet", cell: "cell", chapter: "chapter", row: "row", time: "at" };

/** Returns the location in the file in words; "" for the whole file. */
export function locator({ locator: pair, page, start_line: from, end_line: to }) {
  if (pair) {
    const [kind, ...rest] = pair.split("=");
    return `${LOCATORS[kind] ?? kind} ${rest.join("=").replace("-", "–")}`;
  }
  if (page) return `page ${page}`;
  if (!from) return "";
  return to > from ? `lines ${from}–${to}` : `line ${from}`;
}

/** Returns the title of a hit's or citation's document. */
export const titleOf = (hit) => hit.title || hit.path.split("/").pop();

/** Returns path and location, and a badge if the file has changed since it was indexed. */
export function placeLine(hit) {
  const place = locator(hit);
  return [
    make("span", { className: "path" }, hit.path),
    place ? `· ${place}` : "",
    hit.stale
      ? make("span", { className: "badge", title: "Run ragkit index to update it" },
          "changed since it was indexed")
      : null,
    hit.newer_version ? make("span", { className: "badge", title: hit.newer_version.path }, "a newer version exists") : null,
  ].filter((part) => part !== null);
}

/** Returns the headings above a hit's text; null if there are none besides its title. */
export function headings(hit) {
  const path = hit.heading.filter((heading, index) => index || heading !== hit.title);
  return path.length ? make("p", { className: "headings" }, path.join(" › ")) : null;
}

/** Returns the index in a passage's text after its own heading, which is shown above it already. */
function bodyStart({ text, heading }) {
  const begin = text.length - text.replace(/^[-#=*\s]+/, "").length;
  const last = heading.at(-1);
  if (!last || !text.startsWith(last, begin) || text.length === begin + last.length) return 0;
  const rest = text.slice(begin + last.length);
  return text.length - rest.trimStart().length;
}

/** Returns the nodes of the shown part of a hit's text; `sentence` is the span of the nearest one. */
function textNodes(hit, sentence = null) {
  const { text } = hit;
  const spans = utf16Spans(text, hit.highlights ?? []);
  const [start, end] = snippet(text, spans, bodyStart(hit));
  const [from, to] = sentence ?? [end, end];
  const isShown = from >= start && to <= end && to - from > 1 && to - from < end - start;
  if (sentence && !isShown) return null;
  const middle = sentence
    ? [make("span", { className: "nearest", title: "The sentence closest to the query" }, ...marked(text, spans, from, to))]
    : [];
  const before = marked(text, spans, start, from);
  const after = marked(text, spans, to, end);
  const isCut = start > bodyStart(hit);
  return [...(isCut ? ["…"] : []), ...before, ...middle, ...after, ...(end < text.length ? [" …"] : [])];
}

function score(hit) {
  const cosine = hit.score ?? 0; // null: the model cannot read the passage or the query
  const bar = make("span", { className: "bar", "aria-hidden": "true" }, make("span"));
  bar.firstChild.style.inlineSize = `${Math.round(100 * Math.min(1, Math.max(0, cosine)))}%`;
  const parts = Object.entries(hit.scores)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${value.toFixed(3)}`);
  return make(
    "span",
    { className: "score", title: parts.join(", ") },
    bar,
    make("span", { className: "unseen" }, "score "),
    hit.score === null ? "none" : hit.score.toFixed(2),
  );
}

/** Returns where else the text of a hit is, as buttons that open it there; null if nowhere. */
function otherPlaces(hit, open) {
  const shown = (hit.also_at ?? []).slice(0, MAX_PLACES);
  if (!shown.length) return null;
  const buttons = shown.map((place) => {
    const where = locator(place);
    const button = make("button", { type: "button", className: "quiet" }, place.path + (where ? ` · ${where}` : ""));
    button.addEventListener("click", () => open({ ...hit, ...place }, button));
    return button;
  });
  const more = hit.copies - shown.length;
  return make("p", { className: "places" }, "Also in", ...buttons, more > 0 ? `and ${more} more` : "");
}

/** Returns two buttons that store whether a hit answers the query. */
function thumbs(hit) {
  const thumb = (isRelevant, label) => make("button", {
    type: "button", className: "quiet", title: label, "aria-label": label, "aria-pressed": "false", "data-relevant": isRelevant,
    onclick: async ({ target }) => (await import("./judge.js")).judge(target, hit, isRelevant),
  });
  return make("span", { className: "thumbs" }, thumb(true, "Relevant"), thumb(false, "Not relevant"));
}

/** Returns a list item for one hit. `open(hit, from)` is called to show the hit in its document.
 * `label`: what its button says, if not the title of its document. */
export function hitItem(hit, open, label = "") {
  const button = make("button", { type: "button", className: "open", "data-passage": hit.passage_id }, label || titleOf(hit));
  button.addEventListener("click", () => open(hit, button));
  const place = label ? placeLine(hit).slice(2) : placeLine(hit);
  const item = make(
    "li",
    { className: "hit", "data-hit": hit.passage_id },
    make("div", { className: "top" }, make(label ? "h3" : "h2", {}, button), score(hit)),
    headings(hit),
    make("p", { className: isCode(hit.path) ? "text code" : "text" }, ...textNodes(hit)),
    make("p", { className: "place" }, ...place, thumbs(hit), copyButton(hit.citation, "Copy citation")),
    otherPlaces(hit, open),
  );
  item.addEventListener("click", (event) => {
    const isText = !event.target.closest("button") && getSelection().isCollapsed;
    if (isText) open(hit, button);
  });
  return item;
}

/** Returns the list item of a document with all its hits, the best first. */
export function groupItem([first, ...others], open) {
  const best = hitItem(first, open);
  if (!others.length) return best;
  const more = others.map((hit) =>
    hitItem(hit, open, locator(hit) || hit.heading.at(-1) || "another passage"));
  return make("li", { className: "group" }, make("ol", { "aria-label": `Passages of ${titleOf(first)}` }, best, ...more));
}

/** Marks the sentence of a shown hit that is closest to the query: `start` and `end` in its document. */
export function markSentence(list, hit, { start, end }) {
  const text = list.querySelector(`[data-hit="${hit.passage_id}"] .text`);
  if (!text || getSelection().containsNode(text, true)) return;
  const [from, to] = [utf16Index(hit.text, start - hit.start), utf16Index(hit.text, end - hit.start)];
  const markup = hit.text.slice(from, to).match(/^[-#=*\s]*/)[0].length;
  const nodes = textNodes(hit, [from + markup, to]);
  if (nodes) text.replaceChildren(...nodes);
}

/** Moves the focus to the next (1) or previous (-1) hit of a list, or back to the field. */
export function move(list, step, field) {
  const buttons = [...list.querySelectorAll(".open")];
  const current = document.activeElement.closest(".hit")?.querySelector(".open") ?? document.activeElement;
  const at = buttons.indexOf(current) + step;
  const target = at < 0 ? field : buttons[Math.min(at, buttons.length - 1)];
  target?.focus();
  target?.closest(".hit")?.scrollIntoView({ block: "nearest" });
}
