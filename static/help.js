// @ts-check
// The overlay that lists every key and gesture.

import { fill, h } from "./dom.js";
import { HANDS } from "./keys.js";

/** @param {HTMLElement} element a dialog @param {import("./keys.js").Key[]} keys @param {string} [tour] its address */
export function createHelp(element, keys, tour) {
  const dialog = /** @type {HTMLDialogElement} */ (element);
  const table = (/** @type {string} */ caption, /** @type {(string | undefined)[][]} */ rows) =>
    h(
      "table",
      {},
      h("caption", {}, caption),
      h(
        "tbody",
        {},
        rows.map(([name, words]) =>
          h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, name)), h("td", {}, words)),
        ),
      ),
    );
  fill(
    dialog,
    h(
      "div",
      { class: "panel-head" },
      h("h2", { id: "help-title" }, "Keys and gestures"),
      tour && h("a", { href: tour, "data-testid": "take-tour" }, "Take the tour"),
      h("button", { type: "button", onclick: () => dialog.close() }, "Close"),
    ),
    h(
      "div",
      { class: "help-tables" },
      table(
        "Keys (arrows, Enter and Space while the graph has the focus)",
        keys.filter((key) => key.words).map((key) => [key.shown, key.words]),
      ),
      table("Mouse and touch", HANDS),
    ),
  );
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  return () => dialog.showModal();
}
