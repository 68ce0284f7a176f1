// Coverage: what the collections contain, and which files of their folders were not read.

import { byId, counted, make } from "./dom.js";
import { listing } from "./unread.js";

// The kinds of reasons in the status of files, as in docs/formats.md.
const KIND_LABELS = {
  no_text_layer: "scans without a text layer",
  no_text: "without any text",
  encrypted: "encrypted",
  too_large: "over the size limit",
  limit: "over a limit when opened",
  timeout: "not read in time",
  damaged: "damaged",
  unreadable: "that cannot be opened",
  unsupported: "in a format not supported yet",
  image: "images",
  no_document: "not documents",
  hidden: "hidden",
  ignored: "ignored",
  excluded: "excluded",
  link: "links",
  special: "special files",
};

const sum = (numbers) => Object.values(numbers ?? {}).reduce((total, number) => total + number, 0);

function describeKinds(numbers) {
  return Object.entries(numbers)
    .map(([kind, number]) => `${number.toLocaleString("en")} ${KIND_LABELS[kind] ?? kind}`)
    .join(", ");
}

/** Shows one collection of `/v1/status`. */
export function showCoverage(collection, version) {
  const { coverage } = collection;
  const missing = sum(coverage.missing);
  const line = `${counted(collection.documents, "document")}, ${counted(collection.passages, "passage")}`;
  const verdict = missing ? `${counted(missing, "file")} not read` : "every file read";
  byId("coverage-line").textContent = coverage.files
    ? `${line}; ${verdict}`
    : "No documents yet; index a folder with: ragkit index FOLDER";
  const rows = [
    ["Files read", `${coverage.read.toLocaleString("en")} of ${coverage.files.toLocaleString("en")}`],
    ["Not read", missing ? describeKinds(coverage.missing) : "none"],
    ["Parts of archives and mails not read", describeKinds(coverage.missing_parts ?? {})],
    ["Excluded by rules, or not documents", describeKinds(coverage.left_out)],
    ["Without an embedding yet", collection.pending ? counted(collection.pending, "passage") : ""],
    ["Not read by the model", collection.unreadable ? counted(collection.unreadable, "passage") : ""],
    ["Indexing", describeRun(collection.index)],
    ["Folders", collection.roots.join(", ")],
    ["Model", collection.model ?? ""],
    ["ragkit", version],
  ];
  const parts = sum(coverage.missing_parts);
  byId("coverage-more").replaceChildren(
    make("dl", {}, ...rows.filter(([, value]) => value).map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, value)))),
    ...(missing || parts ? [listing("Files that were not read, and why", { collection: collection.name })] : []),
    ...(sum(coverage.left_out)
      ? [listing("Files that were left out, and why", { collection: collection.name, left_out: true })] : []),
  );
}

byId("coverage").addEventListener("toggle", ({ target }) => {
  if (target.open) target.scrollIntoView({ block: "end" });
});

function describeRun(run) {
  return run?.state === "running" ? `${run.files} of ${run.files_total} files so far` : "";
}
