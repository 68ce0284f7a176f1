// The page: one field for search and ask, and keyboard shortcuts. Connects the other modules; those
// that are not needed for a search are loaded when they are used.

import { askForToken, get } from "./api.js";
import { showCoverage } from "./coverage.js";
import { addStyles, byId, make, showMessage } from "./dom.js";
import { move } from "./hits.js";
import { search, showFilterError } from "./search.js";
import * as address from "./state.js";

const field = byId("query");
const viewer = byId("preview");
const tabs = Object.fromEntries(["search", "ask", "explore"].map((name) => [name, byId(`tab-${name}`)]));
const CONTROLS = ["mode", "where", "k", "collection"];
let state = address.read();
let collections = [];
let preview = null; // the module of the viewer, once it is loaded
let isPushed = false; // whether the history entry before the open document is the page without it

const isAsking = () => state.tab === "ask";
const isExploring = () => state.tab === "explore";
const load = {
  chat: async () => {
    const [chat, { connect }] = await Promise.all([import("./chat/ask.js"), import("./chat/conversations.js"), addStyles()]);
    connect(selectTalk);
    load.chat = async () => chat;
    return chat;
  },
  viewer: async () => (preview ??= (await Promise.all([import("./viewer/preview.js"), addStyles()]))[0]),
  home: async () => (await Promise.all([import("./home.js"), addStyles()]))[0],
  explore: async () => (await Promise.all([import("./explore/explore.js"), addStyles()]))[0],
};

/** Shows a hit or citation in its document, under an address of its own. */
async function open(citation, from) {
  const wasOpen = Boolean(state.doc);
  address.commit();
  state = { ...state, doc: String(citation.document_id ?? ""), at: `${citation.start}-${citation.end}`, page: String(citation.page ?? "") };
  if (wasOpen) address.replace(state);
  else address.write(state);
  address.commit();
  isPushed ||= !wasOpen;
  await showDocument(citation, from);
}

async function showDocument(citation, from) {
  await load.viewer();
  const link = location.origin + address.addressOf({ ...state, tab: "", talk: "", q: isAsking() ? "" : state.q });
  await preview.open(citation, state.collection, from, link, closed);
}

/** The viewer was closed: the address is again that of the page without it. */
function closed() {
  if (!state.doc) return;
  state = { ...state, doc: "", at: "", page: "" };
  if (isPushed) address.repeat(state);
  else address.replace(state);
  isPushed = false;
}

function closeDocument() {
  if (viewer.open) preview.close();
}

/** Opens the document that the address names. */
async function openLinked() {
  const [start, end] = state.at.split("-").map((part) => Number.parseInt(part, 10) || 0);
  try {
    const { collection } = state;
    const found = await get(`/v1/documents/${Number.parseInt(state.doc, 10)}`, { collection, start, end: Math.max(start, end) });
    const citation = { document_id: found.id, path: found.path, title: found.title, start, end: found.end, text: found.text,
      page: Number.parseInt(state.page, 10) || null, citation: found.path };
    await showDocument(citation, field);
  } catch (error) {
    byId("status").textContent = error.message;
  }
}

/** Copies the controls into the state and the address. */
function readControls() {
  state = { ...state, q: field.value };
  for (const name of CONTROLS) {
    // Before the status is known, the list of collections is empty: the URL's one stays chosen.
    if (name !== "collection" || collections.length) state[name] = byId(name).value;
  }
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
  if (isAsking()) restoreTalk();
  else startSearch(true);
  showFilters();
  if (state.doc) openLinked();
}

/** Searches, or marks hits on the map; without a query, shows the opening screen. */
function startSearch(atOnce) {
  if (isExploring()) {
    load.explore().then(({ show }) => show(state, { open, setView, filter }))
      .catch((error) => { byId("panel-explore").textContent = error.message; });
    return;
  }
  const isEmpty = !state.q.trim();
  byId("home").hidden = !isEmpty;
  search(state, open, atOnce);
  if (!isEmpty) return;
  load.home()
    .then(({ showHome }) => showHome(state.collection, { ask: askNow, open, refresh }))
    .catch((error) => { byId("home").textContent = error.message; });
}

async function showFilters(again = false) {
  const filters = await import("./filters.js").catch(() => null); // the server may be away
  await filters?.showChips(state, (chosen) => {
    address.commit();
    state.chips = chosen;
    address.write(state);
    if (!isAsking()) startSearch(true);
    showFilters();
  }, again);
}

function setView(view) {
  address.commit();
  state = { ...state, view };
  address.write(state);
  startSearch();
}

/** Searches with this filter. */
function filter(where) {
  byId("where").value = where;
  choose("search");
  field.focus();
}

