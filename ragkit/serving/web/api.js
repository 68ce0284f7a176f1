// Requests to this server: token, error messages, streamed responses.

const TOKEN_KEY = "ragkit-token"; // in sessionStorage: gone with the tab
let onRefused = () => Promise.reject(new Error("no handler asks for the token"));

/** An error with the server's message; `status` is 0 if the server did not answer. */
export class ApiError extends Error {
  constructor(message, status, param = null) {
    super(message);
    Object.assign(this, { status, param });
  }
}

/** Registers `ask(isWrong)`, which returns a promise of the token; called after a 401 response. */
export function askForToken(ask) {
  let asking = null;
  onRefused = (isWrong) => (asking ??= ask(isWrong).finally(() => (asking = null)));
}

async function request(path, options = {}) {
  const token = sessionStorage.getItem(TOKEN_KEY);
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
    // Another request may have stored a new token meanwhile.
    if (token === sessionStorage.getItem(TOKEN_KEY)) {
      sessionStorage.setItem(TOKEN_KEY, await onRefused(token !== null));
    }
    return request(path, options);
  }
  if (!response.ok) throw await toApiError(response);
  return response;
}

async function toApiError(response) {
  try {
    const { error } = await response.json();
    return new ApiError(error.message, response.status, error.param);
  } catch {
    return new ApiError(`The server answered ${response.status}.`, response.status);
  }
}

/** Returns the JSON at a path. Empty `values` are left out of the query string. */
export async function get(path, values = {}, signal = undefined) {
  const pairs = Object.entries(values).filter(([, value]) => value !== "" && value != null);
  const query = pairs.length ? `?${new URLSearchParams(pairs)}` : "";
  return (await request(path + query, { signal })).json();
}

const postOptions = (body, signal) => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
  signal,
});

/** Posts a body and returns the JSON of the response. */
export async function post(path, body, signal) {
  return (await request(path, postOptions(body, signal))).json();
}

/** Posts a body and yields the events of the response, {name, data}. Leaving the loop disconnects. */
export async function* stream(path, body, signal) {
  const response = await request(path, postOptions(body, signal));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      yield* parts.map(parseEvent);
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The connection was lost before the answer was complete.", 0);
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parseEvent(lines) {
  const event = { name: "message", data: null };
  for (const line of lines.split("\n")) {
    if (line.startsWith("event: ")) event.name = line.slice(7);
    if (line.startsWith("data: ")) event.data = JSON.parse(line.slice(6));
  }
  return event;
}
