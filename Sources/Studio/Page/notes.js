// Notes and highlights of a reading.
import { ask, part, post } from "./api.js";
import { button, errorLine, fill, h, when } from "./dom.js";

/** What a reading's owner wrote beside it. */
export class Notes {
  constructor(reading, changed) {
    this.reading = reading;
    this.changed = changed;
    this.all = [...reading.data.notes ?? []];
  }

  at(position) { return this.all.filter((note) => note.position === position); }

  isHighlighted(position) { return this.all.some((note) => note.position === position && note.highlighted); }

  async add(position, text, highlighted) {
    this.all.push(await post(`${this.reading.path}/notes`, { position, text, highlighted }));
    this.changed();
  }

  async change(note, values) {
    Object.assign(note, await ask("PATCH", `/studio/notes/${part(note.id)}`, values) ?? values);
    this.changed();
  }

  async remove(note) {
    await ask("DELETE", `/studio/notes/${part(note.id)}`);
    this.all.splice(this.all.indexOf(note), 1);
    this.changed();
  }

  /** Highlights a token, or takes its highlight away; a note's words stay. */
  async toggleHighlight(position) {
    const marked = this.at(position).filter((note) => note.highlighted);
    if (!marked.length) return this.add(position, "", true);
    for (const note of marked) {
      if (note.text) await this.change(note, { highlighted: false });
      else await this.remove(note);
    }
  }
}

/** The panel's page of notes for one token. */
export function notesPage({ notes }, position) {
  const list = h("ul", { class: "notes" });
  const trouble = h("div");
  const words = h("textarea", { rows: 3, "aria-label": "A note on this token", placeholder: "A note on this token" });
  const mark = button("", () => attempt(() => notes.toggleHighlight(position)));

  async function attempt(action) {
    fill(trouble);
    try { await action(); } catch (error) { fill(trouble, errorLine(error)); }
    show();
  }

  function show() {
    mark.textContent = notes.isHighlighted(position) ? "Take the highlight away" : "Highlight this token";
    fill(list, notes.at(position).filter((note) => note.text).map((note) => h("li", {},
      h("p", {}, note.text), h("p", { class: "meta" }, when(note.created), " ",
        button("Delete", () => attempt(() => notes.remove(note)), { class: "link" })))));
  }

  const keep = () => words.value.trim() && attempt(async () => {
    await notes.add(position, words.value.trim(), notes.isHighlighted(position));
    words.value = "";
  });
  show();
  words.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); keep(); }
  });
  return {
    element: h("div", {}, list, words, h("div", { class: "row" }, button("Keep the note", keep, { class: "primary" }), mark), trouble),
    first: words, changed: show,
  };
}
