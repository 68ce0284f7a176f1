// Questions and answers: text as it comes, then its citations, and what its sources do not say.

import { stream } from "./api.js";
import { byId, counted, make } from "./dom.js";
import { hitItem, placeLine, titleOf } from "./hits.js";
import { how, refuse } from "./search.js";
import { place, stems } from "./text.js";

const EXTRACTIVE = "extractive"; // the model of an answer that no language model has written
const REMEMBERED = 20; // turns that are sent along
const turns = byId("turns");
const status = byId("ask-status");
const forget = byId("forget");
let history = [];
let conversation = ""; // the collection it is about
let request = null;

/** Asks, and shows the answer. `open(citation, from)` shows what was cited. */
export async function ask(question, state, open) {
  stop();
  if (conversation !== state.collection) begin(state.collection);
  request = new AbortController();
  const { signal } = request;
  const turn = newTurn(question, request);
  turns.prepend(turn.article);
  forget.hidden = false;
  status.textContent = "Looking for passages…";
  try {
    const body = { question, ...how(state), stream: true, history: history.slice(-REMEMBERED) };
    for await (const { name, data } of stream("/v1/ask", body, signal)) {
      told(turn, name, data, open);
    }
    if (!turn.isWhole) throw new Error("The answer ended before it was whole.");
    // What was not answered tells nothing of what comes next.
    if (turn.isAnswered) history.push({ question, answer: turn.text });
  } catch (error) {
    stopped(turn, signal.aborted ? null : error);
    if (error.status === 400 && state.where.trim()) refuse(error.message);
  }
  turn.stop.remove();
  turn.article.removeAttribute("aria-busy");
}

/** Ends the request for an answer that is being made, if there is one. */
export const stop = () => request?.abort();

function begin(collection) {
  stop();
  history = [];
  conversation = collection;
  turns.replaceChildren();
  status.textContent = "";
  forget.hidden = true;
}

forget.addEventListener("click", () => {
  begin(conversation);
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
  return { ...shown, question, text: "", hits: [], isWhole: false, isAnswered: false };
}

function told(turn, name, data, open) {
  if (name === "hits") {
    turn.hits = data.hits;
    status.textContent = `${counted(data.hits.length, "passage")} found; the answer is being made…`;
    if (data.question && data.question !== turn.question) {
      turn.answer.before(make("p", { className: "note" }, `Looked for: ${data.question}`));
    }
  } else if (name === "text") {
    turn.text += data.text;
    turn.answer.append(data.text);
  } else if (name === "citations") {
    [turn.isWhole, turn.isAnswered] = [true, data.answerable];
    turn.text = data.text;
    finish(turn, data, open);
  } else if (name === "error") {
    throw new Error(data.error.message);
  }
}

function stopped(turn, error) {
  const message = error ? error.message : "Stopped.";
  status.textContent = error ? "" : message;
  const look = error ? { className: "error", role: "alert" } : { className: "note" };
  turn.after.replaceChildren(make("p", look, message));
}

function finish(turn, verdict, open) {
  const doubtful = verdict.unsupported;
  turn.answer.replaceChildren(...body(turn.text, verdict, open));
  turn.article.classList.toggle("unanswered", !verdict.answerable);
  turn.after.replaceChildren(
    ...[
      verdict.answerable || !turn.hits.length
        ? null
        : make("p", { className: "note" }, "The passages that came nearest are below."),
      doubtful.length ? make("p", { className: "note strong" }, warning(doubtful.length)) : null,
      ...verdict.warnings.map((each) => make("p", { className: "note" }, each)),
      verdict.citations.length ? sources(verdict.citations, open) : null,
      turn.isAnswered || verdict.model !== EXTRACTIVE
        ? make("p", { className: "note" }, madeBy(verdict.model))
        : null,
      turn.hits.length ? considered(turn, open) : null,
    ].filter(Boolean),
  );
  status.textContent = verdict.answerable
    ? `Answered, with ${counted(verdict.citations.length, "citation")}.`
    : "No answer was found.";
}

const warning = (number) =>
  number === 1
    ? "One sentence, underlined, says what its sources do not: check it."
    : `${number} sentences, underlined, say what their sources do not: check them.`;

const madeBy = (model) =>
  model === EXTRACTIVE
    ? "Put together from sentences of the documents, without a language model."
    : `Written by ${model} from the passages below.`;

/** The answer's text with a button for each citation, and its doubtful sentences marked. */
function body(text, verdict, open) {
  const nodes = [];
  let last = 0;
  for (const each of verdict.unsupported) {
    const [from, to] = [place(text, each.start), place(text, each.end)];
    nodes.push(...cited(text.slice(last, from), verdict.citations, open));
    nodes.push(
      make("span", { className: "doubtful" }, ...cited(text.slice(from, to), verdict.citations, open)),
      make("span", { className: "badge" }, "not in its sources"),
    );
    last = to;
  }
  return [...nodes, ...cited(text.slice(last), verdict.citations, open)];
}

function cited(text, citations, open) {
  const byNumber = new Map(citations.map((each) => [String(each.n), each]));
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
  const items = citations.map((each) => {
    const button = make("button", { type: "button", className: "open" }, `[${each.n}] ${titleOf(each)}`);
    button.addEventListener("click", () => open(each, button));
    return make("li", {}, button, make("p", { className: "place" }, ...placeLine(each)),
      make("blockquote", {}, each.quote));
  });
  return make("ul", { className: "sources", "aria-label": "Sources" }, ...items);
}

function considered(turn, open) {
  const wanted = stems(turn.question);
  return make(
    "details",
    {},
    make("summary", {}, `What was looked through: ${counted(turn.hits.length, "passage")}`),
    make("ol", { className: "hits" }, ...turn.hits.map((hit) => hitItem(hit, wanted, open))),
  );
}
