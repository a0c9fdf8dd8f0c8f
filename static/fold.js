// @ts-check
// Layers, blocks and heads drawn as one: which groups there are, what stands for a node, lines that run together.

/** @import { Bundle, CircuitEdge, CircuitNode, Group, Link } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
import { siteOf } from "./format.js";

/** The groups that a node is in, outermost first: `0`, `0.attn`, `0.attn.h7`. @param {CircuitNode} node */
export function groupsOfNode(node) {
  const block = `${node.layer}.${siteOf(node.id).split(".")[0]}`;
  const groups = [String(node.layer), block];
  return node.head === null ? groups : [...groups, `${block}.h${node.head}`];
}

/** @param {string} id of a group */
function describe(id) {
  const [layer, block, head] = id.split(".");
  if (head) return { kind: /** @type {const} */ ("head"), words: `head ${head.slice(1)} of layer ${layer}` };
  if (block)
    return {
      kind: /** @type {const} */ ("block"),
      words: `${block === "mlp" ? "MLP" : "attention"} of layer ${layer}`,
    };
  return { kind: /** @type {const} */ ("layer"), words: `layer ${layer}` };
}

/** Every group of a circuit with its nodes, layers first, then what is in them. @param {CircuitNode[]} nodes @returns {Map<string, Group>} */
export function groupsOf(nodes) {
  const groups = /** @type {Map<string, Group>} */ (new Map());
  for (const node of nodes) {
    for (const id of groupsOfNode(node)) {
      const group = groups.get(id) ?? { id, ...describe(id), layer: node.layer, members: [] };
      group.members.push(node.id);
      groups.set(id, group);
    }
  }
  return groups;
}

/**
 * What stands for each node when some groups are collapsed: the outermost collapsed group that it is in.
 * @typedef {object} Fold
 * @property {Map<string, Group>} groups the collapsed ones that are drawn, by id
 * @property {(id: string) => string} standsFor a node's group, or the node itself
 */

/** @param {CircuitNode[]} nodes @param {string[]} collapsed @returns {Fold} */
export function foldOf(nodes, collapsed) {
  if (!collapsed.length) return { groups: new Map(), standsFor: (id) => id };
  const all = groupsOf(nodes);
  const wanted = new Set(collapsed);
  const stand = /** @type {Map<string, string>} */ (new Map());
  const groups = /** @type {Map<string, Group>} */ (new Map());
  for (const node of nodes) {
    const id = groupsOfNode(node).find((group) => wanted.has(group));
    const group = id === undefined ? undefined : all.get(id);
    if (!group) continue;
    stand.set(node.id, group.id);
    groups.set(group.id, group);
  }
  return { groups, standsFor: (id) => stand.get(id) ?? id };
}

/**
 * Lines between the same two things as one; lines inside a group are left out. Lines of different kinds stay apart.
 * @param {Fold} fold
 * @param {CircuitEdge[]} edges
 * @param {Link[]} links
 * @returns {Bundle[]} in the order given
 */
export function bundlesOf(fold, edges, links) {
  const bundles = /** @type {Map<string, Bundle>} */ (new Map());
  const add = (/** @type {Bundle["kind"]} */ kind, /** @type {CircuitEdge | Link} */ line) => {
    const [source, target] = [fold.standsFor(line.source), fold.standsFor(line.target)];
    if (source === target) return;
    const key = `${kind} ${source} ${target}`;
    const sign = line.weight < 0 ? -1 : 1;
    const found = bundles.get(key);
    if (!found) {
      bundles.set(key, { kind, source, target, total: Math.abs(line.weight), sign, members: [line] });
      return;
    }
    found.total += Math.abs(line.weight);
    found.members.push(line);
    if (found.sign !== sign) found.sign = 0;
  };
  for (const edge of edges) add("edge", edge);
  for (const link of links) add(link.kind, link);
  return [...bundles.values()];
}

/** Collapse a group or expand it; what lies in it or around it follows. @param {string[]} collapsed @param {string} id */
export function toggleGroup(collapsed, id) {
  if (collapsed.includes(id)) return collapsed.filter((other) => other !== id);
  return [...collapsed.filter((other) => !other.startsWith(`${id}.`)), id];
}

/** Every group of one kind that a circuit has. @param {Graph} graph @param {Group["kind"]} kind */
export const groupsOfKind = (graph, kind) =>
  [...graph.groups.values()].filter((group) => group.kind === kind).map((group) => group.id);
