// Search as one types: the latest request wins, what was found stays until the next is there.

import { post } from "./api.js";
import { byId, counted, make, tell } from "./dom.js";
import { hitItem } from "./hits.js";
import { stems } from "./text.js";

const PAUSE = 120; // ms without a key before the server is asked
const SLOW = 300; // ms after which it is said that something is being done
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
    refuse("");
    return;
  }
  timer = setTimeout(() => run(state, open), atOnce ? 0 : PAUSE);
}

/** Says what is wrong with the filter, beside it; "" where nothing is. */
export function refuse(message) {
  tell(byId("where-error"), message);
  filter.setAttribute("aria-invalid", String(Boolean(message)));
}

/** The fields of a request that choose how and where to look. */
export function how(state) {
  const fields = { mode: state.mode, where: state.where.trim(), collection: state.collection };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value));
}

async function run(state, open) {
  request = new AbortController();
  const { signal } = request;
  const began = performance.now();
  list.setAttribute("aria-busy", "true");
  const slow = setTimeout(() => (status.textContent = "Searching…"), SLOW);
  try {
    const body = { query: state.q, ...how(state), ...(state.k && { k: Number(state.k) }) };
    const { hits } = await post("/v1/search", body, signal);
    clearTimeout(slow);
    if (signal.aborted) return;
    refuse("");
    show(hits, stems(state.q), open);
    status.textContent = hits.length
      ? `${counted(hits.length, "passage")} in ${Math.round(performance.now() - began)} ms`
      : nothing(state);
  } catch (error) {
    clearTimeout(slow);
    if (!signal.aborted) failed(error, state, open);
  }
  if (!signal.aborted) list.removeAttribute("aria-busy");
}

/** Shows hits; where one of the last had the focus, the one in its place has it then. */
function show(hits, wanted, open) {
  const at = [...list.children].findIndex((each) => each.contains(document.activeElement));
  list.replaceChildren(...hits.map((hit) => hitItem(hit, wanted, open)));
  if (at >= 0) (list.children[at]?.querySelector(".open") ?? byId("query")).focus();
}

function nothing(state) {
  if (state.where.trim()) return "Nothing was found; the filter may let too little through.";
  if (state.mode === "lexical") return "No passage holds these words. Matching by meaning may find more.";
  return "Nothing was found.";
}

function failed(error, state, open) {
  const isFilter = error.status === 400 && state.where.trim();
  refuse(isFilter ? error.message : "");
  list.replaceChildren();
  if (isFilter) {
    status.textContent = "";
    return;
  }
  const again = make("button", { type: "button" }, "Try again");
  again.addEventListener("click", () => search(state, open, true));
  status.replaceChildren(make("span", { className: "error" }, error.message), " ", again);
}
