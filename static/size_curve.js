// @ts-check
// Loss against size along a pruning order, as traces: the stored curve on train pairs, the size shown on held-out ones.

/** @import { CircuitSizes, MeasuredSize, Palette } from "./types.js" */

/** Where no node stands on an axis of powers of ten. */
const NOTHING = 0.5;
const TICKS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** @param {number} n */
export const placeOfSize = (n) => (n === 0 ? NOTHING : n);

/**
 * @param {CircuitSizes} sizes
 * @param {MeasuredSize | null} now
 * @param {Palette} palette
 */
export function sizeTraces(sizes, now, palette) {
  const curve = {
    type: "scatter",
    mode: "lines+markers",
    x: sizes.sizes.map((size) => placeOfSize(size.n_nodes)),
    y: sizes.sizes.map((size) => size.loss_nats),
    customdata: sizes.sizes.map((size) => [size.n_nodes, size.n_edges]),
    line: { color: palette.ink2, width: 1.6 },
    marker: { size: 5, color: palette.ink2 },
    hovertemplate: `%{customdata[0]:,} nodes, %{customdata[1]:,} edges<br>train pairs <b>%{y:.3f}</b> nats<extra></extra>`,
  };
  if (!now) return [curve];
  const { value, low, high } = now.measure.loss_nats;
  const exact = {
    type: "scatter",
    mode: "markers",
    x: [placeOfSize(now.n_nodes)],
    y: [value],
    error_y: {
      type: "data",
      symmetric: false,
      array: [high - value],
      arrayminus: [value - low],
      color: palette.accent,
      thickness: 1.6,
      width: 4,
    },
    marker: { size: 11, symbol: "diamond", color: palette.accent, line: { width: 1, color: palette.paper } },
    hovertemplate: `held-out pairs, exact <b>%{y:.3f}</b> nats<extra></extra>`,
  };
  return [curve, exact];
}

/** @param {CircuitSizes} sizes @param {number} n the size shown @param {Palette} palette */
export function sizeLayout(sizes, n, palette) {
  const axis = {
    gridcolor: palette.rule,
    zeroline: false,
    tickfont: { size: 11, color: palette.ink2 },
    fixedrange: true,
  };
  const title = (/** @type {string} */ text) => ({
    text,
    font: { size: 12, color: palette.ink2 },
    standoff: 6,
  });
  const ticks = TICKS.filter((tick) => tick <= sizes.n_all);
  const target = sizes.target_loss_nats;
  const upright = (/** @type {number} */ x, /** @type {object} */ line) => ({
    ...{ type: "line", xref: "x", x0: placeOfSize(x), x1: placeOfSize(x), yref: "paper", y0: 0, y1: 1, line },
  });
  return {
    margin: { l: 50, r: 10, t: 12, b: 40 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: palette.font, size: 12, color: palette.ink2 },
    showlegend: false,
    hovermode: "closest",
    hoverlabel: { bgcolor: palette.ink, bordercolor: palette.ink, font: { color: palette.paper } },
    xaxis: {
      ...axis,
      type: "log",
      tickvals: ticks.map(placeOfSize),
      ticktext: ticks.map(String),
      range: [Math.log10(NOTHING) - 0.06, Math.log10(Math.max(2, sizes.n_all)) + 0.06],
      title: title("nodes kept, log scale"),
    },
    yaxis: { ...axis, rangemode: "tozero", nticks: 5, title: title("loss, nats") },
    shapes: [
      {
        type: "line",
        xref: "paper",
        x0: 0,
        x1: 1,
        yref: "y",
        y0: target,
        y1: target,
        line: { color: palette.ink3, width: 1, dash: "dot" },
      },
      upright(sizes.n_nodes, { color: palette.ink3, width: 1, dash: "dash" }),
      upright(n, { color: palette.accent, width: 2 }),
    ],
    annotations: [
      {
        ...{ xref: "paper", x: 0, xanchor: "left", yref: "y", y: target, yanchor: "top", showarrow: false },
        ...{ text: `target ${target}`, font: { size: 11, color: palette.ink3 } },
      },
    ],
    uirevision: "sizes",
  };
}
