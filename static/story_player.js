// @ts-check
// A story played under the graph: one view after another, each with its sentence; buttons and arrow keys.

/** @typedef {import("./notes.js").Notes} Notes */
/** @typedef {import("./state.js").Store} Store */
import { fill, h } from "./dom.js";
import { plural } from "./format.js";

/**
 * @param {HTMLElement} bar
 * @param {object} parts
 * @param {Notes} parts.notes
 * @param {Store} parts.store
 * @param {number | null} parts.at where the page was opened
 * @param {(view: string) => import("./types.js").View} parts.read
 * @param {() => void} parts.onMove
 */
export function createStoryPlayer(bar, { notes, store, at: first, read, onMove }) {
  let at = first;
  const steps = () => notes.get().story;
  const button = (/** @type {string} */ words, /** @type {string} */ label, /** @type {() => void} */ act) =>
    h("button", { type: "button", "aria-label": label, onclick: act }, words);
  const back = button("‹", "Step back", () => go(-1));
  const on = button("›", "Next step", () => go(1));
  for (const one of [back, on]) one.classList.add("icon");
  const close = button("×", "Close the story", () => stop());
  close.classList.add("plain", "icon");
  const progress = h("span", { class: "small quiet nowrap", "data-testid": "story-progress" });
  const sentence = h("p", { class: "grow", "aria-live": "polite", "data-testid": "story-shown" });
  const begin = button("", "Play the story", () => play(0));

  /** @param {number} i */
  function play(i) {
    const step = steps()[i];
    if (!step) return;
    at = i;
    show();
    store.set({ ...read(step.view), panel: store.get().panel });
    onMove();
  }

  /** @param {number} by */
  function go(by) {
    const to = (at ?? -1) + by;
    if (to >= 0 && to < steps().length) play(to);
  }

  function stop() {
    at = null;
    show();
    onMove();
  }

  function show() {
    const n = steps().length;
    if (at !== null && at >= n) at = n ? n - 1 : null;
    bar.hidden = n === 0;
    const step = at === null ? undefined : steps()[at];
    begin.textContent = `Play the story, ${plural(n, "step")}`;
    if (!step || at === null) {
      if (begin.parentElement !== bar) fill(bar, begin);
      return;
    }
    /** @type {HTMLButtonElement} */ (back).disabled = at === 0;
    /** @type {HTMLButtonElement} */ (on).disabled = at === n - 1;
    progress.textContent = `${at + 1} of ${n}`;
    sentence.textContent = step.sentence;
    if (sentence.parentElement !== bar) fill(bar, back, progress, on, sentence, close);
  }

  document.addEventListener("keydown", (event) => {
    if (
      at === null ||
      event.defaultPrevented ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      event.shiftKey
    )
      return;
    const busy =
      event.target instanceof Element &&
      event.target.closest("input, textarea, select, dialog, #graph, [role=tablist]");
    if (busy) return;
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!by) return;
    go(by);
    event.preventDefault();
  });
  notes.onChange(show);
  show();
  return { play, stop, at: () => at };
}

/** @typedef {ReturnType<typeof createStoryPlayer>} StoryPlayer */
