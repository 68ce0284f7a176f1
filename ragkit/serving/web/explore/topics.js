// The topics of a collection; a click on one filters the search.

import { get, post } from "../api.js";
import { counted, make, showMessage } from "../dom.js";
import { renew } from "./map.js";

/** Shows the topics in `target`. `actions`: filter(where). */
export async function show(target, state, actions) {
  const { collection } = state;
  const data = await get("/v1/topics", { collection });
  const status = make("p", { className: "status", role: "status" }, summary(data));
  const button = make("button", { type: "button" }, data.topics.length ? "Update topics" : "Find topics");
  button.addEventListener("click", async () => {
    button.disabled = true;
    showMessage(status, "Grouping the passages…");
    try {
      await post("/v1/topics", { ...(collection && { collection }) });
      renew();
      await show(target, state, actions);
    } catch (error) {
      showMessage(status, error.message);
      button.disabled = false;
    }
  });
  const groups = new Map();
  for (const topic of data.topics) groups.set(topic.parent, [...(groups.get(topic.parent) ?? []), topic]);
  target.replaceChildren(
    make("div", { className: "actions" }, data.can_update ? button : null, status),
    ...[...groups].map(([parent, topics]) => make("section", {},
      parent ? make("h2", {}, parent) : null,
      make("ul", { className: "topics", "aria-label": parent ?? "Topics" }, ...topics.map((topic) => item(topic, actions))))));
}

function summary({ topics, passages, unassigned }) {
  if (!topics.length) return "No topics yet.";
  const rest = unassigned ? `; ${counted(unassigned, "passage")} without one` : "";
  return `${counted(topics.length, "topic")}, ${counted(passages, "passage")}${rest}`;
}

function item({ name, terms, passages }, { filter }) {
  const where = `topic = "${name.replace(/["\\]/g, "\\$&")}"`;
  const button = make("button", { type: "button", className: "open", onclick: () => filter(where) }, name);
  const more = terms.filter((term) => !name.split(", ").includes(term)).join(", ");
  return make("li", {}, button, make("span", { className: "when" }, counted(passages, "passage")),
    more ? make("span", { className: "path" }, more) : null);
}
