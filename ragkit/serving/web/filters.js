// Filter chips: types, folders, years and tags with the number of their documents.

import { post } from "./api.js";
import { byId, make } from "./dom.js";
import { chips, chosen } from "./state.js";

const TITLES = { type: "Type", folder: "Folder", date: "Year", tag: "Tag" };
const SHOWN = 5; // values of a facet, before "more"
const box = byId("chips");
let request = null;
let last = "";
const open = new Set(); // facets that show all of their values

/** Shows the values to choose from. `change(chips)` is called with the new choice, as JSON. */
export async function showChips(state, change, again = false) {
  const body = { where: state.where.trim(), chosen: chosen(state), ...(state.collection && { collection: state.collection }) };
  const key = JSON.stringify(body);
  if (key === last && !again) return;
  request?.abort();
  request = new AbortController();
  const { signal } = request;
  try {
    const facets = await post("/v1/facets", body, signal);
    if (signal.aborted) return;
    last = key;
    show(facets, state, change);
  } catch {
    // A filter that is half typed: the chips stay as they are.
  }
}

function show(facets, state, change) {
  const focused = document.activeElement?.dataset?.chip;
  const selected = chips(state);
  const groups = Object.keys(TITLES).map((facet) => {
    const mine = selected.filter(([name]) => name === facet);
    const known = facets[facet];
    const missing = mine.filter(([, , where]) => !known.some((value) => value.where === where));
    const values = [...known, ...missing.map(([, label, where]) => ({ label, where, documents: 0 }))];
    if (values.length < 2 && !mine.length) return null;
    const isChosen = (value) => mine.some(([, , where]) => where === value.where);
    const all = open.has(facet) || values.length <= SHOWN + 1;
    const visible = values.filter((value, index) => all || index < SHOWN || isChosen(value));
    const buttons = visible.map((value) => chip(facet, value, isChosen(value), selected, change));
    if (!all) {
      buttons.push(make("button", {
        type: "button", className: "quiet", "aria-label": `More of: ${TITLES[facet]}`,
        onclick: () => { open.add(facet); show(facets, state, change); },
      }, `${values.length - visible.length} more`));
    }
    return make("div", { role: "group", className: "facet", "aria-label": TITLES[facet] },
      make("span", { className: "name", "aria-hidden": "true" }, TITLES[facet]), ...buttons);
  }).filter(Boolean);
  if (selected.length) {
    groups.push(make("button", { type: "button", className: "quiet", onclick: () => change("") }, "Clear filters"));
  }
  box.replaceChildren(...groups);
  box.hidden = !groups.length;
  if (focused) box.querySelector(`[data-chip="${CSS.escape(focused)}"]`)?.focus();
}

function chip(facet, { label, where, documents }, isChosen, selected, change) {
  const button = make("button", {
    type: "button", className: "chip", "aria-pressed": String(isChosen), "data-chip": `${facet} ${label}`,
  }, label, make("span", { className: "count" }, ` ${documents.toLocaleString("en")}`));
  button.addEventListener("click", () => {
    const others = selected.filter(([name, , filter]) => !(name === facet && filter === where));
    const next = isChosen ? others : [...others, [facet, label, where]];
    change(next.length ? JSON.stringify(next) : "");
  });
  return button;
}
