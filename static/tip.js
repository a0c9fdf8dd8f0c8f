// @ts-check
// The tooltip of the graph: a few lines beside the pointer, kept inside the graph.

import { fill, h } from "./dom.js";

/** @param {HTMLElement} root */
export function createTip(root) {
  const tip = h("div", { class: "tip", "aria-hidden": "true", "data-testid": "tip", hidden: true });
  root.append(tip);
  let shown = "";

  /** @param {string[]} lines the first in bold @param {number} x @param {number} y pixels in the root */
  function show(lines, x, y) {
    const text = lines.join("\n");
    if (text !== shown) fill(tip, ...lines.map((line, i) => h(i ? "div" : "strong", {}, line)));
    shown = text;
    tip.hidden = false;
    const left = x + 14 + tip.offsetWidth > root.clientWidth ? x - 14 - tip.offsetWidth : x + 14;
    const top = Math.min(y + 12, root.clientHeight - tip.offsetHeight - 4);
    tip.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
  }
  const hide = () => {
    tip.hidden = true;
  };
  return { show, hide };
}
