// @ts-check
// What a search finds: nodes by name, label or words; tokens that an embedding channel is written by; logits.

/** @import { CircuitNode, Terminal } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
import { signed, visible } from "./format.js";

/** @typedef {{ id: string, name: string, words: string }} Hit */

/**
 * Nodes whose own label, proposed label, name or words contain every word of the query; exact index matches first.
 * @param {Graph} graph
 * @param {string} query
 * @param {(node: CircuitNode) => string} words
 * @param {number} [limit]
 */
export function searchNodes(graph, query, words, limit = 8) {
  const parts = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!parts.length) return [];
  const hits = graph.circuit.nodes.filter((node) => {
    const labels = `${graph.own.get(node.id) ?? ""} ${graph.proposed(node.id) ?? ""}`;
    const text = `${labels} ${node.id} ${node.label} ${words(node)}`.toLowerCase();
    return parts.every((part) => text.includes(part));
  });
  const exact = (/** @type {CircuitNode} */ node) =>
    node.id === query || String(node.index) === query.trim() || node.label === query.trim() ? 0 : 1;
  return hits
    .map((node, i) => ({ node, i }))
    .sort((a, b) => exact(a.node) - exact(b.node) || a.i - b.i)
    .slice(0, limit)
    .map(({ node }) => node);
}

/** How well a token answers: 0 the same, 1 begins so, 2 contains it, 3 not at all. @param {string} token @param {string} query */
function rank(token, query) {
  if (token === query || visible(token) === query || token.trim() === query.trim()) return 0;
  const [has, wants] = [visible(token).toLowerCase(), visible(query.trim()).toLowerCase()];
  if (has.replace(/^·+/, "").startsWith(wants)) return 1;
  return has.includes(wants) ? 2 : 3;
}

/**
 * Ends that a token names: a logit, or the embedding channels that it is among the strongest writers of. Best first.
 * @param {Graph} graph
 * @param {string} query a token, with its spaces as such or as `·`
 * @param {number} [limit]
 * @returns {Hit[]}
 */
export function searchTokens(graph, query, limit = 8) {
  if (!query.trim()) return [];
  const named = (/** @type {Terminal} */ end) =>
    end.kind === "logit" ? [{ token: end.label, weight: Number.POSITIVE_INFINITY }] : end.tokens;
  const found = graph.circuit.terminals.flatMap((end) => {
    const best = named(end)
      .map((token) => ({ ...token, rank: rank(token.token, query) }))
      .filter((token) => token.rank < 3)
      .sort((a, b) => a.rank - b.rank || Math.abs(b.weight) - Math.abs(a.weight))[0];
    return best ? [{ end, ...best }] : [];
  });
  return found
    .sort((a, b) => a.rank - b.rank || Math.abs(b.weight) - Math.abs(a.weight))
    .slice(0, limit)
    .map(({ end, token, weight }) => ({
      id: end.id,
      name: visible(token),
      words:
        end.kind === "logit"
          ? "candidate answer, its logit"
          : `token, writes channel ${end.index} with ${signed(weight, 2)}`,
    }));
}
