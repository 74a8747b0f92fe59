// A metric over the steps of a run, drawn as SVG.
import { h, svg } from "./dom.js";

const width = 320, height = 120, left = 44, bottom = 18, top = 8, right = 8;

/** A number as short as it can be said. */
export function brief(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 10_000 || size < 0.001 ? value.toExponential(1) : size >= 100 ? value.toFixed(0) : size >= 1 ? value.toFixed(2) : value.toFixed(3);
  return text.replace("-", "−");
}

/** Smooths a noisy metric over a fiftieth of its points; the points themselves are drawn behind, faintly. */
function smooth(points) {
  const span = Math.max(1, Math.floor(points.length / 50));
  if (span < 2) return points;
  let sum = 0;
  return points.map(([step, value], index) => {
    sum += value;
    if (index >= span) sum -= points[index - span][1];
    return [step, sum / Math.min(index + 1, span)];
  });
}

/** One curve. `points` are pairs of step and value. */
export function curve(name, points) {
  const steps = points.map(([step]) => step), values = points.map(([, value]) => value);
  const lowStep = Math.min(...steps), highStep = Math.max(...steps);
  let low = Math.min(...values), high = Math.max(...values);
  if (low === high) { low -= Math.abs(low) * 0.1 || 1; high += Math.abs(high) * 0.1 || 1; }
  const x = (step) => left + (width - left - right) * (highStep === lowStep ? 1 : (step - lowStep) / (highStep - lowStep));
  const y = (value) => top + (height - top - bottom) * (1 - (value - low) / (high - low));
  const path = (list) => list.map(([step, value], index) => `${index ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const [lastStep, last] = points[points.length - 1];
  const label = (text, at, properties) => svg("text", { ...properties, ...at, class: "tick" }, text);
  return h("figure", { class: "curve" },
    h("figcaption", {}, h("span", {}, name.replaceAll("_", " ")), h("b", {}, brief(last))),
    svg("svg", {
      viewBox: `0 0 ${width} ${height}`, role: "img",
      "aria-label": `${name.replaceAll("_", " ")}: ${brief(values[0])} at step ${steps[0]}, ${brief(last)} at step ${lastStep}, between ${brief(low)} and ${brief(high)}`,
    },
    svg("path", { class: "axis", d: `M${left} ${top}V${height - bottom}H${width - right}` }),
    label(brief(high), { x: left - 5, y: top + 6 }, { "text-anchor": "end" }),
    label(brief(low), { x: left - 5, y: height - bottom }, { "text-anchor": "end" }),
    label(String(lowStep), { x: left, y: height - 4 }, {}),
    label(String(highStep), { x: width - right, y: height - 4 }, { "text-anchor": "end" }),
    svg("path", { class: "raw", d: path(points) }), svg("path", { class: "line", d: path(smooth(points)) }),
    svg("circle", { class: "dot", cx: x(lastStep), cy: y(last), r: 2.5 })));
}
