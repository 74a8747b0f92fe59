// Change an explanation's words and see the vector move; then push the change into the model.
import { ask } from "./api.js";
import { button, debounce, decimal, errorLine, fill, h, percent, wasStopped } from "./dom.js";
import { claimLinesInFull, cosineBar } from "./marks.js";
import { address } from "./router.js";
import { steerSection } from "./steer.js";
import { shown } from "./tokens.js";

const mostNearest = 5;

/** The panel's page for one token: words that can be changed, what they are worth, and what they do. */
export function editPage(context, position, parameters) {
  const { reading } = context;
  const explanation = reading.explanation(parameters.get("explanation")) ?? reading.shownAt(position);
  if (!explanation) return waitingPage(context, position, parameters);
  const original = explanation.description ?? "";
  const words = h("textarea", {
    id: "edit-words", rows: 3, "aria-label": "The explanation's words", "aria-describedby": "edit-hint",
    value: parameters.get("words") ?? context.drafts.get(explanation.id) ?? original, on: { input: () => changed() },
  });
  const scores = h("div", { class: "fit", "aria-live": "polite" });
  const nearest = h("div", { class: "nearest" });
  const trouble = h("div");
  const keep = button("Keep these words", keepWords, { disabled: true });
  const reset = button("Back to the model's words", () => { words.value = original; changed(); }, { class: "link" });
  const steer = steerSection(context, position, { original, words: () => words.value.trim(), parameters, changed: remember });
  let asked = null;

  function state() {
    return { explanation: explanation.id, words: words.value.trim() === original ? null : words.value.trim(), ...steer.state() };
  }

  function remember() {
    context.drafts.set(explanation.id, words.value);
    context.remember(state());
  }

  const score = debounce(250, async () => {
    asked?.abort();
    const request = (asked = new AbortController());
    const text = words.value.trim();
    if (!text) { fill(scores, h("p", { class: "hint" }, "Write something: an empty explanation explains nothing.")); return; }
    scores.setAttribute("aria-busy", "true");
    fill(trouble);
    try {
      show(await send(text, request.signal));
    } catch (error) {
      if (!wasStopped(error)) fill(trouble, errorLine(error, score));
    } finally {
      if (asked === request) scores.removeAttribute("aria-busy");
    }
  });

  function send(text, signal, more = {}) {
    return ask("POST", `${reading.path}/edit`, { position, text, explanation: explanation.id, pair: reading.pair, ...more }, signal);
  }

  function show(result) {
    const isSame = words.value.trim() === original;
    const before = result.original?.cosine_similarity ?? explanation.cosine_similarity;
    const line = (name, cosine) => h("div", { class: "measure" }, h("span", { class: "name" }, name), cosineBar(cosine),
      h("span", { class: "number" }, decimal(cosine)));
    fill(scores,
      line("the model's words", before), line(isSame ? "unchanged" : "your words", result.cosine_similarity),
      !isSame && h("p", { class: "verdict" }, verdict(before, result)),
      !isSame && result.claims?.some((claim) => claim.truth || (claim.confidence ?? null) !== null)
        && h("p", { class: "words" }, claimLinesInFull(result)));
    const near = firstOfEachToken(result.nearest ?? []);
    fill(nearest, near.length > 0 && [
      h("h3", {}, isSame ? "These words are nearest to" : "Your words are now nearest to"),
      h("ol", {}, near.map((each) => h("li", {},
        h("a", { href: address("reading", each.reading, { position: each.position, explanation: each.explanation }) },
          h("b", {}, shown(each.token)), " ", each.description),
        h("span", { class: "meta" }, ` cosine ${decimal(each.cosine_similarity)}`,
          each.reading === reading.id ? each.position === position ? ", this token" : ", this text" : `, ${each.title || "another text"}`))))]);
  }

  function changed() {
    const isSame = words.value.trim() === original;
    keep.disabled = isSame || !words.value.trim();
    reset.hidden = isSame;
    remember();
    score();
    steer.wordsChanged();
  }

  async function keepWords() {
    fill(trouble);
    try {
      const result = await send(words.value.trim(), undefined, { keep: true });
      const kept = result.kept ?? result.stored ?? null;
      if (kept) reading.add(kept);
      keep.disabled = true;
      keep.textContent = "Kept";
    } catch (error) {
      fill(trouble, errorLine(error));
    }
  }

  reset.hidden = words.value.trim() === original;
  keep.disabled = reset.hidden;
  score();
  steer.resume();
  return {
    element: h("div", { class: "edit" },
      h("h3", {}, "Change the words"), words,
      h("p", { class: "hint", id: "edit-hint" }, "Change a word. The reconstructor builds a vector from your words, and it is held against the model's own."),
      h("div", { class: "row" }, reset, keep), trouble, scores, steer.element, nearest),
    first: words,
    state,
    close: () => { score.cancel(); asked?.abort(); steer.close(); },
  };
}

/** One explanation of each token: what else was said of it has the same vector. */
function firstOfEachToken(found) {
  const tokens = new Map();
  for (const each of found) {
    const token = `${each.reading} ${each.position}`;
    if (!tokens.has(token)) tokens.set(token, each);
  }
  return [...tokens.values()].slice(0, mostNearest);
}

/** What the numbers say, as a sentence. */
function verdict(before, result) {
  const change = result.cosine_similarity - (before ?? result.cosine_similarity);
  const fit = Math.abs(change) < 0.005 ? "fit as well as the model's" : change > 0 ? "fit better than the model's" : "fit worse than the model's";
  return `Your words ${fit} (${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(2)}, ${percent(result.variance_explained)} of the variance). `
    + `What they rebuild has a cosine of ${decimal(result.moved)} with what the model's words rebuild.`;
}

/** Stands here until the token has been explained. */
function waitingPage(context, position, parameters) {
  const room = h("div", {}, h("p", { class: "hint" }, "There are no words here yet."),
    button("Explain this token", () => context.explain([position]), { class: "primary" }));
  const page = { element: room, first: room.querySelector("button") };
  page.changed = () => {
    if (!context.reading.shownAt(position) || context.reading.pending.has(position)) return;
    Object.assign(page, editPage(context, position, parameters), { changed: undefined });
    fill(room, page.element);
  };
  return page;
}
