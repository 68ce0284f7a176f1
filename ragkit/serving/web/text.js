// Words and offsets in texts. The server's offsets count code points; JavaScript's strings are
// UTF-16, where some code points take two units, so each offset is converted.

import { make } from "./dom.js";

const SNIPPET_LENGTH = 420; // UTF-16 units
const MAX_WORD = 40; // units before a cut in which the beginning of a word is looked for
const INSIDE = /[\p{M}\p{Cf}\uDC00-\uDFFF]/u; // not the first unit of what a reader sees as a character

/** Returns the UTF-16 index of a code point offset. */
export function utf16Index(text, offset) {
  let index = 0;
  for (let left = offset; left > 0 && index < text.length; left -= 1) {
    index += text.codePointAt(index) > 0xffff ? 2 : 1;
  }
  return index;
}

/** Returns the number of code points in a text. */
export function codePointCount(text) {
  let number = 0;
  for (let index = 0; index < text.length; number += 1) {
    index += text.codePointAt(index) > 0xffff ? 2 : 1;
  }
  return number;
}

/** Returns spans in code points, ascending, as spans in UTF-16 units. */
export function utf16Spans(text, spans) {
  let [index, offset] = [0, 0];
  const to = (target) => {
    index += utf16Index(text.slice(index, index + 2 * (target - offset)), target - offset);
    offset = target;
    return index;
  };
  return spans.map(([start, end]) => [to(start), to(end)]);
}

/** Returns text nodes of `text` from `start` to `end`, with <mark> elements for the spans in it. */
export function marked(text, spans, start, end) {
  const nodes = [];
  let last = start;
  for (const span of spans) {
    const [from, to] = [Math.max(span[0], start), Math.min(span[1], end)];
    if (from >= to) continue;
    if (from > last) nodes.push(text.slice(last, from));
    nodes.push(make("mark", {}, text.slice(from, to)));
    last = to;
  }
  if (last < end) nodes.push(text.slice(last, end));
  return nodes;
}

/** Returns the part of a text from `begin` with the most different marked words, as [start, end]. */
export function snippet(text, spans, begin = 0) {
  if (text.length - begin <= SNIPPET_LENGTH * 1.25) return [begin, text.length];
  const inside = spans.filter(([start]) => start >= begin);
  let best = begin;
  let bestCount = 0;
  for (const [first] of inside) {
    const near = inside.filter(([start]) => start >= first && start < first + SNIPPET_LENGTH * 0.8);
    const count = new Set(near.map(([start, end]) => text.slice(start, end).toLowerCase())).size;
    if (count > bestCount) [best, bestCount] = [first, count];
  }
  const start = best < begin + SNIPPET_LENGTH / 2 ? begin : cut(text, Math.ceil(best - SNIPPET_LENGTH / 6));
  if (start + SNIPPET_LENGTH >= text.length) return [cut(text, text.length - SNIPPET_LENGTH), text.length];
  return [start, cut(text, start + SNIPPET_LENGTH)];
}

/** Returns where to cut a text near `index`: before a word, or before a character where words have no spaces. */
function cut(text, index) {
  const space = text.slice(index - MAX_WORD, index).search(/\s\S*$/);
  if (space >= 0) return index - MAX_WORD + space + 1;
  let at = index;
  while (at > index - MAX_WORD && INSIDE.test(text[at])) at -= 1;
  return at;
}

/** Whether a path is that of source code or data, where line breaks and columns matter. */
export const isCode = (path) =>
  /\.(c|cc|cpp|cs|css|csv|go|h|hpp|java|js|json|jsonl|kt|lua|php|pl|py|rb|rs|sh|sql|swift|toml|ts|tsv|xml|ya?ml)$/i.test(path);
