// The keyboard: keys that work everywhere, keys of the view that is open, and the list of both.
import { button, fill, h } from "./dom.js";
import { go } from "./router.js";
import { nextTheme } from "./theme.js";

const everywhere = [
  { keys: ["1"], says: "read", does: () => go("#/") },
  { keys: ["2"], says: "library", does: () => go("#/library") },
  { keys: ["3"], says: "compare", does: () => go("#/compare") },
  { keys: ["4"], says: "runs and reports", does: () => go("#/runs") },
  { keys: ["/"], says: "search the library", does: searchLibrary },
  { keys: ["d"], says: "light, dark, as the system", does: nextTheme },
  { keys: ["?"], says: "this list", does: showKeys },
];

let ofView = [];

function searchLibrary() {
  const search = document.querySelector("input[type=search]");
  if (search) search.focus();
  else go("#/library");
}

/** The keys of the view that is open: `{keys, says, does?}`; without `does` a key is only listed, and its view handles it. */
export function setViewKeys(keys) { ofView = keys; }

function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=range])"));
}

/** The list of keys. */
export function showKeys() {
  if (document.querySelector("dialog[open]")) return;
  const dialog = h("dialog", { class: "keys", "aria-label": "Keys" });
  const list = (title, keys) => keys.length > 0 && h("section", {}, h("h2", {}, title),
    h("dl", {}, keys.map((key) => [
      h("dt", {}, key.keys.map((name, index) => [index > 0 && " ", h("kbd", {}, name)])), h("dd", {}, key.says)])));
  fill(dialog, list("Here", ofView), list("Everywhere", everywhere),
    h("div", { class: "row end" }, button("Close", () => dialog.close(), { autofocus: true })));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** Starts listening. */
export function startKeys() {
  document.getElementById("keys-button").addEventListener("click", showKeys);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const key = [...ofView, ...everywhere].find((known) => known.does && known.keys.includes(event.key));
    if (!key) return;
    event.preventDefault();
    key.does();
  });
}
