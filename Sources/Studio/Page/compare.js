// Two tokens of two texts, and what the model holds at one and not at the other.
import { get, loadedModels, post } from "./api.js";
import { button, decimal, errorLine, fill, h, wasStopped } from "./dom.js";
import { Reading } from "./explanations.js";
import { setViewKeys } from "./keys.js";
import { cosineBar } from "./marks.js";
import { address, remember } from "./router.js";
import { shown, TokenText } from "./tokens.js";

/** A difference in words, both ways. */
export function differenceCard(result, first, second) {
  const words = (name, other, text) => h("article", { class: "sample" },
    h("h3", {}, `${name}, and not ${other}`), h("p", { class: "words" }, text || "Nothing that it could say."));
  return [
    h("p", { class: "scores" }, cosineBar(result.cosine_similarity), ` The two vectors have a cosine of ${decimal(result.cosine_similarity)}.`),
    h("div", { class: "side-by-side" }, words(`“${first}”`, `“${second}”`, result.description), words(`“${second}”`, `“${first}”`, result.reverse)),
  ];
}

/** Opens the page that compares. */
export async function compareView(room, { parameters }) {
  const models = await loadedModels();
  const stop = new AbortController();
  const pair = parameters.get("pair") ?? models.pairs[0]?.name;
  const result = h("section", { class: "difference", "aria-live": "polite", "aria-label": "The difference" });
  const sides = [
    new Side("First", parameters.get("reading"), parameters.get("position"), changed, pair, stop.signal),
    new Side("Second", parameters.get("other_reading"), parameters.get("other_position"), changed, pair, stop.signal),
  ];
  let work = null;

  function changed() {
    const [first, second] = sides;
    remember(address("compare", "", {
      reading: first.reading?.id, position: first.position, other_reading: second.reading?.id, other_position: second.position,
      pair: pair === models.pairs[0]?.name ? null : pair,
    }));
    if (first.isReady && second.isReady) run(first, second);
    else fill(result, h("p", { class: "hint" }, "Choose a token on each side."));
  }

  async function run(first, second) {
    work?.abort();
    const mine = (work = new AbortController());
    fill(result, h("p", { class: "waiting" }, "Comparing… ", button("Stop", () => mine.abort(), { class: "link" })));
    try {
      const body = { position: first.position, other_reading: second.reading.id, other_position: second.position, pair };
      const answer = await post(`${first.reading.path}/compare`, body, mine.signal);
      fill(result, differenceCard(answer, shown(first.token), shown(second.token)));
    } catch (error) {
      if (work === mine) fill(result, wasStopped(error) ? null : errorLine(error, () => run(first, second)));
    }
  }

  fill(room, h("h1", {}, "Compare"),
    h("p", { class: "lead" }, "What does the model hold at one token and not at another? Two texts, or two places of one."),
    h("div", { class: "sides" }, sides.map((side) => side.element)), result);
  setViewKeys([{ keys: ["←", "→", "↑", "↓"], says: "go from token to token within a side" }]);
  const { readings } = await get("/studio/library/readings?limit=30", stop.signal);
  await Promise.all(sides.map((side) => side.start(readings)));
  changed();
  return () => { stop.abort(); work?.abort(); };
}

/** One side: a text of the library or a new one, and a token of it. */
class Side {
  constructor(name, id, position, changed, pair, signal) {
    Object.assign(this, { name, id, changed, pair, signal, reading: null });
    this.position = position === null ? null : Number(position);
    this.body = h("div", {});
    this.trouble = h("div");
    this.select = h("select", { "aria-label": `${name} text`, on: { change: () => this.load(this.select.value, null) } });
    this.element = h("section", { class: "side", "aria-label": `${name} text` }, h("div", { class: "row between" }, h("h2", {}, name), this.select),
      this.trouble, this.body);
  }

  get isReady() { return this.reading !== null && this.position !== null; }
  get token() { return this.reading.token(this.position).token; }

  async start(readings) {
    fill(this.select, h("option", { value: "" }, "a new text"),
      readings.map((each) => h("option", { value: each.id }, each.title || "Untitled")));
    if (this.id) await this.load(this.id, this.position);
    else this.#write();
  }

  #write() {
    this.reading = null;
    const words = h("textarea", { rows: 4, "aria-label": `${this.name} text`, placeholder: "Type or paste a text" });
    const read = button("Read", async () => {
      if (!words.value.trim()) { words.focus(); return; }
      fill(this.trouble);
      try {
        const data = await post("/studio/readings", { text: words.value, pair: this.pair }, this.signal);
        this.select.append(h("option", { value: data.id }, data.title || "Untitled"));
        this.#open(new Reading(data, this.pair), null);
      } catch (error) {
        if (!wasStopped(error)) fill(this.trouble, errorLine(error));
      }
    }, { class: "primary" });
    fill(this.body, words, h("div", { class: "row" }, read));
  }

  async load(id, position) {
    if (!id) { this.position = null; this.#write(); this.changed(); return; }
    fill(this.trouble);
    try {
      this.#open(await Reading.load(id, this.pair, this.signal), position);
    } catch (error) {
      if (wasStopped(error)) return;
      fill(this.trouble, errorLine(error));
      this.position = null;
      this.#write();
    }
  }

  #open(reading, position) {
    this.reading = reading;
    const last = reading.tokens.at(-1).position;
    this.position = position !== null && reading.token(position) ? position : last;
    const text = new TokenText(reading.tokens, {
      choose: (range) => { this.position = range.focus; this.changed(); }, explanationAt: (each) => reading.shownAt(each),
      name: `${this.name} text, token by token`,
    });
    text.element.classList.add("bare");
    text.select(this.position, "move", { quietly: true, focuses: false });
    this.select.value = reading.id;
    fill(this.body, text.element);
    this.changed();
  }
}
