// @ts-check
// What lies under the pointer, and what a hover or a click there does: words, a selection, an edge cut.

/** @import { Bundle, Frame } from "./types.js" */
/** @typedef {ReturnType<import("./scene.js").Scenes["of"]>} Scene */
/** @typedef {{ x: number, y: number }} Spot pixels inside the margins */
import { bundleAt, pointAt } from "./hit.js";
import { edgesToCut, toggleCuts } from "./selection.js";
import { createTip } from "./tip.js";
import { bundleLines, cutLines, pointLines } from "./words.js";

const HOVER_PX = 12;
const TAP_PX = 14;

/**
 * @param {HTMLElement} root
 * @param {object} parts
 * @param {import("./state.js").Store} parts.store
 * @param {() => Scene} parts.scene
 * @param {() => Frame} parts.frameNow
 * @param {() => { l: number, t: number }} parts.margins
 * @param {(id: string) => boolean} parts.isShown
 * @param {(id: string) => boolean} parts.isOurs whether edges at it may be cut
 * @param {(id: string, add: boolean) => void} parts.pick
 */
export function createPointing(root, { store, scene, frameNow, margins, isShown, isOurs, pick }) {
  const tip = createTip(root);

  /** @param {Spot} spot */
  const isInside = ({ x, y }) => {
    const { width, height } = frameNow();
    return x > -8 && y > -8 && x < width + 8 && y < height + 20;
  };

  /** The line there, among those that are drawn as lines of their own. @param {Spot} spot @returns {Bundle | null} */
  function lineAt(spot) {
    if (!isInside(spot)) return null;
    const { picture, bundles, lit } = scene();
    const lines = bundles.filter(
      (one) =>
        (!lit || one.members.some((line) => lit.along.has(line))) &&
        (one.kind === "edge" || picture.groups.has(one.source) || picture.groups.has(one.target)),
    );
    return bundleAt(lines, picture, frameNow(), spot.x, spot.y);
  }

  /** @param {Spot} spot @param {string[]} lines */
  const say = (spot, lines) => tip.show(lines, spot.x + margins().l, spot.y + margins().t);

  return {
    /** @param {Spot} spot */
    onHover(spot) {
      const { graph, picture } = scene();
      const id = isInside(spot) ? pointAt(picture, frameNow(), spot.x, spot.y, HOVER_PX, isShown) : null;
      const line = id ? null : lineAt(spot);
      const edges = line ? edgesToCut(line, isOurs) : [];
      root.style.cursor = id || edges.length ? "pointer" : "";
      if (id) say(spot, pointLines(graph, picture, id));
      else if (line) say(spot, [...bundleLines(graph, line), ...cutLines(store.get(), edges)]);
      else tip.hide();
    },
    onLeave: tip.hide,
    /** @param {Spot} spot @param {boolean} add */
    onTap(spot, add) {
      const id = pointAt(scene().picture, frameNow(), spot.x, spot.y, TAP_PX, isShown);
      if (id) return pick(id, add);
      const line = lineAt(spot);
      const edges = line ? edgesToCut(line, isOurs) : [];
      if (edges.length) store.set({ ...toggleCuts(store.get(), edges), panel: "cut" });
      tip.hide();
    },
  };
}
