// The text, interlinear: each token over its gloss. Tokens are chosen by click, shift-click, drag, or arrows.
import { fill, h } from "./dom.js";
import { claimLines, cosineBar, inWords, shade, spoken } from "./marks.js";

/** A token as people read it; white space at its ends is layout. */
export function shown(token) {
  return token.replace(/\r?\n/g, "⏎").replace(/\t/g, "⇥").trim() || "␣";
}

function continuesWord(tokens, index) {
  return index > 0 && /^[\p{L}\p{N}]/u.test(tokens[index].token) && /[\p{L}\p{N}]$/u.test(tokens[index - 1].token);
}

/**
 * The tokens of one text.
 *
 * `choose(range, how)` hears of every choice: `range` is `{from, to, focus}` in positions, `how` is "click", "move" or "extend";
 * `press(position)` of Enter. `explanationAt(position)` gives what stands under a token, `pendingAt` what is being written there.
 */
export class TokenText {
  constructor(tokens, { choose, press, explanationAt, pendingAt = () => null, isHighlighted = () => false, name = "Tokens" }) {
    this.tokens = tokens;
    this.handlers = { choose, press, explanationAt, pendingAt, isHighlighted };
    this.anchor = null;
    this.focus = null;
    this.extendsNext = false;
    this.units = tokens.map((_, index) => this.#unit(index));
    this.element = h("div", {
      class: "interlinear", role: "listbox", "aria-multiselectable": "true", "aria-label": name,
      on: {
        keydown: (event) => this.#key(event), pointerdown: (event) => this.#begin(event),
        pointerover: (event) => this.#drag(event),
      },
    }, this.#lines());
    if (this.units.length) this.units[0].tabIndex = 0;
  }

  #lines() {
    const pieces = [];
    let role = null, word = null;
    this.tokens.forEach((token, index) => {
      const name = token.section === "content" ? token.role : role;
      if (name !== role) {
        role = name;
        word = null;
        pieces.push(h("span", { class: "role", "aria-hidden": "true" }, role));
      }
      // What is written without a space between is not parted at a line's end, as long as there are no glosses to make room for.
      if (!word || this.units[index].matches(".spaced")) pieces.push(word = h("span", { class: "word", role: "presentation" }));
      word.append(this.units[index]);
      if (/\n/.test(token.token)) {
        word = null;
        pieces.push(h("span", { class: "break", "aria-hidden": "true" }));
      }
    });
    return pieces;
  }

  #unit(index) {
    const token = this.tokens[index];
    const classes = ["unit"];
    if (index === 0 || /^\s/.test(token.token) || /\n$/.test(this.tokens[index - 1].token)) classes.push("spaced");
    if (continuesWord(this.tokens, index)) classes.push("continues");
    if (token.section && token.section !== "content") classes.push("scaffold");
    const unit = h("span", { class: classes.join(" "), role: "option", tabindex: "-1", "aria-selected": "false", "data-index": index });
    this.#furnish(unit, index);
    return unit;
  }

