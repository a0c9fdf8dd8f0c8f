// @ts-check
// What the lab asks for: targets as they are written, modes in words, the request of a view.

/** @import { Ablation, AblationRequest, View } from "./types.js" */
/** @import { Mode } from "./lab_types.js" */
import { nodeWords } from "./format.js";
import { NODE } from "./state.js";

/** @type {[Mode, string, string][]} modes, their words, what they do */
export const MODES = [
  ["mean", "mean", "Each stands at its mean over the pretraining corpus; an edge carries its source’s mean."],
  ["zero", "zero", "Each is zero; an edge carries nothing."],
  [
    "resample",
    "resample",
    "Each does what it does on a random prompt of another pair, the same draw every time.",
  ],
  ["value", "value", "Each stands at this number, at every token."],
  ["patch", "patch", "Each does what it does on the other prompt of the pair, aligned at the last token."],
  [
    "steer",
    "steer",
    "On both prompts each does (1 − t) times what it does on the pair’s first prompt plus t times what it does on its second.",
  ],
];

/** The number of a mode that takes one, where the view names none. @param {Mode} mode */
export const usualAmount = (mode) => (mode === "steer" ? 0.5 : 0);

/** @param {View} view */
export const amountOf = (view) => view.amount ?? usualAmount(view.mode);

/** @param {View} view @param {{ id: string, model: string, task: string }} circuit @param {number} nPairs @returns {AblationRequest} */
export function ablationRequest(view, circuit, nPairs) {
  const target =
    view.within === "model"
      ? /** @type {const} */ ({
          kind: "model",
          model: circuit.model,
          task: circuit.task,
          circuit: circuit.id,
        })
      : /** @type {const} */ ({ kind: "circuit", circuit: circuit.id });
  const { mode, cut } = view;
  const rest = { target, n_pairs: nPairs, seed: 0 };
  if ((mode === "mean" || mode === "zero") && cut.every((id) => NODE.test(id)))
    return { ...rest, nodes: cut, mode, interventions: [] };
  const interventions = cut.map((on) => {
    if (mode === "value") return { mode, on, value: amountOf(view) };
    if (mode === "steer") return { mode, on, t: amountOf(view) };
    return { mode, on };
  });
  return { ...rest, nodes: [], mode: "mean", interventions };
}

/** The t of a record that steers. @param {Pick<Ablation, "request">} record */
export function steerT({ request }) {
  const steer = request.interventions.find((one) => one.mode === "steer");
  return steer && "t" in steer ? steer.t : 0;
}

/** How many targets a record has. @param {Ablation} record */
export const nTargets = ({ request }) => request.nodes.length + request.interventions.length;

/** A target in words. @param {import("./graph.js").Graph} graph @param {string} id */
export function targetWords(graph, id) {
  const node = graph.nodes.get(id);
  if (node) return nodeWords(node);
  if (id.includes("->")) return "edge";
  const group = graph.groups.get(id);
  return group ? `${group.words}, ${group.members.length} nodes kept` : "not in this circuit";
}

/** What can be typed, groups first. @param {import("./graph.js").Graph} graph */
export const suggestions = (graph) => [
  ...graph.groups.keys(),
  ...graph.nodes.keys(),
  ...graph.heaviest.slice(0, 400).map((edge) => `${edge.source}->${edge.target}`),
];

/** The edges between some nodes. @param {import("./graph.js").Graph} graph @param {string[]} ids */
export function edgesBetween(graph, ids) {
  const ends = new Set(ids);
  return graph.circuit.edges
    .filter((edge) => ends.has(edge.source) && ends.has(edge.target))
    .map((edge) => `${edge.source}->${edge.target}`);
}
