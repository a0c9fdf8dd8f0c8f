// @ts-check
// Failures as a picture: each prompt by its logit difference in the model and in the circuit.

/** @import { Failure, Failures } from "./card_types.js" */
/** @import { Palette } from "./types.js" */
import { layoutOf } from "./card_figures.js";
import { fixed } from "./format.js";

/** Characters of a prompt's end that are shown where the pointer is. */
const SHOWN = 48;

/** @param {string} prompt */
const endOf = (prompt) => {
  const line = prompt.slice(-SHOWN).replaceAll("\n", "⏎").replaceAll("<", "&lt;");
  return prompt.length > SHOWN ? `…${line}` : line;
};

/**
 * @param {Failures} found
 * @param {Palette} palette
 * @param {(failure: Failure) => string} addressOf where a click leads
 * @returns {import("./card_figures.js").Figure}
 */
export function failuresFigure({ failures, calibrated }, palette, addressOf) {
  const points = (
    /** @type {string} */ name,
    /** @type {Failure[]} */ some,
    /** @type {object} */ marker,
  ) => ({
    ...{ type: "scatter", mode: "markers", name, marker },
    x: some.map((f) => f.full_model_logit_diff),
    y: some.map((f) => f.circuit_logit_diff),
    customdata: some.map(addressOf),
    text: some.map((f) => `${endOf(f.prompt)}<br>right: ${fixed(f.circuit_probability, 3)} in the circuit`),
    hovertemplate: "%{text}<br>model %{x:.2f}, circuit %{y:.2f}<extra></extra>",
  });
  const layout = layoutOf(palette, "full model, nats", calibrated ? "circuit, calibrated" : "circuit, nats");
  const zero = { zeroline: true, zerolinecolor: palette.ruleStrong, zerolinewidth: 1.5 };
  const edges = failures.flatMap((f) => [f.full_model_logit_diff, f.circuit_logit_diff]);
  const corner = (/** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y) => ({
    ...{ xref: "paper", yref: "paper", x, y, text, showarrow: false },
    ...{ xanchor: x ? "right" : "left", yanchor: y ? "top" : "bottom" },
    font: { size: 11, color: palette.ink3 },
  });
  const [low, high] = [Math.min(0, ...edges), Math.max(0, ...edges)];
  return [
    [
      {
        ...{ type: "scatter", mode: "lines", x: [low, high], y: [low, high], hoverinfo: "skip" },
        line: { color: palette.rule, width: 1.2, dash: "dot" },
      },
      points(
        "same answer",
        failures.filter((f) => !f.opposite),
        { size: 7, color: palette.accent, opacity: 0.55 },
      ),
      points(
        "opposite answers",
        failures.filter((f) => f.opposite),
        { size: 9, color: palette.positive, symbol: "diamond" },
      ),
    ],
    {
      ...layout,
      margin: { ...layout.margin, t: 10 },
      hovermode: "closest",
      xaxis: { ...layout.xaxis, ...zero },
      yaxis: { ...layout.yaxis, ...zero },
      annotations: [corner("both right", 1, 1), corner("the circuit alone is wrong", 1, 0)],
    },
  ];
}
