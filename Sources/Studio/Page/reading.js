// One reading: the text with its glosses, and beside it what can be done with the token that is chosen.
import { ask, download, loadedModels, part, query } from "./api.js";
import { confirmed } from "./dialog.js";
import { announce, button, count, errorLine, field, fill, h, wasStopped } from "./dom.js";
import { Reading } from "./explanations.js";
import { setViewKeys } from "./keys.js";
import { inWords, legend } from "./marks.js";
import { Notes } from "./notes.js";
import { Panel } from "./panel.js";
import { address, go, remember } from "./router.js";
import { shown, TokenText } from "./tokens.js";

/** Longer texts are not explained whole unless asked: only their end. */
const mostExplainedUnasked = 128, endExplainedUnasked = 24;

let fresh = null;

/** Says that a reading was made just now: once open, it is explained. */
export function explainOnOpen(data) { fresh = data; }

/** Opens a reading. */
export async function readingView(room, { rest: id, parameters }) {
  const models = await loadedModels();
  const isFresh = fresh?.id === id;
  const pair = models.pairs.some((each) => each.name === parameters.get("pair")) ? parameters.get("pair") : undefined;
  fill(room, h("p", { class: "waiting" }, "Opening…"));
  const reading = isFresh ? new Reading(fresh, pair) : await Reading.load(id, pair);
  fresh = null;
  const view = new ReadingView(room, reading, models);
  view.restore(parameters);
  if (isFresh) view.explainUnasked();
  return () => view.close();
}

/** A menu closes once something in it was chosen, or the focus has gone elsewhere. */
function closeMenu(event) {
  const menu = event.currentTarget;
  const isLeft = event.type === "focusout" && event.relatedTarget && !menu.contains(event.relatedTarget);
  if (isLeft || (event.type === "click" && event.target.closest(".sheet"))) menu.open = false;
}

class ReadingView {
  constructor(room, reading, models) {
    this.reading = reading;
    this.models = models;
    this.range = null;
    this.dirty = new Set();
    this.jobs = new Set(); // the requests that explain: how far each is, and how to stop it
    this.notes = new Notes(reading, () => this.text.refreshAll());
    this.text = new TokenText(reading.tokens, {
      choose: (range, how) => this.#choose(range, how), press: () => this.explainChosen(),
      explanationAt: (position) => reading.shownAt(position), pendingAt: (position) => reading.pending.get(position) ?? null,
      isHighlighted: (position) => this.notes.isHighlighted(position), name: "The text, token by token",
    });
    this.panel = new Panel({
      reading, models, notes: this.notes, text: this.text, explain: (positions, options) => this.explain(positions, options),
      remember: (values) => this.#remember(values), show: (explanation) => this.#stand(explanation),
      select: (position, how) => this.text.select(position, how, { quietly: true }),
    });
    reading.onChange = (position) => this.#changed(position);
    this.#build(room);
    this.#keys();
  }

  #build(room) {
    this.progress = h("div", { class: "progress" });
    this.trouble = h("div");
    const known = () => [...this.reading.byPosition.values()].flat();
    this.legendPlace = h("div");
    let marks = null;
    this.showLegend = () => {
      const hasConfidence = known().some((each) => each.claims?.some((claim) => claim.confidence !== null && claim.confidence !== undefined));
      const hasTruth = Boolean(this.reading.data.truth) || known().some((each) => each.claims?.some((claim) => claim.truth));
      if (marks === `${hasConfidence} ${hasTruth}`) return; // it may have been opened
      marks = `${hasConfidence} ${hasTruth}`;
      fill(this.legendPlace, legend({ hasConfidence, hasTruth }));
    };
    this.showLegend();
    this.body = h("div", { class: "reading" },
      h("section", { class: "text", "aria-label": "Text" }, this.#heading(), this.#tools(), this.trouble,
        this.legendPlace, this.text.element, this.#truth()),
      this.panel.element);
    fill(room, this.body);
  }

