// Coverage in one line: how much the collection contains, and how many files were not read.

import { byId, counted } from "./dom.js";

let shown = null; // the collection and the version of ragkit

const sum = (numbers) => Object.values(numbers ?? {}).reduce((total, number) => total + number, 0);

/** Shows one collection of `/v1/status`. */
export function showCoverage(collection, version) {
  shown = { collection, version };
  const missing = sum(collection.coverage.missing);
  const line = `${counted(collection.documents, "document")}, ${counted(collection.passages, "passage")}`;
  const verdict = missing ? `${counted(missing, "file")} not read` : "every file read";
  byId("coverage-line").textContent = collection.coverage.files
    ? `${line}; ${verdict}`
    : "No documents yet; index a folder with: ragkit index FOLDER";
  byId("coverage-more").replaceChildren();
  if (byId("coverage").open) showDetails();
}

async function showDetails() {
  try {
    const { details } = await import("./details.js");
    byId("coverage-more").replaceChildren(...details(shown.collection, shown.version));
  } catch {
    byId("coverage-more").textContent = "The details cannot be loaded. Is ragkit serve still running?";
  }
  byId("coverage").scrollIntoView({ block: "end" });
}

byId("coverage").addEventListener("toggle", ({ target }) => {
  if (target.open && shown) showDetails();
});
