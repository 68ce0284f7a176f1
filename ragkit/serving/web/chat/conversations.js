// The list of stored conversations: search, names, export.

import { byId, counted, make, showMessage } from "../dom.js";
import { current, listen, startConversation } from "./ask.js";
import * as store from "./store.js";

const tools = byId("talk-tools");
const name = byId("talk-name");
const list = byId("talks");
const search = byId("talk-search");
let show = () => {}; // shows a conversation by its id
let onSelect = () => {};

/** Registers `select(id)`, called when another conversation is chosen ("" for a new one). */
export function connect(select) {
  onSelect = select;
  show = (id) => onSelect(id);
  listen((talk) => {
    showTools(talk);
    refresh();
    onSelect(talk?.id ?? "", true);
  });
  showTools(current());
  refresh();
}

function showTools(talk) {
  tools.hidden = !talk;
  if (talk && document.activeElement !== name) name.value = talk.name;
}

async function refresh() {
  const talks = await store.all().catch(() => []);
  byId("talks-box").hidden = !talks.length;
  byId("talks-title").textContent = `Conversations: ${talks.length}`;
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const contains = (talk) => {
    const text = [talk.name, ...talk.turns.flatMap((turn) => [turn.question, turn.text])].join("\n").toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const found = talks.filter(contains);
  list.replaceChildren(...found.map((talk) => {
    const button = make("button", { type: "button", className: "open" }, talk.name);
    if (talk.id === current()?.id) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => show(talk.id));
    const date = new Date(talk.updated).toLocaleDateString(undefined, { dateStyle: "medium" });
    return make("li", {}, button, make("span", { className: "when" }, `${counted(talk.turns.length, "answer")}, ${date}`));
  }));
  showMessage(byId("talks-status"), found.length ? "" : "No conversation has these words.");
}

function download(text, fileName, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: address, download: fileName }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

const fileName = (talk) => talk.name.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60) || "conversation";

search.addEventListener("input", refresh);
name.addEventListener("change", async () => {
  const talk = current();
  if (!talk) return;
  talk.name = name.value.trim() || talk.name;
  name.value = talk.name;
  await store.save(talk).catch(() => {});
  refresh();
});
byId("talk-markdown").addEventListener("click", () => {
  const talk = current();
  download(store.toMarkdown(talk), `${fileName(talk)}.md`, "text/markdown");
});
byId("talk-json").addEventListener("click", () => {
  const talk = current();
  download(JSON.stringify(talk, null, 2), `${fileName(talk)}.json`, "application/json");
});
byId("forget").addEventListener("click", () => {
  startConversation();
  byId("query").focus();
});
byId("talk-delete").addEventListener("click", async () => {
  const talk = current();
  if (!talk) return;
  await store.remove(talk.id).catch(() => {});
  startConversation();
  byId("query").focus();
});
