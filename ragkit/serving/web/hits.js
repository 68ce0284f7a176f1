// Hits as list items: title, location, score, and the text with the query's words marked.

import { copyButton, make } from "./dom.js";
import { isCode, markStems, snippet, utf16Index } from "./text.js";

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
  ].filter((part) => part !== null);
}

function headings(hit) {
  const path = hit.heading.filter((heading, index) => index || heading !== hit.title);
  return path.length ? make("p", { className: "headings" }, path.join(" › ")) : null;
}

/** A passage's text without its own heading, which is shown above it already. */
function textOf(hit) {
  const text = hit.text.replace(/^[-#=*\s]+/, "");
  const heading = hit.heading.at(-1);
  return heading && text.startsWith(heading) && text.length > heading.length
    ? text.slice(heading.length).trimStart()
    : hit.text;
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

/** Returns a list item for one hit. `open(hit, from)` is called to show the hit in its document.
 * `label`: what its button says, if not the title of its document. */
export function hitItem(hit, queryStems, open, label = "") {
  const button = make("button", { type: "button", className: "open", "data-passage": hit.passage_id }, label || titleOf(hit));
  button.addEventListener("click", () => open(hit, button));
  const place = label ? placeLine(hit).slice(2) : placeLine(hit);
  const item = make(
    "li",
    { className: "hit", "data-hit": hit.passage_id },
    make("div", { className: "top" }, make(label ? "h3" : "h2", {}, button), score(hit)),
    headings(hit),
    make("p", { className: isCode(hit.path) ? "text code" : "text" },
      ...markStems(snippet(textOf(hit), queryStems), queryStems)),
    make("p", { className: "place" }, ...place, copyButton(hit.citation, "Copy citation")),
  );
  item.addEventListener("click", (event) => {
    const isText = !event.target.closest("button") && getSelection().isCollapsed;
    if (isText) open(hit, button);
  });
  return item;
}

/** Returns the list item of a document with all its hits, the best first. */
export function groupItem([first, ...others], queryStems, open) {
  const best = hitItem(first, queryStems, open);
  if (!others.length) return best;
  const more = others.map((hit) =>
    hitItem(hit, queryStems, open, locator(hit) || hit.heading.at(-1) || "another passage"));
  return make("li", { className: "group" }, make("ol", { "aria-label": `Passages of ${titleOf(first)}` }, best, ...more));
}

/** Marks the sentence of a shown hit that is closest to the query: `start` and `end` in its document. */
export function markSentence(list, hit, { start, end }, queryStems) {
  const text = list.querySelector(`[data-hit="${hit.passage_id}"] .text`);
  const shown = text?.textContent.replace(/^…|\s?…$/g, "") ?? "";
  const [from, to] = [utf16Index(hit.text, start - hit.start), utf16Index(hit.text, end - hit.start)];
  const sentence = hit.text.slice(from, to).replace(/^[-#=*\s]+/, "");
  const at = sentence.length > 1 && sentence.length < shown.length ? shown.indexOf(sentence) : -1;
  if (at < 0 || getSelection().containsNode(text, true)) return;
  const cut = text.textContent.indexOf(sentence);
  const part = (from, to) => markStems(text.textContent.slice(from, to), queryStems);
  text.replaceChildren(
    ...part(0, cut),
    make("span", { className: "nearest", title: "The sentence closest to the query" }, ...part(cut, cut + sentence.length)),
    ...part(cut + sentence.length),
  );
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
