// What stands beside an explanation: how well it fits, how probable a claim is, whether it is true, and what these marks mean.
import { decimal, h, percent } from "./dom.js";

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
  return h("span", {
    class: "confidence", title: claim.words ?? null, style: { "--share": claim.confidence },
    "aria-label": `, ${percent(claim.confidence)} probable to be true`,
  }, percent(claim.confidence));
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

/** An explanation in its claims, each with its marks; whole where it has none. */
export function claimLines(explanation, withWords = false) {
  const claims = explanation.claims?.length ? explanation.claims : [{ sentence: explanation.description ?? spoken(explanation.text) }];
  return claims.map((claim) => h("span", { class: `claim ${claim.truth ?? ""}` },
    claim.sentence, " ", h("span", { class: "marks" }, confidenceMark(claim), " ", truthMark(claim, withWords))));
}

/** An explanation in one sentence for screen readers. */
export function inWords(explanation) {
  const claims = (explanation.claims ?? []).map((claim) => [
    claim.sentence, claim.confidence !== null && claim.confidence !== undefined ? `${percent(claim.confidence)} probable` : "",
    truths[claim.truth]?.word ?? ""].filter(Boolean).join(", "));
  return `cosine ${decimal(explanation.cosine_similarity)}. ${claims.length ? claims.join(" ") : explanation.description}`;
}

/** What the marks mean. */
export function legend({ hasConfidence, hasTruth }) {
  const steps = [0, 0.25, 0.5, 0.75, 1];
  return h("div", { class: "legend" },
    h("div", { class: "scale", role: "img", "aria-label": "Colour and length of the line under a token: cosine from 0 to 1" },
      h("span", { class: "name" }, "cosine"),
      steps.map((step) => h("span", { class: "step" }, cosineBar(step), h("span", {}, decimal(step, step % 0.5 ? 2 : step % 1 ? 1 : 0))))),
    h("p", {}, "How well the words alone rebuild what the model holds at that token. It is no measure of truth."),
    hasConfidence && h("p", {}, h("span", { class: "confidence", style: { "--share": 0.9 } }, "90%"),
      " how probable a claim is to be true, fitted on texts whose truth is known: nine in ten such claims are."),
    hasTruth && h("p", { class: "truths" }, Object.values(truths).map((truth) => h("span", {},
      h("span", { class: `truth ${truth.word}` }, h("span", { "aria-hidden": "true" }, truth.sign), ` ${truth.word}`),
      truth.word === "latent" ? ", though nothing has said it yet" : ""))));
}
