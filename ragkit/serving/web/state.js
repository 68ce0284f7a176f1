// The state of the page, kept in the URL: reload, back, bookmarks and links restore it.

const NAMES = ["q", "mode", "where", "chips", "k", "collection", "tab", "view", "talk", "doc", "at", "page"];
let isCommitted = true; // whether the next change adds a history entry or replaces the last one
let isSpare = false; // whether the last entry repeats the one before it

/** Returns the state in the URL; missing values are "". */
export function read() {
  const parameters = new URLSearchParams(location.search);
  return Object.fromEntries(NAMES.map((name) => [name, parameters.get(name) ?? ""]));
}

/** Returns the address of a state. */
export function addressOf(state) {
  const pairs = NAMES.filter((name) => state[name]).map((name) => [name, state[name]]);
  return pairs.length ? `/?${new URLSearchParams(pairs)}` : "/";
}

/** Writes a state to the URL. While the user types, the history entry is replaced. */
export function write(state) {
  const address = addressOf(state);
  if (address === location.pathname + location.search) return;
  history[isCommitted && !isSpare ? "pushState" : "replaceState"](null, "", address);
  isCommitted = isSpare = false;
}

/** Writes a state without a history entry of its own. */
export const replace = (state) => history.replaceState(null, "", addressOf(state));

/** Writes the state of the entry before this one: the next change replaces it. */
export function repeat(state) {
  replace(state);
  isSpare = true;
}

/** Another entry is the current one: after the Back button. */
export function arrive() {
  isSpare = false;
  isCommitted = true;
}

/** Keeps the current entry in the history: the next change adds a new one. */
export function commit() {
  isCommitted = true;
}

/** Returns the chosen filter values, [facet, label, filter]; none if the URL was tampered with. */
export function chips(state) {
  try {
    const values = JSON.parse(state.chips || "[]");
    const isValid = (chip) => Array.isArray(chip) && chip.length === 3 && chip.every((part) => typeof part === "string");
    return Array.isArray(values) ? values.filter(isValid) : [];
  } catch {
    return [];
  }
}

/** Returns facet → filters of its chosen values. */
export function chosen(state) {
  const groups = {};
  for (const [facet, , where] of chips(state)) (groups[facet] ??= []).push(where);
  return groups;
}

/** Returns the filter that was typed together with the chosen values; "" for none. */
export function fullFilter(state) {
  const typed = state.where.trim();
  const groups = Object.values(chosen(state)).map((filters) => `(${filters.join(" or ")})`);
  if (!groups.length) return typed;
  return [...(typed ? [`(${typed})`] : []), ...groups].join(" and ");
}
