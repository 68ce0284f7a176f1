// Questions and answers: streamed text, then citations and unsupported sentences.

import { stream } from "./api.js";
import { byId, counted, make } from "./dom.js";
import { hitItem, placeLine, titleOf } from "./hits.js";
import { searchOptions, showFilterError } from "./search.js";
import { stems, utf16Index } from "./text.js";

const EXTRACTIVE = "extractive"; // the model name of an answer without a language model
const MAX_HISTORY = 20; // turns sent with a question
const turns = byId("turns");
const status = byId("ask-status");
const forget = byId("forget");
let history = [];
let conversation = ""; // the collection that `history` is about
let request = null;

/** Asks a question and shows the answer. `open(citation, from)` shows the cited text. */
export async function ask(question, state, open) {
  stop();
  if (conversation !== state.collection) startConversation(state.collection);
  request = new AbortController();
  const { signal } = request;
  const turn = newTurn(question, request);
  turns.prepend(turn.article);
  forget.hidden = false;
  status.textContent = "Searching for passages…";
  try {
    const body = { question, ...searchOptions(state), stream: true, history: history.slice(-MAX_HISTORY) };
    for await (const { name, data } of stream("/v1/ask", body, signal)) {
      handleEvent(turn, name, data, open);
    }
    if (!turn.isComplete) throw new Error("The answer ended before it was complete.");
    // An unanswered question is no context for the next one.
    if (turn.isAnswered) history.push({ question, answer: turn.text });
  } catch (error) {
    showEnd(turn, signal.aborted ? null : error);
    if (error.status === 400 && state.where.trim()) showFilterError(error.message);
  }
  turn.stop.remove();
  turn.article.removeAttribute("aria-busy");
}

/** Aborts the answer in progress, if there is one. */
export const stop = () => request?.abort();

function startConversation(collection) {
  stop();
  history = [];
  conversation = collection;
  turns.replaceChildren();
  status.textContent = "";
  forget.hidden = true;
}

forget.addEventListener("click", () => {
  startConversation(conversation);
  byId("query").focus();
});

function newTurn(question, controller) {
  const stopButton = make("button", { type: "button" }, "Stop");
  stopButton.addEventListener("click", () => {
    controller.abort();
    byId("query").focus();
  });
  const answer = make("div", { className: "answer" });
  const after = make("div", { className: "after" });
  const article = make(
    "article",
    { className: "turn", "aria-busy": "true" },
    make("h3", {}, question), answer, stopButton, after,
  );
  const shown = { article, answer, after, stop: stopButton };
  return { ...shown, question, text: "", hits: [], isComplete: false, isAnswered: false };
}

function handleEvent(turn, name, data, open) {
  if (name === "hits") {
    turn.hits = data.hits;
    status.textContent = `${counted(data.hits.length, "passage")} found; writing the answer…`;
    if (data.question && data.question !== turn.question) {
      turn.answer.before(make("p", { className: "note" }, `Searched for: ${data.question}`));
    }
  } else if (name === "text") {
    turn.text += data.text;
    turn.answer.append(data.text);
  } else if (name === "citations") {
    [turn.isComplete, turn.isAnswered] = [true, data.answerable];
    turn.text = data.text;
    finish(turn, data, open);
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

function finish(turn, verdict, open) {
  const unsupported = verdict.unsupported;
  turn.answer.replaceChildren(...body(turn.text, verdict, open));
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
      verdict.citations.length ? sources(verdict.citations, open) : null,
      turn.isAnswered || verdict.model !== EXTRACTIVE
        ? make("p", { className: "note" }, describeModel(verdict.model))
        : null,
      turn.hits.length ? consideredPassages(turn, open) : null,
    ].filter(Boolean),
  );
  status.textContent = verdict.answerable
    ? `Answered, with ${counted(verdict.citations.length, "citation")}.`
    : "No answer was found.";
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
function body(text, verdict, open) {
  const nodes = [];
  let last = 0;
  for (const { start, end } of verdict.unsupported) {
    const [from, to] = [utf16Index(text, start), utf16Index(text, end)];
    nodes.push(...withButtons(text.slice(last, from), verdict.citations, open));
    nodes.push(
      make("span", { className: "doubtful" }, ...withButtons(text.slice(from, to), verdict.citations, open)),
      make("span", { className: "badge" }, "not supported by its sources"),
    );
    last = to;
  }
  return [...nodes, ...withButtons(text.slice(last), verdict.citations, open)];
}

function withButtons(text, citations, open) {
  const byNumber = new Map(citations.map((citation) => [String(citation.n), citation]));
  return text.split(/(\[\d+\])/).map((part) => {
    const citation = byNumber.get(part.slice(1, -1));
    return part.startsWith("[") && citation ? citationButton(citation, open) : part;
  });
}

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

function sources(citations, open) {
  const items = citations.map((citation) => {
    const label = `[${citation.n}] ${titleOf(citation)}`;
    const button = make("button", { type: "button", className: "open" }, label);
    button.addEventListener("click", () => open(citation, button));
    return make("li", {}, button, make("p", { className: "place" }, ...placeLine(citation)),
      make("blockquote", {}, citation.quote));
  });
  return make("ul", { className: "sources", "aria-label": "Sources" }, ...items);
}

function consideredPassages(turn, open) {
  const queryStems = stems(turn.question);
  return make(
    "details",
    {},
    make("summary", {}, `Passages considered: ${turn.hits.length}`),
    make("ol", { className: "hits" }, ...turn.hits.map((hit) => hitItem(hit, queryStems, open))),
  );
}
