// Search while typing: the latest request wins; earlier hits stay until the next ones arrive.

import { post } from "./api.js";
import { byId, counted, make, showMessage } from "./dom.js";
import { groupItem, markSentence } from "./hits.js";
import { fullFilter } from "./state.js";

const PAUSE = 120; // ms without a key before a request is sent
const SLOW = 300; // ms before "Searching…" is shown
const NEAREST_PAUSE = 350; // ms between the hits and the request for their nearest sentences
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
    byId("notice").hidden = true;
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
  const fields = { mode: state.mode, where: fullFilter(state), collection: state.collection };
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
    const { hits } = await post("/v1/search", { ...body, highlight: true }, signal);
    clearTimeout(slow);
    if (signal.aborted) return;
    const milliseconds = Math.round(performance.now() - started);
    showFilterError("");
    byId("notice").hidden = true;
    list.dataset.query = state.q;
    show(hits, open);
    status.textContent = hits.length
      ? `${counted(hits.length, "passage")} in ${milliseconds} ms`
      : noHitsMessage(state);
    if (hits.length) timer = setTimeout(() => addNearest(body, hits, signal), NEAREST_PAUSE);
  } catch (error) {
    clearTimeout(slow);
    if (!signal.aborted) showError(error, state, open);
  }
  if (!signal.aborted) list.removeAttribute("aria-busy");
}

/** Marks the nearest sentence of the first hits, and says if nothing is close. */
async function addNearest(body, hits, signal) {
  try {
    const { judgements, notices, sentences } = await post("/v1/nearest", body, signal);
    if (signal.aborted) return;
    const notice = notices.find((line) => line.startsWith("nothing close"));
    showMessage(byId("notice"), notice
      ? `Nothing close: no word of this query occurs here, and the best score is ${notice.split(" ").pop()}.`
      : notices.join("; "));
    if (judgements.length) (await import("./judge.js")).mark(list, hits, judgements);
    for (const sentence of sentences) {
      const hit = hits.find(({ passage_id: id }) => id === sentence.passage_id);
      if (hit) markSentence(list, hit, sentence);
    }
  } catch {
    // The hits are complete without it.
  }
}

/** Shows hits by document. If a hit had the focus, the hit at the same position gets it. */
function show(hits, open) {
  const at = [...list.querySelectorAll(".hit")].findIndex((item) => item.contains(document.activeElement));
  const groups = Map.groupBy
    ? Map.groupBy(hits, (hit) => hit.document_id ?? hit.path)
    : hits.reduce((all, hit) => all.set(hit.path, [...(all.get(hit.path) ?? []), hit]), new Map());
  list.replaceChildren(...[...groups.values()].map((group) => groupItem(group, open)));
  if (at >= 0) (list.querySelectorAll(".hit")[at]?.querySelector(".open") ?? byId("query")).focus();
}

function noHitsMessage(state) {
  if (fullFilter(state)) return "No passages found; the filter may be too narrow.";
  if (state.mode === "lexical") return "No passage contains these words. Dense search may find more.";
  return "No passages found.";
}

function showError(error, state, open) {
  // A filter that is half typed leaves the last hits where they are.
  const isFilter = error.status === 400 && state.where.trim();
  showFilterError(isFilter ? error.message : "");
  if (isFilter) {
    status.textContent = list.children.length ? "The hits are those before this filter." : "";
    return;
  }
  list.replaceChildren();
  const again = make("button", { type: "button" }, "Try again");
  again.addEventListener("click", () => search(state, open, true));
  status.replaceChildren(make("span", { className: "error" }, error.message), " ", again);
}
