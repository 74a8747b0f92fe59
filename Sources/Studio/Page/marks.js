// What stands beside an explanation: how well it fits, how probable a claim is, whether it is true, and what these marks mean.
import { button, decimal, h, percent } from "./dom.js";

const truths = {
  true: { sign: "✓", word: "true", means: "The text has said this." },
  latent: { sign: "◇", word: "latent", means: "True, and not yet said: it only decides what comes next." },
  false: { sign: "✗", word: "false", means: "Not true of this text." },
};

/** The share of the way from 0 to 1 at which a cosine's colour stands. */
export function shade(cosine) { return Math.min(1, Math.max(0, cosine ?? 0)); }

/** A bar as long as a cosine and coloured by it. */
export function cosineBar(cosine) {
  return h("span", { class: "bar", "aria-hidden": "true", style: { "--cosine": shade(cosine) } });
}

/** How probable a claim is to be true; null where nothing was fitted. */
export function confidenceMark(claim) {
  if (claim.confidence === null || claim.confidence === undefined) return null;
  return h("span", { class: "confidence", title: claim.words ?? null, style: { "--share": claim.confidence } },
    percent(claim.confidence), h("span", { class: "unseen" }, " probable to be true"));
}

/** The same to press: what it means is then said below the claim, for those who cannot hover. */
function confidenceButton(claim) {
  const mark = confidenceMark(claim);
  if (!mark || !claim.words) return { mark, meaning: null };
  const meaning = h("span", { class: "meaning", hidden: true }, claim.words);
  const press = button(mark, () => {
    meaning.hidden = !meaning.hidden;
    press.setAttribute("aria-expanded", String(!meaning.hidden));
  }, { class: "asks", "aria-expanded": "false" });
  return { mark: press, meaning };
}

/** Whether a claim is true, where the text's world is known. */
export function truthMark(claim, withWord = false) {
  const truth = truths[claim.truth];
  if (!truth) return null;
  return h("span", { class: `truth ${truth.word}`, title: `${truth.word}. ${truth.means}` },
    h("span", { "aria-hidden": "true" }, truth.sign),
    h("span", { class: withWord ? "" : "unseen" }, ` ${truth.word}`));
}

/** What a model wrote, without its tags, also while it is still writing them. */
export function spoken(text) {
  return (text ?? "").replace(/<\/?explanation>/g, "").replace(/<\/?[a-z]*$/, "").trim();
}

function claimsOf(explanation) {
  return explanation.claims?.length ? explanation.claims : [{ sentence: explanation.description ?? spoken(explanation.text) }];
}

/** An explanation in its claims, each with its marks; whole where it has none. */
export function claimLines(explanation) {
  return claimsOf(explanation).map((claim) => h("span", { class: `claim ${claim.truth ?? ""}` },
    claim.sentence, " ", h("span", { class: "marks" }, confidenceMark(claim), " ", truthMark(claim))));
}

/** The same where there is room: the marks say in words what they mean. */
export function claimLinesInFull(explanation) {
  return claimsOf(explanation).map((claim) => {
    const { mark, meaning } = confidenceButton(claim);
    return h("span", { class: `claim ${claim.truth ?? ""}` },
      claim.sentence, " ", h("span", { class: "marks" }, mark, " ", truthMark(claim, true)), meaning);
  });
}

/** An explanation in one sentence for screen readers. */
export function inWords(explanation) {
  const claims = (explanation.claims ?? []).map((claim) => [
    claim.sentence, claim.confidence !== null && claim.confidence !== undefined ? `${percent(claim.confidence)} probable` : "",
    truths[claim.truth]?.word ?? ""].filter(Boolean).join(", "));
  return `cosine ${decimal(explanation.cosine_similarity)}. ${claims.length ? claims.join(" ") : explanation.description}`;
}

/** What the marks mean: in one line, and in full once it is opened. */
export function legend({ hasConfidence, hasTruth }) {
  const confidence = h("span", { class: "confidence", style: { "--share": 0.9 } }, "90%");
  const signs = Object.values(truths).map((truth) =>
    h("span", { class: `truth ${truth.word}` }, h("span", { "aria-hidden": "true" }, truth.sign), ` ${truth.word}`));
  return h("details", { class: "legend" },
    h("summary", {},
      h("span", { class: "key" }, h("span", { class: "number" }, "0"),
        h("span", { class: "ramp", role: "img", "aria-label": "from a short pale line to a long dark one" },
          [0.1, 0.3, 0.5, 0.7, 0.9].map((step) => h("span", { class: "bar", style: { "--cosine": step } }))),
        h("span", { class: "number" }, "1"), " cosine"),
      hasConfidence && h("span", { class: "key" }, confidence, " probable"),
      hasTruth && h("span", { class: "key" }, signs),
      h("span", { class: "asks" }, "What the marks mean")),
    h("dl", {},
      h("dt", {}, "Cosine"), h("dd", {}, "How well the words alone rebuild what the model holds at that token: the line's length and colour. "
        + "It is no measure of truth."),
      hasConfidence && [h("dt", {}, "Probable"), h("dd", {}, "How probable a claim is to be true, fitted on texts whose truth is known: "
        + "of claims marked 90%, nine in ten are true.")],
      hasTruth && Object.values(truths).map((truth, index) => [h("dt", {}, signs[index].cloneNode(true)), h("dd", {}, truth.means)])));
}
