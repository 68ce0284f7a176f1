// How the model reads a text: tokens, attention rollout as a heat map, nearest words, poolings.

import { post } from "../api.js";
import { counted, make, showMessage } from "../dom.js";

const CELL = 18; // pixels of a token's row and column, at most
const MAX_SIDE = 720; // pixels of the heat map
let typed = "";
let layer = 0; // 0: the last

/** Shows the form in `target`, and the explanation of the last text. */
export async function show(target, { collection }) {
  const field = make("textarea", { id: "explained", rows: 2, maxLength: 2000, value: typed, required: true });
  const status = make("p", { className: "status", role: "status" });
  const result = make("div", { id: "explanation" });
  const form = make("form", { className: "explain" }, make("label", {}, "Text ", field), make("button", {}, "Explain"));
  const run = async () => {
    typed = field.value;
    if (!typed.trim()) return;
    showMessage(status, "Reading…");
    try {
      const found = await post("/v1/explain", { text: typed, ...(layer && { layer }), ...(collection && { collection }) });
      const cut = found.truncated_tokens ? `; ${counted(found.truncated_tokens, "token")} beyond the window` : "";
      showMessage(status, `${counted(found.tokens.length, "token")}, ${counted(found.layers, "layer")}, ${found.pooling} pooling${cut}`);
      result.replaceChildren(...sections(found, (number) => { layer = number; run(); }));
    } catch (error) {
      result.replaceChildren();
      showMessage(status, error.message);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  target.replaceChildren(
    make("p", { className: "note" }, "How the model of this collection reads a sentence: which tokens flow into which."),
    form, status, result);
  await run();
}

function sections(found, choose) {
  const select = make("select", { id: "layer" }, ...Array.from({ length: found.layers }, (_, index) =>
    make("option", { value: index + 1, selected: index + 1 === found.layer }, `after layer ${index + 1}`)));
  select.addEventListener("change", () => choose(Number(select.value)));
  const words = found.words.filter(({ neighbors }) => neighbors.length);
  return [
    make("h2", {}, "Attention rollout"),
    make("label", {}, "Layer ", select),
    heatMap(found),
    make("p", { className: "note" }, "Each row is a token; the darker a column, the more of that token has flowed into it."),
    table("Tokens", ["Token", "Share in the vector", "From other tokens", "Most from"], found.tokens.map((token) => [
      token.token, percent(token.weight), percent(token.from_others[found.layer - 1]),
      token.sources.map((source) => `${source.token} ${percent(source.share)}`).join(", "),
    ])),
    words.length ? table("Nearest words in this context", ["Word", "Nearest"], words.map(({ word, neighbors }) =>
      [word, neighbors.map((each) => `${each.word} ${each.score.toFixed(2)}`).join(", ")])) : null,
    table("Cosines between poolings", ["After layer", "CLS–mean", "CLS–max", "mean–max"], found.poolings.map((each) =>
      [each.layer || "embedding", ...[each.cls_mean, each.cls_max, each.mean_max].map((value) => value.toFixed(3))])),
  ].filter(Boolean);
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

function table(title, heads, rows) {
  return make("section", {}, make("h2", {}, title), make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": title },
    make("table", {},
      make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, ...rows.map(([first, ...others]) => make("tr", {}, make("th", { scope: "row" }, String(first)),
        ...others.map((value) => make("td", {}, String(value)))))))));
}

/** Returns a picture: rows are tokens, columns the tokens that flowed into them. */
function heatMap({ tokens, rollout, layer: number }) {
  const count = tokens.length;
  const cell = Math.max(2, Math.min(CELL, Math.floor(MAX_SIDE / count)));
  const margin = cell >= 10 ? 90 : 0; // room for the tokens
  const side = cell * count + margin;
  const ratio = devicePixelRatio || 1;
  const canvas = make("canvas", { width: side * ratio, height: side * ratio, role: "img", className: "heat",
    "aria-label": `Heat map of ${count} by ${count} tokens after layer ${number}` });
  canvas.dataset.tokens = count;
  canvas.style.inlineSize = `${side}px`;
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const [ink, accent] = ["--ink", "--accent"].map((name) => style.getPropertyValue(name).trim());
  context.scale(ratio, ratio);
  context.font = `${Math.min(12, cell - 2)}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  context.fillStyle = accent;
  rollout.forEach((row, at) => {
    // The own share is much larger than all others: the color follows the root.
    row.forEach((share, column) => {
      context.globalAlpha = Math.sqrt(Math.min(1, share));
      context.fillRect(margin + column * cell, margin + at * cell, cell - (cell > 6 ? 1 : 0), cell - (cell > 6 ? 1 : 0));
    });
  });
  context.globalAlpha = 1;
  context.fillStyle = ink;
  if (margin) {
    tokens.forEach(({ token }, at) => {
      const middle = margin + (at + 0.5) * cell;
      context.textAlign = "right";
      context.fillText(token.slice(0, 14), margin - 5, middle, margin - 5);
      context.save();
      context.translate(middle, margin - 5);
      context.rotate(-Math.PI / 2);
      context.textAlign = "left";
      context.fillText(token.slice(0, 14), 0, 0, margin - 5);
      context.restore();
    });
  }
  return make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Heat map" }, canvas);
}
