// Questions that need an answer before something goes on; the browser's own dialog keeps the focus inside.
import { button, field, fill, h } from "./dom.js";

function ask(build) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { class: "question" });
    const answer = (value) => { dialog.close(); resolve(value); };
    dialog.addEventListener("cancel", () => resolve(null));
    dialog.addEventListener("close", () => dialog.remove());
    fill(dialog, build(answer));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Asks before something that cannot be undone. */
export function confirmed(question, action) {
  return ask((answer) => h("form", { method: "dialog", "aria-label": question },
    h("p", {}, question),
    h("div", { class: "row end" },
      button("Keep it", () => answer(false), { autofocus: true }),
      button(action, () => answer(true), { class: "danger" }))));
}

/** Asks for the server's secret; null where the user has none. */
export function secretOf(wasWrong) {
  const input = h("input", { type: "password", autocomplete: "off", autofocus: true });
  return ask((answer) => h("form", {
    on: { submit: (event) => { event.preventDefault(); answer(input.value || null); } },
  },
  h("p", {}, wasWrong ? "That secret was not right." : "This server was started with a secret.",
    " It is kept for this tab only."),
  field("Secret", input),
  h("div", { class: "row end" },
    button("Cancel", () => answer(null)), h("button", { class: "primary" }, "Open"))));
}
