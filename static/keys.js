// @ts-check
// Every key of the explorer, in one list: what is pressed, what it does, and the words that the help shows.

/** @import { View } from "./types.js" */
/** @typedef {import("./canvas.js").Canvas} Canvas */
/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./state.js").Store} Store */
import { groupsOfKind, groupsOfNode } from "./fold.js";
import { walk } from "./graph.js";
import { select, selectedNodes, selectionOf, toggleCuts } from "./selection.js";
import { MAX_HOPS } from "./state.js";

const PAN_PX = 80;

/**
 * @typedef {object} Key
 * @property {string} press `event.key`
 * @property {string} [shown] how the help writes it; keys without words are not in the help
 * @property {string} [words]
 * @property {boolean} [inGraph] only while the graph has the focus
 * @property {boolean} [shift]
 * @property {() => boolean | void} run false: nothing was done, the key is the browser's
 */

/** More hops or fewer: 1 to 6, then all. @param {number} hops @param {number} by */
export function stepHops(hops, by) {
  const now = (hops || MAX_HOPS + 1) + by;
  return now > MAX_HOPS ? 0 : Math.max(1, now);
}

/**
 * @param {{ canvas: Canvas, graph: Graph, store: Store, say: (text: string) => void, open: (what: "search" | "help") => void }} parts
 * @returns {Key[]}
 */
