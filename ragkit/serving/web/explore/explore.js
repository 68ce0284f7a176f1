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
let content = null; // of the view that was opened last; one that answers late writes into its own
let views = null;
let last = { key: "", query: "" };

/** Shows the view that the state names. `actions`: open(citation, from), setView(name), filter(where). */
export async function show(state, actions) {
  const name = Object.hasOwn(VIEWS, state.view) ? state.view : "map";
  views ??= Object.fromEntries(Object.entries(VIEWS).map(([view, label]) =>
    [view, make("button", { type: "button", onclick: () => actions.setView(view) }, label)]));
  for (const [view, button] of Object.entries(views)) button.setAttribute("aria-pressed", String(view === name));
  const { key, query } = last;
  last = { key: `${name} ${state.collection}`, query: state.q };
  const isSame = last.key === key;
  if (isSame && name !== "map" && last.query !== query) return; // only the map depends on the query
  if (!isSame || name !== "map") {
    const next = make("div", { id: "explore" });
    if (content) content.replaceWith(next); // the buttons keep the focus
    else panel.replaceChildren(make("div", { className: "views", role: "group", "aria-label": "View" }, ...Object.values(views)), next);
    content = next;
  }
  const own = content;
  try {
    const view = await LOAD[name]();
    await view.show(own, state, actions);
  } catch (error) {
    own.replaceChildren(make("p", { className: "error", role: "alert" }, error.message));
    if (own === content) last.key = "";
  }
}
