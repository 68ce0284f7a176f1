// The collection as a whole: its map, topics and near-duplicates, and how the model reads a text.
// Each view is loaded when it is opened.

import { byId, make } from "../dom.js";

const VIEWS = { map: "Map", topics: "Topics", duplicates: "Duplicates", text: "Explain" };
const LOAD = {
  map: () => import("./map.js"),
  topics: () => import("./topics.js"),
  duplicates: () => import("./duplicates.js"),
  text: () => import("./text.js"),
};
const panel = byId("panel-explore");
const content = make("div", { id: "explore" });
let views = null;
let opened = 0;

/** Shows the view that the state names. `actions`: open(citation, from), setView(name), filter(where). */
export async function show(state, actions) {
  const name = Object.hasOwn(VIEWS, state.view) ? state.view : "map";
  views ??= Object.fromEntries(Object.entries(VIEWS).map(([view, label]) =>
    [view, make("button", { type: "button", onclick: () => actions.setView(view) }, label)]));
  if (!content.isConnected) {
    panel.replaceChildren(make("div", { className: "views", role: "group", "aria-label": "View" }, ...Object.values(views)), content);
  }
  for (const [view, button] of Object.entries(views)) button.setAttribute("aria-pressed", String(view === name));
  const mine = (opened += 1);
  try {
    const view = await LOAD[name]();
    if (mine === opened) await view.show(content, state, actions);
  } catch (error) {
    if (mine === opened) content.replaceChildren(make("p", { className: "error", role: "alert" }, error.message));
  }
}
