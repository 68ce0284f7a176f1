// Near-duplicate passages with what differs, and documents that share most of their passages.

import { get } from "../api.js";
import { counted, make, showMessage } from "../dom.js";
import { locator } from "../hits.js";

const AROUND = 60; // characters of unchanged text beside a change
const LABELS = { numbers: "numbers differ", negation: "a negation differs", wording: "wording differs",
  heading: "headings differ", formatting: "only case or punctuation differ" };
const RELATIONS = { identical: ["=", "the same passages"], similar: ["~", "similar"],
  contained: ["⊂", "contained in the second"], version: ["→", "newer version"] };
let bound = 0.95;

/** Shows the groups in `target`. `actions`: open(citation, from). */
export async function show(target, state, actions) {
  const input = make("input", { type: "number", min: 0.5, max: 1, step: 0.01, value: bound, id: "min-score" });
  const status = make("p", { className: "status", role: "status" }, "Comparing the passages…");
  const list = make("div", {});
  input.addEventListener("change", () => {
    if (!input.checkValidity() || !input.value) return;
    bound = Number(input.value);
    load();
  });
  target.replaceChildren(make("div", { className: "actions" }, make("label", {}, "Minimum cosine ", input)), status, list);
  let asked = null;
  async function load() {
    asked?.abort();
    const { signal } = (asked = new AbortController());
    showMessage(status, "Comparing the passages…");
    try {
      const found = await get("/v1/duplicates", { collection: state.collection, min_score: bound }, signal);
      if (signal.aborted) return;
      showMessage(status, `${counted(found.group_count, "group")} of near-duplicates among ${counted(found.passages, "different passage")}`);
      list.replaceChildren(
        make("ol", { className: "groups", "aria-label": "Groups of near-duplicates" }, ...found.groups.map((group) => groupItem(group, actions))),
        found.documents.length ? make("h2", {}, "Documents that share passages") : "",
        make("ul", { className: "rows", "aria-label": "Documents that share passages" }, ...found.documents.map((pair) => pairItem(pair, actions))));
    } catch (error) {
      if (!signal.aborted) showMessage(status, error.message);
    }
  }
  await load();
}

function groupItem(members, { open }) {
  const [{ passage: first }] = members;
  return make("li", {}, make("p", { className: "text" }, cut(first.text)),
    make("ul", {}, ...members.map(({ passage, difference }) => {
      const place = passage.path + (locator(passage) ? ` · ${locator(passage)}` : "");
      const button = make("button", { type: "button", className: "open" }, place);
      button.addEventListener("click", () => open(passage, button));
      const copies = passage.copies ? `the same text at ${counted(passage.copies, "other place")}` : "";
      return make("li", {}, button, ...describe(difference, passage.score),
        copies ? make("span", { className: "why" }, copies) : null);
    })));
}

function describe(difference, score) {
  if (!difference) return [];
  const labels = difference.changes.map((change) =>
    make("span", { className: change === "numbers" || change === "negation" ? "badge" : "why" }, LABELS[change] ?? change));
  const parts = difference.parts.map(([operation, text], index, all) => {
    if (operation === "removed") return make("del", {}, text);
    if (operation === "added") return make("ins", {}, text);
    return between(text, index > 0, index < all.length - 1);
  });
  return [make("span", { className: "why" }, `cosine ${score.toFixed(3)}`), ...labels,
    difference.changes.length ? make("p", { className: "changed" }, ...parts) : null].filter(Boolean);
}

/** Returns unchanged text, shortened to what is next to the changes. */
function between(text, isAfter, isBefore) {
  if (text.length <= 2 * AROUND) return text;
  return `${isAfter ? text.slice(0, AROUND) : ""} … ${isBefore ? text.slice(-AROUND) : ""}`;
}

const cut = (text) => (text.length > 300 ? `${text.slice(0, 300)}…` : text);

function pairItem(pair, { open }) {
  const [sign, label] = RELATIONS[pair.relation];
  const name = (id, path) => {
    const button = make("button", { type: "button", className: "open" }, path);
    button.addEventListener("click", () => open({ document_id: id, path, title: "", start: 0, end: 0, citation: path, text: "" }, button));
    return button;
  };
  return make("li", {}, name(pair.document_id, pair.path), make("span", { "aria-hidden": "true" }, sign),
    name(pair.other_document_id, pair.other_path),
    make("span", { className: "when" }, `${label}; ${percent(pair.shared)} and ${percent(pair.other_shared)} shared`));
}

const percent = (share) => `${Math.round(100 * share)} %`;
