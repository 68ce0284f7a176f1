// The pages of an original as pictures, with boxes around the cited passage.

import { get } from "../api.js";
import { make } from "../dom.js";

const MAX_WIDTH = 1600; // pixels of a picture
let request = null;

/** Shows page `number` of a document in `body`. `show(number)` is called for another page. */
export async function showPage(body, { id, collection, number, start, end, title }, show) {
  request?.abort();
  request = new AbortController();
  const { signal } = request;
  const width = Math.min(MAX_WIDTH, Math.max(600, Math.round((body.clientWidth - 32) * devicePixelRatio)));
  const page = await get(`/v1/documents/${id}/pages/${number}`, { collection, start, end, width }, signal);
  const bytes = Uint8Array.from(atob(page.png), (character) => character.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  if (signal.aborted) return;
  const boxed = page.boxes.length ? ", the cited passage is boxed" : "";
  const canvas = make("canvas", {
    width: picture.width, height: picture.height, role: "img",
    "aria-label": `Page ${page.page} of ${page.pages} of ${title}${boxed}`,
  });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  const sheet = make("div", { className: "sheet" }, canvas, ...page.boxes.map(toBox));
  body.replaceChildren(...[
    page.stale ? make("p", { className: "error", role: "alert" }, "The file has changed since it was indexed: the boxes may be wrong.") : null,
    end > start && !page.boxes.length ? make("p", { className: "note" }, "The passage cannot be boxed on this page; it is marked in the text.") : null,
    sheet, pageButtons(page, show),
  ].filter(Boolean));
  const first = sheet.querySelector(".passage-box");
  body.scrollTop = first ? Math.max(0, first.offsetTop - body.clientHeight / 3) : 0;
}

function toBox([left, top, width, height]) {
  const box = make("span", { className: "passage-box" });
  const percent = (share) => `${100 * share}%`;
  Object.assign(box.style, { left: percent(left), top: percent(top), width: percent(width), height: percent(height) });
  return box;
}

function pageButtons({ page, pages }, show) {
  const button = (label, number) => make("button", {
    type: "button", disabled: number < 1 || number > pages, onclick: () => show(number),
  }, label);
  return make("nav", { className: "pages", "aria-label": "Pages" },
    button("Previous page", page - 1), make("span", {}, `${page} of ${pages}`), button("Next page", page + 1));
}
