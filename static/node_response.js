// @ts-check
// A neuron as a function: what goes in, what comes out, what it adds to each channel that it writes.

/** @import { NeuronResponse } from "./panel_types.js" */
import { fill, h, svg } from "./dom.js";
import { count, fixed, plural, signed } from "./format.js";
import { histogram } from "./histogram.js";
import { RUNS } from "./section.js";

const [W, H, LEFT, BOTTOM, TOP] = [360, 150, 44, 18, 8];
const FEW = 6;

/**
 * A curve with its axes through zero.
 * @param {number[]} xs
 * @param {number[]} ys
 * @param {string} label
 */
export function curve(xs, ys, label) {
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const [y0, y1] = [Math.min(...ys, 0), Math.max(...ys, 0)];
  const x = (/** @type {number} */ value) => LEFT + ((value - x0) / (x1 - x0)) * (W - LEFT - 8);
  const y = (/** @type {number} */ value) =>
    y1 === y0 ? H - BOTTOM : H - BOTTOM - ((value - y0) / (y1 - y0)) * (H - BOTTOM - TOP);
  const text = (/** @type {number} */ value, /** @type {object} */ place) => {
    const element = svg("text", { class: "curve-text", ...place });
    element.textContent = fixed(value, 2);
    return element;
  };
  const points = xs.map((value, i) => `${x(value).toFixed(1)},${y(ys[i] ?? 0).toFixed(1)}`).join(" ");
  return svg(
    "svg",
    { viewBox: `0 0 ${W} ${H}`, class: "curve", role: "img", "aria-label": label },
    svg("line", { class: "curve-axis", x1: LEFT, x2: W - 8, y1: y(0), y2: y(0) }),
    svg("line", { class: "curve-axis", x1: x(0), x2: x(0), y1: TOP, y2: H - BOTTOM }),
    svg("polyline", { class: "curve-line", points }),
    text(x0, { x: LEFT, y: H - 4 }),
    text(x1, { x: W - 8, y: H - 4, "text-anchor": "end" }),
    text(y1, { x: LEFT - 5, y: TOP + 9, "text-anchor": "end" }),
    text(y0, { x: LEFT - 5, y: H - BOTTOM, "text-anchor": "end" }),
  );
}

/**
 * @param {NeuronResponse} answer
 * @param {(id: string) => HTMLElement} nodeOrName a button for a node of the circuit, else its name
 */
export function responseSection(answer, nodeOrName) {
  const picture = h("div", { class: "curve-frame" });
  const words = { relu: "ReLU", gelu: "GELU" }[answer.activation];
  const show = (/** @type {number} */ weight, /** @type {string} */ what) =>
    fill(
      picture,
      curve(
        answer.pre,
        answer.post.map((post) => weight * post),
        `${what} against what goes in`,
      ),
      h(
        "p",
        { class: "small quiet" },
        `${what}, by what goes into the neuron (${words}, unit of activation)`,
      ),
    );
  show(1, "What comes out");
  const row = (/** @type {NeuronResponse["writes"][number]} */ write) =>
    h(
      "tr",
      { class: write.in_circuit ? null : "outside" },
      h("td", {}, nodeOrName(write.node)),
      h("td", { class: `number ${write.weight < 0 ? "negative" : "positive"}` }, signed(write.weight)),
      h(
        "td",
        { class: "number" },
        h(
          "button",
          {
            type: "button",
            class: "plain",
            onclick: () => show(write.weight, `What is added to ${write.node}`),
          },
          "curve",
        ),
      ),
    );
  const kept = [...answer.writes.filter((w) => w.in_circuit), ...answer.writes.filter((w) => !w.in_circuit)];
  const largest = Math.max(...answer.task_counts.full_model, ...answer.task_counts.circuit);
  return [
    picture,
    ...RUNS.map(([which, name]) =>
      histogram(`what goes in, ${name}`, answer.edges, answer.task_counts[which], largest),
    ),
    h(
      "p",
      { class: "small quiet" },
      `${count(answer.n_tokens)} tokens of ${plural(answer.n_pairs, "held-out pair")}; bars on a logarithmic scale. `,
      `With nothing read, ${fixed(answer.bias, 3)} goes in.`,
    ),
    h(
      "table",
      { class: "narrow-table" },
      h("thead", {}, h("tr", {}, h("th", {}, "writes"), h("th", { class: "number" }, "weight"), h("th", {}))),
      h("tbody", {}, ...kept.slice(0, FEW).map(row)),
    ),
    kept.length > FEW &&
      h("p", { class: "small quiet" }, `and ${plural(kept.length - FEW, "more channel")}.`),
  ];
}
