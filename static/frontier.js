// @ts-check
// The frontier as traces: one a width of model, a point a model, its size by nonzero weights, the dense twin a diamond.

/** @import { Frontier, FrontierPoint, Palette } from "./types.js" */
import { count, fixed, percent } from "./format.js";

const [SMALLEST, LARGEST] = [9, 30];

/** Points that have both a loss and a size. @param {Frontier} frontier */
export const placed = ({ points, loss }) =>
  points.filter((p) => p.shown && p.n_edges !== null && p.losses[loss] !== null);

/** A marker whose area grows with the nonzero weights. @param {number} n @param {number} most */
export const diameter = (n, most) => Math.max(SMALLEST, LARGEST * Math.sqrt(n / most));

/** @param {string} text */
const escaped = (text) => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** @param {FrontierPoint} p @param {Frontier} frontier */
function hover(p, { loss, task, tasks }) {
  const n = tasks.filter((t) => t.common).length;
  const size = p.n_edges ?? 0;
  const edges = task ? `${count(size)} edges` : `${fixed(size, 1)} edges, geometric mean of ${n} tasks`;
  const ratio =
    p.times_smaller !== null && !p.is_dense
      ? [`${fixed(p.times_smaller, 1)} × smaller than the dense twin`]
      : [];
  return [
    `<b>${escaped(p.title)}</b>`,
    `${fixed(p.losses[loss] ?? 0, 3)} nats a token, ${loss}`,
    edges,
    ...ratio,
    `${count(p.n_nonzero)} nonzero weights, ${percent(p.density)}`,
  ].join("<br>");
}

const MARGIN = { l: 58, r: 16, t: 34, b: 46 };
const TICKS = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
const [CHAR, LINE] = [6, 13];

/** @typedef {{ width: number, height: number }} Size of the figure, pixels */

/** The ranges of both axes; the vertical one in powers of ten. @param {Frontier} frontier */
function ranges(frontier) {
  const points = placed(frontier);
  return {
    x: roomy(
      points.map((p) => p.losses[frontier.loss] ?? 0),
      0.05,
    ),
    y: roomy(
      points.map((p) => Math.log10(p.n_edges ?? 1)),
      0.35,
    ),
  };
}

/**
 * Where each model's name stands, beside its point where there is room; null leaves it to the hover.
 * The dense twin is named first, then the others in their order; no name covers another or a point.
 * @param {Frontier} frontier
 * @param {Size} size
 * @returns {Map<string, { text: string, position: string }>}
 */
export function labels(frontier, { width, height }) {
  const { x, y } = ranges(frontier);
  const points = placed(frontier);
  const most = Math.max(1, ...points.map((p) => p.n_nonzero));
  const at = (/** @type {number} */ value, /** @type {[number, number]} */ [low, high]) =>
    (value - low) / (high - low);
  const dots = points.map((p) => {
    const r = diameter(p.n_nonzero, most) / 2;
    const cx = MARGIN.l + at(p.losses[frontier.loss] ?? 0, x) * (width - MARGIN.l - MARGIN.r);
    const cy = MARGIN.t + (1 - at(Math.log10(p.n_edges ?? 1), y)) * (height - MARGIN.t - MARGIN.b);
    return { p, cx, cy, r };
  });
  const taken = dots.map(({ cx, cy, r }) => [cx - r, cy - r, cx + r, cy + r]);
  const found = new Map();
  const first = (/** @type {FrontierPoint} */ p) => (p.model === frontier.dense_twin ? 0 : 1);
  for (const { p, cx, cy, r } of [...dots].sort((a, b) => first(a.p) - first(b.p))) {
    const text = p.model === frontier.dense_twin ? `dense twin, ${p.model}` : p.model;
    const half = (text.length * CHAR) / 2;
    const places = /** @type {const} */ ([
      ["top center", cx - half, cy - r - LINE - 3],
      ["bottom center", cx - half, cy + r + 3],
      ["middle right", cx + r + 3, cy - LINE / 2],
      ["middle left", cx - r - 3 - 2 * half, cy - LINE / 2],
    ]);
    for (const [position, left, top] of places) {
      const box = [left, top, left + 2 * half, top + LINE];
      const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = box;
      if (x0 < MARGIN.l || x1 > width || y0 < MARGIN.t - LINE || y1 > height - MARGIN.b) continue;
      if (taken.some(([a = 0, b = 0, c = 0, d = 0]) => x0 < c && a < x1 && y0 < d && b < y1)) continue;
      taken.push(box);
      found.set(p.model, { text, position });
      break;
    }
  }
  return found;
}

