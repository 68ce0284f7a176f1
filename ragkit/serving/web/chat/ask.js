// Questions and answers: streamed text, then citations and unsupported sentences; conversations.

import { stream } from "../api.js";
import { byId, copyButton, counted, make } from "../dom.js";
import { headings, hitItem, placeLine, titleOf } from "../hits.js";
import { searchOptions, showFilterError } from "../search.js";
import { addressOf } from "../state.js";
import { utf16Index } from "../text.js";
import { withAddresses } from "./addresses.js";
import * as store from "./store.js";

const EXTRACTIVE = "extractive"; // the model name of an answer without a language model
const MAX_HISTORY = 20; // turns sent with a question
const turns = byId("turns");
const status = byId("ask-status");
let talk = null; // the conversation: {id, name, collection, updated, turns}
let request = null;
let onChange = () => {};

/** Registers `changed(conversation)`, called when another conversation is shown or one is stored. */
export const listen = (changed) => (onChange = changed);

/** Returns the conversation that is shown; null before its first question. */
export const current = () => talk;

/** Asks a question and shows the answer. `open(citation, from)` shows the cited text. */
export async function ask(question, state, open) {
  stop();
  if (talk && talk.collection !== state.collection) startConversation();
  talk ??= { id: store.newId(), name: question.slice(0, 80), collection: state.collection, updated: Date.now(), turns: [] };
  const asked = talk;
  request = new AbortController();
  const { signal } = request;
  const turn = newTurn(store.newId(), question, request);
  turns.prepend(turn.article);
  status.textContent = "Searching for passages…";
  onChange(talk);
  try {
    // An unanswered question is no context for the next one.
    const history = asked.turns.filter(({ verdict }) => verdict.answerable).slice(-MAX_HISTORY)
      .map(({ question: earlier, text }) => ({ question: earlier, answer: text }));
    const body = { question, ...searchOptions(state), highlight: true, stream: true, history };
    for await (const { name, data } of stream("/v1/ask", body, signal)) {
      await handleEvent(turn, name, data, open);
    }
    if (!turn.isComplete) throw new Error("The answer ended before it was complete.");
    asked.turns.push({ id: turn.id, question, text: turn.text, verdict: turn.verdict, hits: turn.hits });
    asked.updated = Date.now();
    await store.save(asked).catch(() => {}); // a private window may not store anything
    onChange(talk);
  } catch (error) {
    showEnd(turn, signal.aborted ? null : error);
    if (error.status === 400 && state.where.trim()) showFilterError(error.message);
  }
  turn.stop.remove();
  turn.article.removeAttribute("aria-busy");
}

/** Aborts the answer in progress, if there is one. */
export const stop = () => request?.abort();

/** Shows an empty conversation. */
export function startConversation() {
  stop();
  talk = null;
  turns.replaceChildren();
  status.textContent = "";
  onChange(null);
}

/** Shows a stored conversation; returns whether this browser has it. */
export async function show(id, open) {
  if (talk?.id === id) return true;
  const found = await store.load(id).catch(() => undefined);
  if (!found) return false;
  stop();
  talk = found;
  status.textContent = "";
  turns.replaceChildren();
  for (const stored of found.turns) {
    const turn = { ...newTurn(stored.id, stored.question, null), ...stored };
    turn.stop.remove();
    turn.article.removeAttribute("aria-busy");
    turns.prepend(turn.article);
    await finish(turn, stored.verdict, open);
  }
  status.textContent = "";
  onChange(talk);
  return true;
}

function newTurn(id, question, controller) {
  const stopButton = make("button", { type: "button" }, "Stop");
  stopButton.addEventListener("click", () => {
    controller.abort();
    byId("query").focus();
  });
  const answer = make("div", { className: "answer" });
  const after = make("div", { className: "after" });
  const article = make(
    "article",
    { className: "turn", "aria-busy": "true", id: `answer-${id}`, tabIndex: -1 },
    make("h2", {}, question), answer, stopButton, after,
  );
  const shown = { id, article, answer, after, stop: stopButton };
  return { ...shown, question, text: "", verdict: null, hits: [], isComplete: false };
}

async function handleEvent(turn, name, data, open) {
  if (name === "hits") {
    turn.hits = data.hits;
    status.textContent = `${counted(data.hits.length, "passage")} found; writing the answer…`;
    if (data.question && data.question !== turn.question) {
      turn.answer.before(make("p", { className: "note" }, `Searched for: ${data.question}`));
    }
  } else if (name === "text") {
    turn.text += data.text;
    turn.answer.append(withAddresses(data.text, textsOf(turn)));
  } else if (name === "citations") {
    turn.isComplete = true;
    turn.text = data.text;
    turn.verdict = data;
    await finish(turn, data, open);
  } else if (name === "error") {
    throw new Error(data.error.message);
  }
}

function showEnd(turn, error) {
  const message = error ? error.message : "Stopped.";
  status.textContent = error ? "" : message;
  const look = error ? { className: "error", role: "alert" } : { className: "note" };
  turn.after.replaceChildren(make("p", look, message));
}

