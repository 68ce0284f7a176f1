// The map: passages as points, similar ones near each other; a search marks its hits.

import { get, post } from "../api.js";
import { counted, make, showMessage } from "../dom.js";
import { locator, titleOf } from "../hits.js";
import { searchOptions } from "../search.js";
import { scatter } from "./scatter.js";

const PAUSE = 150; // ms without a key or a movement before something is requested
const SHOWN = 320; // characters of a passage
// Told apart by people who see few colors, too (Okabe and Ito), then a few more.
const PALETTE = [[0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167], [213, 94, 0], [86, 180, 233],
  [150, 140, 20], [120, 94, 240], [166, 86, 40], [220, 38, 127]];
const OTHERS = [140, 146, 150];
const BY = { topic: "topic", folder: "folder", type: "type" };

const box = make("div", { className: "map" });
let shown = null; // { key, data, plot } of the picture on the screen
let chosen = -1; // group that was chosen in the legend
let current = -1; // point that is described
let hits = []; // points of the hits
let color = "topic";
let wanted = ""; // key of the picture that was requested last
let timer = 0;
let asked = null; // the search in progress
const texts = new Map(); // passage id → promise of its text

const status = make("p", { className: "status", role: "status", id: "map-status" });
const card = make("div", { className: "card", "aria-live": "polite", id: "map-passage" });
const legend = make("ul", { className: "legend", "aria-label": "Legend" });
const select = make("select", { id: "map-color" },
  ...Object.entries(BY).map(([value, label]) => make("option", { value }, label)));

/** Shows the map in `target`. `actions`: open(citation, from). */
export async function show(target, state, actions) {
  if (!box.isConnected) target.replaceChildren(box);
  const key = (wanted = `${state.collection} ${color}`);
  if (shown?.key !== key || shown.isOld) {
    showMessage(status, "Placing the passages…");
    if (!box.contains(status)) box.replaceChildren(status);
    const data = await get("/v1/map", { collection: state.collection, color });
    if (key !== wanted) return;
    if (shown?.collection !== state.collection) texts.clear();
    shown = { key, data, collection: state.collection };
    draw(state, actions);
  }
  await mark(state);
}

/** The next map is requested anew: topics have changed. */
export function renew() {
  if (shown) shown.isOld = true;
}

function draw(state, actions) {
  const { data } = shown;
  [chosen, current, hits] = [-1, -1, []];
  if (!data.passage_id.length) {
    box.replaceChildren(status);
    showMessage(status, "No passage has a vector yet.");
    shown.plot = null;
    return;
  }
  const canvas = make("canvas", {
    tabIndex: 0, role: "application", "aria-label": `Map of ${counted(data.passage_id.length, "passage")}`,
    "aria-describedby": "map-passage map-help",
  });
  canvas.dataset.points = data.passage_id.length;
  const ring = make("span", { className: "ring", hidden: true });
  shown.plot = scatter(canvas, data.x, data.y);
  const zoom = (label, sign, act) => make("button", { type: "button", "aria-label": label, title: label, onclick: () => { act(); moveRing(); } }, sign);
  select.value = color;
  select.onchange = () => {
    color = select.value;
    show(box.parentElement, state, actions).catch((error) => showMessage(status, error.message));
  };
  shown.ring = ring;
  box.replaceChildren(
    make("div", { className: "tools" }, make("label", {}, "Color by ", select),
      zoom("Zoom in", "+", () => shown.plot.zoom(1.5)), zoom("Zoom out", "−", () => shown.plot.zoom(1 / 1.5)),
      zoom("Show all", "Show all", () => shown.plot.reset())),
    status,
    make("div", { className: "picture" }, canvas, ring),
    card,
    make("p", { className: "note", id: "map-help" }, "Arrow keys move from point to point, Enter opens the passage, + and − zoom."),
    legend);
  describe(-1);
  showLegend();
  listen(canvas, state, actions);
  new ResizeObserver(() => { shown.plot?.draw(); moveRing(); }).observe(canvas);
  paint();
}

function paint() {
  if (!shown?.plot) return;
  const { data, plot } = shown;
  const isHit = new Set(hits);
  const alpha = (index) => {
    if (isHit.has(index)) return 255;
    if (chosen >= 0 && !isChosen(data.group[index])) return 25;
    return hits.length ? 60 : 205;
  };
  plot.color((index) => [...(PALETTE[data.group[index]] ?? OTHERS), alpha(index)], hits);
}

const isChosen = (group) => (chosen === PALETTE.length ? group >= chosen : group === chosen);

function showLegend() {
  const { groups } = shown.data;
  const entries = groups.slice(0, PALETTE.length).map(({ name, points }) => [name || "none", points]);
  const rest = groups.slice(PALETTE.length);
  if (rest.length) {
    entries.push([`${rest.length.toLocaleString("en")} others`, rest.reduce((sum, { points }) => sum + points, 0)]);
  }
  legend.replaceChildren(...entries.map(([name, points], index) => {
    const swatch = make("span", { className: "swatch", "aria-hidden": "true" });
    swatch.style.backgroundColor = `rgb(${PALETTE[index] ?? OTHERS})`;
    const button = make("button", { type: "button", className: "chip", "aria-pressed": "false" },
      swatch, name, make("span", { className: "count" }, ` ${points.toLocaleString("en")}`));
    button.addEventListener("click", () => {
      chosen = chosen === index ? -1 : index;
      [...legend.querySelectorAll("button")].forEach((each, at) => each.setAttribute("aria-pressed", String(at === chosen)));
      paint();
    });
    return make("li", {}, button);
  }));
}

