// The files that were not read, with their reasons: asked for when someone opens the list.

import { get } from "./api.js";
import { counted, make, tell } from "./dom.js";

const PAGE = 50;

const told = ({ path, reason }) => [
  make("span", { className: "path" }, path),
  reason ? make("span", { className: "why" }, reason) : "",
];

function entry({ path, reason, parts, parts_count: count }) {
  const inner = parts.map((part) => make("li", {}, ...told(part)));
  const more = count - parts.length;
  if (more > 0) inner.push(make("li", {}, `and ${counted(more, "part")} more`));
  return make("li", { tabIndex: -1 }, ...told({ path, reason }),
    inner.length ? make("ul", {}, ...inner) : null);
}

/** A list that is closed; `what` goes to `/v1/unread` when it is opened. */
export function listing(title, what) {
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
    tell(status, after ? "" : "Loading…");
    try {
      const { files, next } = await get("/v1/unread", { ...what, after, limit: PAGE });
      const entries = files.map(entry);
      list.append(...entries);
      if (after) entries[0]?.focus(); // what is new is read from its beginning
      after = next;
      tell(status, list.children.length ? "" : "None any more.");
      button.textContent = "Show more";
      button.hidden = next === null;
    } catch (error) {
      tell(status, error.message);
      button.textContent = "Try again";
      button.hidden = false;
    }
    isLoading = false;
  }

  details.addEventListener("toggle", () => details.open && after === 0 && load());
  button.addEventListener("click", load);
  return details;
}
