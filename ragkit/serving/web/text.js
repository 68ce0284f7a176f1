// Words and places in texts. Places come from the server as numbers of characters (code points);
// JavaScript counts some characters twice (UTF-16), so each place is translated.

import { make } from "./dom.js";

const WORD = /[\p{L}\p{N}]+/gu;
const COMMON = new Set(
  ("a an and are as at be been but by can could did do does for from had has have how i if in into is " +
    "it its me my no not of on or our shall should so than that the their them then there these they " +
    "this those to was we were what when where which who whom whose why will with would you your").split(" "),
);
const SNIPPET = 420; // characters

/** The UTF-16 index of the code point with this number. */
export function place(text, number) {
  let index = 0;
  for (let left = number; left > 0 && index < text.length; left -= 1) {
    index += text.codePointAt(index) > 0xffff ? 2 : 1;
  }
  return index;
}

/** How many code points a text has. */
export function size(text) {
  let number = 0;
  for (let index = 0; index < text.length; number += 1) {
    index += text.codePointAt(index) > 0xffff ? 2 : 1;
  }
  return number;
}

/** What inflected forms of an English word share; other words stay as they are. */
function stem(word) {
  const lower = word.toLowerCase();
  const cut = lower.replace(/(?:ing|ed|es|s|e)$/, "");
  return cut.length >= 3 ? cut : lower;
}

/** The stems of a query's words, without those that are in every text. */
export function stems(query) {
  const words = (query.match(WORD) || []).map((word) => word.toLowerCase());
  const telling = words.filter((word) => !COMMON.has(word));
  return new Set((telling.length ? telling : words).map(stem));
}

/** Text nodes, and <mark> elements around the words whose stems are wanted. */
export function marked(text, wanted) {
  const nodes = [];
  let last = 0;
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (!wanted.has(stem(word))) continue;
    if (index > last) nodes.push(text.slice(last, index));
    nodes.push(make("mark", {}, word));
    last = index + word.length;
  }
  if (last < text.length) nodes.push(text.slice(last));
  return nodes;
}

/** The part of a text that holds most of the wanted words, whole words, with "…" where it is cut. */
export function snippet(text, wanted) {
  if (text.length <= SNIPPET * 1.25) return text;
  const found = [...text.matchAll(WORD)]
    .map(({ 0: word, index }) => ({ index, stem: stem(word) }))
    .filter((each) => wanted.has(each.stem));
  let best = 0;
  let most = 0;
  for (const { index } of found) {
    const inside = found.filter((each) => each.index >= index && each.index < index + SNIPPET * 0.8);
    const number = new Set(inside.map((each) => each.stem)).size;
    if (number > most) [best, most] = [index, number];
  }
  const start = best < SNIPPET / 2 ? 0 : text.lastIndexOf(" ", best - SNIPPET / 6) + 1;
  if (start + SNIPPET >= text.length) return `…${text.slice(text.indexOf(" ", text.length - SNIPPET))}`;
  const end = text.lastIndexOf(" ", start + SNIPPET);
  return `${start ? "…" : ""}${text.slice(start, end > start ? end : start + SNIPPET)} …`;
}

/** Whether a path is that of source code or data, whose lines and columns mean something. */
export const isCode = (path) =>
  /\.(c|cc|cpp|cs|css|csv|go|h|hpp|java|js|json|jsonl|kt|lua|php|pl|py|rb|rs|sh|sql|swift|toml|ts|tsv|xml|ya?ml)$/i.test(path);