export function keysOf({ canvas, graph, store, say, open }) {
  const focused = () => canvas.cursor() ?? store.get().node ?? selectionOf(store.get())[0] ?? null;

  /** @param {"up" | "down" | "left" | "right"} direction */
  const step = (direction) => {
    const id = walk(canvas.scene().picture, focused(), direction, canvas.isShown);
    canvas.setCursor(id);
    if (!id) return;
    canvas.reveal(id);
    say(canvas.linesOf(id).join("; "));
  };

  /** @param {number} depth 0 layer, 1 block, 2 head */
  const collapse = (depth) => {
    const id = focused();
    const first = id === null ? undefined : (canvas.scene().picture.groups.get(id)?.members[0] ?? id);
    const node = graph.nodes.get(first ?? "");
    const group = node && groupsOfNode(node)[depth];
    if (!group) return say("Stand on a node with the arrow keys, then collapse what it is in.");
    canvas.toggle(group);
    const collapsed = store.get().collapsed.includes(group);
    say(`${graph.groups.get(group)?.words} ${collapsed ? "collapsed" : "expanded"}.`);
  };

  const cut = () => {
    const nodes = selectedNodes(store.get());
    if (!nodes.length) return false;
    store.set(toggleCuts(store.get(), nodes));
  };
  const trace = (/** @type {View["trace"]} */ direction) => () => store.set({ trace: direction });
  const hops = (/** @type {number} */ by) => () => store.set({ hops: stepHops(store.get().hops, by) });
  const everything = (/** @type {"layer" | "block" | "head"} */ kind) => () =>
    store.set({ collapsed: groupsOfKind(graph, kind) });

  return [
    { press: "/", shown: "/", words: "find a node, a token or a label", run: () => open("search") },
    { press: "?", shown: "?", words: "this help", run: () => open("help") },
    ...["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"].map((press) => ({
      press,
      inGraph: true,
      run: () => step(/** @type {"up"} */ (press.slice(5).toLowerCase())),
      ...(press === "ArrowUp" ? { shown: "← ↑ → ↓", words: "walk from node to node" } : {}),
    })),
    ...Object.entries({ ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [1, 0], ArrowRight: [-1, 0] }).map(
      ([press, [x = 0, y = 0]]) => ({
        press,
        ...{ inGraph: true, shift: true, run: () => void canvas.pan(x * PAN_PX, y * PAN_PX) },
        ...(press === "ArrowUp" ? { shown: "Shift + ← ↑ → ↓", words: "pan" } : {}),
      }),
    ),
    {
      ...{ press: "Enter", shown: "Enter", words: "select the node you stand on; expand a collapsed group" },
      inGraph: true,
      run() {
        const id = canvas.cursor();
        if (id === null) return false;
        canvas.pick(id);
      },
    },
    {
      ...{ press: " ", shown: "Space", words: "add the node to the selection, or take it out" },
      inGraph: true,
      run() {
        const id = canvas.cursor();
        if (id === null) return false;
        canvas.pick(id, true);
        const n = selectionOf(store.get()).length;
        say(`${n} selected.`);
      },
    },
    {
      ...{ press: "a", shown: "a", words: "select everything that the trace reaches" },
      run() {
        const { lit, picture } = canvas.scene();
        if (!lit) return false;
        const ids = [...lit.nodes].filter((id) => !picture.groups.has(id) && canvas.isShown(id));
        store.set(select(store.get(), ids));
        say(`${ids.length} selected.`);
      },
    },
    {
      ...{ press: "Escape", shown: "Esc", words: "select nothing" },
      run() {
        if (!selectionOf(store.get()).length) return false;
        canvas.select(null);
      },
    },
    { press: "c", shown: "c", words: "cut the selected nodes, or undo that", run: cut },
    {
      ...{ press: "f", shown: "f", words: "frame the selection" },
      run() {
        const ids = selectionOf(store.get());
        if (!ids.length) return false;
        canvas.frame(ids);
      },
    },
    { press: "0", shown: "0", words: "fit the whole circuit", run: () => void canvas.fit() },
    { press: "+", shown: "+  −", words: "zoom in, zoom out", run: () => void canvas.zoomIn() },
    { press: "=", run: () => void canvas.zoomIn() },
    { press: "-", run: () => void canvas.zoomOut() },
    { press: "u", shown: "u  d  b", words: "trace upstream, downstream, both", run: trace("up") },
    { press: "d", run: trace("down") },
    { press: "b", run: trace("both") },
    { press: "[", shown: "[  ]", words: "fewer hops, more hops", run: hops(-1) },
    { press: "]", run: hops(1) },
    { press: "h", shown: "h", words: "collapse or expand the head", run: () => collapse(2) },
    {
      press: "m",
      shown: "m",
      words: "collapse or expand the attention or MLP block",
      run: () => collapse(1),
    },
    { press: "l", shown: "l", words: "collapse or expand the layer", run: () => collapse(0) },
    { press: "H", shown: "Shift + H", words: "collapse every head", run: everything("head") },
    { press: "M", shown: "Shift + M", words: "collapse every block", run: everything("block") },
    { press: "L", shown: "Shift + L", words: "collapse every layer", run: everything("layer") },
    { press: "e", shown: "e", words: "expand everything", run: () => store.set({ collapsed: [] }) },
  ];
}

/** What hands can do, for the help. */
export const HANDS = [
  ["drag", "pan"],
  ["wheel, pinch", "zoom"],
  ["double click", "fit the whole circuit"],
  ["click", "select a node, a token’s channel or a logit; expand a collapsed group"],
  ["Ctrl + click", "add to the selection, or take out"],
  ["Shift + drag", "select by a box; with Ctrl, add to the selection"],
  ["click on a layer, block or head", "collapse it into one"],
];

/**
 * Keys work anywhere but in a text box; some only in the graph.
 * @param {HTMLElement} root the graph
 * @param {Key[]} keys
 */
export function listenToKeys(root, keys) {
  document.addEventListener("keydown", (event) => {
    const typing =
      event.target instanceof Element &&
      event.target.closest("input:not([type=range]), textarea, select, dialog");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const inGraph = document.activeElement === root;
    const arrow = event.key.startsWith("Arrow");
    const key = keys.find(
      (k) =>
        k.press === event.key && (inGraph || !k.inGraph) && (!arrow || Boolean(k.shift) === event.shiftKey),
    );
    if (key && key.run() !== false) event.preventDefault();
  });
}
