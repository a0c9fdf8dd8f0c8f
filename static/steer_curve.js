// @ts-check
// A steering curve as traces: both prompts of a pair, their intervals, and the random nodes beside.

/** @import { Palette } from "./types.js" */
/** @import { SteerCurve, Steering } from "./lab_types.js" */

/** @typedef {"on_first" | "on_second"} Side */

/** @param {Steering} steering @param {Palette} palette */
export function steerTraces({ curve, controls }, palette) {
  const t = (/** @type {SteerCurve} */ one) => one.points.map((point) => point.t);
  const line = (
    /** @type {SteerCurve} */ one,
    /** @type {Side} */ side,
    /** @type {string} */ name,
    /** @type {object} */ style,
  ) => ({
    type: "scatter",
    mode: "lines",
    name,
    showlegend: false,
    x: t(one),
    y: one.points.map((point) => point[side].value),
    line: style,
    hovertemplate: `t = %{x:.2f}<br>${name} <b>%{y:.3f}</b><extra></extra>`,
  });
  const band = (/** @type {Side} */ side, /** @type {string} */ color) => ({
    ...{
      type: "scatter",
      mode: "lines",
      hoverinfo: "skip",
      showlegend: false,
      line: { width: 0 },
      fill: "toself",
      opacity: 0.18,
    },
    x: [...t(curve), ...t(curve).reverse()],
    y: [...curve.points.map((p) => p[side].high), ...curve.points.map((p) => p[side].low).reverse()],
    fillcolor: color,
  });
  return [
    ...controls.flatMap((control, i) => [
      line(control, "on_first", `random ${i + 1}, first prompt`, { color: palette.ink3, width: 1 }),
      line(control, "on_second", `random ${i + 1}, second prompt`, {
        ...{ color: palette.ink3, width: 1, dash: "dot" },
      }),
    ]),
    band("on_first", palette.positive),
    band("on_second", palette.negative),
    {
      ...line(curve, "on_first", "on first prompts", { color: palette.positive, width: 2.4 }),
      showlegend: true,
    },
    {
      ...line(curve, "on_second", "on second prompts", { color: palette.negative, width: 2.4, dash: "dash" }),
      showlegend: true,
    },
    ...(controls.length
      ? [
          {
            ...{
              type: "scatter",
              mode: "lines",
              name: "random nodes",
              x: [null],
              y: [null],
              hoverinfo: "skip",
            },
            line: { color: palette.ink3, width: 1 },
          },
        ]
      : []),
  ];
}

/** @param {number} t where the slider stands @param {Palette} palette */
export function steerLayout(t, palette) {
  const axis = {
    gridcolor: palette.rule,
    zerolinecolor: palette.ruleStrong,
    tickfont: { size: 11, color: palette.ink2 },
    fixedrange: true,
  };
  const title = (/** @type {string} */ text) => ({
    text,
    font: { size: 12, color: palette.ink2 },
    standoff: 6,
  });
  return {
    margin: { l: 48, r: 10, t: 28, b: 40 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: palette.font, size: 12, color: palette.ink2 },
    showlegend: true,
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 11, color: palette.ink2 } },
    hovermode: "closest",
    hoverlabel: { bgcolor: palette.ink, bordercolor: palette.ink, font: { color: palette.paper } },
    xaxis: { ...axis, zeroline: false, range: [-0.02, 1.02], title: title("t: first prompt 0, second 1") },
    yaxis: { ...axis, nticks: 5, title: title("logit difference") },
    shapes: [
      {
        ...{ type: "line", xref: "x", x0: t, x1: t, yref: "paper", y0: 0, y1: 1 },
        line: { color: palette.accent, width: 2 },
      },
    ],
    uirevision: "steer",
  };
}

/** What the curve says at a t, between its points straight on. @param {SteerCurve} curve @param {number} t @param {Side} side */
export function along({ points }, t, side) {
  const after = points.findIndex((point) => point.t >= t);
  const [b, a] = [points[after], points[Math.max(0, after - 1)]];
  if (!a || !b) return points.at(-1)?.[side].value ?? 0;
  const share = b.t === a.t ? 1 : (t - a.t) / (b.t - a.t);
  return a[side].value + share * (b[side].value - a[side].value);
}
