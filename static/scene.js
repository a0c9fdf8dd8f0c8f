// @ts-check
// From a view to what is drawn of a circuit; each step is done again only when what it depends on has changed.

/** @import { View } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
import { columnsOf } from "./columns.js";
import { bundlesOf, foldOf } from "./fold.js";
import { arrange } from "./layout.js";
import { selectionOf } from "./selection.js";
import { shownOf } from "./shown.js";
import { stepsOf, traceFrom } from "./trace.js";

/** The last answer, as long as it is asked the same. @template {unknown[]} A @template R @param {(...of: A) => R} make @returns {(...of: A) => R} */
function once(make) {
  let asked = /** @type {A | null} */ (null);
  let answer = /** @type {R | undefined} */ (undefined);
  return (...of) => {
    if (!asked || of.some((value, i) => value !== asked?.[i])) answer = make(...of);
    asked = of;
    return /** @type {R} */ (answer);
  };
}

/** @param {Graph} graph @param {import("./columns.js").Columns} [columns] */
export function createScenes(graph, columns = columnsOf(graph.circuit)) {
  const { circuit } = graph;
  const steps = once(() => stepsOf(graph));
  const fold = once((/** @type {string} */ collapsed) =>
    foldOf(circuit.nodes, collapsed ? collapsed.split(",") : []),
  );
  const picture = once((/** @type {ReturnType<typeof fold>} */ now) => arrange(circuit, columns, now));
  // Lists are compared by their text: a view made anew from the same address is the same view.
  const shown = once(
    (
      /** @type {number} */ minWeight,
      /** @type {number} */ minEffect,
      /** @type {number | null} */ size,
      /** @type {string} */ selected,
      /** @type {string} */ cut,
    ) => {
      const list = (/** @type {string} */ text) => (text ? text.split(",") : []);
      return shownOf(graph, { minWeight, minEffect, size, node: null, also: list(selected), cut: list(cut) });
    },
  );
  const bundles = once(
    (/** @type {ReturnType<typeof fold>} */ now, /** @type {ReturnType<typeof shown>} */ of) =>
      bundlesOf(now, of.edges, of.links),
  );
  const lit = once(
    (
      /** @type {string} */ selected,
      /** @type {View["trace"]} */ direction,
      /** @type {number} */ hops,
      /** @type {ReturnType<typeof fold>} */ now,
    ) => {
      if (!selected) return null;
      const trace = traceFrom(steps(), selected.split(","), direction, hops);
      for (const id of [...trace.nodes]) trace.nodes.add(now.standsFor(id));
      return trace;
    },
  );

  const of = once((/** @type {View} */ view) => {
    const [selected, cut] = [selectionOf(view).join(","), view.cut.join(",")];
    const now = fold(view.collapsed.join(","));
    const visible = shown(view.minWeight, view.minEffect, view.size, selected, cut);
    return {
      ...{ graph, columns, fold: now, picture: picture(now), shown: visible },
      bundles: bundles(now, visible),
      lit: lit(selected, view.trace, view.hops, now),
    };
  });
  return { columns, of };
}

/** @typedef {{ of(view: View): ReturnType<ReturnType<typeof createScenes>["of"]> }} Scenes */
