// @ts-check
// A node on the task: both classes over held-out pairs, and how far apart they are.

/** @import { ClassValues, NodeOnTask, TaskValues, Which } from "./panel_types.js" */
import { fill, h } from "./dom.js";
import { plural } from "./format.js";
import { RUNS, segmented } from "./section.js";
import { axisOf, stripPlot } from "./strip.js";

/** @typedef {keyof TaskValues} Way how a prompt's activations become one value */

/** @type {[Way, string][]} */
const WAYS = [
  ["last", "at the last token"],
  ["mean", "mean of tokens"],
  ["largest", "largest"],
];

/** How far the classes are apart, in half widths of the difference's interval. @param {ClassValues} values */
function separation({ difference: { value, low, high } }) {
  return value === 0 ? 0 : Math.abs(value) / Math.max((high - low) / 2, 1e-9);
}

/** The way in which the circuit's classes are furthest apart. @param {NodeOnTask} answer @returns {Way} */
export function clearestWay(answer) {
  const ways = WAYS.map(([way]) => way);
  return ways.reduce((best, way) =>
    separation(answer.circuit[way]) > separation(answer.circuit[best]) ? way : best,
  );
}

/** @param {NodeOnTask} answer */
export function taskSection(answer) {
  let way = clearestWay(answer);
  const plots = h("div", { class: "stack-small" });
  const strips = (/** @type {Which} */ which) => {
    const values = answer[which][way];
    return [
      { name: "class 1", values: values.class_1, mean: values.mean_1 },
      { name: "class 2", values: values.class_2, mean: values.mean_2 },
      {
        name: "1 − 2",
        values: values.class_1.map((value, i) => value - (values.class_2[i] ?? 0)),
        mean: values.difference,
        strong: true,
      },
    ];
  };
  const draw = () => {
    const axis = axisOf(RUNS.flatMap(([which]) => strips(which)));
    fill(
      plots,
      ...RUNS.map(([which, words]) =>
        h("figure", { class: "heat" }, h("figcaption", {}, words), stripPlot(strips(which), axis)),
      ),
    );
  };
  draw();
  return [
    segmented("One value a prompt", WAYS, way, (chosen) => {
      way = chosen;
      draw();
    }),
    plots,
    h(
      "p",
      { class: "small quiet" },
      `Dots: ${plural(answer.n_pairs, "held-out pair")}. Tick and bar: mean with its 95% bootstrap interval over pairs. `,
      "“Largest” is the activation of largest magnitude in the prompt. Shown first: the way in which the circuit’s classes are furthest apart.",
    ),
  ];
}
