// What the page asks the server: JSON in, JSON or a stream of events out.

/** What the server refused or could not do, in its own words. */
export class Failure extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

let askForSecret = null;

/** Who is asked for the server's secret, once it wants one: a function that gives a promise of it, or of null. */
export function setSecretKeeper(keeper) { askForSecret = keeper; }

/** Whether this tab has been given a secret. */
export function hasSecret() { return sessionStorage.getItem("secret") !== null; }

function headers(body) {
  const fields = {};
  if (body !== undefined) fields["Content-Type"] = "application/json";
  const secret = sessionStorage.getItem("secret");
  if (secret !== null) fields["X-SECRET-KEY"] = secret;
  return fields;
}

async function send(method, path, body, signal) {
  const payload = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  let response;
  try {
    response = await fetch(path, { method, headers: headers(payload), body: payload, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("The server does not answer. Is nla studio still running?", 0);
  }
  if (response.status === 401) {
    const secret = await askForSecret?.(hasSecret());
    if (secret) {
      sessionStorage.setItem("secret", secret);
      return send(method, path, body, signal);
    }
  }
  if (!response.ok) throw await failure(response);
  return response;
}

async function failure(response) {
  let message = `The server answered ${response.status}.`;
  try {
    const { detail } = await response.json();
    if (typeof detail === "string") message = detail;
    else if (Array.isArray(detail)) message = detail.map((problem) => problem.msg ?? String(problem)).join("; ");
  } catch { /* no JSON: the status has to do */ }
  if (response.status === 429) message = "The server is busy: try again in a moment.";
  return new Failure(message, response.status);
}

/** Asks for JSON; null where there is nothing to say. */
export async function ask(method, path, body, signal) {
  const response = await send(method, path, body, signal);
  return response.status === 204 ? null : response.json();
}

export const get = (path, signal) => ask("GET", path, undefined, signal);
export const post = (path, body, signal) => ask("POST", path, body ?? {}, signal);

/** Asks for a file as it is. */
export async function getFile(path, signal) {
  const response = await send("GET", path, undefined, signal);
  return response.blob();
}

/** Reads server-sent events until `[DONE]`, and gives each frame to `take`. Throws what a frame says went wrong. */
export async function stream(method, path, body, signal, take) {
  const response = await send(method, path, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Failure("The server stopped in the middle of its answer.", 0);
    const events = (rest + value).split(/\r?\n\r?\n/);
    rest = events.pop();
    for (const event of events) {
      const data = event.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim());
      if (!data.length) continue;
      if (data.join("") === "[DONE]") { reader.cancel().catch(() => {}); return; }
      const frame = JSON.parse(data.join("\n"));
      if (frame.error) throw new Failure(frame.error.message ?? String(frame.error), 500);
      take(frame);
    }
  }
}

/** A query string without what is empty. */
export function query(values) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== "" && value !== false) parameters.set(name, value);
  }
  const text = parameters.toString();
  return text ? `?${text}` : "";
}

/** One of a path's parts, safe whatever it holds. */
export const part = encodeURIComponent;

let models = null;

/** What is loaded; asked for once. */
export function loadedModels() {
  models ??= get("/studio/models").catch((error) => { models = null; throw error; });
  return models;
}

/** Saves what an address gives as a file of the user's. */
export async function download(path, name) {
  const address = URL.createObjectURL(await getFile(path));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
