// A chat to be read: its turns, typed or pasted.
import { button, fill, h } from "./dom.js";

/** The messages in a text that is JSON of a chat, as `[{"role", "content"}]` or inside `{"messages"}`; null for any other. */
export function messagesIn(text) {
  try {
    const value = JSON.parse(text);
    const messages = Array.isArray(value) ? value : value?.messages;
    const isChat = Array.isArray(messages) && messages.length > 0
      && messages.every((each) => typeof each?.role === "string" && typeof each?.content === "string");
    return isChat ? messages.map(({ role, content }) => ({ role, content })) : null;
  } catch {
    return null;
  }
}

/** Turns, each with who speaks and the words. */
export class ChatEditor {
  constructor(onKey) {
    this.onKey = onKey;
    this.element = h("div", { class: "chat" });
    this.set([{ role: "user", content: "" }]);
  }

  /** What has been typed; empty turns at the end are left out. */
  get messages() {
    const messages = this.turns.map(({ role, words }) => ({ role: role.value, content: words.value }));
    while (messages.length && !messages[messages.length - 1].content.trim()) messages.pop();
    return messages;
  }

  set(messages) {
    this.turns = messages.map((message) => this.#turn(message));
    this.#show();
  }

  #turn({ role, content }) {
    const roles = [...new Set(["system", "user", "assistant", role])];
    return {
      role: h("select", { "aria-label": "Who speaks", value: role }, roles.map((name) => h("option", { value: name }, name))),
      words: h("textarea", { "aria-label": "What is said", rows: 2, value: content, on: { keydown: this.onKey } }),
    };
  }

  #show() {
    const add = () => {
      const last = this.turns[this.turns.length - 1];
      this.turns.push(this.#turn({ role: last?.role.value === "user" ? "assistant" : "user", content: "" }));
      this.#show();
      this.turns[this.turns.length - 1].words.focus();
    };
    fill(this.element, this.turns.map((turn, index) => h("div", { class: "turn" }, turn.role, turn.words,
      this.turns.length > 1 && button("Remove", () => { this.turns.splice(index, 1); this.#show(); }, { class: "link" }))),
    h("p", { class: "row" }, button("Add a turn", add, { class: "link" }), h("span", { class: "hint" }, "or paste a chat as JSON")));
  }
}
