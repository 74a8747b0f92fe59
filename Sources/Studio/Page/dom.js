// Elements from data. Text only ever becomes text nodes: nothing that a model or a user wrote is read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** Sets attributes; `on` holds listeners, `style` custom properties, and a property that is null or false is left out. */
function furnish(element, properties) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "style") {
      for (const [property, setting] of Object.entries(value)) element.style.setProperty(property, setting);
    } else if (name === "value" || name === "checked" || name === "disabled") {
      element[name] = value;
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** An element, as in `h("p", {class: "note"}, "text")`. */
export function h(name, properties, ...children) {
  const element = document.createElement(name);
  append(element, children);
  furnish(element, properties); // after the children: a select's value needs its options
  return element;
}

/** The same for SVG. */
export function svg(name, properties, ...children) {
  const element = document.createElementNS(SVG, name);
  furnish(element, properties);
  return append(element, children);
}

/** Puts `children` in the place of what `element` holds. */
export function fill(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

/** A button that does something. */
export function button(label, action, properties) {
  return h("button", { type: "button", ...properties, on: { click: action, ...properties?.on } }, label);
}

/** A labelled control. */
export function field(label, control, properties, ...after) {
  return h("label", { class: "field", ...properties }, h("span", { class: "label" }, label), control, after);
}

/** Says something to screen readers, politely. */
export function announce(text) {
  const status = document.getElementById("status");
  status.textContent = "";
  requestAnimationFrame(() => { status.textContent = text; });
}

/** What went wrong, in one line, where it happened. */
export function errorLine(error, retry) {
  return h("p", { class: "error", role: "alert" },
    h("span", {}, error.message || String(error)),
    retry && button("Try again", retry, { class: "link" }));
}

/** Whether a failure is only that the user, or a newer request, stopped it. */
export function wasStopped(error) { return error?.name === "AbortError"; }

/** Calls `action` once nothing has asked for `milliseconds`. */
export function debounce(milliseconds, action) {
  let timer;
  const later = (...values) => { clearTimeout(timer); timer = setTimeout(() => action(...values), milliseconds); };
  later.cancel = () => clearTimeout(timer);
  return later;
}

/** A number for people: `0.98`, with a true minus. */
export function decimal(value, digits = 2) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return value.toFixed(digits).replace("-", "−");
}

/** A share as a percentage; never 0 % or 100 % of what is neither. */
export function percent(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const rounded = Math.round(value * 100);
  if (rounded === 100 && value < 1) return ">99%";
  if (rounded === 0 && value > 0) return "<1%";
  return `${rounded}%`.replace("-", "−");
}

/** A time in the reader's own words. */
export function when(time) {
  const date = new Date(time);
  if (Number.isNaN(date.valueOf())) return "";
  const today = new Date().toDateString() === date.toDateString();
  return date.toLocaleString([], today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}

/** "1 token", "3 tokens". */
export function count(number, noun) { return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`; }
