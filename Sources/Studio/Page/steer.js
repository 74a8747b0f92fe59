// Push a change of words into the target, and read what it says before and after, with its controls beside.
import { stream } from "./api.js";
import { announce, button, debounce, decimal, errorLine, field, fill, h, percent, wasStopped } from "./dom.js";
import { shown } from "./tokens.js";

const names = {
  clean: { title: "Before", says: "the model as it is" },
  edited: { title: "After", says: "with your change pushed in" },
  reconstruction: { title: "Old words only", says: "rebuilt from the words before your change" },
  random: { title: "Random push", says: "as long as yours, in no particular direction" },
};
const order = ["clean", "edited", "reconstruction", "random"];
const shownTokens = 6;

/** How to steer at one token. `edit` gives the words before and after, and hears when the strength changes. */
export function steerSection(context, position, edit) {
  const { reading } = context;
  const given = Number(edit.strength);
  const strength = h("input", {
    type: "range", id: "strength", min: 0, max: 4, step: 0.1, value: edit.strength !== null && given >= 0 && given <= 4 ? given : 1,
    "aria-describedby": "strength-hint", on: { input: () => { showStrength(); edit.changed(); if (hasRun) again(); } },
  });
  const says = h("output", {});
  const length = h("input", { type: "number", min: 1, max: 200, value: 16, inputmode: "numeric" });
  const temperature = h("input", { type: "number", min: 0, max: 2, step: 0.1, value: 0, inputmode: "decimal" });
  const results = h("div", { class: "variants" });
  const trouble = h("div");
  const push = button("Push into the model", run, { class: "primary", id: "push" });
  const stop = button("Stop", () => work?.abort(), { hidden: true });
  let work = null, hasRun = false;
  const again = debounce(400, run);

  function showStrength() { says.textContent = `${decimal(Number(strength.value), 1)} ×`; }

  function prompt() {
    const before = reading.tokens.filter((token) => token.position <= position);
    return before.slice(-8).map((token) => token.token).join("");
  }

  async function run() {
    again.cancel();
    work?.abort();
    const mine = (work = new AbortController());
    const columns = new Map();
    let frames = false;
    hasRun = true;
    stop.hidden = false;
    results.setAttribute("aria-busy", "true");
    fill(trouble);
    try {
      await stream("POST", `${reading.path}/steer`, {
        position, text: edit.words(), original: edit.original, strength: Number(strength.value), pair: reading.pair,
        max_new_tokens: Number(length.value) || 16, temperature: Number(temperature.value) || 0,
      }, mine.signal, (frame) => {
        if (frame.variants) {
          frames = true;
          showVariants(frame.variants, columns);
        } else {
          const column = columns.get(frame.name);
          if (column) column.textContent = frame.text;
        }
      });
      announce(`Before: ${columns.get("clean")?.textContent ?? ""}. After: ${columns.get("edited")?.textContent ?? ""}.`);
    } catch (error) {
      if (work === mine) {
        if (!wasStopped(error)) fill(trouble, errorLine(error, run));
        if (!frames) fill(results);
      }
    } finally {
      if (work === mine) {
        stop.hidden = true;
        results.removeAttribute("aria-busy");
        push.textContent = "Push again";
      }
    }
  }

  function showVariants(variants, columns) {
    const find = (name) => variants.find((each) => each.name === name);
    const clean = new Map(find("clean")?.next.map((each) => [each.token_id, each.probability]));
    const column = (name) => {
      const variant = find(name);
      if (!variant) return null;
      const written = h("span", { class: "written" });
      columns.set(name, written);
      return h("article", { class: `variant ${name}`, "aria-label": names[name].title },
        h("h4", {}, names[name].title), h("p", { class: "meta" }, names[name].says),
        h("p", { class: "continuation" }, h("span", { class: "context" }, `…${prompt()}`), written),
        bars(variant.next.slice(0, shownTokens), name === "clean" ? null : clean),
        name !== "clean" && h("p", { class: "meta", title: "Kullback–Leibler divergence of the next token from the untouched model's" },
          `${decimal(variant.kl)} nats from before`));
    };
    fill(results, h("div", { class: "pair" }, order.slice(0, 2).map(column)),
      h("h3", {}, "Held against"), h("div", { class: "pair" }, order.slice(2).map(column)));
    results.firstChild.scrollIntoView({ block: "nearest" });
  }

  showStrength();
  return {
    element: h("section", { class: "steer" }, h("h3", {}, "Push the change into the model"),
      h("div", { class: "row" }, field("Strength", h("span", { class: "row" }, strength, says), { class: "field grow" })),
      h("p", { class: "hint", id: "strength-hint" }, "At this token the difference of the two rebuilt vectors is added to what the model holds there, this many times. Then it writes on."),
      h("details", { class: "more" }, h("summary", {}, "How it writes on"),
        h("div", { class: "row" }, field("Tokens", length), field("Temperature", temperature))),
      h("div", { class: "row" }, push, stop), trouble, results),
    strength: () => (Number(strength.value) === 1 ? null : strength.value),
    wordsChanged: () => results.classList.toggle("stale", hasRun),
    close: () => { again.cancel(); work?.abort(); },
  };
}

/** Next-token probabilities as bars; against those of the untouched model, where given. */
function bars(next, clean) {
  return h("ol", { class: "next", "aria-label": "Most probable next tokens" }, next.map((each) => {
    const before = clean?.get(each.token_id);
    const rose = clean && each.probability > (before ?? 0) * 1.5 + 0.02;
    return h("li", { class: rose ? "rose" : null },
      h("span", { class: "token" }, shown(each.token)),
      h("span", { class: "probability", "aria-hidden": "true", style: { "--share": each.probability } }),
      h("span", { class: "number" }, percent(each.probability)),
      rose && h("span", { class: "unseen" }, before === undefined ? " new" : `, before ${percent(before)}`));
  }));
}