/** Marks the hits of the query, if there is one. */
async function mark(state) {
  asked?.abort();
  clearTimeout(timer);
  if (!shown?.plot) return;
  const query = state.q.trim();
  const { data } = shown;
  if (!query) {
    hits = [];
    paint();
    showMessage(status, `${counted(data.passage_id.length, "passage")}, ${data.method.toUpperCase()}. A search marks its hits.`);
    return;
  }
  await new Promise((resolve) => (timer = setTimeout(resolve, PAUSE)));
  asked = new AbortController();
  const { signal } = asked;
  try {
    const found = await post("/v1/search", { query, ...searchOptions(state), ...(state.k && { k: Number(state.k) }) }, signal);
    if (signal.aborted || data !== shown.data) return;
    const at = new Map(data.passage_id.map((id, index) => [id, index]));
    const ids = found.hits.flatMap((hit) => [hit, ...(hit.also_at ?? [])].map((place) => place.passage_id));
    hits = ids.map((id) => at.get(id)).filter((index) => index !== undefined);
    paint();
    if (hits.length) describe(hits[0]);
    showMessage(status, `${counted(hits.length, "passage")} of ${data.passage_id.length.toLocaleString("en")} marked`);
  } catch (error) {
    if (!signal.aborted) showMessage(status, error.message);
  }
}

/** Returns the promise of a passage's text and place. */
function textOf(index) {
  const id = shown.data.passage_id[index];
  if (!texts.has(id)) {
    const text = get("/v1/get", { reference: id, collection: shown.collection });
    text.catch(() => texts.delete(id));
    texts.set(id, text);
  }
  return texts.get(id);
}

async function citationOf(index) {
  const found = await textOf(index);
  return { ...found, document_id: shown.data.documents[shown.data.document[index]].id };
}

function moveRing() {
  const { ring, plot } = shown ?? {};
  if (!plot) return;
  ring.hidden = current < 0;
  if (current < 0) return;
  const [left, top] = plot.at(current);
  ring.style.translate = `${left}px ${top}px`;
}

/** Describes a point below the picture: path, place and the beginning of its text. */
async function describe(index) {
  current = index;
  moveRing();
  if (index < 0) {
    card.replaceChildren(make("p", { className: "note" }, "Point at a passage, or move there with the arrow keys."));
    return;
  }
  const { data } = shown;
  const group = data.groups[data.group[index]].name;
  const path = data.documents[data.document[index]].path;
  try {
    const found = await textOf(index);
    if (current !== index) return;
    const text = found.text.length > SHOWN ? `${found.text.slice(0, SHOWN)}…` : found.text;
    const place = [path, locator(found), group].filter(Boolean).join(" · ");
    card.replaceChildren(make("p", { className: "title" }, titleOf(found)), make("p", {}, text), make("p", { className: "place" }, place));
  } catch (error) {
    if (current === index) card.replaceChildren(make("p", { className: "error" }, error.message));
  }
}

/** Returns the nearest point in a direction, `right` and `up` being -1, 0 or 1. */
function neighbor(right, up) {
  const { places } = shown.plot;
  const [x, y] = current < 0 ? [shown.plot.view.x, shown.plot.view.y] : places.slice(2 * current, 2 * current + 2);
  let [best, least] = [-1, Infinity];
  for (let index = 0; index < places.length / 2; index += 1) {
    const [dx, dy] = [places[2 * index] - x, places[2 * index + 1] - y];
    const ahead = dx * right + dy * up;
    const aside = Math.abs(dx * up) + Math.abs(dy * right);
    const distance = ahead + 2 * aside;
    if (ahead > 0 && aside <= 2 * ahead && distance < least) [best, least] = [index, distance];
  }
  return best;
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function listen(canvas, state, { open }) {
  const openCurrent = async () => {
    if (current >= 0) await open(await citationOf(current), canvas);
  };
  const at = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  let held = null; // pointer that drags: its place, and whether it moved
  canvas.addEventListener("pointerdown", (event) => {
    held = { from: at(event), hasMoved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const [left, top] = at(event);
    if (held) {
      const [right, down] = [left - held.from[0], top - held.from[1]];
      if (!held.hasMoved && Math.hypot(right, down) < 4) return;
      held = { from: [left, top], hasMoved: true };
      shown.plot.pan(right, down);
      moveRing();
      return;
    }
    const index = shown.plot.nearest(left, top);
    canvas.style.cursor = index < 0 ? "grab" : "pointer";
    if (index < 0 || index === current) return;
    current = index;
    moveRing();
    clearTimeout(timer);
    timer = setTimeout(() => describe(index), PAUSE);
  });
  canvas.addEventListener("pointerup", (event) => {
    const wasDrag = held?.hasMoved;
    held = null;
    const index = wasDrag ? -1 : shown.plot.nearest(...at(event), event.pointerType === "mouse" ? 12 : 24);
    if (index < 0) return;
    // A finger cannot point without touching: its first tap describes, the second opens.
    const isOpening = event.pointerType === "mouse" || index === current;
    describe(index);
    if (isOpening) openCurrent();
  });
  canvas.addEventListener("pointercancel", () => (held = null));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    shown.plot.zoom(1.2 ** (-event.deltaY / 60), ...at(event));
    moveRing();
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    if (ARROWS[key]) {
      const index = neighbor(...ARROWS[key]);
      if (index >= 0) describe(index);
    } else if (key === "Enter") openCurrent();
    else if (key === "+" || key === "=") shown.plot.zoom(1.5);
    else if (key === "-") shown.plot.zoom(1 / 1.5);
    else if (key === "0") shown.plot.reset();
    else return;
    moveRing();
    event.preventDefault();
    event.stopPropagation();
  });
}
