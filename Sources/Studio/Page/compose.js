// The empty page: a text to begin with, and one button.
import { get, loadedModels, post, query } from "./api.js";
import { ChatEditor, messagesIn } from "./chat.js";
import { button, count, errorLine, field, fill, h, when } from "./dom.js";
import { setViewKeys } from "./keys.js";
import { explainOnOpen } from "./reading.js";
import { address, go } from "./router.js";

const kinds = {
  story: "a story whose end a motive decides", couplet: "a rhyme that must be planned", interview: "an interview that may be a test",
  atlas: "an atlas asked over two hops", language: "talk in an invented language", series: "a series that may go wrong",
};
const first = { kind: "story", seed: 7, index: 0 };
const plainText = "The capital of the country that lies north of Spain is the city of";

/** Opens the page for a new text. */
export async function composeView(room) {
  const models = await loadedModels();
  const stop = new AbortController();
  let world = null; // which of TinyWorld's texts this is, until it is changed
  const trouble = h("div");
  const text = h("textarea", {
    id: "text", rows: 5, "aria-label": "Text", spellcheck: "false", placeholder: "Type or paste a text",
    on: {
      input: () => { world = null; origin.textContent = ""; fit(); },
      paste: (event) => takeChat(event), keydown: (event) => submitOnEnter(event),
    },
  });
  const origin = h("p", { class: "origin" });
  const chat = new ChatEditor(submitOnEnter);
  let isChat = false;
  const body = h("div", { class: "sheet" });
  const pair = models.pairs.length > 1 && h("select", {}, models.pairs.map((each) =>
    h("option", { value: each.name }, `${each.name} (layer ${each.layer})`)));
  const explain = button("Explain", submit, { class: "primary", id: "explain" });
  const shapes = h("div", { class: "choices", role: "group", "aria-label": "What to read" });

  function fit() { text.style.height = "auto"; text.style.height = `${text.scrollHeight + 2}px`; }

  function show() {
    const choice = (label, value) => button(label, () => { isChat = value; show(); },
      { "aria-pressed": String(isChat === value), disabled: value && !models.target?.chat });
    fill(shapes, choice("Text", false), choice("Chat", true));
    if (!models.target?.chat) shapes.lastChild.title = "This target has no chat template.";
    fill(body, isChat ? chat.element : [text, origin]);
    if (!isChat) fit();
  }

  function submitOnEnter(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    submit();
  }

  function takeChat(event) {
    const messages = models.target?.chat ? messagesIn(event.clipboardData?.getData("text/plain") ?? "") : null;
    if (!messages) return;
    event.preventDefault();
    chat.set(messages);
    isChat = true;
    show();
  }

  async function submit() {
    fill(trouble);
    const request = isChat ? { messages: chat.messages } : { text: text.value };
    if (isChat ? !request.messages.length : !request.text.trim()) {
      fill(trouble, errorLine(new Error("There is nothing to explain yet: type a text, or take one of those below.")));
      return;
    }
    if (pair) request.pair = pair.value;
    if (!isChat && world) request.world = world;
    explain.disabled = true;
    try {
      const reading = await post("/studio/readings", request, stop.signal);
      explainOnOpen(reading);
      go(address("reading", reading.id, { pair: request.pair }));
    } catch (error) {
      if (!stop.signal.aborted) fill(trouble, errorLine(error));
    } finally {
      explain.disabled = false;
    }
  }

  async function take(choice) {
    fill(trouble);
    try {
      const answer = await get(`/studio/world${query({ kind: choice.kind, seed: choice.seed, count: choice.index + 1 })}`, stop.signal);
      text.value = answer.documents[choice.index].text;
      world = choice;
      origin.textContent = "From TinyWorld, a small invented world: of its texts it is known what is true.";
      if (isChat) { isChat = false; show(); }
      fit();
    } catch (error) {
      if (!stop.signal.aborted) fill(trouble, errorLine(error));
    }
  }

  fill(room,
    h("section", { class: "compose", "aria-labelledby": "invitation" },
      h("h1", { id: "invitation" }, "What does a model have in mind at each word?"),
      h("p", { class: "lead" }, "Explain this text, or one of your own. Under every token will stand what the model holds there, in words."),
      h("div", { class: "row between" }, shapes, pair && field("Read by", pair)),
      body,
      h("div", { class: "row" }, explain, h("span", { class: "hint" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"))),
      trouble,
      models.world && h("div", { class: "others" }, h("h2", {}, "Or take another"),
        h("ul", {}, Object.entries(kinds).map(([kind, says]) => h("li", {},
          button(says, () => take({ kind, seed: Math.floor(Math.random() * 1_000_000), index: 0 }), { class: "link" })))))),
    recent(stop.signal));
  show();
  setViewKeys([{ keys: ["Ctrl Enter"], says: "explain the text" }]);
  if (models.world) await take(first);
  else { text.value = plainText; fit(); }
  return () => stop.abort();
}

/** What was read last, to go on with. */
function recent(signal) {
  const list = h("aside", { class: "recent", "aria-label": "Read lately" });
  get("/studio/library/readings?limit=5", signal).then(({ readings }) => {
    if (readings.length) {
      fill(list, h("h2", {}, "Read lately"), h("ul", {}, readings.map((reading) => h("li", {},
        h("a", { href: address("reading", reading.id) }, reading.title || "Untitled"),
        h("span", { class: "meta" }, when(reading.created), reading.explained ? `, ${count(reading.explained, "token")} explained` : "")))));
    }
  }).catch(() => {}); // an extra: the library's page says what is wrong with the library
  return list;
}
