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
  const given = (name, otherwise, least, most) => {
    const value = Number(edit.parameters.get(name) ?? NaN);
    return value >= least && value <= most ? value : otherwise;
  };
  const strength = h("input", {
    type: "range", id: "strength", min: 0, max: 4, step: 0.1, value: given("strength", 1, 0, 4),
    "aria-describedby": "strength-hint", on: { input: () => changed() },
  });
  const says = h("output", {});
  const length = h("input", { type: "number", min: 1, max: 200, value: given("length", 16, 1, 200), inputmode: "numeric",
    on: { input: () => changed() } });
  const temperature = h("input", { type: "number", min: 0, max: 2, step: 0.1, value: given("temperature", 0, 0, 2),
    inputmode: "decimal", on: { input: () => changed() } });
  const results = h("div", { class: "variants" });
  const trouble = h("div");
  const push = button("Push into the model", pushAgain, { class: "primary", id: "push" });
  const stop = button("Stop", () => work?.abort(), { hidden: true });
  const idle = h("p", { class: "hint" }, "Change a word first: as it stands, there is nothing to push.");
  let work = null, hasRun = false, seed = given("seed", 0, 0, 1e9);
  const again = debounce(400, run);

  function changed() {
    showStrength();
    edit.changed();
    if (hasRun && !push.disabled) again();
  }

  /** At a temperature every push draws anew; the seed is in the address, so that its link draws the same. */
  function pushAgain() {
    if (hasRun && Number(temperature.value) > 0) seed += 1;
    run();
  }

  function showWords() {
    push.disabled = edit.words() === edit.original || !edit.words();
    idle.hidden = edit.words() !== edit.original;
    results.classList.toggle("stale", hasRun);
  }

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
    edit.changed();
    results.classList.remove("stale");
    stop.hidden = false;
    results.setAttribute("aria-busy", "true");
    fill(trouble);
    try {
      await stream("POST", `${reading.path}/steer`, {
        position, text: edit.words(), original: edit.original, strength: Number(strength.value), pair: reading.pair,
        max_new_tokens: Number(length.value) || 16, temperature: Number(temperature.value) || 0, seed,
      }, mine.signal, (frame) => {
        if (frame.variants) {
          frames = true;
          showVariants(frame.variants, columns);
        } else {
          const column = columns.get(frame.name);
          if (column) write(column, frame.text);
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
        h("p", { class: "continuation" }, h("span", { class: "context" }, `…${prompt()}`), " ", written),
        bars(variant.next.slice(0, shownTokens), name === "clean" ? null : clean),
        name !== "clean" && h("p", { class: "meta", title: "Kullback–Leibler divergence of the next token from the untouched model's" },
          `${decimal(variant.kl)} nats from before`));
    };
    fill(results, h("div", { class: "pair" }, order.slice(0, 2).map(column)),
      h("h3", {}, "Held against"), h("div", { class: "pair" }, order.slice(2).map(column)));
    results.firstChild.scrollIntoView({ block: "nearest" });
  }

  showStrength();
  showWords();
  return {
    element: h("section", { class: "steer" }, h("h3", {}, "Push the change into the model"),
      field("Strength", strength, { class: "field strength" }, says),
      h("p", { class: "hint", id: "strength-hint" }, "At this token the difference of the two rebuilt vectors is added to what the model holds there, this many times. Then it writes on."),
      h("details", { class: "more" }, h("summary", {}, "How it writes on"),
        h("div", { class: "row" }, field("Tokens", length), field("Temperature", temperature))),
      h("div", { class: "row" }, push, stop), idle, trouble, results),
    state: () => ({
      strength: Number(strength.value) === 1 ? null : strength.value, length: Number(length.value) === 16 ? null : length.value,
      temperature: Number(temperature.value) || null, seed: seed || null, pushed: hasRun && !push.disabled ? "yes" : null,
    }),
    wordsChanged: showWords,
    resume: () => { if (edit.parameters.get("pushed") && !push.disabled) run(); },
    close: () => { again.cancel(); work?.abort(); },
  };
}

/** A space before the first word is layout: it stands before what is marked as written. */
function write(column, text) {
  const space = column.previousSibling;
  space.data = /^\s/.test(text) || !text ? text.match(/^\s*/)[0] : "";
  column.textContent = text.trimStart();
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
