// The panel's page that holds the chosen token against another of this text.
import { post } from "./api.js";
import { button, errorLine, fill, h, wasStopped } from "./dom.js";
import { differenceCard } from "./compare.js";
import { address } from "./router.js";
import { shown } from "./tokens.js";

/** Takes the next token that is chosen as the other one. */
export function comparePage(context, position, parameters) {
  const { reading } = context;
  const room = h("div", { class: "difference", "aria-live": "polite" });
  const place = h("select", {
    "aria-label": "The other token", on: { change: () => run(Number(place.value)) },
  }, h("option", { value: "" }, "choose…"), reading.tokens.filter((token) => token.position !== position).map((token) =>
    h("option", { value: token.position }, `${token.position + 1}  ${shown(token.token)}`)));
  let work = null;

  async function run(other) {
    work?.abort();
    const mine = (work = new AbortController());
    context.remember({ other });
    fill(room, h("p", { class: "waiting" }, "Comparing… ", button("Stop", () => mine.abort(), { class: "link" })));
    try {
      const body = { position, other_position: other, pair: reading.pair };
      const result = await post(`${reading.path}/compare`, body, mine.signal);
      fill(room, differenceCard(result, shown(reading.token(position).token), shown(reading.token(other).token)));
    } catch (error) {
      if (work === mine) fill(room, wasStopped(error) ? null : errorLine(error, () => run(other)));
    }
  }

  const given = Number(parameters.get("other") ?? NaN);
  if (reading.token(given) && given !== position) { place.value = String(given); run(given); }
  return {
    element: h("div", {}, h("p", { class: "hint" }, "What the model holds at this token and not at another, in words; and the other way round."),
      h("div", { class: "row" }, h("span", {}, "Compare ", h("b", {}, shown(reading.token(position).token)), " with "), place), room,
      h("p", {}, h("a", { href: address("compare", "", { reading: reading.id, position, pair: reading.pair }) }, "Compare with another text"))),
    first: place,
    state: () => ({ other: place.value }),
    close: () => work?.abort(),
  };
}
