// A heat map over layers, where several pairs read the same target.
import { post } from "./api.js";
import { button, decimal, errorLine, fill, h, wasStopped } from "./dom.js";
import { shade } from "./marks.js";
import { address } from "./router.js";
import { shown } from "./tokens.js";

const most = 24;

/** The chosen tokens, and those before them, under every pair that is loaded. */
export function layersPage(context, position, parameters) {
  const { reading } = context;
  const room = h("div", { class: "layers" });
  const words = h("div", { class: "difference", "aria-live": "polite" });
  const chosen = context.text.positions;
  const positions = chosen.length > 1 ? chosen.slice(-most)
    : reading.tokens.map((token) => token.position).filter((each) => each <= position).slice(-8);
  let work = null, hasRun = false;

  async function run() {
    work?.abort();
    hasRun = true;
    context.remember(state());
    const mine = (work = new AbortController());
    fill(room, h("p", { class: "waiting" }, "Reading every layer… ", button("Stop", () => mine.abort(), { class: "link" })));
    try {
      const { layers } = await post(`${reading.path}/layers`, { positions }, mine.signal);
      fill(room, map([...layers].sort((first, second) => second.layer - first.layer)));
    } catch (error) {
      if (work !== mine) return;
      fill(room, wasStopped(error) ? start : errorLine(error, run));
    }
  }

  function map(layers) {
    return h("div", { class: "scroll" }, h("table", { class: "heat" },
      h("caption", { class: "unseen" }, "Cosine of each token's explanation, by layer"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "layer"), positions.map((each) =>
        h("th", { scope: "col" }, shown(reading.token(each).token))))),
      h("tbody", {}, layers.map((layer) => h("tr", {}, h("th", { scope: "row", title: layer.pair }, layer.layer),
        positions.map((each) => {
          const cell = layer.cells.find((one) => one.position === each);
          return h("td", {}, cell && button(decimal(cell.cosine_similarity), () => show(layer, cell), {
            style: { "--cosine": shade(cell.cosine_similarity) }, title: cell.description,
            "aria-label": `layer ${layer.layer}, ${shown(reading.token(each).token)}: ${decimal(cell.cosine_similarity)}. ${cell.description}`,
          }));
        }))))));
  }

  function show(layer, cell) {
    fill(words, h("h3", {}, `${shown(reading.token(cell.position).token)}, at the output of block ${layer.layer}`),
      h("p", { class: "words" }, cell.description),
      h("p", {}, h("a", { href: address("reading", reading.id, { position: cell.position, pair: layer.pair }) }, `Read on with ${layer.pair}`)));
  }

  function state() { return { read: hasRun ? "yes" : null }; }

  const start = button(`Read ${positions.length} tokens at every layer`, run, { class: "primary" });
  fill(room, start);
  if (parameters.get("read")) run();
  return {
    element: h("div", {}, h("p", { class: "hint" }, "One explanation for each layer that a pair is loaded for. A range of tokens can be chosen first."), room, words),
    first: start, state, close: () => work?.abort(),
  };
}