async function restoreTalk() {
  const chat = await load.chat();
  if (!state.talk) return;
  const isHere = await chat.show(state.talk, open);
  showMessage(byId("ask-status"), isHere ? "" : "This answer is stored in another browser. Press Enter to ask the question again.");
  byId("ask-status").hidden = false;
  field.value = isHere ? "" : state.q;
  const answer = location.hash && document.getElementById(location.hash.slice(1));
  if (answer) answer.focus();
}

/** Another conversation was chosen; `isShown`: it is on the screen already. */
function selectTalk(id, isShown = false) {
  if (state.talk === id && isShown) return;
  if (!isShown) address.commit();
  state = { ...state, talk: id, q: "" };
  if (isShown) address.replace(state);
  else {
    address.write(state);
    restoreTalk();
  }
}

async function askNow(question) {
  choose("ask");
  field.value = "";
  (await load.chat()).ask(question, state, open);
  field.focus();
}

function showTab() {
  for (const [name, tab] of Object.entries(tabs)) {
    const isSelected = name === (isAsking() || isExploring() ? state.tab : "search");
    tab.setAttribute("aria-selected", String(isSelected));
    tab.tabIndex = isSelected ? 0 : -1;
    byId(`panel-${name}`).hidden = !isSelected;
  }
  const label = `${isAsking() ? "Ask" : "Search"} the documents`;
  byId("query-label").textContent = label;
  field.placeholder = label;
  field.enterKeyHint = isAsking() ? "send" : "search";
  byId("go").hidden = !isAsking();
  byId("k").closest("label").hidden = isAsking();
}

function choose(tab) {
  state = { ...state, doc: "", at: "", page: "" };
  isPushed = false;
  closeDocument();
  address.commit();
  state.tab = tab === "search" ? "" : tab;
  if (tab !== "ask") state.talk = "";
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
    const names = Object.keys(tabs);
    const other = names[(names.indexOf(name) + (event.key === "ArrowLeft" ? 2 : 1)) % 3];
    choose(other);
    tabs[other].focus();
  });
}

field.addEventListener("input", () => {
  if (isAsking()) return;
  readControls();
  startSearch();
});

for (const name of CONTROLS) {
  byId(name).addEventListener(name === "where" ? "input" : "change", () => {
    if (name === "collection") state.chips = "";
    readControls();
    if (name === "collection") showSelected();
    if (isAsking()) showFilterError("");
    else startSearch(name !== "where");
    if (name === "where" || name === "collection") showFilters();
  });
}

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const question = field.value.trim();
  readControls();
  address.commit();
  if (!isAsking()) {
    startSearch(true);
  } else if (question) {
    field.value = "";
    field.focus();
    (await load.chat()).ask(question, state, open);
  }
});

const withoutDocument = (values) => address.addressOf({ ...values, doc: "", at: "", page: "" });

addEventListener("popstate", () => {
  const before = withoutDocument(state);
  state = address.read();
  isPushed = false;
  address.arrive();
  if (!state.doc) closeDocument();
  if (before !== withoutDocument(state)) restore();
  else if (state.doc) openLinked(); // the search is still there
});

const isTyping = (target) => target.closest("input, textarea");

addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (byId("keys").open || byId("token").open) return;
  if (key === "Escape") {
    if (viewer.open) closeDocument();
    else if (target !== field) field.focus();
    else if (field.value) clear();
    else if (isAsking()) load.chat().then(({ stop }) => stop());
    event.preventDefault();
  } else if (isTyping(target) && target !== field) {
    return;
  } else if (key === "ArrowDown" || key === "ArrowUp") {
    if (isAsking() || isExploring() || target.closest("dialog, select, [role=tab], details")) return;
    move(byId(state.q.trim() ? "hits" : "home"), key === "ArrowDown" ? 1 : -1, field);
    event.preventDefault();
  } else if (target !== field && !viewer.matches(":modal") && key === "/") {
    field.focus();
    field.select();
    event.preventDefault();
  } else if (target !== field && key === "?") {
    showKeys();
    event.preventDefault();
  }
});

function clear() {
  address.commit();
  field.value = "";
  field.dispatchEvent(new Event("input"));
}

const showKeys = async () => (await import("./keys.js")).showKeys();
byId("keys-open").addEventListener("click", showKeys);

askForToken(async (isWrong) => {
  await addStyles();
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

async function readStatus() {
  const status = await get("/v1/status");
  collections = status.collections.map((item) => ({ ...item, version: status.version }));
}

/** Shows what changed after an index run. */
async function refresh() {
  await readStatus();
  showSelected();
  showFilters(true);
}

async function start() {
  for (const name of CONTROLS) byId(name).value = state[name];
  field.value ||= state.q; // keeps what was typed before the page was ready
  showTab();
  try {
    await readStatus();
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
