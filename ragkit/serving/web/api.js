// Requests to this server: the token, errors in words, answers that come in parts.

const KEPT = "ragkit-token"; // in sessionStorage: gone with the tab
let onRefused = () => Promise.reject(new Error("no one asks for the token"));

/** What went wrong, in the server's words; `status` is 0 where the server did not answer. */
export class ApiError extends Error {
  constructor(message, status, param = null) {
    super(message);
    Object.assign(this, { status, param });
  }
}

/** `ask(isWrong)` gives a promise of the token; it is called where the server asks for one. */
export function askForToken(ask) {
  let asking = null;
  onRefused = (isWrong) => (asking ??= ask(isWrong).finally(() => (asking = null)));
}

async function request(path, options = {}) {
  const token = sessionStorage.getItem(KEPT);
  const headers = { ...options.headers, ...(token && { authorization: `Bearer ${token}` }) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(
      navigator.onLine
        ? "The server does not answer. Is ragkit serve still running?"
        : "This device is offline, and the server does not answer.",
      0,
    );
  }
  if (response.status === 401) {
    // Another request may have brought a new token meanwhile.
    if (token === sessionStorage.getItem(KEPT)) {
      sessionStorage.setItem(KEPT, await onRefused(token !== null));
    }
    return request(path, options);
  }
  if (!response.ok) throw await problem(response);
  return response;
}

async function problem(response) {
  try {
    const { error } = await response.json();
    return new ApiError(error.message, response.status, error.param);
  } catch {
    return new ApiError(`The server answered ${response.status}.`, response.status);
  }
}

/** The JSON at a path, with what of `values` is not empty in its query string. */
export async function get(path, values = {}, signal = undefined) {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value != null);
  const query = given.length ? `?${new URLSearchParams(given)}` : "";
  return (await request(path + query, { signal })).json();
}

const sent = (body, signal) => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
  signal,
});

/** The JSON that answers a body. */
export async function post(path, body, signal) {
  return (await request(path, sent(body, signal))).json();
}

/** The events that answer a body, as they come: {name, data}. Leaving the loop hangs up. */
export async function* stream(path, body, signal) {
  const response = await request(path, sent(body, signal));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      yield* parts.map(event);
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The connection broke off before the answer was whole.", 0);
  } finally {
    reader.cancel().catch(() => {});
  }
}

function event(lines) {
  const found = { name: "message", data: null };
  for (const line of lines.split("\n")) {
    if (line.startsWith("event: ")) found.name = line.slice(7);
    if (line.startsWith("data: ")) found.data = JSON.parse(line.slice(6));
  }
  return found;
}
