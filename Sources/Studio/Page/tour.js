// One minute for those who are here for the first time. Nothing is covered: every step waits while its reader tries it.
import { button, fill, h } from "./dom.js";
import { go, place } from "./router.js";

const steps = [
  { says: "Here is a text. Press Explain: a small model reads it, and what it holds at each token is put into words.", at: "#explain", ready: () => place().name === "read", comes: () => go("#/") },
  { says: "Words stand under their tokens. The line's colour and length say how well the words alone rebuild what the model holds there. Click a token.", at: ".interlinear", ready: () => document.querySelector(".interlinear") },
  { says: "What was said of it stands here. Draw several samples: what all of them say is likelier to be so. Then open “Edit & steer”.", at: ".panel .tabs", ready: () => document.querySelector(".panel .tabs") },
  { says: "Change a word, say a name or a motive. The scores follow as you type.", at: "#edit-words", ready: () => document.querySelector("#edit-words") },
  { says: "Push your change into the model, and read how it goes on: before and after.", at: "#push", ready: () => document.querySelector("#push") },
  { says: "All of it is kept. In the library you find it again by any word. The key ? lists every key.", at: "nav [data-view=library]", ready: () => true },
];

let card = null, hint = null, at = 0;

// The steps become ready as the page changes.
const watching = new MutationObserver(() => look());

function mark(selector) {
  for (const element of document.querySelectorAll(".toured")) element.classList.remove("toured");
  const element = selector && document.querySelector(selector);
  if (!element) return;
  element.classList.add("toured");
  element.scrollIntoView({ block: "nearest" });
}

function end() {
  watching.disconnect();
  mark(null);
  card?.remove();
  card = null;
  localStorage.setItem("toured", "yes");
}

function show() {
  const step = steps[at];
  hint = h("p", { class: "hint" }, step.comes ? [button("Go there", () => step.comes(), { class: "link" })] : "It waits until the step before is done.");
  fill(card, h("p", {}, h("span", { class: "meta" }, `${at + 1} of ${steps.length}`), " ", step.says), hint,
    h("div", { class: "row end" }, button("Leave", end, { class: "link" }),
      at > 0 && button("Back", () => { at -= 1; show(); }),
      button(at === steps.length - 1 ? "Done" : "Next", () => { if (at === steps.length - 1) end(); else { at += 1; show(); } }, { class: "primary" })));
  delete card.dataset.ready;
  mark(null);
  look();
  card.querySelector(".primary").focus();
}

/** Shows whether the step is ready. Its buttons stay as they are: somebody may be pressing one. */
function look() {
  const step = steps[at];
  const isReady = Boolean(step.ready());
  if (String(isReady) !== card.dataset.ready) {
    card.dataset.ready = isReady;
    hint.hidden = isReady;
    mark(isReady ? step.at : null);
  } else if (isReady && !document.querySelector(".toured")) mark(step.at);
}

function begin() {
  end();
  at = 0;
  card = h("section", { class: "tour", role: "region", "aria-label": "Tour", "aria-live": "polite" });
  document.querySelector(".masthead").before(card);
  show();
  watching.observe(document.getElementById("main"), { childList: true, subtree: true });
}

/** Lets the tour be taken, and offers it once. */
export function startTour() {
  document.getElementById("tour-button").addEventListener("click", begin);
  if (localStorage.getItem("toured")) return;
  card = h("section", { class: "tour offer", role: "region", "aria-label": "Tour" },
    h("p", {}, "Here for the first time? The tour takes a minute."),
    h("div", { class: "row end" }, button("Not now", end, { class: "link" }), button("Show me", begin, { class: "primary" })));
  document.querySelector(".masthead").before(card);
}
