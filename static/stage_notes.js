// @ts-check
// What a reader must know about the picture before reading it: lines over the graph, each with a way on.

/** @import { View } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./shown.js").Shown} Shown */
import { plural } from "./format.js";

/** @typedef {{ text: string, action?: { words: string, change: Partial<View> } }} Note */

/**
 * @param {Graph} graph
 * @param {Shown} shown
 * @param {View} view
 * @param {string[]} strangers named by the link, unknown to the circuit
 * @param {string | null} [otherVersion] of the server, where it is no longer the one that sent this page
 * @param {boolean} [unshared] a link was copied that does not carry the notes as they stand
 * @returns {Note[]}
 */
export function notesOf(graph, shown, view, strangers, otherVersion = null, unshared = false) {
  const { nodes, edges } = graph.circuit;
  const notes = /** @type {Note[]} */ ([]);
  if (otherVersion !== null)
    notes.push({
      text: `The server now runs version ${otherVersion}; reload this page to be in step with it.`,
    });
  if (unshared)
    notes.push({
      text: "The link is copied without your unsaved notes: save them, then share again.",
      action: { words: "Open Notes", change: { panel: "notes" } },
    });
  if (strangers.length) {
    const names = strangers.slice(0, 3).join(", ") + (strangers.length > 3 ? ", …" : "");
    notes.push({ text: `The link names ${names}, which this circuit does not have.` });
  }
  if (view.size !== null && graph.ranks && view.size !== nodes.length - (graph.outside?.size ?? 0))
    notes.push({
      text: `The picture shows the first ${plural(view.size, "node")} of the pruning order; the other panels are about the circuit itself.`,
      action: { words: "Show the circuit", change: { size: null } },
    });
  if (!nodes.length)
    notes.push({ text: "This circuit keeps no node: every activation is held at its mean." });
  else if (!edges.length)
    notes.push({
      text: `This circuit has no edges: no nonzero weight joins any two of its ${plural(nodes.length, "node")}. What is drawn between them are residual channels.`,
    });
  else if (!shown.edges.length && (view.minWeight > 0 || view.minEffect > 0))
    notes.push({
      text: "The thresholds hide every edge.",
      action: { words: "Show all", change: { minWeight: 0, minEffect: 0 } },
    });
  return notes;
}