/** @param {Frontier} frontier @param {Palette} palette @param {Size} size */
export function frontierTraces(frontier, palette, size) {
  const points = placed(frontier);
  const named = labels(frontier, size);
  const most = Math.max(1, ...points.map((p) => p.n_nonzero));
  const widths = [...new Set(points.map((p) => p.d_model))].sort((a, b) => a - b);
  const colours = [palette.negative, palette.accent, palette.positive, palette.ink3];
  return widths.map((d_model, i) => {
    const own = points.filter((p) => p.d_model === d_model);
    return {
      type: "scatter",
      mode: "markers+text",
      name: `width ${count(d_model)}`,
      x: own.map((p) => p.losses[frontier.loss]),
      y: own.map((p) => p.n_edges),
      customdata: own.map((p) => p.url),
      text: own.map((p) => named.get(p.model)?.text ?? ""),
      textposition: own.map((p) => named.get(p.model)?.position ?? "top center"),
      textfont: { size: 11, color: palette.ink2 },
      hovertext: own.map((p) => hover(p, frontier)),
      hovertemplate: "%{hovertext}<extra></extra>",
      cliponaxis: false,
      marker: {
        size: own.map((p) => diameter(p.n_nonzero, most)),
        symbol: own.map((p) => (p.is_dense ? "diamond" : "circle")),
        color: colours[i % colours.length],
        opacity: 0.85,
        line: {
          width: own.map((p) => (p.is_dense ? 2 : 1)),
          color: own.map((p) => (p.is_dense ? palette.ink : palette.paper)),
        },
      },
    };
  });
}

/**
 * A range that holds all values with room around them.
 * @param {number[]} values
 * @param {number} least the least room
 * @returns {[number, number]}
 */
export function roomy(values, least) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max(least, 0.15 * (high - low));
  return [low - room, high + room];
}

/** @param {Frontier} frontier @param {Palette} palette @param {Size} size */
export function frontierLayout(frontier, palette, { width }) {
  const { x, y } = ranges(frontier);
  const axis = {
    gridcolor: palette.rule,
    zeroline: false,
    tickfont: { size: 11, color: palette.ink2 },
    fixedrange: true,
  };
  const title = (/** @type {string} */ text) => ({
    text,
    font: { size: 12, color: palette.ink2 },
    standoff: 8,
  });
  return {
    margin: MARGIN,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: palette.font, size: 12, color: palette.ink2 },
    showlegend: true,
    legend: {
      orientation: "h",
      x: 0,
      y: 1.01,
      yanchor: "bottom",
      itemsizing: "constant",
      itemclick: false,
      itemdoubleclick: false,
    },
    hovermode: "closest",
    hoverlabel: {
      bgcolor: palette.surface,
      bordercolor: palette.ruleStrong,
      font: { family: palette.font, size: 12, color: palette.ink },
      align: "left",
    },
    xaxis: {
      ...axis,
      nticks: width > 700 ? 10 : 5,
      range: x,
      title: title(`held-out loss (${frontier.loss}), nats a token`),
    },
    yaxis: {
      ...axis,
      type: "log",
      tickvals: TICKS,
      ticktext: TICKS.map(count),
      range: y,
      title: title(frontier.task ? "edges" : "edges, geometric mean"),
    },
    uirevision: "frontier",
  };
}
