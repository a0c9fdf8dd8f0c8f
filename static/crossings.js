// @ts-check
// How tangled a picture is: pairs of edges that cross, counted from the places of their ends.

/** @import { CircuitEdge } from "./types.js" */
/** @typedef {{ x: number, y: number }} Place */

/** Which side of the line from a to b a point lies on: its sign. @param {Place} a @param {Place} b @param {Place} p */
const side = (a, b, p) => Math.sign((b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x));

/**
 * Pairs of edges, drawn straight, that cross between their ends; edges that share an end do not.
 * @param {Map<string, Place>} points of the nodes
 * @param {CircuitEdge[]} edges
 */
export function crossingsOf(points, edges) {
  const lines = edges
    .flatMap((edge) => {
      const [a, b] = [points.get(edge.source), points.get(edge.target)];
      return a && b ? [{ a, b }] : [];
    })
    .sort((one, other) => one.a.y - other.a.y);
  let n = 0;
  lines.forEach(({ a, b }, i) => {
    for (let j = i + 1; j < lines.length; j++) {
      const { a: c, b: d } = /** @type {typeof lines[number]} */ (lines[j]);
      if (c.y >= b.y) break;
      if (side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0) n++;
    }
  });
  return n;
}
