// The list of keyboard shortcuts. Loaded when it is opened.

import { addStyles, byId, make } from "./dom.js";

const KEYS = [
  [["/"], "go to the search field"],
  [["↓", "↑"], "move through the hits"],
  [["Enter"], "open the passage in its document, or ask"],
  [["Esc"], "close the document, or clear the field"],
  [["?"], "show this list"],
];

/** Opens the list. */
export async function showKeys() {
  await addStyles();
  const dialog = byId("keys");
  const rows = KEYS.map(([keys, text]) => make("div", {},
    make("dt", {}, ...keys.flatMap((key) => [make("kbd", {}, key), " "])), make("dd", {}, text)));
  dialog.replaceChildren(make("h2", { id: "keys-title" }, "Keyboard shortcuts"), make("dl", {}, ...rows),
    make("form", { method: "dialog" }, make("button", {}, "Close")));
  if (!dialog.open) dialog.showModal();
}
