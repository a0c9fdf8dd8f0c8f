// @ts-check
// A neuron's curve drawn over where its inputs lie: one axis of what goes in, lanes of counts under the curve.

import { svg } from "./dom.js";
import { count, fixed } from "./format.js";
import { heightOf } from "./histogram.js";

const [W, LEFT, RIGHT, TOP, CURVE, LANE, GAP, FOOT] = [380, 46, 8, 8, 132, 30, 8, 18];

/**
 * @typedef {object} Lane
 * @property {string} name short, it stands beside the lane
 * @property {string} of what is counted: `7,696 tokens of 64 held-out pairs`
 * @property {number[]} full_model
 * @property {number[]} circuit
 */

/**
 * The outline of a histogram: left and right of each bin at its height.
 * @param {number[]} places of the edges, one more than counts
 * @param {number[]} heights
 * @param {number} floor
 */
export const outline = (places, heights, floor) =>
  heights
    .flatMap((height, i) => [
      `${(places[i] ?? 0).toFixed(1)},${(floor - height).toFixed(1)}`,
      `${(places[i + 1] ?? 0).toFixed(1)},${(floor - height).toFixed(1)}`,
    ])
    .join(" ");

/**
 * @param {number[]} xs what goes in
 * @param {number[]} ys what comes of it
 * @param {number[]} edges of the lanes' bins
 * @param {Lane[]} lanes
 * @param {string} label
 */
export function responseCurve(xs, ys, edges, lanes, label) {
  const bottom = TOP + CURVE;
  const height = bottom + lanes.length * (LANE + GAP) + FOOT;
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const [y0, y1] = [Math.min(...ys, 0), Math.max(...ys, 0)];
  const x = (/** @type {number} */ value) => LEFT + ((value - x0) / (x1 - x0)) * (W - LEFT - RIGHT);
  const y = (/** @type {number} */ value) =>
    y1 === y0 ? bottom : bottom - ((value - y0) / (y1 - y0)) * CURVE;
  const text = (/** @type {string} */ words, /** @type {Record<string, string | number>} */ place) => {
    const element = svg("text", { class: "curve-text", ...place });
    element.textContent = words;
    return element;
  };
  const points = xs.map((value, i) => `${x(value).toFixed(1)},${y(ys[i] ?? 0).toFixed(1)}`).join(" ");
  const places = edges.map(x);
  return svg(
    "svg",
    { viewBox: `0 0 ${W} ${height}`, class: "curve", role: "img", "aria-label": label },
    svg("line", { class: "curve-axis", x1: LEFT, x2: W - RIGHT, y1: y(0), y2: y(0) }),
    svg("line", { class: "curve-axis", x1: x(0), x2: x(0), y1: TOP, y2: height - FOOT }),
    ...lanes.flatMap((lane, i) => laneOf(lane, places, edges, bottom + (i + 1) * (LANE + GAP))),
    svg("polyline", { class: "curve-line", points }),
    text(fixed(y1, 2), { x: LEFT - 5, y: TOP + 9, "text-anchor": "end" }),
    text(fixed(y0, 2), { x: LEFT - 5, y: bottom, "text-anchor": "end" }),
    ...lanes.map((lane, i) =>
      text(lane.name, { x: LEFT - 5, y: bottom + (i + 1) * (LANE + GAP) - 2, "text-anchor": "end" }),
    ),
    text(fixed(x0, 2), { x: LEFT, y: height - 4 }),
    text("0", { x: x(0), y: height - 4, "text-anchor": "middle" }),
    text(fixed(x1, 2), { x: W - RIGHT, y: height - 4, "text-anchor": "end" }),
  );
}

/** The full model's counts as filled bars, the circuit's as a line. @param {Lane} lane @param {number[]} places @param {number[]} edges @param {number} floor */
function laneOf(lane, places, edges, floor) {
  const largest = Math.max(...lane.full_model, ...lane.circuit);
  const tall = (/** @type {number} */ n) => LANE * heightOf(n, largest);
  const bars = lane.full_model.map((n, i) => {
    const [from, to] = [places[i] ?? 0, places[i + 1] ?? 0];
    const bar = svg("rect", {
      ...{ class: "lane-bar", x: from.toFixed(1), width: Math.max(0.5, to - from - 0.5).toFixed(1) },
      ...{ y: (floor - tall(n)).toFixed(1), height: tall(n).toFixed(1) },
    });
    const title = svg("title", {});
    title.textContent = `${fixed(edges[i] ?? 0, 2)} to ${fixed(edges[i + 1] ?? 0, 2)}: full model ${count(n)}, circuit ${count(lane.circuit[i] ?? 0)} of ${lane.of}`;
    bar.append(title);
    return bar;
  });
  return [
    svg("line", { class: "curve-axis", x1: LEFT, x2: W - RIGHT, y1: floor, y2: floor }),
    ...bars,
    svg("polyline", { class: "lane-line", points: outline(places, lane.circuit.map(tall), floor) }),
  ];
}
