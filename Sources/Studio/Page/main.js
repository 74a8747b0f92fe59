// Opens the view that the address names.
import { setSecretKeeper } from "./api.js";
import { compareView } from "./compare.js";
import { composeView } from "./compose.js";
import { secretOf } from "./dialog.js";
import { errorLine, fill, h, wasStopped } from "./dom.js";
import { setViewKeys, startKeys } from "./keys.js";
import { libraryView } from "./library.js";
import { readingView } from "./reading.js";
import { place } from "./router.js";
import { runsView } from "./runs.js";
import { startTheme } from "./theme.js";
import { startTour } from "./tour.js";

const views = {
  read: { open: composeView, tab: "read", title: "A new text" },
  reading: { open: readingView, tab: "read", title: "Reading" },
  library: { open: libraryView, tab: "library", title: "Library" },
  compare: { open: compareView, tab: "compare", title: "Compare" },
  runs: { open: runsView, tab: "runs", title: "Runs" },
};

const main = document.getElementById("main");
let close = null;
let shown = null;

/**
 * Opens a view in the place of the one before, in a room of its own: one that was left while it was still opening fills a room that
 * nobody sees. A view gives back how to close it, which stops what it began.
 */
async function show() {
  const target = place();
  const view = Object.hasOwn(views, target.name) ? views[target.name] : views.read;
  close?.();
  close = null;
  setViewKeys([]);
  const room = h("div", { class: `view ${view.tab}` });
  shown = room;
  fill(main, room);
  document.title = `${view.title} · Interlinear`;
  for (const link of document.querySelectorAll("nav [data-view]")) {
    if (link.dataset.view === view.tab) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  try {
    const closing = await view.open(room, target);
    if (shown !== room) { closing?.(); return; }
    close = closing;
    // What had the focus went with the view before.
    if (document.activeElement === document.body) main.focus({ preventScroll: true });
  } catch (error) {
    if (shown === room && !wasStopped(error)) fill(room, errorLine(error, show));
  }
}

// A secret is asked for once, however many requests want it.
let asking = null;
setSecretKeeper((wasWrong) => {
  asking ??= secretOf(wasWrong).finally(() => { asking = null; });
  return asking;
});
// The address is the view's: to skip ahead is no step to another.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
startTheme();
startKeys();
startTour();
addEventListener("hashchange", show);
show();
