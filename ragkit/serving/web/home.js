// The opening screen: questions to ask, newest files, folders; what can be added to them.

import { get, post } from "./api.js";
import { byId, counted, make, showMessage } from "./dom.js";

const POLL = 500; // ms between two looks at the progress of indexing
const MAX_MB = 50; // of a file that is sent
const box = byId("home");
let overview = null;
let polling = 0;

/** Returns what `/v1/overview` says of a collection; requested once until something changes. */
export async function getOverview(collection, again = false) {
  if (again || overview?.collection !== collection) {
    overview = { collection, promise: get("/v1/overview", { collection }) };
  }
  return overview.promise;
}

/** Shows the opening screen. `actions`: ask(question), open(citation, from), refresh(). */
export async function showHome(collection, actions, again = false) {
  try {
    const data = await getOverview(collection, again);
    if (overview.collection === collection) show(data, collection, actions);
  } catch (error) {
    overview = null;
    box.replaceChildren(make("p", { className: "error" }, error.message));
  }
}

function show(data, collection, actions) {
  box.replaceChildren(...[
    data.questions.length ? section("Try asking", questions(data.questions, actions)) : null,
    data.newest.length ? section("Newest files", newest(data.newest, actions)) : null,
    section("Folders", ...folders(data, collection, actions)),
  ].filter(Boolean));
  watchRun(collection, actions, false);
}

const section = (title, ...content) => make("section", {}, make("h2", {}, title), ...content);

function questions(texts, { ask }) {
  return make("ul", { className: "questions" }, ...texts.map((text) =>
    make("li", {}, make("button", { type: "button", onclick: () => ask(text) }, text))));
}

function newest(files, { open }) {
  return make("ul", { className: "rows" }, ...files.map((file) => {
    const name = make("button", { type: "button", className: "open" }, file.title);
    name.addEventListener("click", () => open({ ...file, start: 0, end: 0, citation: file.path, text: "" }, name));
    const date = file.changed ? new Date(1000 * file.changed).toLocaleDateString(undefined, { dateStyle: "medium" }) : "";
    return make("li", {}, name, make("span", { className: "path" }, file.path), make("span", { className: "when" }, date));
  }));
}

function folders(data, collection, actions) {
  const status = make("p", { className: "status", id: "index-status", role: "status" });
  const progress = make("progress", { id: "index-progress", hidden: true, "aria-label": "Progress of indexing" });
  const update = make("button", { type: "button", id: "update", onclick: () => startIndex({}) }, "Update now");
  const startIndex = async (body) => {
    try {
      await post("/v1/index", { ...body, ...(collection && { collection }) });
      watchRun(collection, actions, true);
    } catch (error) {
      showMessage(status, error.message);
    }
  };
  return [
    make("ul", { className: "rows" }, ...data.folders.map(({ label, documents }) =>
      make("li", {}, make("span", { className: "path" }, label), make("span", { className: "when" }, counted(documents, "document"))))),
    data.folders.length ? null : make("p", { className: "note" }, "No folder yet. Index one with: ragkit index FOLDER"),
    make("div", { className: "actions" }, data.folders.length ? update : null,
      data.is_watching ? make("span", { className: "note" }, "Changes are indexed as they happen.") : null),
    progress, status,
    adding("Add a folder", data.add_folders, () => folderForm(collection, actions, status)),
    adding("Add files", data.upload, () => fileForm(collection, startIndex, status)),
  ].filter(Boolean);
}

/** A closed section; it says why, where this server does not allow it. */
function adding(title, refusal, content) {
  const details = make("details", { className: "adding" }, make("summary", {}, title));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) {
      details.append(refusal ? make("p", { className: "note" }, `${refusal[0].toUpperCase()}${refusal.slice(1)}`) : content());
    }
  });
  return details;
}

function folderForm(collection, actions, status) {
  const choices = make("datalist", { id: "folder-choices" });
  const input = make("input", { id: "folder", required: true, autocomplete: "off", spellcheck: false, "aria-describedby": "folder-error" });
  input.setAttribute("list", "folder-choices");
  const error = make("p", { className: "error", role: "alert", id: "folder-error", hidden: true });
  const form = make("form", {}, make("label", {}, "Folder ", input), choices, make("button", {}, "Add"), error);
  get("/v1/folders").then(({ folders: names }) =>
    choices.append(...names.map((name) => make("option", { value: name })))).catch(() => {});
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await post("/v1/folders", { folder: input.value.trim(), ...(collection && { collection }) });
      showMessage(error, "");
      input.value = "";
      watchRun(collection, actions, true);
    } catch (problem) {
      showMessage(error, problem.message);
    }
  });
  return form;
}

function fileForm(collection, startIndex, status) {
  const input = make("input", { type: "file", multiple: true, id: "files" });
  const list = make("ul", { className: "rows", "aria-label": "Files that were sent" });
  const zone = make("div", { className: "drop" }, make("label", {}, "Choose files, or drop them here ", input), list);
  const send = async (files) => {
    const roots = new Set();
    for (const file of files) {
      const item = make("li", {}, make("span", { className: "path" }, file.name));
      const result = make("span", { className: "when" }, "sending…");
      item.append(result);
      list.append(item);
      try {
        if (file.size > MAX_MB * 1e6) throw new Error(`larger than ${MAX_MB} MB`);
        const body = { name: file.name, data: await toBase64(file), ...(collection && { collection }) };
        const stored = await post("/v1/uploads", body);
        roots.add(stored.root);
        result.textContent = stored.is_new ? `stored as ${stored.name}` : "was there already";
      } catch (error) {
        result.textContent = error.message;
        result.className = "error";
      }
    }
    if (roots.size) await startIndex({ roots: [...roots] });
  };
  input.addEventListener("change", () => send([...input.files]));
  for (const name of ["dragover", "dragleave", "drop"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.toggle("over", name === "dragover");
      if (name === "drop") send([...event.dataTransfer.files]);
    });
  }
  return zone;
}

const toBase64 = (file) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
  reader.onerror = () => reject(new Error("it cannot be read"));
  reader.readAsDataURL(file);
});

/** Shows the progress of a run until it ends. `isNew`: one was started just now. */
async function watchRun(collection, actions, isNew) {
  clearTimeout(polling);
  const [status, bar] = [byId("index-status"), byId("index-progress")];
  if (!status) return;
  try {
    const run = await get("/v1/index", { collection });
    const isRunning = run.state === "running";
    bar.hidden = !isRunning;
    bar.max = Math.max(1, run.files_total);
    if (run.files_total) bar.value = run.files;
    if (isRunning) {
      showMessage(status, run.files_total ? `Indexing: ${run.files} of ${counted(run.files_total, "file")}` : "Indexing…");
      polling = setTimeout(() => watchRun(collection, actions, true), POLL);
    } else if (isNew) {
      await showHome(collection, actions, true);
      showMessage(byId("index-status"), describe(run));
      actions.refresh();
    }
  } catch (error) {
    showMessage(status, error.message);
  }
}

function describe({ state, report, error }) {
  if (state !== "done") return error ?? "Indexing was stopped.";
  const { added, updated, removed, failed } = report;
  if (!added && !updated && !removed && !failed) return "Everything was up to date.";
  return `Indexed: ${added} added, ${updated} updated, ${removed} removed${failed ? `, ${counted(failed, "file")} not read` : ""}.`;
}
