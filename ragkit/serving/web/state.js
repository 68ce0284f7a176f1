// The search state, kept in the URL: reload, back and bookmarks restore it.

const NAMES = ["q", "mode", "where", "k", "collection", "tab"];
let isCommitted = true; // whether the next change adds a history entry or replaces the last one

/** Returns the state in the URL; missing values are "". */
export function read() {
  const parameters = new URLSearchParams(location.search);
  return Object.fromEntries(NAMES.map((name) => [name, parameters.get(name) ?? ""]));
}

/** Writes a state to the URL. While the user types, the history entry is replaced. */
export function write(state) {
  const pairs = NAMES.filter((name) => state[name]).map((name) => [name, state[name]]);
  const address = pairs.length ? `/?${new URLSearchParams(pairs)}` : "/";
  if (address === location.pathname + location.search) return;
  history[isCommitted ? "pushState" : "replaceState"](null, "", address);
  isCommitted = false;
}

/** Keeps the current entry in the history: the next change adds a new one. */
export function commit() {
  isCommitted = true;
}