  #heading() {
    const { data } = this.reading;
    const title = h("input", {
      class: "title", "aria-label": "Title", value: data.title ?? "", maxlength: 200,
      on: {
        change: () => this.#attempt(() => ask("PATCH", this.reading.path, { title: title.value.trim() })),
        keydown: (event) => { if (event.key === "Enter" || event.key === "Escape") title.blur(); },
      },
    });
    document.title = `${data.title || "Reading"} · Interlinear`;
    return h("h1", { class: "titled" }, title);
  }

  #tools() {
    const { models, reading } = this;
    const pairs = models.pairs.length > 1 && field("Read by", h("select", {
      value: reading.pair,
      on: { change: (event) => go(address("reading", reading.id, { pair: event.target.value, position: this.range?.focus })) },
    }, models.pairs.map((each) => h("option", { value: each.name }, `${each.name} (layer ${each.layer})`))));
    const glosses = h("input", { type: "checkbox", checked: localStorage.getItem("glosses") !== "off", on: { change: () => show() } });
    const show = () => {
      localStorage.setItem("glosses", glosses.checked ? "on" : "off");
      this.text.element.classList.toggle("bare", !glosses.checked);
    };
    show();
    const range = button("Choose a range", () => {
      this.text.extendsNext = true;
      announce("Choose the token where the range ends.");
    }, { class: "touch-only" });
    return h("div", { class: "toolbar", role: "group", "aria-label": "This reading" }, pairs,
      button("Explain all", () => this.explain(reading.tokens.map((token) => token.position)), { id: "explain-all" }), range,
      h("label", { class: "check" }, glosses, " glosses"),
      h("details", { class: "menu", on: { focusout: (event) => closeMenu(event), click: (event) => closeMenu(event) } },
        h("summary", {}, "Share"), h("div", { class: "sheet" },
        button("Copy a link to this view", () => this.#copyLink()),
        button("Save as a page (HTML)", () => this.#attempt(() =>
          download(`${reading.path}/export.html`, `${this.#fileName()}.html`)), { id: "export-html" }),
        button("Save as data (JSONL)", () => this.#attempt(() =>
          download(`/studio/export${query({ format: "jsonl", readings: reading.id })}`, `${this.#fileName()}.jsonl`))),
        button("Delete…", () => this.#delete(), { class: "danger" }))),
      this.progress);
  }

  #fileName() {
    const words = (this.reading.data.title || "reading").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
    return words.slice(0, 40) || "reading";
  }

  #truth() {
    const facts = this.reading.data.truth;
    if (!facts?.length) return null;
    return h("details", { class: "truth-list" }, h("summary", {}, "What is true in this text"),
      h("ul", {}, facts.map((fact) => h("li", {}, fact.sentence ?? [fact.subject, fact.relation, fact.value].filter(Boolean).join(" · ")))));
  }

  async #attempt(action) {
    fill(this.trouble);
    try {
      return await action();
    } catch (error) {
      if (!wasStopped(error)) fill(this.trouble, errorLine(error));
    }
  }

  async #copyLink() {
    await this.#attempt(async () => {
      try {
        await navigator.clipboard.writeText(location.href);
        this.#say("The link to this view is copied.");
      } catch {
        fill(this.trouble, h("p", { class: "hint" }, "The link to this view: ", location.href));
      }
    });
  }

  #say(text) {
    announce(text);
    if (this.jobs.size) return; // there stands how far they are
    fill(this.progress, text);
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { if (this.progress.textContent === text) fill(this.progress); }, 4000);
  }

  async #delete() {
    const explained = [...this.reading.byPosition.values()].flat().length;
    const question = `Delete this reading with its ${count(explained, "explanation")} and ${count(this.notes.all.length, "note")}? `
      + "They are erased from the library's file. Nothing brings them back.";
    if (!await confirmed(question, "Delete")) return;
    this.#stop();
    await this.#attempt(async () => { await ask("DELETE", this.reading.path); go("#/library"); });
  }

  #keys() {
    const tab = (name) => () => { if (this.range) this.panel.open(name, true); };
    setViewKeys([
      { keys: ["←", "→", "↑", "↓"], says: "go from token to token, and explain where you rest with Enter" },
      { keys: ["Shift ←", "Shift →"], says: "choose a range (also Shift and a click, or drag)" },
      { keys: ["Enter"], says: "explain what is chosen" },
      { keys: ["a"], says: "explain everything", does: () => this.explain(this.reading.tokens.map((token) => token.position)) },
      { keys: ["w"], says: "the words under this token", does: tab("words") },
      { keys: ["e"], says: "edit the words, and steer", does: tab("edit") },
      { keys: ["c"], says: "compare with another token", does: tab("compare") },
      ...this.models.pairs.length > 1 ? [{ keys: ["l"], says: "layers", does: tab("layers") }] : [],
      { keys: ["n"], says: "write a note", does: tab("notes") },
      { keys: ["h"], says: "highlight", does: () => this.range && this.#attempt(() => this.notes.toggleHighlight(this.range.focus)) },
      { keys: ["t"], says: "back to the text", does: () => this.text.select(this.range?.focus ?? 0, "move") },
      { keys: ["Escape"], says: "stop what is running", does: () => this.#stop() },
    ]);
  }

  /** Opens what an address asks for. */
  restore(parameters) {
    const explanation = parameters.get("explanation") && this.reading.explanation(parameters.get("explanation"));
    const given = parameters.get("position") ?? explanation?.position;
    if (given === null || given === undefined) { this.panel.showNothing(); return; }
    const position = Number(given);
    if (!this.reading.token(position)) { this.panel.showNothing(); return; }
    if (explanation) this.reading.chosen.set(position, explanation.id);
    this.text.select(position, "move", { quietly: true, focuses: false });
    const to = Number(parameters.get("to") ?? position);
    if (to !== position && this.reading.token(to)) this.text.select(to, "extend", { quietly: true, focuses: false });
    const positions = this.text.positions;
    this.range = { from: positions[0], to: positions.at(-1), focus: to };
    this.text.refreshAll();
    this.panel.restore(this.range, parameters);
    this.text.units[this.text.focus].scrollIntoView({ block: "center" });
  }

  #remember(values = {}) {
    const { range } = this;
    remember(address("reading", this.reading.id, {
      position: range ? (range.from === range.focus ? range.to : range.from) : null,
      to: range && range.from !== range.to ? range.focus : null,
      pair: this.reading.pair === this.reading.data.pair ? null : this.reading.pair, ...values,
    }));
  }

  #choose(range, how) {
    this.range = range;
    this.panel.show(range);
    // A sheet that has just opened must not lie on the token that it is about.
    requestAnimationFrame(() => this.text.units[this.text.focus]?.scrollIntoView({ block: "nearest" }));
    if (how === "click" && !this.reading.at(range.focus).length) this.explain([range.focus]);
  }

  #stand(explanation) {
    this.reading.chosen.set(explanation.position, explanation.id);
    this.text.refresh(explanation.position);
  }

  /** Explains the tokens that are chosen. */
  explainChosen() { if (this.range) this.explain(this.text.positions); }

  /** Explains a new text without being asked to: all of it, or its end. */
  explainUnasked() {
    const positions = this.reading.tokens.map((token) => token.position);
    this.explain(positions.length <= mostExplainedUnasked ? positions : positions.slice(-endExplainedUnasked));
  }

  /** Explains positions, beside whatever is being explained already. */
  async explain(positions, options = {}) {
    const wanted = options.samples > 1 ? positions : positions.filter((position) => !this.reading.pending.has(position));
    if (!wanted.length) return;
    const job = { stop: new AbortController(), done: 0, total: wanted.length * (options.samples ?? 1) };
    this.jobs.add(job);
    fill(this.trouble);
    this.#showProgress();
    try {
      await this.reading.explain(wanted, { samples: 1, temperature: 0, ...options }, job.stop.signal, (done, total) => {
        Object.assign(job, { done, total });
        this.#showProgress();
      });
      this.#ended(job, () => this.#finished(wanted));
    } catch (error) {
      this.#ended(job, () => {
        if (wasStopped(error)) this.#say("Stopped. What was finished is kept.");
        else fill(this.trouble, errorLine(error, () => this.explain(wanted, options)));
      });
    }
  }

  #ended(job, report) {
    this.jobs.delete(job);
    this.#showProgress();
    if (!this.isClosed) report();
  }

  #stop() {
    for (const job of this.jobs) job.stop.abort();
  }

  /** How far all that runs is, and a button that stops it. */
  #showProgress() {
    if (!this.jobs.size) { this.meter = null; fill(this.progress); return; }
    if (!this.meter) {
      this.meter = h("progress", { "aria-label": "Explained" });
      this.says = h("span", {});
      fill(this.progress, this.meter, this.says, button("Stop", () => this.#stop(), { id: "stop" }));
    }
    const sum = (name) => [...this.jobs].reduce((total, job) => total + job[name], 0);
    this.meter.max = sum("total");
    this.meter.value = sum("done");
    this.says.textContent = `${sum("done")} of ${sum("total")}`;
  }

  #finished(positions) {
    this.showLegend();
    const only = positions.length === 1 && this.reading.shownAt(positions[0]);
    announce(only ? `${shown(this.reading.token(positions[0]).token)}: ${inWords(only)}` : `${count(positions.length, "token")} explained.`);
  }

  /** Shows news of a token with the next frame, however many there were until then. */
  #changed(position) {
    if (this.dirty.size === 0) {
      requestAnimationFrame(() => {
        for (const each of this.dirty) {
          this.text.refresh(each);
          this.panel.changed(each);
        }
        this.dirty.clear();
      });
    }
    this.dirty.add(position);
  }

  close() {
    this.isClosed = true;
    this.#stop();
    this.panel.close();
  }
}
