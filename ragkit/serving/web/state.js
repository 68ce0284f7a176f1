// What is asked for, kept in the address: reload, back and a bookmark bring it again.

const NAMES = ["q", "mode", "where", "k", "collection", "tab"];
let settled = true; // the next change is a new entry of the history, no correction of the last

/** The state in the address; what is not there is "". */
export function read() {
  const found = new URLSearchParams(location.search);
  return Object.fromEntries(NAMES.map((name) => [name, found.get(name) ?? ""]));
}

/** Puts a state in the address. While someone types, the entry is rewritten. */
export function write(state) {
  const given = NAMES.filter((name) => state[name]).map((name) => [name, state[name]]);
  const address = given.length ? `/?${new URLSearchParams(given)}` : "/";
  if (address === location.pathname + location.search) return;
  history[settled ? "pushState" : "replaceState"](null, "", address);
  settled = false;
}

/** What is there now will be come back to: something was done with it. */
export function settle() {
  settled = true;
}
