// @ts-check
// The steps of the tour: what each says, what it points at, what the visitor does. Pure: all figures are the circuit's own.

/** @import { CircuitDetail, View } from "./types.js" */
import { fixed, interval, nodeWords, plural, signed, visible } from "./format.js";

/**
 * @typedef {object} TourStep
 * @property {string} title
 * @property {string[]} words paragraphs
 * @property {string} target a selector of what it points at
 * @property {(view: View) => boolean} [done] what the visitor is asked to do is done
 * @property {{ words: string, change: (view: View) => Partial<View> }} [help] does it for the visitor
 * @property {"result"} [shows] the measured result of the cut
 */

/** The node whose cut raises the loss most; of equals the first. @param {CircuitDetail} circuit */
export function keyNode(circuit) {
  return circuit.nodes.reduce((best, node) => (node.effect_nats > best.effect_nats ? node : best));
}

/** @param {CircuitDetail} circuit @returns {TourStep[]} */
export function tourSteps(circuit) {
  const key = keyNode(circuit);
  const [first = "", second = ""] = circuit.example.answers.map(visible);
  const prompt = visible(circuit.example.prompts[0].slice(-24));
  const { measures } = circuit;
  const open = (/** @type {View} */ view) => view.node === key.id;
  return [
    {
      title: "Tokens come in at the bottom",
      words: [
        `A small model reads a line of code such as “…${prompt}” and must choose the token that comes next: ${first} or ${second}. The two answers stand at the top.`,
        "The words along the bottom are tokens: each stands under the channel of the embedding that it writes most.",
      ],
      target: ".foot-words",
    },
    {
      title: "Each mark is a node",
      words: [
        `Of the whole model ${plural(circuit.nodes.length, "node")} are kept: channels (squares), queries, keys and values of attention (diamonds), neurons (circles). All else stands still at its mean.`,
        "The stronger its colour, the more the loss changes when that node is cut.",
      ],
      target: "#graph .pane",
    },
    {
      title: "Each line is a weight",
      words: [
        `${plural(circuit.edges.length, "edge")}: the nonzero weights between kept nodes. The legend tells the signs apart: a positive weight passes a signal on, a negative one turns it round. Thicker is heavier.`,
      ],
      target: "#legend",
    },
    {
      title: "Does so little still do the task?",
      words: [
        `The loss says how wrong the choice between the two answers is, in nats: a coin toss has ${fixed(Math.LN2, 3)}, always right has 0.`,
        `Measured on ${plural(measures.circuit.n_pairs, "held-out pair")}: the circuit ${interval(measures.circuit.loss_nats)} with its 95% interval, the full model ${fixed(measures.full_model.loss_nats.value, 3)}.`,
      ],
      target: ".circuit-head .facts",
    },
    {
      title: "Your turn: find a node",
      words: [`Press / or click the box, type ${key.id} and click it in the list, or press Enter.`],
      target: ".toolbar .search",
      done: open,
      help: { words: "Find it for me", change: () => ({ node: key.id, also: [], panel: null }) },
    },
    {
      title: "Where is it active?",
      words: [
        `This is ${nodeWords(key)}. The coloured tokens show its activation at each place of two prompts that differ only in what decides the answer. Compare the two: what is different?`,
      ],
      target: '[data-testid="activations"]',
    },
    {
      title: "Now cut it",
      words: [
        `Of all nodes here this one matters most: alone it was measured at ${signed(key.effect_nats)} nats. Press “Cut this node”: it will stand at its mean at every token.`,
      ],
      target: '[data-testid="cut-node"]',
      done: (view) => view.cut.includes(key.id),
      help: {
        words: "Cut it for me",
        change: (view) => ({ cut: [...new Set([...view.cut, key.id])], node: key.id, panel: "node" }),
      },
    },
    {
      title: "What that did",
      words: [],
      target: '[data-testid="cut-result"]',
      shows: "result",
    },
  ];
}

/** What a cut did, in a sentence. @param {import("./types.js").Ablation} record */
export function resultWords(record) {
  const { before, after, loss_change_nats: change } = record;
  const coin = after.loss_nats.value > Math.LN2 ? "worse than a coin toss" : "still better than a coin toss";
  return (
    `Without ${record.request.nodes.join(", ")} the circuit’s loss went from ${fixed(before.loss_nats.value, 3)} to ` +
    `${fixed(after.loss_nats.value, 3)} nats, ${coin}: ${signed(change.value)} [${signed(change.low)}, ${signed(change.high)}], ` +
    `measured just now on ${plural(after.n_pairs, "held-out pair")}.`
  );
}
