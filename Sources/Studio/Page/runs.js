// Training runs while they train, and reports.
import { get, hasSecret, download, part, query, stream } from "./api.js";
import { button, count, decimal, errorLine, fill, h, wasStopped, when } from "./dom.js";
import { brief, curve } from "./curves.js";
import { setViewKeys } from "./keys.js";
import { address } from "./router.js";

/** What is looked at first; the others follow in the order in which they come. */
const foremost = ["fve", "held_out_mse", "reward", "loss", "mse", "precision", "recall_deciding_latent", "kl", "entropy", "ar_loss"];
const mostSamples = 12;

/** Opens the list of runs, one run, or a report. */
export async function runsView(room, { rest, parameters }) {
  setViewKeys([]);
  const report = parameters.get("report");
  if (report) return framed(room, report, `/studio/reports/${part(report)}`, address("runs"));
  if (rest && parameters.get("page") === "report") {
    return framed(room, `Report of ${rest}`, `/studio/runs/${part(rest)}/report.html`, address("runs", rest));
  }
  return rest ? new RunView(room, rest).start() : overview(room);
}

async function overview(room) {
  const [{ runs }, { reports }] = await Promise.all([get("/studio/runs"), get("/studio/reports")]);
  const names = (reports ?? []).map((report) => (typeof report === "string" ? report : report.name));
  fill(room, h("h1", {}, "Runs"),
    runs.length ? h("ul", { class: "shelf" }, runs.map((run) => h("li", {},
      h("a", { href: address("runs", run.name) }, run.name), h("p", { class: "meta" }, state(run), ` · ${run.kind} · ${when(run.updated)}`),
      run.steps && h("progress", { max: run.steps, value: run.step ?? 0, "aria-label": `${run.name}: step ${run.step} of ${run.steps}` }))))
      : h("p", { class: "hint" }, "No runs. Start the studio with ", h("code", {}, "--runs DIR"), " to watch training here."),
    h("h2", {}, "Reports"),
    names.length ? h("ul", { class: "shelf" }, names.map((name) => h("li", {}, h("a", { href: address("runs", "", { report: name }) }, name))))
      : h("p", { class: "hint" }, "No reports. Start the studio with ", h("code", {}, "--reports DIR"), " to read HTML reports here."));
  return null;
}

function state(run) {
  const at = run.steps ? `step ${run.step ?? 0} of ${run.steps}` : `step ${run.step ?? 0}`;
  return `${run.state}, ${at}`;
}

/** A report in a frame of its own, without scripts and without this page's rights. */
function framed(room, title, path, back) {
  fill(room, h("p", {}, h("a", { href: back }, "Back")), h("h1", {}, title),
    hasSecret() ? h("p", {}, "Behind a secret a report is saved and opened from there. ",
      button("Save it", () => download(path, `${title}.html`).catch((error) => room.append(errorLine(error)))))
      : h("iframe", { class: "report", sandbox: "", src: path, title }));
  return null;
}

/** One run, as it goes on. */
class RunView {
  constructor(room, name) {
    Object.assign(this, { room, name, metrics: new Map(), samples: [], warned: [], stop: new AbortController(), isDirty: false });
  }

  async start() {
    const answer = await get(`/studio/runs/${part(this.name)}`, this.stop.signal);
    this.run = answer.run;
    answer.metrics.forEach((line) => this.#take(line));
    this.samples = answer.samples.slice(-mostSamples * 4);
    this.head = h("p", { class: "meta", role: "status" });
    this.warnings = h("div", {});
    this.curves = h("div", { class: "curves" });
    this.others = h("div", { class: "curves" });
    this.drawn = h("div", { class: "samples" });
    this.trouble = h("div");
    const settings = answer.settings;
    fill(this.room, h("p", {}, h("a", { href: address("runs") }, "All runs")), h("h1", {}, this.name), this.head, this.trouble, this.warnings,
      h("p", {}, h("a", { href: address("runs", this.name, { page: "report" }) }, "Its report")),
      this.curves, h("details", {}, h("summary", {}, "Every other metric"), this.others),
      h("h2", {}, "Samples"), this.drawn,
      settings && h("details", {}, h("summary", {}, "Settings"), h("pre", {}, typeof settings === "string" ? settings : JSON.stringify(settings, null, 2))));
    this.#warn(answer.warnings ?? []);
    this.#draw();
    if (this.run.state === "training") this.#follow();
    return () => this.stop.abort();
  }

  #take(line) {
    for (const [name, value] of Object.entries(line)) {
      if (name === "step" || typeof value !== "number" || !Number.isFinite(value)) continue;
      const points = this.metrics.get(name) ?? [];
      points.push([line.step, value]);
      this.metrics.set(name, points);
    }
    if (line.step > (this.run.step ?? 0)) this.run.step = line.step;
  }

  async #follow() {
    try {
      await stream("GET", `/studio/runs/${part(this.name)}/events${query({ after: this.run.step })}`, undefined, this.stop.signal, (frame) => {
        if (frame.run) Object.assign(this.run, frame.run);
        else if (frame.warning) this.#warn([frame.warning]);
        else if (frame.sample || frame.explanation !== undefined) this.samples.push(frame.sample ?? frame);
        else this.#take(frame.metrics ?? frame);
        this.#soon();
      });
    } catch (error) {
      if (!wasStopped(error)) fill(this.trouble, errorLine(error, () => { fill(this.trouble); this.#follow(); }));
    }
  }

  #soon() {
    if (this.isDirty) return;
    this.isDirty = true;
    setTimeout(() => { this.isDirty = false; this.#draw(); }, 500);
  }

  #warn(warnings) {
    this.warned.push(...warnings.map((warning) => (typeof warning === "string" ? warning : warning.message ?? JSON.stringify(warning))));
    const isOpen = this.warnings.querySelector("details")?.open;
    const line = (warning) => h("p", { class: "warning" }, warning);
    const earlier = this.warned.slice(0, -1).reverse();
    fill(this.warnings, this.warned.slice(-1).map(line),
      earlier.length > 0 && h("details", { open: isOpen }, h("summary", {}, count(earlier.length, "earlier warning")), earlier.map(line)));
  }

  #draw() {
    fill(this.head, `${state(this.run)} · ${this.run.kind} · ${when(this.run.updated)}`);
    const names = [...this.metrics.keys()];
    const first = foremost.filter((name) => names.includes(name));
    const drawn = (list) => list.map((name) => curve(name, this.metrics.get(name)));
    fill(this.curves, drawn(first.length ? first : names.slice(0, 4)));
    fill(this.others, drawn(names.filter((name) => !first.includes(name))));
    fill(this.drawn, this.samples.length ? this.samples.slice(-mostSamples).reverse().map(sample)
      : h("p", { class: "hint" }, "This run writes no samples."));
  }
}

function sample(each) {
  return h("article", { class: "sample" },
    h("p", { class: "context" }, each.text),
    h("p", { class: "words" }, each.claims?.length ? each.claims.map((claim) => h("span", { class: "claim" }, claim.text ?? claim.sentence, " ",
      typeof claim.true === "boolean" && h("span", { class: `truth ${claim.true}` }, claim.true ? "✓ true" : "✗ false"))) : each.explanation),
    h("p", { class: "meta" }, `step ${each.step}`, each.mse !== undefined && ` · mse ${decimal(each.mse, 3)}`, each.reward !== undefined && ` · reward ${brief(each.reward)}`));
}
