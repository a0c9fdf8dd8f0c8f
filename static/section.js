// @ts-check
// Sections of a panel that load when they are first opened; which are open is of the view, so it stays from node to node.

/** @import { SectionName } from "./types.js" */
/** @typedef {import("./state.js").Store} Store */
import { fill, h } from "./dom.js";
import { errorNotice } from "./notice.js";
import { withSection } from "./state.js";

/** @typedef {import("./dom.js").Child} Child */

/**
 * Sections that are open where the view says so, and tell it when they are folded or unfolded: at most one of a name.
 * @param {Store} store
 * @returns {(key: SectionName, element: HTMLDetailsElement) => HTMLDetailsElement}
 */
export function foldsOf(store) {
  const live = /** @type {Map<SectionName, HTMLDetailsElement>} */ (new Map());
  store.onChange((now, before) => {
    if (now.open === before.open) return;
    for (const [key, element] of live) element.open = now.open.includes(key);
  });
  return (key, element) => {
    live.set(key, element);
    element.open = store.get().open.includes(key);
    element.addEventListener("toggle", () => {
      const { open } = store.get();
      if (live.get(key) === element && element.open !== open.includes(key))
        store.set({ open: withSection(open, key, element.open) });
    });
    return element;
  };
}

/** @param {Store} store */
export function createSections(store) {
  const fold = foldsOf(store);
  const kept = /** @type {Map<string, any>} */ (new Map());

  /**
   * @template T
   * @param {object} about
   * @param {SectionName} about.key of the section
   * @param {string} about.of what it is about: what was loaded for it is kept under this
   * @param {string} about.title
   * @param {string} about.waiting what is shown while it loads
   * @param {() => Promise<T>} about.load
   * @param {(data: T) => Child[]} about.draw
   */
  return function section({ key, of, title, waiting, load, draw }) {
    const body = h("div", { class: "section-body" });
    const name = `${key} ${of}`;
    const element = h(
      "details",
      { class: "side-section", "data-testid": `section-${key}` },
      h("summary", {}, title),
      body,
    );

    async function show() {
      if (!kept.has(name)) {
        fill(body, h("p", { class: "small quiet" }, waiting));
        body.dataset.waiting = key; // with about the room that is needed, so that nothing below moves far
        try {
          kept.set(name, await load());
        } catch (error) {
          fill(body, errorNotice(error, show));
          return;
        } finally {
          delete body.dataset.waiting;
        }
      }
      fill(body, ...draw(kept.get(name)));
    }

    let started = false;
    element.addEventListener("toggle", () => {
      if (element.open && !started) {
        started = true;
        show();
      }
    });
    return fold(key, element);
  };
}

/** @typedef {ReturnType<typeof createSections>} Section */

/**
 * A few choices of which one is on.
 * @template {string} V
 * @param {string} legend
 * @param {[V, string][]} choices values and their words
 * @param {V} chosen
 * @param {(value: V) => void} onChoice
 */
export function segmented(legend, choices, chosen, onChoice) {
  const name = `choice-${legend.replaceAll(/\W+/g, "-")}-${nextNumber()}`;
  const items = choices.map(([value, words]) => {
    const input = h("input", { type: "radio", name, value, onchange: () => onChoice(value) });
    input.checked = value === chosen;
    return h("label", {}, input, h("span", {}, words));
  });
  return h("fieldset", { class: "segmented" }, h("legend", { class: "visually-hidden" }, legend), ...items);
}

let number = 0;
const nextNumber = () => {
  number += 1;
  return number;
};

/** @type {[import("./panel_types.js").Which, string][]} */
export const RUNS = [
  ["full_model", "full model"],
  ["circuit", "circuit"],
];
