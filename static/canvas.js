// @ts-check
// The drawn circuit: keeps the picture in step with the view, the theme and the room it has.

/** @import { Picture, Range, View } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./state.js").Store} Store */
import { figureOf, marginsOf, nodeSizeOf, ROW_PX, textTraces } from "./figure.js";
import { neighbourhood, walk } from "./graph.js";
import { draw, listen, rangesOf, readPalette, zoomTo } from "./plot.js";
import { pointText, tracesOf } from "./traces.js";

const NARROW_PX = 640;

const ARROWS = /** @type {const} */ ({
  ArrowUp: "up",
  ArrowDown: "down",
  ArrowLeft: "left",
  ArrowRight: "right",
});

/** The full picture's range, as null in the view. @param {Range} range @param {Range} full @returns {Range | null} */
const unlessFull = (range, full) =>
  Math.abs(range[0] - full[0]) + Math.abs(range[1] - full[1]) < 1e-3 ? null : range;

/**
 * @param {HTMLElement} element the plot, focusable
 * @param {HTMLElement} announcer a live region for the keyboard cursor
 * @param {{ graph: Graph, picture: Picture, store: Store }} scene
 */
export function createCanvas(element, announcer, { graph, picture, store }) {
  let palette = readPalette();
  let cursor = /** @type {string | null} */ (null);
  let listening = false;
  const rows = picture.y[1] - picture.y[0];

  const render = async () => {
    const view = store.get();
    const narrow = element.clientWidth < NARROW_PX;
    const margin = marginsOf(narrow);
    element.style.minHeight = `${Math.round(rows * ROW_PX + margin.t + margin.b)}px`;
    const frame = {
      width: Math.max(50, element.clientWidth - margin.l - margin.r),
      height: Math.max(50, element.clientHeight - margin.t - margin.b),
      x: view.x ?? picture.x,
      y: view.y ?? picture.y,
    };
    const nodeSize = nodeSizeOf(frame);
    const data = tracesOf({ graph, picture, view, cursor, palette, nodeSize });
    const near = view.node ? neighbourhood(graph, view.node) : null;
    const texts = textTraces(graph, picture, palette, frame, nodeSize, near);
    await draw(element, [...data, ...texts], figureOf(graph, picture, view, palette, frame, narrow));
    if (listening) return;
    listening = true;
    listen(element, {
      onPick: (id) => graph.nodes.has(id) && select(id),
      onZoom: (x, y) => store.set({ x: unlessFull(x, picture.x), y: unlessFull(y, picture.y) }),
    });
  };

  let waiting = false;
  const schedule = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      render();
    });
  };

  /** @param {string | null} id */
  function select(id) {
    cursor = id ?? cursor;
    store.set({ node: id, panel: null });
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const direction = ARROWS[/** @type {keyof typeof ARROWS} */ (event.key)];
    if (direction && !event.ctrlKey && !event.metaKey && !event.altKey) {
      cursor = walk(picture, cursor ?? store.get().node, direction);
      announcer.textContent = cursor
        ? pointText(graph, cursor)
            .replaceAll("<br>", "; ")
            .replace(/<[^>]+>/g, "")
        : "";
      schedule();
    } else if (event.key === "Enter" && cursor && graph.nodes.has(cursor)) select(cursor);
    else if (event.key === "+" || event.key === "=") zoom(1 / 1.4);
    else if (event.key === "-") zoom(1.4);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
  }

  /** @param {number} factor @param {number} [atX] fraction of the plot that stays in place @param {number} [atY] */
  function zoom(factor, atX = 0.5, atY = 0.5) {
    const { x, y } = rangesOf(element);
    const scale = (/** @type {Range} */ [low, high], /** @type {number} */ at) => {
      const fixed = low + (high - low) * at;
      return /** @type {Range} */ ([fixed + (low - fixed) * factor, fixed + (high - fixed) * factor]);
    };
    zoomTo(element, scale(x, atX), scale(y, atY));
  }

  const fit = () => zoomTo(element, picture.x, picture.y);

  element.addEventListener("keydown", onKey);
  element.addEventListener("blur", () => {
    cursor = null;
    schedule();
  });
  element.addEventListener("dblclick", fit);
  element.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      const box = element.getBoundingClientRect();
      const margin = marginsOf(element.clientWidth < NARROW_PX);
      const atX = (event.clientX - box.left - margin.l) / (box.width - margin.l - margin.r);
      const atY = 1 - (event.clientY - box.top - margin.t) / (box.height - margin.t - margin.b);
      zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 200), atX, atY);
    },
    { passive: false, capture: true },
  );
  document.addEventListener("themechange", () => {
    palette = readPalette();
    schedule();
  });
  new ResizeObserver(schedule).observe(element);
  store.onChange(schedule);

  return { render, select, zoomIn: () => zoom(1 / 1.4), zoomOut: () => zoom(1.4), fit };
}

/** @typedef {ReturnType<typeof createCanvas>} Canvas */
