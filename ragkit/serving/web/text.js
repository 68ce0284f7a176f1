// Words and offsets in texts. The server's offsets count code points; JavaScript's strings are
// UTF-16, where some code points take two units, so each offset is converted.

import { make } from "./dom.js";

const WORD = /[\p{L}\p{N}]+/gu;
const STOP_WORDS = new Set(
  ("a an and are as at be been but by can could did do does for from had has have how i if in into is " +
    "it its me my no not of on or our shall should so than that the their them then there these they " +
    "this those to was we were what when where which who whom whose why will with would you your").split(" "),
);
const SNIPPET_LENGTH = 420; // characters

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

/** A crude stem of an English word, the same for its inflected forms. */
function stem(word) {
  const lower = word.toLowerCase();
  const cut = lower.replace(/(?:ing|ed|es|s|e)$/, "");
  return cut.length >= 3 ? cut : lower;
}

/** Returns the stems of a query's words without stop words (unless it has no others). */
export function stems(query) {
  const words = (query.match(WORD) || []).map((word) => word.toLowerCase());
  const contentWords = words.filter((word) => !STOP_WORDS.has(word));
  return new Set((contentWords.length ? contentWords : words).map(stem));
}

/** Returns text nodes, with <mark> elements around the words that have one of the stems. */
export function markStems(text, queryStems) {
  const nodes = [];
  let last = 0;
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (!queryStems.has(stem(word))) continue;
    if (index > last) nodes.push(text.slice(last, index));
    nodes.push(make("mark", {}, word));
    last = index + word.length;
  }
  if (last < text.length) nodes.push(text.slice(last));
  return nodes;
}

/** Returns the part of a text with the most query words, cut at words, with "…" at each cut. */
export function snippet(text, queryStems) {
  if (text.length <= SNIPPET_LENGTH * 1.25) return text;
  const matches = [...text.matchAll(WORD)]
    .map(({ 0: word, index }) => ({ index, stem: stem(word) }))
    .filter((match) => queryStems.has(match.stem));
  let best = 0;
  let bestCount = 0;
  for (const { index } of matches) {
    const end = index + SNIPPET_LENGTH * 0.8;
    const inside = matches.filter((match) => match.index >= index && match.index < end);
    const count = new Set(inside.map((match) => match.stem)).size;
    if (count > bestCount) [best, bestCount] = [index, count];
  }
  const start = best < SNIPPET_LENGTH / 2 ? 0 : text.lastIndexOf(" ", best - SNIPPET_LENGTH / 6) + 1;
  if (start + SNIPPET_LENGTH >= text.length) return `…${text.slice(text.indexOf(" ", text.length - SNIPPET_LENGTH))}`;
  const end = text.lastIndexOf(" ", start + SNIPPET_LENGTH);
  return `${start ? "…" : ""}${text.slice(start, end > start ? end : start + SNIPPET_LENGTH)} …`;
}

/** Whether a path is that of source code or data, where line breaks and columns matter. */
export const isCode = (path) =>
  /\.(c|cc|cpp|cs|css|csv|go|h|hpp|java|js|json|jsonl|kt|lua|php|pl|py|rb|rs|sh|sql|swift|toml|ts|tsv|xml|ya?ml)$/i.test(path);
