// The files that were not read, with the reasons. Loaded when the list is opened.

import { get } from "./api.js";
import { counted, make, showMessage } from "./dom.js";

const PAGE_SIZE = 50;

const describe = ({ path, reason }) => [
  make("span", { className: "path" }, path),
  reason ? make("span", { className: "why" }, reason) : "",
];

function listItem({ path, reason, parts, parts_count: count }) {
  const inner = parts.map((part) => make("li", {}, ...describe(part)));
  const more = count - parts.length;
  if (more > 0) inner.push(make("li", {}, `and ${counted(more, "part")} more`));
  return make("li", { tabIndex: -1 }, ...describe({ path, reason }),
    inner.length ? make("ul", {}, ...inner) : null);
}

/** Returns a closed list; it requests `/v1/unread` with `parameters` when it is opened. */
export function listing(title, parameters) {
  const list = make("ul", { "aria-label": title });
  const status = make("p", { className: "status", role: "status" });
  const button = make("button", { type: "button", className: "quiet", hidden: true });
  const details = make("details", { className: "unread" },
    make("summary", {}, title), status, list, button);
  let after = 0;
  let isLoading = false;

  async function load() {
    if (isLoading) return;
    isLoading = true;
    showMessage(status, after ? "" : "Loading…");
    try {
      const { files, next } = await get("/v1/unread", { ...parameters, after, limit: PAGE_SIZE });
      const items = files.map(listItem);
      list.append(...items);
      if (after) items[0]?.focus(); // a screen reader continues with the first new item
      after = next;
      showMessage(status, list.children.length ? "" : "No files any more.");
      button.textContent = "Show more";
      button.hidden = next === null;
    } catch (error) {
      showMessage(status, error.message);
      button.textContent = "Try again";
      button.hidden = false;
    }
    isLoading = false;
  }

  details.addEventListener("toggle", () => details.open && after === 0 && load());
  button.addEventListener("click", load);
  return details;
}
