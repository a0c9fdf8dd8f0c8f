// @ts-check
// The box that finds a node by name, index or words, a token or a logit: a combobox with a list of at most ten.

/** @typedef {import("./canvas.js").Canvas} Canvas */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { fill, h } from "./dom.js";
import { searchNodes, searchTokens } from "./find.js";
import { nodeWords } from "./format.js";

const MAX_TOKENS = 4;
const MAX_NODES = 6;

/**
 * @param {HTMLElement} box the input
 * @param {HTMLElement} list its listbox
 * @param {Explorer} explorer
 * @param {Canvas} canvas
 */
export function createSearch(box, list, explorer, canvas) {
  const input = /** @type {HTMLInputElement} */ (box);
  let hits = /** @type {string[]} */ ([]);
  let at = 0;

  /** What people call it, then what it is. @param {import("./types.js").CircuitNode} node */
  const wordsOf = (node) => {
    const { own, proposed } = explorer.graph;
    const label = proposed(node.id);
    return [own.get(node.id) ?? (label && `proposed: ${label}`), nodeWords(node)].filter(Boolean).join(" · ");
  };

  /** @param {boolean} open */
  function show(open) {
    list.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    if (!open) input.removeAttribute("aria-activedescendant");
  }

  function render() {
    const tokens = searchTokens(explorer.graph, input.value, MAX_TOKENS);
    const nodes = searchNodes(explorer.graph, input.value, nodeWords, MAX_NODES);
    const found = [...nodes.map((node) => ({ id: node.id, name: node.id, words: wordsOf(node) })), ...tokens];
    hits = found.map((hit) => hit.id);
    at = Math.max(0, Math.min(at, hits.length - 1));
    const options = found.map((hit, i) =>
      h(
        "li",
        {
          role: "option",
          id: `search-${i}`,
          "aria-selected": String(i === at),
          onmousedown: (/** @type {Event} */ event) => {
            event.preventDefault();
            choose(hit.id);
          },
        },
        h("span", { class: "mono" }, hit.name),
        h("span", { class: "quiet" }, hit.words),
      ),
    );
    const nothing = h(
      "li",
      { class: "quiet", role: "presentation" },
      "No node, token or label of this circuit matches.",
    );
    fill(list, options.length ? options : [nothing]);
    show(input.value.trim() !== "");
    if (hits.length) input.setAttribute("aria-activedescendant", `search-${at}`);
  }

  /** @param {string | undefined} id */
  function choose(id) {
    if (!id) return;
    input.value = "";
    show(false);
    input.blur();
    explorer.select(id);
    canvas.reveal(id);
  }

  input.addEventListener("input", () => {
    at = 0;
    render();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      input.value = "";
      show(false);
      input.blur();
    } else if (event.key === "Enter") choose(hits[at]);
    else if (event.key === "ArrowDown") at += 1;
    else if (event.key === "ArrowUp") at -= 1;
    else return;
    event.preventDefault();
    if (event.key.startsWith("Arrow")) {
      at = hits.length ? (at + hits.length) % hits.length : 0;
      render();
    }
  });
  input.addEventListener("blur", () => show(false));
}
