// A document's text as blocks: tables as tables, fenced code as code, the rest as text.

import { make } from "../dom.js";
import { codePointCount, utf16Index } from "../text.js";

const MIN_ROWS = 2;
const RULE = /^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$/;
const isRow = (line) => / \| |^\s*\|.*\|\s*$|^\| /.test(line);
const cellsOf = (line) => line.trim().replace(/^\|/, "").replace(/\|$/, "").split(/(?<!\\)\|/).map((cell) => cell.trim());

/**
 * Returns nodes for a part of a document's text that begins at offset `start` (code points).
 * `cited`: the span [from, to] of the passage; `withTables`: whether lines with "|" are rows.
 */
export function render(text, start, [from, to], withTables, withFences) {
  const cited = [utf16Index(text, Math.max(0, from - start)), to <= start ? 0 : utf16Index(text, to - start)];
  const isInside = to > start && from < start + codePointCount(text) && to > from;
  const nodes = [];
  let plain = 0; // where the text that is not shown yet begins
  const flush = (end) => {
    if (end > plain) nodes.push(...marked(text, plain, end, isInside ? cited : [0, 0]));
  };
  for (const block of blocks(text, withTables, withFences)) {
    flush(block.start);
    nodes.push(block.rows ? table(block, isInside ? cited : [0, 0]) : code(block, isInside ? cited : [0, 0]));
    plain = block.end;
  }
  flush(text.length);
  return nodes;
}

function* blocks(text, withTables, withFences) {
  let at = 0;
  let rows = [];
  let fence = null;
  const finish = () => {
    const block = rows.length >= MIN_ROWS ? { start: rows[0].start, end: rows.at(-1).end, rows } : null;
    rows = [];
    return block;
  };
  for (const line of text.split("\n")) {
    const end = Math.min(text.length, at + line.length + 1);
    const sign = withFences && line.match(/^ {0,3}(```+|~~~+)/)?.[1];
    if (fence) {
      if (sign && sign.startsWith(fence.sign)) {
        yield { start: fence.start, end, text: text.slice(fence.from, at), from: fence.from };
        fence = null;
      }
    } else if (withTables && isRow(line)) {
      rows.push({ start: at, end, line });
    } else {
      const block = finish();
      if (block) yield block;
      if (sign) fence = { sign, start: at, from: end };
    }
    at = end;
  }
  const block = finish();
  if (block) yield block;
}

/** Plain text with a mark where it is cited. */
function marked(text, start, end, [from, to]) {
  const [first, last] = [Math.max(start, from), Math.min(end, to)];
  if (first >= last) return [text.slice(start, end)];
  return [text.slice(start, first), make("mark", { className: "cited" }, text.slice(first, last)), text.slice(last, end)].filter(Boolean);
}

function table({ rows }, [from, to]) {
  const hasRule = rows.length > 2 && RULE.test(rows[1].line);
  const shown = rows.filter(({ line }) => !RULE.test(line));
  const make_row = (row, tag) => {
    const isCited = row.start < to && row.end > from;
    const cells = cellsOf(row.line).map((cell) => make(tag, tag === "th" ? { scope: "col" } : {}, cell));
    return make("tr", { className: isCited ? "cited" : "" }, ...cells);
  };
  const width = Math.max(...shown.map(({ line }) => cellsOf(line).length));
  const [head, ...body] = shown;
  const isHead = hasRule || (cellsOf(head.line).length === width && cellsOf(head.line).every((cell) => cell && !/^[\d.,%-]+$/.test(cell)));
  return make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Table" },
    make("table", {},
      isHead ? make("thead", {}, make_row(head, "th")) : null,
      make("tbody", {}, ...(isHead ? body : shown).map((row) => make_row(row, "td")))));
}

function code({ text, from: start }, [from, to]) {
  return make("pre", { tabIndex: 0, className: "scroll code" },
    make("code", {}, ...marked(text, 0, text.length, [Math.max(0, from - start), Math.max(0, to - start)])));
}
