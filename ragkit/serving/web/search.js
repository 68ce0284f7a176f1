// Search while typing: the latest request wins; earlier hits stay until the next ones arrive.

import { post } from "./api.js";
import { byId, counted, make, showMessage } from "./dom.js";
import { hitItem } from "./hits.js";
import { stems } from "./text.js";

const PAUSE = 120; // ms without a key before a request is sent
const SLOW = 300; // ms before "Searching…" is shown
const list = byId("hits");
const status = byId("status");
const filter = byId("where");
let request = null;
let timer = 0;

/** Searches for `state.q`, after a pause or at once. `open(hit, from)` shows one of the hits. */
export function search(state, open, atOnce = false) {
  clearTimeout(timer);
  request?.abort();
  if (!state.q.trim()) {
    list.replaceChildren();
    list.removeAttribute("aria-busy");
    status.textContent = "";
    showFilterError("");
    return;
  }
  timer = setTimeout(() => run(state, open), atOnce ? 0 : PAUSE);
}

/** Shows an error message beside the filter, or hides it (""). */
export function showFilterError(message) {
  showMessage(byId("where-error"), message);
  filter.setAttribute("aria-invalid", String(Boolean(message)));
}

/** Returns the search options in the state as fields of a request. */
export function searchOptions(state) {
  const fields = { mode: state.mode, where: state.where.trim(), collection: state.collection };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value));
}

async function run(state, open) {
  request = new AbortController();
  const { signal } = request;
  const started = performance.now();
  list.setAttribute("aria-busy", "true");
  const slow = setTimeout(() => (status.textContent = "Searching…"), SLOW);
  try {
    const body = { query: state.q, ...searchOptions(state), ...(state.k && { k: Number(state.k) }) };
    const { hits } = await post("/v1/search", body, signal);
    clearTimeout(slow);
    if (signal.aborted) return;
    showFilterError("");
    show(hits, stems(state.q), open);
    status.textContent = hits.length
      ? `${counted(hits.length, "passage")} in ${Math.round(performance.now() - started)} ms`
      : noHitsMessage(state);
  } catch (error) {
    clearTimeout(slow);
    if (!signal.aborted) showError(error, state, open);
  }
  if (!signal.aborted) list.removeAttribute("aria-busy");
}

/** Shows hits. If a hit had the focus, the hit at the same position gets it. */
function show(hits, queryStems, open) {
  const at = [...list.children].findIndex((item) => item.contains(document.activeElement));
  list.replaceChildren(...hits.map((hit) => hitItem(hit, queryStems, open)));
  if (at >= 0) (list.children[at]?.querySelector(".open") ?? byId("query")).focus();
}

function noHitsMessage(state) {
  if (state.where.trim()) return "No passages found; the filter may be too narrow.";
  if (state.mode === "lexical") return "No passage contains these words. Dense search may find more.";
  return "No passages found.";
}

function showError(error, state, open) {
  const isFilter = error.status === 400 && state.where.trim();
  showFilterError(isFilter ? error.message : "");
  list.replaceChildren();
  if (isFilter) {
    status.textContent = "";
    return;
  }
  const again = make("button", { type: "button" }, "Try again");
  again.addEventListener("click", () => search(state, open, true));
  status.replaceChildren(make("span", { className: "error" }, error.message), " ", again);
}
