// What is known of one reading: its tokens, the explanations under them, and what is being written right now.
import { get, part, stream } from "./api.js";

/** One reading, and who wants to hear of its changes. */
export class Reading {
  constructor(data, pair) {
    this.data = data;
    this.pair = pair ?? data.pair;
    this.pending = new Map(); // position → what has been written so far
    this.chosen = new Map(); // position → the explanation that the user wants to stand there
    this.byPosition = new Map();
    this.onChange = () => {};
    for (const explanation of data.explanations ?? []) this.#keep(explanation);
  }

  static async load(id, pair, signal) { return new Reading(await get(`/studio/readings/${part(id)}`, signal), pair); }

  get id() { return this.data.id; }
  get tokens() { return this.data.tokens; }
  get path() { return `/studio/readings/${part(this.id)}`; }

  token(position) {
    const token = this.tokens[position];
    return token?.position === position ? token : this.tokens.find((each) => each.position === position);
  }

  #keep(explanation) {
    const list = this.byPosition.get(explanation.position) ?? [];
    const place = list.findIndex((each) => each.id === explanation.id);
    if (place >= 0) list[place] = explanation;
    else list.push(explanation);
    this.byPosition.set(explanation.position, list);
  }

  /** Adds an explanation, or news of one. */
  add(explanation) {
    this.#keep(explanation);
    this.onChange(explanation.position);
  }

  /** Everything under one token by the pair that is open, oldest first. */
  at(position) { return (this.byPosition.get(position) ?? []).filter((each) => each.pair === this.pair); }

  explanation(id) {
    for (const list of this.byPosition.values()) {
      const found = list.find((each) => each.id === id);
      if (found) return found;
    }
    return null;
  }

  /** What was drawn together, oldest first: a sample whose number does not grow begins anew. Edited and imported words stand alone. */
  draws(position) {
    const draws = [];
    for (const each of this.at(position)) {
      const last = draws[draws.length - 1]?.at(-1);
      const together = last && each.origin === "model" && last.origin === "model" && each.sample > last.sample;
      if (together) draws[draws.length - 1].push(each);
      else draws.push([each]);
    }
    return draws;
  }

  /** The explanation that stands under a token: the user's choice, or the best of those drawn last. */
  shownAt(position) {
    const all = this.at(position);
    const chosen = all.find((each) => each.id === this.chosen.get(position));
    if (chosen) return chosen;
    const draws = this.draws(position);
    const last = draws.findLast((draw) => draw[0].origin !== "edited") ?? draws.at(-1);
    return last?.reduce((best, each) => ((each.cosine_similarity ?? -1) > (best.cosine_similarity ?? -1) ? each : best));
  }

  /**
   * Explains positions; words stand under their tokens as they are written.
   * @param heard called with how many of how many samples are done
   */
  async explain(positions, options, signal, heard) {
    const left = new Map(positions.map((position) => [position, options.samples]));
    let total = positions.length * options.samples, done = 0;
    positions.forEach((position) => { this.pending.set(position, ""); this.onChange(position); });
    try {
      await stream("POST", `${this.path}/explain`, { positions, pair: this.pair, ...options }, signal, (frame) => {
        if (frame.total !== undefined) { total = frame.total; return; }
        if (!frame.done) {
          if (frame.sample === 0 || !this.pending.get(frame.position)) {
            this.pending.set(frame.position, frame.text);
            this.onChange(frame.position);
          }
          return;
        }
        done += 1;
        left.set(frame.position, left.get(frame.position) - 1);
        if (left.get(frame.position) <= 0) { this.pending.delete(frame.position); this.chosen.delete(frame.position); }
        const { done: _, ...explanation } = frame;
        this.add(explanation);
        heard(done, total);
      });
    } finally {
      for (const [position, samples] of left) {
        if (samples > 0 && this.pending.delete(position)) this.onChange(position);
      }
    }
  }
}
