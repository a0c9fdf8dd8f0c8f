// @ts-check
// How soon a prune got how small: edges of the circuits that met the target over seconds, as a staircase and a table.

/** @import { ReachedSize } from "./types.js" */
import { fill, h, svg } from "./dom.js";
import { count, fixed, nats } from "./format.js";

const WIDEST = 640;
const HEIGHT = 180;
const PAD = { left: 56, right: 12, top: 12, bottom: 34 };

/** Powers of ten within a span, or its ends where there is none. @param {number} low @param {number} high */
export function decades(low, high) {
  const found = [];
  for (let tick = 10 ** Math.ceil(Math.log10(low)); tick <= high; tick *= 10) found.push(tick);
  return found.length ? found : [low, high];
}

/**
 * Where the sizes stand in a picture, and the line through them: level until a smaller one is reached.
 * @param {ReachedSize[]} sizes at least one
 * @param {number} width of the picture, in px
 */
export function staircase(sizes, width = WIDEST) {
  const last = Math.max(...sizes.map((size) => size.elapsed_s), 1);
  const edges = sizes.map((size) => Math.max(size.n_edges, 1));
  const [low, high] = [Math.min(...edges) / 1.3, Math.max(...edges) * 1.3];
  const x = (/** @type {number} */ s) => PAD.left + (s / last) * (width - PAD.left - PAD.right);
  const y = (/** @type {number} */ n) =>
    PAD.top + (Math.log(high / n) / Math.log(high / low)) * (HEIGHT - PAD.top - PAD.bottom);
  const points = sizes.map((size, i) => ({ x: x(size.elapsed_s), y: y(edges[i] ?? 1), size }));
  const path = points
    .map((point, i) => (i ? `H${point.x.toFixed(1)}V` : `M${point.x.toFixed(1)} `) + point.y.toFixed(1))
    .join("");
  return {
    points,
    path: `${path}H${x(last).toFixed(1)}`,
    last,
    ticks: decades(low, high).map((n) => ({ n, y: y(n) })),
  };
}

/** @param {ReachedSize[]} sizes @param {number} width in px */
function picture(sizes, width) {
  const { points, path, last, ticks } = staircase(sizes, width);
  const words = (
    /** @type {number} */ at_x,
    /** @type {number} */ at_y,
    /** @type {string} */ text,
    end = true,
  ) => {
    const element = svg("text", { x: at_x, y: at_y, "text-anchor": end ? "end" : "start" });
    element.textContent = text;
    return element;
  };
  const bottom = HEIGHT - PAD.bottom;
  return svg(
    "svg",
    {
      class: "reached",
      viewBox: `0 0 ${width} ${HEIGHT}`,
      role: "img",
      "aria-label": "Edges of the smallest circuit that met the target so far, over seconds",
    },
    ...ticks.map((tick) => svg("line", { x1: PAD.left, x2: width - PAD.right, y1: tick.y, y2: tick.y })),
    ...ticks.map((tick) => words(PAD.left - 6, tick.y + 4, count(tick.n))),
    svg("line", { x1: PAD.left, x2: width - PAD.right, y1: bottom, y2: bottom, class: "axis" }),
    words(PAD.left, bottom + 16, "0 s", false),
    words(width - PAD.right, bottom + 16, `${fixed(last, 1)} s`),
    words(PAD.left, HEIGHT - 4, "edges at the target, by seconds", false),
    svg("path", { d: path, class: "stair" }),
    ...points.map(({ x, y, size }) => {
      const dot = svg("circle", { cx: x, cy: y, r: 3 });
      const title = svg("title", {});
      title.textContent = `${fixed(size.elapsed_s, 1)} s, ${size.phase}: ${count(size.n_edges)} edges, ${count(size.n_nodes)} nodes`;
      dot.append(title);
      return dot;
    }),
  );
}

/** @param {ReachedSize} size */
const row = (size) =>
  h(
    "tr",
    {},
    h("td", { class: "number" }, fixed(size.elapsed_s, 1)),
    h("td", {}, size.phase),
    h("td", { class: "number" }, count(size.n_nodes)),
    h("td", { class: "number" }, count(size.n_edges)),
    h("td", { class: "number" }, `${size.phase === "learning" ? "≈ " : ""}${nats(size.loss_nats)}`),
  );

/** The picture above the server's table, whose rows are brought up to date. @param {HTMLElement} element @param {ReachedSize[]} sizes */
export function showReached(element, sizes) {
  if (!sizes.length) return;
  const body = /** @type {HTMLElement} */ (element.querySelector("tbody"));
  fill(body, sizes.map(row));
  const drawn = picture(sizes, Math.min(WIDEST, element.clientWidth || WIDEST));
  const before = element.querySelector("svg.reached");
  if (before) before.replaceWith(drawn);
  else element.prepend(drawn);
}
