// Markdown of a language model → elements. `marked` parses it, and elements are made from its tokens:
// no text is parsed as HTML. Images, links and HTML stay the text that they are. DOMPurify then
// checks the finished elements against a list, as a second barrier.

import { copyButton, make } from "../dom.js";
import { utf16Index } from "../text.js";
import { lexer } from "../vendor/marked.js";
import "../vendor/purify.js";

const [BEGIN, END] = ["\ue000", "\ue001"]; // around a sentence without support, while it is parsed
const MARKUP = /^(?:\s|[-*+>#]+\s|\d{1,3}[.)]\s)*/;
const TAGS = ["a", "b", "blockquote", "br", "button", "code", "del", "div", "em", "hr", "li", "ol", "p", "pre", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"];
const ATTRIBUTES = ["aria-label", "class", "role", "scope", "start", "tabindex", "title", "type"];
const POLICY = { createHTML: () => "", createScriptURL: () => "" }; // never used: nothing is parsed

/** Whether a text has Markdown that is worth parsing. */
export const hasMarkdown = (text) =>
  /(^|\n)\s{0,3}(#{1,6} |[-*+] |\d{1,3}[.)] |>|```|\|)|\*\*|__|`|(^|\W)[*_]\S/.test(text);

/**
 * Returns the elements of an answer. `unsupported`: its spans without support (code points);
 * `toButton(n)`: the button of a citation, or null; `toText`: a text as it is shown.
 */
export function render(text, unsupported, toButton, toText = (shown) => shown) {
  const builder = new Builder(toButton, toText);
  const root = make("div", { className: "markdown" }, ...builder.blocks(lexer(mark(text, unsupported))));
  globalThis.DOMPurify.sanitize(root, {
    IN_PLACE: true, ALLOWED_TAGS: TAGS, ALLOWED_ATTR: ATTRIBUTES, ALLOW_ARIA_ATTR: false, ALLOW_DATA_ATTR: false,
    TRUSTED_TYPES_POLICY: POLICY,
  });
  return root;
}

function mark(text, unsupported) {
  const clean = (part) => part.replaceAll(BEGIN, "").replaceAll(END, "");
  let result = "";
  let last = 0;
  for (const { start, end } of unsupported) {
    const [from, to] = [utf16Index(text, start), utf16Index(text, end)];
    const part = clean(text.slice(from, to));
    const indent = part.match(MARKUP)[0];
    result += `${clean(text.slice(last, from))}${indent}${BEGIN}${part.slice(indent.length).trimEnd()}${END}${part.match(/\s*$/)[0]}`;
    last = to;
  }
  return result + clean(text.slice(last));
}

class Builder {
  #isDoubtful = false;
  #toButton;
  #toText;

  constructor(toButton, toText) {
    this.#toButton = toButton;
    this.#toText = toText;
  }

  blocks(tokens) {
    return tokens.flatMap((token) => this.#block(token));
  }

  #block(token) {
    switch (token.type) {
      case "space": return [];
      case "hr": return [make("hr")];
      case "code": return [this.#code(token)];
      case "heading": return [make("p", { className: "heading" }, make("strong", {}, ...this.#inline(token.tokens)))];
      case "blockquote": return [make("blockquote", {}, ...this.blocks(token.tokens))];
      case "list": return [this.#list(token)];
      case "table": return [this.#table(token)];
      case "paragraph": return [make("p", {}, ...this.#inline(token.tokens))];
      case "text": return token.tokens ? this.#inline(token.tokens) : this.#text(token.text);
      default: return [make("p", {}, ...this.#text(token.raw.trimEnd()))]; // HTML and definitions, as text
    }
  }

  #inline(tokens) {
    return tokens.flatMap((token) => {
      switch (token.type) {
        case "strong": case "em": case "del": return [make(token.type, {}, ...this.#inline(token.tokens))];
        case "codespan": return [make("code", {}, this.#plain(token.text))];
        case "br": return [make("br")];
        case "escape": return this.#text(token.text);
        case "text": return token.tokens ? this.#inline(token.tokens) : this.#text(token.text);
        default: return this.#text(token.raw); // links, images and HTML, as text
      }
    });
  }

  #list({ ordered, start, items }) {
    const rows = items.map((item) => make("li", {}, item.task ? `[${item.checked ? "x" : " "}] ` : null, ...this.blocks(item.tokens)));
    return ordered ? make("ol", { start: start || 1 }, ...rows) : make("ul", {}, ...rows);
  }

  #table({ header, rows }) {
    const row = (cells, tag) => make("tr", {}, ...cells.map((cell) =>
      make(tag, tag === "th" ? { scope: "col" } : {}, ...this.#inline(cell.tokens))));
    return make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Table" },
      make("table", {}, make("thead", {}, row(header, "th")), make("tbody", {}, ...rows.map((cells) => row(cells, "td")))));
  }

  #code({ text }) {
    const plain = this.#plain(text);
    return make("div", { className: "snippet" }, make("pre", { tabIndex: 0, className: "scroll" }, make("code", {}, plain)),
      copyButton(plain, "Copy code"));
  }

  /** Text inside code: a sentence without support cannot be marked there, but may begin or end. */
  #plain(text) {
    for (const sign of text) if (sign === BEGIN || sign === END) this.#isDoubtful = sign === BEGIN;
    return this.#toText(text.replaceAll(BEGIN, "").replaceAll(END, ""));
  }

  #text(text) {
    return text.split(/(\[\d+\]|[\ue000\ue001])/).flatMap((part) => {
      if (part === BEGIN || part === END) {
        this.#isDoubtful = part === BEGIN;
        return part === END ? [make("span", { className: "badge" }, "not supported by its sources")] : [];
      }
      if (!part) return [];
      const node = (/^\[\d+\]$/.test(part) && this.#toButton(part.slice(1, -1))) || this.#toText(part);
      return [this.#isDoubtful ? make("span", { className: "doubtful" }, node) : node];
    });
  }
}
