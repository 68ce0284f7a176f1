// Thumbs under a hit: store whether it answers the query. Loaded when there is a judgement.

import { post } from "./api.js";
import { byId, make } from "./dom.js";

/** Shows what was judged before: parts of documents that are relevant to the query, or not. */
export function mark(list, hits, judgements) {
  for (const { document_id: id, span, relevant } of judgements) {
    for (const hit of hits) {
      if (!span || hit.document_id !== id || hit.start >= span[1] || span[0] >= hit.end) continue;
      list.querySelector(`[data-hit="${hit.passage_id}"] [data-relevant=${relevant}]`)?.setAttribute("aria-pressed", "true");
    }
  }
}

/** Stores what a thumb says of a hit; a second click on the same one forgets it. */
export async function judge(button, hit, isRelevant) {
  const { query } = button.closest("[data-query]").dataset;
  const collection = hit.collection ?? byId("collection").value;
  const thumbs = button.parentElement;
  const isForgotten = button.getAttribute("aria-pressed") === "true";
  thumbs.querySelector(".error")?.remove();
  try {
    const relevant = isForgotten ? null : isRelevant;
    await post("/v1/judge", { query, references: [String(hit.passage_id)], relevant, ...(collection && { collection }) });
    for (const each of thumbs.children) each.setAttribute("aria-pressed", String(each === button && !isForgotten));
  } catch (error) {
    thumbs.append(make("span", { className: "error", role: "alert" }, error.message));
  }
}
