// @ts-check
// The two-minute tour: a card that points at the real things, asks to try them, and never stands in the way.

/** @typedef {import("./explorer.js").Explorer} Explorer */
import { postAblation } from "./api.js";
import { N_PAIRS } from "./cut_panel.js";
import { fill, h } from "./dom.js";
import { ablationRequest } from "./lab_request.js";
import { errorNotice } from "./notice.js";
import { DEFAULT_VIEW } from "./state.js";
import { resultWords, tourSteps } from "./tour_steps.js";

const SEEN = "sparsescope-tour";
const MARGIN = 16;
/** The site's header stays over what is scrolled. */
const HEADER = 56;

const remember = () => {
  try {
    localStorage.setItem(SEEN, "seen");
  } catch {
    /* it will be offered again */
  }
};

/** Whether this browser has seen the tour or declined it; one without storage is left alone. */
export function hasSeenTour() {
  try {
    return localStorage.getItem(SEEN) !== null;
  } catch {
    return true;
  }
}

/** The offer to whoever is here for the first time. @param {HTMLElement} bar @param {string} address of the tour */
export function offerTour(bar, address) {
  if (hasSeenTour()) return;
  const decline = () => {
    remember();
    bar.hidden = true;
  };
  fill(
    bar,
    h("span", {}, "New here?"),
    h("a", { class: "button", href: address }, "Take the two-minute tour"),
    h("button", { type: "button", class: "plain", onclick: decline }, "No, thanks"),
  );
  bar.hidden = false;
}

/**
 * Of the corners of the window, the one where a box of this size hides least of the target.
 * @param {{ width: number, height: number }} box
 * @param {{ left: number, top: number, right: number, bottom: number }} target
 * @param {{ width: number, height: number }} room
 */
export function cornerFor(box, target, room) {
  const lefts =
    box.width + 3 * MARGIN > room.width ? [MARGIN / 2] : [MARGIN, room.width - box.width - MARGIN];
  const tops = [room.height - box.height - MARGIN, MARGIN];
  const hidden = (/** @type {number} */ left, /** @type {number} */ top) =>
    Math.max(0, Math.min(left + box.width, target.right) - Math.max(left, target.left)) *
    Math.max(0, Math.min(top + box.height, target.bottom) - Math.max(top, target.top));
  const corners = tops.flatMap((top) => lefts.map((left) => ({ left, top, hidden: hidden(left, top) })));
  return corners.reduce((best, corner) => (corner.hidden < best.hidden ? corner : best));
}

/** @param {Explorer} explorer @param {HTMLElement} graph where the focus goes in the end */
export function startTour(explorer, graph) {
  const { store } = explorer;
  const { circuit } = explorer.graph;
  const steps = tourSteps(circuit);
  let at = 0;
  let marked = /** @type {Element | null} */ (null);
  let over = false;

  const progress = h("span", { class: "small quiet", "data-testid": "tour-progress" });
  const title = h("h2", { id: "tour-title", tabindex: -1 });
  const body = h("div", { class: "stack-small", id: "tour-body" });
  const back = h("button", { type: "button", onclick: () => go(at - 1) }, "Back");
  const next = h("button", { type: "button", class: "primary", onclick: () => go(at + 1) }, "Next");
  const help = h("button", { type: "button", onclick: () => act() });
  const skip = h("button", { type: "button", class: "plain", onclick: end }, "Skip the tour");
  const card = h(
    "section",
    {
      class: "tour",
      role: "dialog",
      "aria-labelledby": "tour-title",
      "aria-describedby": "tour-body",
      "data-testid": "tour",
    },
    h("div", { class: "row spread" }, progress, skip),
    title,
    body,
    h("div", { class: "row" }, back, help, next),
  );

  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  /** @param {Element} target */
  function bringIntoSight(target) {
    const { top, bottom } = target.getBoundingClientRect();
    if (top >= HEADER && bottom <= window.innerHeight) return;
    const block = bottom - top > window.innerHeight / 2 ? "start" : "center";
    target.scrollIntoView({ block, behavior: calm() ? "auto" : "smooth" });
  }

  /** Point at what the step is about; it may have come since, or be another element now. */
  function point() {
    const target = document.querySelector(steps[at]?.target ?? "");
    if (target !== marked) {
      marked?.classList.remove("tour-target");
      target?.classList.add("tour-target");
      marked = target;
      if (target) bringIntoSight(target);
    }
    const box = target?.getBoundingClientRect() ?? { left: 0, top: 0, right: 0, bottom: 0 };
    const corner = cornerFor({ width: card.offsetWidth, height: card.offsetHeight }, box, {
      width: document.documentElement.clientWidth,
      height: window.innerHeight,
    });
    card.style.transform = `translate(${corner.left}px, ${corner.top}px)`; // moving it lays nothing out anew
  }

  async function showResult() {
    fill(body, h("p", {}, `Measuring on ${N_PAIRS} held-out pairs…`));
    try {
      const record = await postAblation(ablationRequest(store.get(), circuit, N_PAIRS));
      if (over || steps[at]?.shows !== "result") return;
      fill(
        body,
        h("p", { "data-testid": "tour-result" }, resultWords(record)),
        h(
          "p",
          {},
          "The cut has a ",
          h("a", { href: record.url }, "page of its own"),
          " that anyone can check. Undo it in the Cut panel, try another, or write down what you see in Notes.",
        ),
      );
    } catch (error) {
      fill(body, errorNotice(error, showResult));
    }
    point();
  }

  /** @param {number} i */
  function go(i) {
    const step = steps[i];
    if (!step) return end();
    at = i;
    progress.textContent = `${i + 1} of ${steps.length}`;
    title.textContent = step.title;
    fill(body, ...step.words.map((text) => h("p", {}, text)));
    back.disabled = i === 0;
    help.hidden = !step.help || Boolean(step.done?.(store.get()));
    help.textContent = step.help?.words ?? "";
    next.textContent = i === steps.length - 1 ? "Done" : "Next";
    next.disabled = Boolean(step.done && !step.done(store.get()));
    skip.hidden = i === steps.length - 1;
    if (step.shows === "result") {
      store.set({ panel: "cut" });
      showResult();
    } else if (i >= 5 && store.get().panel === "cut") store.set({ panel: "node" });
    point();
    title.focus({ preventScroll: true });
  }

  function act() {
    const step = steps[at];
    if (step?.help) store.set(step.help.change(store.get()));
  }

  function end() {
    over = true;
    remember();
    marked?.classList.remove("tour-target");
    card.remove();
    watcher.disconnect();
    window.removeEventListener("resize", point);
    window.removeEventListener("scroll", point, true);
    stop();
    graph.focus({ preventScroll: true });
  }

  const watcher = new MutationObserver(() => point());
  const stop = store.onChange((now) => {
    const step = steps[at];
    if (step?.done?.(now)) setTimeout(() => !over && steps[at] === step && go(at + 1), 0);
  });
  card.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    event.preventDefault();
    end();
  });
  window.addEventListener("resize", point);
  window.addEventListener("scroll", point, { capture: true, passive: true });
  remember();
  store.set({ ...DEFAULT_VIEW });
  document.getElementById("main")?.prepend(card);
  for (const id of ["panel-node", "panel-cut"]) {
    const panel = document.getElementById(id);
    if (panel) watcher.observe(panel, { childList: true, subtree: true });
  }
  go(0);
}
