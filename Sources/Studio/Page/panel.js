// Beside the text: everything about the token that is chosen, on pages of its own.
import { comparePage } from "./compare-page.js";
import { button, decimal, fill, h } from "./dom.js";
import { editPage } from "./edit.js";
import { layersPage } from "./layers.js";
import { notesPage } from "./notes.js";
import { shown } from "./tokens.js";
import { wordsPage } from "./words.js";

/** The panel of a reading. `context` is what its pages work with: the reading, the models, and what the view does for them. */
export class Panel {
  constructor(context) {
    this.context = { ...context, drafts: new Map(), remember: (values) => this.#remember(values), openEdit: (explanation) => this.#edit(explanation) };
    this.rememberAbove = context.remember;
    this.pages = [
      { name: "words", label: "Words", make: wordsPage },
      { name: "edit", label: "Edit & steer", make: editPage },
      { name: "compare", label: "Compare", make: comparePage },
      ...context.models.pairs.length > 1 ? [{ name: "layers", label: "Layers", make: layersPage }] : [],
      { name: "notes", label: "Notes", make: notesPage },
    ];
    this.name = "words";
    this.range = null;
    this.element = h("aside", { class: "panel", "aria-label": "The chosen token" });
  }

  /** What stands here before anything is chosen. */
  showNothing() {
    this.element.classList.remove("open");
    fill(this.element, h("p", { class: "hint" }, "Choose a token: click it, or go through the text with the arrow keys."));
  }

  /** Shows what is known of a choice; of a range, of its last token. */
  show(range) {
    const isSame = this.range?.focus === range.focus && this.page;
    this.range = range;
    this.element.classList.add("open");
    if (isSame) this.#head(); else this.#open(new URLSearchParams());
    this.#remember();
  }

  /** Opens what an address asks for. */
  restore(range, parameters) {
    this.range = range;
    const asked = parameters.get("panel");
    if (this.pages.some((page) => page.name === asked)) this.name = asked;
    this.#open(parameters);
    this.#remember(this.page.state?.());
  }

  /** Opens a page; `focuses` it for the keyboard. */
  open(name, focuses = false, parameters = new URLSearchParams()) {
    this.name = name;
    this.#open(parameters);
    this.#remember(this.page.state?.());
    if (focuses) this.page.first?.focus();
    else this.element.querySelector("[role=tab][aria-selected=true]")?.focus();
  }

  #edit(explanation) {
    this.context.show(explanation);
    this.open("edit", true, new URLSearchParams({ explanation: explanation.id }));
  }

  #remember(values = {}) {
    this.rememberAbove({ panel: this.name === "words" ? null : this.name, ...values });
  }

  #head() {
    const { reading, models } = this.context;
    const token = reading.token(this.range.focus);
    const norm = reading.shownAt(token.position)?.l2_norm;
    const layer = models.pairs.find((pair) => pair.name === reading.pair)?.layer ?? reading.data.layer;
    const size = this.range.to - this.range.from + 1;
    fill(this.header, h("h2", {}, shown(token.token)),
      h("p", { class: "meta" }, `token ${token.position + 1} of ${reading.tokens.length}, at the output of block ${layer}`,
        norm !== undefined && norm !== null && `, length ${decimal(norm, 0)}`,
        size > 1 && [h("br"), `${size} tokens chosen `, button("Explain them", () => this.context.explain(this.context.text.positions),
          { class: "link" })]));
  }

  #open(parameters) {
    this.page?.close?.();
    const page = this.pages.find((each) => each.name === this.name);
    this.page = page.make(this.context, this.range.focus, parameters);
    this.header = h("header", {});
    this.#head();
    this.element.classList.add("open");
    this.element.classList.toggle("tall", this.name === "edit");
    const close = button("Close", () => { this.element.classList.remove("open"); this.context.select(this.range.focus, "move"); },
      { class: "link close" });
    fill(this.element, close, this.header, this.#tabs(),
      h("div", { class: "page", role: "tabpanel", id: "page", "aria-labelledby": `tab-${this.name}` }, this.page.element));
  }

  #tabs() {
    const tabs = h("div", { class: "tabs", role: "tablist", on: { keydown: (event) => this.#turn(event) } },
      this.pages.map((page) => button(page.label, () => this.open(page.name), {
        role: "tab", id: `tab-${page.name}`, "aria-selected": String(page.name === this.name), "aria-controls": "page",
        tabindex: page.name === this.name ? 0 : -1,
      })));
    return tabs;
  }

  #turn(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = this.pages.findIndex((page) => page.name === this.name);
    this.open(this.pages[(at + step + this.pages.length) % this.pages.length].name);
  }

  /** Hears that something under a token changed. */
  changed(position) {
    if (position !== this.range?.focus) return;
    this.#head();
    this.page?.changed?.();
  }

  close() { this.page?.close?.(); }
}
