// @ts-check
// How a model was trained: losses above, the fraction of nonzero weights below, by tokens seen.

/** @import { Palette, TrainingPoint } from "./types.js" */

/** @param {TrainingPoint[]} points what stands on the x axis: tokens, or steps where tokens were not noted */
export const progress = (points) => points.map((p) => p.tokens ?? p.step);

/** @param {TrainingPoint[]} points @param {Palette} palette */
export function trainingTraces(points, palette) {
  const x = progress(points);
  const line = (
    /** @type {string} */ name,
    /** @type {(number | null)[]} */ y,
    /** @type {string} */ color,
    more = {},
  ) => ({
    type: "scatter",
    mode: points.length > 40 ? "lines" : "lines+markers",
    name,
    x,
    y,
    line: { color, width: 1.8 },
    marker: { size: 4 },
    hovertemplate: `${name} <b>%{y:.3~f}</b><extra></extra>`,
    ...more,
  });
  const traces = [
    line(
      "held-out, real",
      points.map((p) => p.val_real_nats),
      palette.positive,
    ),
    line(
      "held-out, generated",
      points.map((p) => p.val_generated_nats),
      palette.negative,
    ),
    line(
      "training",
      points.map((p) => p.train_loss_nats),
      palette.ink3,
      { line: { color: palette.ink3, width: 1.2, dash: "dot" } },
    ),
    line(
      "density",
      points.map((p) => p.density),
      palette.accent,
      { yaxis: "y2", showlegend: false, hovertemplate: "density <b>%{y:.2~%}</b><extra></extra>" },
    ),
  ];
  return traces.filter((trace) => trace.y.some((value) => value !== null));
}

/** @param {TrainingPoint[]} points @param {Palette} palette */
export function trainingLayout(points, palette) {
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
  const byTokens = points.every((p) => p.tokens !== null);
  return {
    margin: { l: 58, r: 10, t: 28, b: 40 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: palette.font, size: 12, color: palette.ink2 },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" },
    hovermode: "x unified",
    hoverlabel: {
      bgcolor: palette.surface,
      bordercolor: palette.ruleStrong,
      font: { family: palette.font, size: 12, color: palette.ink },
    },
    xaxis: { ...axis, anchor: "y2", title: title(byTokens ? "tokens seen" : "step") },
    yaxis: { ...axis, domain: [0.4, 1], title: title("nats a token") },
    yaxis2: { ...axis, domain: [0, 0.32], rangemode: "tozero", tickformat: ".0%", title: title("density") },
    uirevision: "training",
  };
}