  #furnish(unit, index) {
    const token = this.tokens[index];
    const explanation = this.handlers.explanationAt(token.position);
    const pending = this.handlers.pendingAt(token.position);
    unit.classList.toggle("explained", Boolean(explanation) || pending !== null);
    unit.classList.toggle("pending", pending !== null);
    unit.classList.toggle("highlighted", this.handlers.isHighlighted(token.position));
    const label = pending !== null ? "being explained" : explanation ? inWords(explanation) : "not explained yet";
    unit.setAttribute("aria-label", `${shown(token.token)}, token ${token.position + 1}, ${label}`);
    unit.style.setProperty("--cosine", shade(explanation?.cosine_similarity));
    fill(unit, h("span", { class: "token" }, shown(token.token)),
      explanation && pending === null ? cosineBar(explanation.cosine_similarity) : h("span", { class: "bar empty", "aria-hidden": "true" }),
      pending !== null ? h("span", { class: "gloss" }, h("span", { class: "claim" }, spoken(pending) || "…"))
        : explanation && h("span", { class: "gloss" }, claimLines(explanation)));
  }

  /** Shows what stands under one token now. */
  refresh(position) {
    const index = this.#index(position);
    if (index >= 0) this.#furnish(this.units[index], index);
  }

  /** The same for all. */
  refreshAll() { this.units.forEach((unit, index) => this.#furnish(unit, index)); }

  #index(position) {
    return this.tokens[position]?.position === position ? position : this.tokens.findIndex((token) => token.position === position);
  }

  /** The positions chosen, in order. */
  get positions() {
    if (this.focus === null) return [];
    const [from, to] = [Math.min(this.anchor, this.focus), Math.max(this.anchor, this.focus)];
    return this.tokens.slice(from, to + 1).map((token) => token.position);
  }

  /** Chooses a position, or extends the choice to it, and says so. */
  select(position, how = "click", { quietly = false, focuses = true } = {}) {
    const index = this.#index(position);
    if (index < 0) return;
    if (how !== "extend" || this.anchor === null) this.anchor = index;
    this.focus = index;
    this.#show(focuses);
    if (!quietly) this.#tell(how);
  }

  #tell(how) {
    const positions = this.positions;
    this.handlers.choose({ from: positions[0], to: positions[positions.length - 1], focus: this.tokens[this.focus].position }, how);
  }

  #show(focuses) {
    const [from, to] = [Math.min(this.anchor, this.focus), Math.max(this.anchor, this.focus)];
    this.units.forEach((unit, index) => {
      const chosen = index >= from && index <= to;
      if ((unit.getAttribute("aria-selected") === "true") !== chosen) unit.setAttribute("aria-selected", String(chosen));
      unit.tabIndex = index === this.focus ? 0 : -1;
      unit.classList.toggle("current", index === this.focus);
    });
    if (focuses) this.units[this.focus].focus();
  }

  #unitOf(event) { return event.target instanceof Element ? event.target.closest(".unit") : null; }

  #begin(event) {
    const unit = this.#unitOf(event);
    if (!unit || event.button !== 0) return;
    if (event.pointerType !== "mouse") {
      // A finger that moves scrolls: choose only once it has been lifted where it was put down.
      unit.addEventListener("click", (click) => this.#choose(unit, click.shiftKey), { once: true });
      return;
    }
    event.preventDefault(); // no text selection while dragging over tokens
    this.#choose(unit, event.shiftKey);
  }

  #choose(unit, extends_) {
    const how = extends_ || this.extendsNext ? "extend" : "click";
    this.extendsNext = false;
    this.select(this.tokens[Number(unit.dataset.index)].position, how);
  }

  #drag(event) {
    const unit = this.#unitOf(event);
    if (!unit || event.buttons !== 1 || event.pointerType !== "mouse" || this.anchor === null) return;
    if (Number(unit.dataset.index) !== this.focus) this.select(this.tokens[Number(unit.dataset.index)].position, "extend");
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const from = this.focus ?? Math.max(0, this.units.indexOf(document.activeElement));
    const last = this.units.length - 1;
    const to = {
      ArrowRight: from + 1, ArrowLeft: from - 1, ArrowDown: this.#beside(from, 1), ArrowUp: this.#beside(from, -1), Home: 0, End: last,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      this.select(this.tokens[Math.min(last, Math.max(0, to))].position, event.shiftKey ? "extend" : "move");
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (this.focus === null) this.select(this.tokens[from].position, "move");
      this.handlers.press?.(this.tokens[from].position);
    }
  }

  /** The token nearest above or below. */
  #beside(from, direction) {
    const box = this.units[from].getBoundingClientRect();
    const middle = box.left + Math.min(box.width, 40) / 2;
    let best = from, bestAway = Infinity, lineTop = null;
    for (let index = from + direction; index >= 0 && index < this.units.length; index += direction) {
      const other = this.units[index].getBoundingClientRect();
      if (direction * (other.top - box.top) <= 4) continue;
      lineTop ??= other.top;
      if (Math.abs(other.top - lineTop) > 4) break;
      const away = Math.abs(other.left + Math.min(other.width, 40) / 2 - middle);
      if (away < bestAway) { best = index; bestAway = away; }
    }
    return best;
  }
}
