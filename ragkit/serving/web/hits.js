// What was found, as a list: where it stands, how near it is, its words in the text.

import { copyButton, make } from "./dom.js";
import { isCode, marked, snippet } from "./text.js";

const PLACES = { page: "page", slide: "slide", sheet: "sheet", cell: "cell", chapter: "chapter", row: "row", time: "at" };

/** Where in its file something stands, in words; "" where it is all of it. */
export function locator({ locator: found, page, start_line: from, end_line: to }) {
  if (found) {
    const [kind, ...rest] = found.split("=");
    return `${PLACES[kind] ?? kind} ${rest.join("=").replace("-", "–")}`;
  }
  if (page) return `page ${page}`;
  if (!from) return "";
  return to > from ? `lines ${from}–${to}` : `line ${from}`;
}

/** What to call a document. */
export const titleOf = (found) => found.title || found.path.split("/").pop();

/** Path and place, and that the file is no more what it was. */
export function placeLine(found) {
  const place = locator(found);
  return [
    make("span", { className: "path" }, found.path),
    place && `· ${place}`,
    found.stale
      ? make("span", { className: "badge", title: "Index it again to see it as it is now" },
          "changed since it was indexed")
      : null,
  ].filter(Boolean);
}

function headings(hit) {
  const path = hit.heading.filter((each, index) => index || each !== hit.title);
  return path.length ? make("p", { className: "headings" }, path.join(" › ")) : null;
}

/** A passage's text without the heading it begins with: that stands above it already. */
function textOf(hit) {
  const text = hit.text.replace(/^[-#=*\s]+/, "");
  const heading = hit.heading.at(-1);
  return heading && text.startsWith(heading) && text.length > heading.length
    ? text.slice(heading.length).trimStart()
    : hit.text;
}

function score(hit) {
  const bar = make("span", { className: "bar", "aria-hidden": "true" }, make("span"));
  bar.firstChild.style.inlineSize = `${Math.round(100 * Math.min(1, Math.max(0, hit.score)))}%`;
  const parts = Object.entries(hit.scores)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${value.toFixed(3)}`);
  return make(
    "span",
    { className: "score", title: parts.join(", ") },
    bar,
    make("span", { className: "unseen" }, "score "),
    hit.score.toFixed(2),
  );
}

/** A list item. `open(hit, from)` is called where the hit is to be shown in its document. */
export function hitItem(hit, wanted, open) {
  const button = make("button", { type: "button", className: "open" }, titleOf(hit));
  button.addEventListener("click", () => open(hit, button));
  const item = make(
    "li",
    { className: "hit" },
    make("div", { className: "top" }, make("h3", {}, button), score(hit)),
    headings(hit),
    make("p", { className: isCode(hit.path) ? "text code" : "text" },
      ...marked(snippet(textOf(hit), wanted), wanted)),
    make("p", { className: "place" }, ...placeLine(hit), copyButton(hit.citation, "Copy citation")),
  );
  item.addEventListener("click", (event) => {
    const isText = !event.target.closest("button") && getSelection().isCollapsed;
    if (isText) open(hit, button);
  });
  return item;
}

/** Moves the focus to the next (1) or the last (-1) hit of a list, or back to the field. */
export function move(list, step, field) {
  const buttons = [...list.querySelectorAll(".open")];
  const current = document.activeElement.closest(".hit")?.querySelector(".open");
  const at = buttons.indexOf(current) + step;
  const target = at < 0 ? field : buttons[Math.min(at, buttons.length - 1)];
  target?.focus();
  target?.closest(".hit")?.scrollIntoView({ block: "nearest" });
}