async function finish(turn, verdict, open) {
  const unsupported = verdict.unsupported;
  turn.answer.replaceChildren(...body(turn, verdict, open));
  if (verdict.model !== EXTRACTIVE) await showMarkdown(turn, verdict, open);
  turn.article.classList.toggle("unanswered", !verdict.answerable);
  turn.after.replaceChildren(
    ...[
      verdict.answerable || !turn.hits.length
        ? null
        : make("p", { className: "note" }, "The closest passages are below."),
      unsupported.length
        ? make("p", { className: "note strong" }, unsupportedWarning(unsupported.length))
        : null,
      ...verdict.warnings.map((warning) => make("p", { className: "note" }, warning)),
      verdict.citations.length ? sources(turn, verdict.citations, open) : null,
      verdict.answerable || verdict.model !== EXTRACTIVE
        ? make("p", { className: "note" }, describeModel(verdict.model))
        : null,
      answerActions(turn),
      turn.hits.length ? consideredPassages(turn, open) : null,
    ].filter(Boolean),
  );
  status.textContent = verdict.answerable
    ? `Answered, with ${counted(verdict.citations.length, "citation")}.`
    : "No answer was found.";
}

async function showMarkdown(turn, { citations, unsupported }, open) {
  if (!/[*_`#|>~-]|^\s*\d+[.)]/m.test(turn.text)) return; // the parser is loaded where it is needed
  const { hasMarkdown, render } = await import("./markdown.js");
  if (!hasMarkdown(turn.text)) return;
  const byNumber = new Map(citations.map((citation) => [String(citation.n), citation]));
  const toButton = (n) => (byNumber.has(n) ? citationButton(byNumber.get(n), open) : null);
  const toText = (text) => withAddresses(text, textsOf(turn));
  turn.answer.replaceChildren(render(turn.text, unsupported, toButton, toText));
}

/** Buttons that copy the answer with its sources, and the address of this answer. */
function answerActions(turn) {
  const address = addressOf({ tab: "ask", q: turn.question, talk: talk?.id, collection: talk?.collection });
  return make("p", { className: "actions" },
    copyButton(store.withSources(turn), "Copy with sources"),
    copyButton(`${location.origin}${address}#answer-${turn.id}`, "Copy link"));
}

const unsupportedWarning = (number) =>
  number === 1
    ? "One sentence, underlined, is not supported by its sources: check it."
    : `${number} sentences, underlined, are not supported by their sources: check them.`;

const describeModel = (model) =>
  model === EXTRACTIVE
    ? "Composed of sentences from the documents, without a language model."
    : `Written by ${model} from the passages below.`;

/** The answer's text with a button for each citation, and its unsupported sentences marked. */
function body(turn, verdict, open) {
  const { text } = turn;
  const nodes = [];
  let last = 0;
  for (const { start, end } of verdict.unsupported) {
    const [from, to] = [utf16Index(text, start), utf16Index(text, end)];
    nodes.push(...withButtons(turn, text.slice(last, from), verdict, open));
    nodes.push(
      make("span", { className: "doubtful" }, ...withButtons(turn, text.slice(from, to), verdict, open)),
      make("span", { className: "badge" }, "not supported by its sources"),
    );
    last = to;
  }
  return [...nodes, ...withButtons(turn, text.slice(last), verdict, open)];
}

function withButtons(turn, text, { citations }, open) {
  const byNumber = new Map(citations.map((citation) => [String(citation.n), citation]));
  return text.split(/(\[\d+\])/).map((part) => {
    const citation = byNumber.get(part.slice(1, -1));
    return part.startsWith("[") && citation ? citationButton(citation, open) : withAddresses(part, textsOf(turn));
  });
}

const textsOf = (turn) => turn.hits.map((hit) => hit.text);

function citationButton(citation, open) {
  const button = make(
    "button",
    { type: "button", className: "cite", title: citation.quote,
      "aria-label": `Source ${citation.n}: ${titleOf(citation)}` },
    `[${citation.n}]`,
  );
  button.addEventListener("click", () => open(citation, button));
  return button;
}

/** The sources with their title and heading; the quotes of one source are together. */
function sources(turn, citations, open) {
  const groups = new Map();
  for (const citation of citations) {
    const key = `${citation.passage_id} ${citation.citation}`;
    groups.set(key, [...(groups.get(key) ?? []), citation]);
  }
  const hitOf = new Map(turn.hits.map((hit) => [hit.passage_id, hit]));
  const items = [...groups.values()].map((group) => {
    const [first] = group;
    const quotes = group.flatMap((citation) => {
      const label = citation === first ? `[${citation.n}] ${titleOf(citation)}` : `[${citation.n}]`;
      const button = make("button", { type: "button", className: "open" }, label);
      button.addEventListener("click", () => open(citation, button));
      const place = citation === first
        ? [hitOf.has(first.passage_id) ? headings(hitOf.get(first.passage_id)) : null, make("p", { className: "place" }, ...placeLine(first))]
        : [];
      return [button, ...place.filter(Boolean), make("blockquote", {}, citation.quote)];
    });
    return make("li", {}, ...quotes);
  });
  return make("ul", { className: "sources", "aria-label": "Sources" }, ...items);
}

function consideredPassages(turn, open) {
  return make(
    "details",
    {},
    make("summary", {}, `Passages considered: ${turn.hits.length}`),
    make("ol", { className: "hits", "data-query": turn.question }, ...turn.hits.map((hit) => hitItem(hit, open))),
  );
}
