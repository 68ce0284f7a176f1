// Conversations, kept in this browser (IndexedDB): they survive a reload and never leave it.

const NAME = "ragkit";
const STORE = "conversations";
let opening = null;

function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

async function run(mode, operation) {
  const transaction = (await database()).transaction(STORE, mode);
  const request = operation(transaction.objectStore(STORE));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** Returns all conversations, {id, name, collection, updated, turns}, the latest first. */
export async function all() {
  const found = await run("readonly", (store) => store.getAll());
  return found.sort((one, other) => other.updated - one.updated);
}

/** Returns one conversation; undefined if this browser has none with this id. */
export const load = (id) => run("readonly", (store) => store.get(id));

/** Stores a conversation under its id. */
export const save = (conversation) => run("readwrite", (store) => store.put(conversation));

/** Deletes a conversation. */
export const remove = (id) => run("readwrite", (store) => store.delete(id));

/** Returns a new id. */
export const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(36).padStart(2, "0")).join("");

/** Returns a conversation as Markdown, with the sources of each answer. */
export function toMarkdown({ name, turns }) {
  const parts = turns.map((turn) => `## ${turn.question}\n\n${withSources(turn)}`);
  return `# ${name}\n\n${parts.join("\n\n")}\n`;
}

/** Returns an answer with its sources as text. */
export function withSources({ text, verdict }) {
  if (!verdict?.citations.length) return text;
  const lines = verdict.citations.map(({ n, citation }) => `[${n}] ${citation}`);
  return `${text}\n\nSources:\n${lines.join("\n")}`;
}
