// The page: one field for search and ask, and keyboard shortcuts. Connects the other modules.

import { askForToken, get } from "./api.js";
import { ask, stop } from "./ask.js";
import { showCoverage } from "./coverage.js";
import { byId, make, showMessage } from "./dom.js";
import { move } from "./hits.js";
import * as preview from "./preview.js";
import { search, showFilterError } from "./search.js";
import * as address from "./state.js";

const field = byId("query");
const tabs = { search: byId("tab-search"), ask: byId("tab-ask") };
const CONTROLS = ["mode", "where", "k", "collection"];
let state = address.read();
let collections = [];

const isAsking = () => state.tab === "ask";

function open(citation, from) {
  address.commit();
  return preview.open(citation, state.collection, from);
}

/** Copies the controls into the state and the address. */
function readControls() {
  state = { ...state, q: field.value };
  for (const name of CONTROLS) state[name] = byId(name).value;
  address.write(state);
}

/** Copies the state into the controls and searches. */
function restore() {
  field.value = state.q;
  for (const name of CONTROLS) byId(name).value = state[name];
  if (!byId("collection").value && collections.length) {
    byId("collection").value = collections[0].name;
  }
  showTab();
  if (!isAsking()) search(state, open, true);
}

function showTab() {
  for (const [name, tab] of Object.entries(tabs)) {
    const isSelected = name === (isAsking() ? "ask" : "search");
    tab.setAttribute("aria-selected", String(isSelected));
    tab.tabIndex = isSelected ? 0 : -1;
    byId(`panel-${name}`).hidden = !isSelected;
  }
  const label = isAsking() ? "Ask the documents" : "Search the documents";
  byId("query-label").textContent = label;
  field.placeholder = label;
  field.enterKeyHint = isAsking() ? "send" : "search";
  byId("go").hidden = !isAsking();
  byId("k").closest("label").hidden = isAsking();
}

function choose(tab) {
  if (preview.isOpen()) preview.close();
  address.commit();
  state.tab = tab === "ask" ? "ask" : "";
  readControls();
  address.commit();
  restore();
}

for (const [name, tab] of Object.entries(tabs)) {
  tab.addEventListener("click", () => {
    choose(name);
    field.focus();
    field.select(); // the text stays and is replaced by the next key
  });
  tab.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = name === "ask" ? "search" : "ask";
    choose(other);
    tabs[other].focus();
  });
}

field.addEventListener("input", () => {
  if (isAsking()) return;
  readControls();
  search(state, open);
});

for (const name of CONTROLS) {
  byId(name).addEventListener(name === "where" ? "input" : "change", () => {
    readControls();
    if (name === "collection") showSelected();
    if (isAsking()) showFilterError("");
    else search(state, open, name !== "where");
  });
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = field.value.trim();
  readControls();
  address.commit();
  if (!isAsking()) {
    search(state, open, true);
  } else if (question) {
    field.value = "";
    field.focus();
    ask(question, state, open);
  }
});

addEventListener("popstate", () => {
  if (preview.isOpen()) preview.close();
  state = address.read();
  address.commit();
  restore();
});

const isTyping = (target) => target.closest("input, textarea");

addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (byId("keys").open || byId("token").open) return;
  if (key === "Escape") {
    if (preview.isOpen()) preview.close();
    else if (target !== field) field.focus();
    else if (field.value) clear();
    else if (isAsking()) stop();
    event.preventDefault();
  } else if (isTyping(target) && target !== field) {
    return;
  } else if (key === "ArrowDown" || key === "ArrowUp") {
    if (isAsking() || target.closest("dialog, select, [role=tab], details")) return;
    move(byId("hits"), key === "ArrowDown" ? 1 : -1, field);
    event.preventDefault();
  } else if (target !== field && !byId("preview").matches(":modal") && key === "/") {
    field.focus();
    field.select();
    event.preventDefault();
  } else if (target !== field && key === "?") {
    byId("keys").showModal();
    event.preventDefault();
  }
});

function clear() {
  address.commit();
  field.value = "";
  field.dispatchEvent(new Event("input"));
}

byId("keys-open").addEventListener("click", () => byId("keys").showModal());

askForToken((isWrong) => {
  const dialog = byId("token");
  showMessage(byId("token-error"), isWrong ? "The server refuses this token." : "");
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    byId("token-form").onsubmit = (event) => {
      event.preventDefault();
      dialog.close();
      resolve(byId("token-value").value.trim());
      byId("token-value").value = "";
    };
  });
});
byId("token").addEventListener("cancel", (event) => event.preventDefault());

function showSelected() {
  const selected = collections.find(({ name }) => name === state.collection) ?? collections[0];
  showCoverage(selected, selected.version);
}

async function start() {
  for (const name of CONTROLS) byId(name).value = state[name];
  field.value ||= state.q; // keeps what was typed before the page was ready
  showTab();
  try {
    const status = await get("/v1/status");
    collections = status.collections.map((item) => ({ ...item, version: status.version }));
  } catch (error) {
    byId("coverage-line").textContent = error.message;
  }
  if (collections.length > 1) {
    byId("collection").replaceChildren(
      ...collections.map(({ name }) => make("option", { value: name }, name)));
    byId("collection-field").hidden = false;
    state.collection ||= collections[0].name;
  }
  if (collections.length) showSelected();
  state.q = field.value;
  restore();
}

start();
