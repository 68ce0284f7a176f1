// Hits as list items: title, location, score, and the text with the query's words marked.

import { copyButton, make } from "./dom.js";
import { isCode, markStems, snippet } from "./text.js";

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
    place && `· ${place}`,
    hit.stale
      ? make("span", { className: "badge", title: "Run ragkit index to update it" },
          "changed since it was indexed")
      : null,
  ].filter(Boolean);
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

/** Returns a list item. `open(hit, from)` is called to show the hit in its document. */
export function hitItem(hit, queryStems, open) {
  const button = make("button", { type: "button", className: "open", "data-passage": hit.passage_id }, titleOf(hit));
  button.addEventListener("click", () => open(hit, button));
  const item = make(
    "li",
    { className: "hit" },
    make("div", { className: "top" }, make("h3", {}, button), score(hit)),
    headings(hit),
    make("p", { className: isCode(hit.path) ? "text code" : "text" },
      ...markStems(snippet(textOf(hit), queryStems), queryStems)),
    make("p", { className: "place" }, ...placeLine(hit), copyButton(hit.citation, "Copy citation")),
  );
  item.addEventListener("click", (event) => {
    const isText = !event.target.closest("button") && getSelection().isCollapsed;
    if (isText) open(hit, button);
  });
  return item;
}

/** Moves the focus to the next (1) or previous (-1) hit of a list, or back to the field. */
export function move(list, step, field) {
  const buttons = [...list.querySelectorAll(".open")];
  const current = document.activeElement.closest(".hit")?.querySelector(".open");
  const at = buttons.indexOf(current) + step;
  const target = at < 0 ? field : buttons[Math.min(at, buttons.length - 1)];
  target?.focus();
  target?.closest(".hit")?.scrollIntoView({ block: "nearest" });
}
