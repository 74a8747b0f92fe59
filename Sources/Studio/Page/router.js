// A view is its address: `#/reading/ID?position=12&panel=edit`.
import { query } from "./api.js";

/** What the address asks for: the view's name, the rest of its path, and its parameters. */
export function place() {
  const [path, parameters] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/").map((piece) => {
    try { return decodeURIComponent(piece); } catch { return piece; }
  });
  return { name: name || "read", rest: rest.join("/"), parameters: new URLSearchParams(parameters ?? "") };
}

/** The address of a view. */
export function address(name, rest, parameters = {}) {
  const path = rest ? `${name}/${encodeURIComponent(rest)}` : name === "read" ? "" : name;
  return `#/${path}${query(parameters)}`;
}

/** Goes to a view; the one before stays in the history. */
export function go(target) { location.hash = target; }

/** Writes where the user is within a view into its address, without a step in the history. */
export function remember(target) {
  if (location.hash !== target) history.replaceState(null, "", target);
}
