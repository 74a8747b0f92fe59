// Everything that was ever explained: found by words, filtered, opened again, taken along, deleted.
import { ask, download, get, loadedModels, part, post, query } from "./api.js";
import { confirmed } from "./dialog.js";
import { announce, button, count, debounce, decimal, errorLine, field, fill, h, wasStopped, when } from "./dom.js";
import { setViewKeys } from "./keys.js";
import { cosineBar } from "./marks.js";
import { address, remember } from "./router.js";
import { shown } from "./tokens.js";

const pageSize = 40;
const filterNames = ["words", "pair", "minimum_score", "maximum_score", "origin", "highlighted"];

/** Opens the library. */
export async function libraryView(room, { parameters }) {
  const models = await loadedModels();
  const view = new LibraryView(models, parameters);
  fill(room, view.element);
  setViewKeys([{ keys: ["/"], says: "search" }, { keys: ["Enter"], says: "open what has the focus" }]);
  view.words.focus({ preventScroll: true });
  await view.load();
  return () => view.close();
}

class LibraryView {
  constructor(models, parameters) {
    this.stop = new AbortController();
    const later = debounce(200, () => this.load());
    const control = (name, input) => {
      input.name = name;
      if (input.type === "checkbox") input.checked = parameters.get(name) === "true";
      else input.value = parameters.get(name) ?? "";
      input.addEventListener("input", later);
      return input;
    };
    const score = (name, label) => control(name, h("input", {
      type: "number", min: -1, max: 1, step: 0.05, "aria-label": label, placeholder: name === "minimum_score" ? "from" : "to",
    }));
    this.words = control("words", h("input", { type: "search", "aria-label": "Words", placeholder: "Words in explanations, texts and notes" }));
    this.controls = [
      this.words,
      control("pair", h("select", {}, h("option", { value: "" }, "any model"),
        models.pairs.map((pair) => h("option", { value: pair.name }, pair.name)))),
      score("minimum_score", "Cosine from"), score("maximum_score", "Cosine to"),
      control("origin", h("select", {}, [["", "anyone's words"], ["model", "the model's"], ["edited", "my own"], ["imported", "imported"]]
        .map(([value, label]) => h("option", { value }, label)))),
      control("highlighted", h("input", { type: "checkbox" })),
    ];
    const [words, pair, minimum, maximum, origin, highlighted] = this.controls;
    this.trouble = h("div");
    this.items = h("ol", { class: "found" });
    this.more = h("div", { class: "row" });
    this.readings = h("ul", { class: "shelf" });
    this.moreReadings = h("div", { class: "row" });
    this.file = h("input", { type: "file", accept: ".json,.jsonl,application/json", class: "unseen", "aria-label": "A file to import", tabindex: "-1",
      on: { change: () => this.#import() } });
    this.element = h("div", { class: "library-page" },
      h("h1", {}, "Library"),
      h("form", { class: "search", role: "search", on: { submit: (event) => { event.preventDefault(); this.load(); } } },
        words, h("details", { class: "filters", open: this.#isFiltered() }, h("summary", {}, "Filters"), h("div", { class: "row" },
          field("Model", pair), field("Cosine", h("span", { class: "row tight" }, minimum, maximum)), field("Words by", origin),
          h("label", { class: "check" }, highlighted, " highlighted only")))),
      this.trouble,
      h("div", { class: "columns" },
        h("section", { "aria-label": "Explanations" }, h("h2", {}, "Explanations"), this.items, this.more),
        h("section", { "aria-label": "Texts" }, h("h2", {}, "Texts"), this.readings, this.moreReadings,
          h("div", { class: "row carry" }, button("Import…", () => this.file.click()), this.file,
            button("Export all (JSONL)", () => this.#attempt(() => download("/studio/export?format=jsonl", "interlinear.jsonl")))))));
  }

  #isFiltered() { return this.controls.slice(1).some((control) => (control.type === "checkbox" ? control.checked : control.value)); }

  /** What is asked for. */
  get wanted() {
    return Object.fromEntries(this.controls.map((control, index) =>
      [filterNames[index], control.type === "checkbox" ? (control.checked ? "true" : "") : control.value.trim()]));
  }

  async #attempt(action) {
    fill(this.trouble);
    try {
      return await action();
    } catch (error) {
      if (!wasStopped(error)) fill(this.trouble, errorLine(error));
    }
  }

  /** Shows what the address and the filters ask for. */
  async load() {
    this.request?.abort();
    const request = (this.request = new AbortController());
    remember(address("library", "", this.wanted));
    this.element.setAttribute("aria-busy", "true");
    await this.#attempt(async () => {
      await Promise.all([this.#loadItems(null, request.signal), this.#loadReadings(null, request.signal)]);
    });
    if (this.request === request) this.element.removeAttribute("aria-busy");
  }

  async #loadItems(before, signal) {
    const { items, next } = await get(`/studio/library${query({ ...this.wanted, before, limit: pageSize })}`, signal);
    const rows = items.map((item) => this.#item(item));
    if (before) this.items.append(...rows); else fill(this.items, rows);
    if (!before && !rows.length) fill(this.items, h("li", { class: "hint" }, this.#nothing()));
    fill(this.more, next && button("More", () => this.#attempt(() => this.#loadItems(next, signal))));
    if (this.wanted.words && !before) announce(`${next ? "More than " : ""}${count(items.length, "explanation")} found.`);
  }

  #nothing() {
    return this.wanted.words || this.#isFiltered() ? "Nothing was found." : "Nothing has been explained yet. What you explain is kept here.";
  }

  #item(item) {
    const target = address("reading", item.reading, { position: item.position, explanation: item.explanation, pair: item.pair });
    const sees = item.snippet && !this.#says(item.description, item.snippet) ? item.snippet : null;
    return h("li", { class: item.highlighted ? "highlighted" : null },
      h("a", { href: target }, item.token !== null && item.token !== undefined && h("b", {}, shown(item.token)), " ",
        this.#marked(item.description ?? item.snippet ?? item.title ?? "")),
      sees && h("p", { class: "snippet" }, this.#marked(sees)),
      h("p", { class: "meta" }, cosineBar(item.cosine_similarity), ` ${decimal(item.cosine_similarity)} · ${item.title || "Untitled"} · ${when(item.created)}`));
  }

  #says(description, snippet) { return (description ?? "").includes(snippet.replace(/…/g, "").trim()); }

  /** The text with the words that were searched for marked. */
  #marked(text) {
    const words = this.wanted.words.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    if (!words.length) return text;
    return text.split(/([\p{L}\p{N}]+)/u).map((piece) =>
      (words.some((word) => piece.toLowerCase().startsWith(word)) ? h("mark", {}, piece) : piece));
  }

  async #loadReadings(before, signal) {
    const { readings, next } = await get(`/studio/library/readings${query({ before, limit: pageSize })}`, signal);
    const rows = readings.map((reading) => h("li", {},
      h("a", { href: address("reading", reading.id) }, reading.title || "Untitled"),
      h("p", { class: "meta" }, when(reading.created), ` · ${count(reading.explained ?? 0, "token")} explained`,
        reading.notes ? ` · ${count(reading.notes, "note")}` : "", " · ",
        button("Delete", () => this.#delete(reading), { class: "link", "aria-label": `Delete ${reading.title || "this text"}` }))));
    if (before) this.readings.append(...rows); else fill(this.readings, rows);
    fill(this.moreReadings, next && button("More", () => this.#attempt(() => this.#loadReadings(next, signal))));
  }

  async #delete(reading) {
    const question = `Delete “${reading.title || "this text"}” with all that was explained of it and noted on it? `
      + "It is erased from the library's file. Nothing brings it back.";
    if (!await confirmed(question, "Delete")) return;
    await this.#attempt(async () => { await ask("DELETE", `/studio/readings/${part(reading.id)}`); await this.load(); announce("Deleted."); });
  }

  async #import() {
    const file = this.file.files[0];
    if (!file) return;
    await this.#attempt(async () => {
      const { readings, explanations } = await post("/studio/import", await file.text(), this.stop.signal);
      await this.load();
      const says = `${count(readings.length, "text")} with ${count(explanations, "explanation")} imported from ${file.name}.`;
      fill(this.trouble, h("p", { class: "hint" }, says));
      announce(says);
    });
    this.file.value = "";
  }

  close() {
    this.stop.abort();
    this.request?.abort();
  }
}
