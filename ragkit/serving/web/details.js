// The details of the coverage, loaded when they are opened: files by reason, model, folders.

import { addStyles, counted, make } from "./dom.js";
import { listing } from "./unread.js";

await addStyles();

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

function describeKinds(numbers) {
  return Object.entries(numbers)
    .map(([kind, number]) => `${number.toLocaleString("en")} ${KIND_LABELS[kind] ?? kind}`)
    .join(", ");
}

const sum = (numbers) => Object.values(numbers ?? {}).reduce((total, number) => total + number, 0);

/** Returns the elements that describe one collection of `/v1/status`. */
export function details(collection, version) {
  const { coverage } = collection;
  const missing = sum(coverage.missing);
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
  return [
    make("dl", {}, ...rows.filter(([, value]) => value).map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, value)))),
    ...(missing || parts ? [listing("Files that were not read, and why", { collection: collection.name })] : []),
    ...(sum(coverage.left_out)
      ? [listing("Files that were left out, and why", { collection: collection.name, left_out: true })] : []),
  ];
}

function describeRun(run) {
  return run?.state === "running" ? `${run.files} of ${run.files_total} files so far` : "";
}
