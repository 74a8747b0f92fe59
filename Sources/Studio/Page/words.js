// The panel's first page: what was said of a token, sample beside sample.
import { button, decimal, field, fill, h, percent } from "./dom.js";
import { claimLinesInFull, cosineBar, spoken } from "./marks.js";

const origins = { edited: "your words", imported: "imported" };

/** Samples side by side, and how to draw more. */
export function wordsPage(context, position) {
  const { reading } = context;
  const list = h("div", { class: "draws" });
  const samples = h("input", { type: "number", min: 1, max: 16, value: localStorage.getItem("samples") ?? 4, inputmode: "numeric" });
  const temperature = h("input", { type: "range", min: 0, max: 1.5, step: 0.1, value: localStorage.getItem("temperature") ?? 0.7 });
  const says = h("output", {});
  const showTemperature = () => { says.textContent = decimal(Number(temperature.value), 1); };
  temperature.addEventListener("input", showTemperature);
  showTemperature();

  function draw() {
    const number = Math.min(16, Math.max(1, Math.round(Number(samples.value)) || 1));
    samples.value = number;
    localStorage.setItem("samples", number);
    localStorage.setItem("temperature", temperature.value);
    context.explain(context.text.positions, { samples: number, temperature: Number(temperature.value) });
  }

  const first = button("Draw samples", draw, { class: "primary", id: "draw" });

  function card(explanation, standsInText) {
    return h("article", { class: "sample", "aria-current": standsInText ? "true" : null },
      h("p", { class: "words" }, claimLinesInFull(explanation)),
      !explanation.complete && explanation.complete !== undefined && explanation.origin === "model"
        && h("p", { class: "hint" }, "It ran out of tokens before its end."),
      h("p", { class: "scores" }, cosineBar(explanation.cosine_similarity), decimal(explanation.cosine_similarity), " cosine",
        explanation.variance_explained !== null && explanation.variance_explained !== undefined
          && `, ${percent(explanation.variance_explained)} variance`),
      explanation.agreement !== null && explanation.agreement !== undefined && h("p", { class: "scores" },
        `${percent(explanation.agreement)} agreement`),
      origins[explanation.origin] && h("p", { class: "meta" }, origins[explanation.origin]),
      h("p", { class: "row" },
        button("Edit", () => context.openEdit(explanation), { class: "link edit" }),
        standsInText ? h("span", { class: "meta" }, "stands in the text")
          : button("Put in the text", () => { context.show(explanation); context.remember({ explanation: explanation.id }); show(); },
            { class: "link" })));
  }

  function show() {
    const standing = reading.shownAt(position);
    const pending = reading.pending.get(position);
    const draws = reading.draws(position).reverse();
    fill(list,
      pending !== undefined && h("article", { class: "sample pending", "aria-busy": "true" }, h("p", { class: "words" }, spoken(pending) || "…")),
      !draws.length && pending === undefined && h("p", { class: "hint" }, "Not explained yet."),
      draws.map((together, index) => [
        index === 1 && h("h3", {}, "Earlier"),
        h("div", { class: "side-by-side" }, together.map((each) => card(each, each === standing))),
      ]));
  }

  show();
  return {
    element: h("div", {}, list, h("fieldset", { class: "draw" }, h("legend", {}, "Several samples"),
      h("p", { class: "hint" }, "What all of them say is likelier to be so. Agreement: how many of the other samples say the same, averaged over the claims."),
      h("div", { class: "row" }, field("Samples", samples), field("Temperature", h("span", { class: "row" }, temperature, says))),
      first)),
    first, changed: show,
    state: () => ({ explanation: reading.chosen.get(position) }),
  };
}
