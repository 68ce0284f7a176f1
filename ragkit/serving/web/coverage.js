// What is in the collections that are served, and what of their folders was not read.

import { byId, counted, make } from "./dom.js";
import { listing } from "./unread.js";

// The kinds of reasons in the ledger, as docs/formats.md has them.
const WORDS = {
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
  no_document: "no documents",
  hidden: "hidden",
  ignored: "ignored",
  excluded: "excluded",
  link: "links",
  special: "special files",
};

const sum = (numbers) => Object.values(numbers ?? {}).reduce((total, each) => total + each, 0);

function kinds(numbers) {
  return Object.entries(numbers)
    .map(([kind, number]) => `${number.toLocaleString("en")} ${WORDS[kind] ?? kind}`)
    .join(", ");
}

/** Shows one collection of `/v1/status`. */
export function showCoverage(found, version) {
  const { coverage } = found;
  const missing = sum(coverage.missing);
  const line = `${counted(found.documents, "document")}, ${counted(found.passages, "passage")}`;
  const verdict = missing ? `${counted(missing, "file")} not read` : "every file read";
  byId("coverage-line").textContent = coverage.files
    ? `${line}; ${verdict}`
    : "Nothing is indexed yet: ragkit index FOLDER";
  const rows = [
    ["Files read", `${coverage.read.toLocaleString("en")} of ${coverage.files.toLocaleString("en")}`],
    ["Not read", missing ? kinds(coverage.missing) : "none"],
    ["Parts of archives and mails not read", kinds(coverage.missing_parts ?? {})],
    ["Left out by rules, or no documents", kinds(coverage.left_out)],
    ["Waiting for their vectors", found.pending ? counted(found.pending, "passage") : ""],
    ["Being indexed", running(found.index)],
    ["Folders", found.roots.join(", ")],
    ["Model", found.model ?? ""],
    ["ragkit", version],
  ];
  const parts = sum(coverage.missing_parts);
  byId("coverage-more").replaceChildren(
    make("dl", {}, ...rows.filter(([, value]) => value).map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, value)))),
    ...(missing || parts ? [listing("What was not read, and why", { collection: found.name })] : []),
    ...(sum(coverage.left_out)
      ? [listing("What was left out, and why", { collection: found.name, left_out: true })] : []),
  );
}

byId("coverage").addEventListener("toggle", ({ target }) => {
  if (target.open) target.scrollIntoView({ block: "end" });
});

function running(run) {
  return run?.state === "running" ? `${run.files} of ${run.files_total} files so far` : "";
}
