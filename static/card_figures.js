// @ts-check
// The card's small pictures as traces: losses of random circuits, faithfulness over fractions.

/** @import { Faithfulness, RandomCircuits } from "./card_types.js" */
/** @import { Interval, Palette } from "./types.js" */
import { fixed, percent } from "./format.js";

/** @typedef {[data: object[], layout: object]} Figure */

/** @param {Palette} palette @param {string} x @param {string} y */
export function layoutOf(palette, x, y) {
  const axis = {
    gridcolor: palette.rule,
    zeroline: false,
    tickfont: { size: 11, color: palette.ink2 },
    nticks: 6,
    fixedrange: true,
  };
  const title = (/** @type {string} */ text) => ({
    text,
    font: { size: 12, color: palette.ink2 },
    standoff: 6,
  });
  return {
    margin: { l: 56, r: 12, t: 26, b: 40 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: palette.font, size: 12, color: palette.ink2 },
    showlegend: false,
    hoverlabel: {
      bgcolor: palette.ink,
      bordercolor: palette.ink,
      font: { family: palette.font, size: 12, color: palette.paper },
    },
    xaxis: { ...axis, title: title(x) },
    yaxis: { ...axis, title: title(y) },
  };
}

/** A line across the picture with its words. @param {"x" | "y"} of @param {number} at @param {string} text @param {string} color */
export const mark = (of, at, text, color) => {
  const other = of === "x" ? "y" : "x";
  return {
    shape: {
      ...{ type: "line", [`${of}0`]: at, [`${of}1`]: at, [`${other}0`]: 0, [`${other}1`]: 1 },
      ...{ [`${other}ref`]: "paper", line: { color, width: 1.6, dash: of === "y" ? "dot" : "solid" } },
    },
    annotation: {
      ...{ [of]: at, [other]: 1, [`${other}ref`]: "paper", text, showarrow: false },
      ...(of === "x" ? { yanchor: "bottom" } : { xanchor: "right", yanchor: "bottom" }),
      font: { size: 11, color },
    },
  };
};

/** Bins over the whole axis, so that random circuits of one loss are a bar and not a hair. */
const N_BINS = 40;

/** @param {RandomCircuits} result @param {Palette} palette @returns {Figure} */
export function randomFigure(result, palette) {
  const own = mark(
    "x",
    result.circuit_loss_nats,
    `the circuit, ${fixed(result.circuit_loss_nats, 3)}`,
    palette.accent,
  );
  const all = [...result.losses_nats, result.circuit_loss_nats];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = 0.12 * (high - low || 1);
  const layout = layoutOf(palette, "loss, nats", "random circuits");
  return [
    [
      {
        type: "histogram",
        x: result.losses_nats,
        autobinx: false,
        xbins: { start: low - room, end: high + room, size: (high - low + 2 * room) / N_BINS },
        marker: { color: palette.ink3 },
        hovertemplate: "%{y} circuits at %{x} nats<extra></extra>",
      },
    ],
    {
      ...layout,
      xaxis: { ...layout.xaxis, range: [low - room, high + room] },
      bargap: 0.06,
      shapes: [own.shape],
      annotations: [own.annotation],
    },
  ];
}

/** Lines of an interval, there and back. @param {number[]} x @param {Interval[]} y @param {string} color */
export const band = (x, y, color) => ({
  ...{ type: "scatter", mode: "lines", hoverinfo: "skip", line: { width: 0 }, fill: "toself" },
  ...{ x: [...x, ...x.toReversed()], y: [...y.map((i) => i.high), ...y.map((i) => i.low).toReversed()] },
  ...{ fillcolor: color, opacity: 0.18 },
});

/** @param {Faithfulness} result @param {Palette} palette @returns {Figure} */
export function faithfulFigure(result, palette) {
  const x = result.points.map((p) => p.fraction);
  const y = result.points.map((p) => p.f);
  const layout = layoutOf(palette, "fraction of all nodes kept", "f");
  const one = mark("y", 1, "full model", palette.ink3);
  return [
    [
      band(x, y, palette.accent),
      {
        ...{ type: "scatter", mode: "lines+markers", x, y: y.map((i) => i.value) },
        line: { color: palette.accent, width: 1.8 },
        marker: { size: 5 },
        text: result.points.map((p) => `${percent(p.fraction)}, ${p.n_nodes} nodes`),
        hovertemplate: "%{text}: f %{y:.3f}<extra></extra>",
      },
      {
        ...{
          type: "scatter",
          mode: "markers+text",
          x: [result.circuit_fraction],
          y: [result.circuit_f.value],
        },
        ...{
          text: ["the circuit"],
          textposition: "top left",
          textfont: { size: 11, color: palette.positive },
        },
        marker: { size: 9, symbol: "diamond", color: palette.positive },
        hovertemplate: "the circuit: f %{y:.3f}<extra></extra>",
      },
    ],
    {
      ...layout,
      xaxis: {
        ...layout.xaxis,
        type: "log",
        tickvals: [0.001, 0.01, 0.1, 1],
        ticktext: [".001", ".01", ".1", "1"],
      },
      shapes: [one.shape],
      annotations: [one.annotation],
    },
  ];
}
