// @ts-check
// What is selected: one node with its panel open, or several nodes and ends; pure changes of the view.

/** @import { View } from "./types.js" */
import { NODE } from "./state.js";

/** Everything selected, the node of the panel first. @param {View} view */
export const selectionOf = (view) => [...new Set([...(view.node ? [view.node] : []), ...view.also])];

/** Cut all of these, or none of them where all are cut. @param {View} view @param {string[]} ids @returns {View} */
export function toggleCuts(view, ids) {
  if (ids.every((id) => view.cut.includes(id)))
    return { ...view, cut: view.cut.filter((id) => !ids.includes(id)) };
  return { ...view, cut: [...new Set([...view.cut, ...ids])] };
}

/** A click may cut this many edges that run together: each is a target of its own in the address. */
const MOST_TOGETHER = 16;

/** The edges of a line by name; none where it is no edge, too many, or not of the circuit. @param {import("./types.js").Bundle} bundle @param {(id: string) => boolean} isOurs */
export function edgesToCut({ kind, members }, isOurs) {
  const ours = members.every(({ source, target }) => isOurs(source) && isOurs(target));
  if (kind !== "edge" || !ours || members.length > MOST_TOGETHER) return [];
  return members.map(({ source, target }) => `${source}->${target}`);
}

/** Put into the selection or take out; the first node of it has the panel. @param {View} view @param {string} id @returns {View} */
export function toggleSelected(view, id) {
  const now = selectionOf(view);
  return select(view, now.includes(id) ? now.filter((other) => other !== id) : [...now, id]);
}

/** A selection: a single node opens its panel. @param {View} view @param {string[]} ids @returns {View} */
export function select(view, ids) {
  const [first] = ids;
  const single = ids.length === 1 && first !== undefined && NODE.test(first);
  const node = single ? first : view.node && ids.includes(view.node) ? view.node : null;
  return { ...view, node, also: ids.filter((id) => id !== node), panel: single ? null : view.panel };
}

/** The nodes among what is selected; ends cannot be cut. @param {View} view */
export const selectedNodes = (view) => selectionOf(view).filter((id) => NODE.test(id));

const known = /** @type {WeakMap<string[], Set<string>>} */ (new WeakMap());

/** What is cut, by its own name, and every node of the heads, blocks and layers among it. @param {import("./graph.js").Graph} graph @param {string[]} cut */
export function cutsOf(graph, cut) {
  const found =
    known.get(cut) ?? new Set(cut.flatMap((id) => [id, ...(graph.groups.get(id)?.members ?? [])]));
  known.set(cut, found);
  return found;
}

/** @param {Set<string>} cuts @param {{ source: string, target: string }} edge */
export const isCut = (cuts, { source, target }) =>
  cuts.has(source) || cuts.has(target) || cuts.has(`${source}->${target}`);
